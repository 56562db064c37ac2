"""The options about how sessions end, one line each. All are ours."""

# ruff: noqa: RUF009 (`option` makes a field, it is no default)

from __future__ import annotations

from attrs import frozen

from o2sidecar.settings.kinds import Duration
from o2sidecar.settings.option import Group, option


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class LogoutOptions(Group):
    """How signing out goes on at the provider, and how other sidecars hear of sessions that are over."""

    title = "Signing out"

    provider_logout: bool = option(
        False, "send who signs out to the provider's logout; {prefix}/signed_out has to be registered there", ours=True
    )
    revoke_tokens: bool = option(
        False, "have the provider revoke the tokens of who signs out", ours=True, sidecar_default=True
    )
    revocation_list: str = option(
        "", "file or https URL of the list of sessions that are over, which sidecars share; with Redis: none", ours=True
    )
    revocation_poll_interval: Duration = option(10.0, "how often that list is looked at", ours=True)
    revocation_unavailable: str = option(
        "allow", "while that list cannot be had: allow sessions, or reject them with 503", ours=True
    )
