"""The options about the ways to the provider and what is kept of it, one line each. All are ours."""

# ruff: noqa: RUF009 (`option` makes a field, it is no default)

from __future__ import annotations

from attrs import frozen

from o2sidecar.settings.kinds import Duration, Texts
from o2sidecar.settings.option import Group, option


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class AskingOptions(Group):
    """Where the provider may be, and what is done while it is away."""

    title = "Provider trouble"

    provider_private_addresses: Texts = option(
        (), "private addresses or networks of hosts that only the provider's documents name, not settings", ours=True
    )
    provider_cache_dir: str = option(
        "", "folder where the provider's metadata and keys are kept for a start while it is away", ours=True
    )
    provider_cache_age: Duration = option(
        86400.0, "how old what is kept in provider_cache_dir may be to count", ours=True
    )
