"""What the sidecar says of itself at the start, in the words that oauth2-proxy's operators look for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from o2sidecar.assembly.registrations import pass_groups
from o2sidecar.durations import format_duration
from o2sidecar.providers.registrations import Registrations
from o2sidecar.settings.options import Settings
from o2sidecar.settings.structure import Structure


def announcement(settings: Settings, structure: Structure, registrations: Registrations) -> Iterator[str]:
    """The lines: what goes where, who is asked, and how cookies look. Nothing secret."""
    for upstream in structure.upstreams:
        yield f'mapping path "{upstream.path}" => upstream "{upstream.uri}"'
    for each in registrations:
        yield f"o2sidecar configured for {each.provider.display_name} Client ID: {each.client_id}"
    refresh = f"after {format_duration(settings.cookie_refresh)}" if settings.cookie_refresh else "disabled"
    yield (
        f"Cookie settings: name:{settings.cookie_name} secure(https):{_word(settings.cookie_secure)}"
        f" httponly:{_word(settings.cookie_httponly)} expiry:{format_duration(settings.cookie_expire)}"
        f" domains:{','.join(settings.cookie_domains)} path:{settings.cookie_path}"
        f" samesite:{settings.cookie_samesite} refresh:{refresh}"
    )


def unanchored(patterns: list[str]) -> Iterator[str]:
    """A warning for each pattern that opens whatever contains it (CONTRACT §10 #9)."""
    for pattern in patterns:
        yield (
            f"skip_auth_routes: the pattern {pattern!r} is not anchored: it opens every path that contains it."
            f" Begin it with ^ to open only what begins with it."
        )


def groups_kept(settings: Settings, structure: Structure) -> Iterator[str]:
    """A warning when groups are not to be kept that headers need all the same."""
    if settings.session_groups == "needed" and pass_groups(structure):
        yield (
            "session_groups: with needed, all groups are kept all the same, since headers pass them on;"
            " see pass_basic_auth, pass_user_headers and set_xauthrequest."
        )


def scarce(wanted: int, bearable: int) -> Iterator[str]:
    """A warning when fewer client connections can be had at a time than are allowed."""
    if wanted > bearable:
        yield (
            f"max_connections: {wanted} client connections need more file descriptors than this process may have"
            f" (ulimit -Hn). At most {bearable} are accepted at a time."
        )


def without_provider(trouble: Callable[[], str]) -> Callable[[], str]:
    """Why the process is not to run when nobody can sign in; empty while somebody can."""

    def why() -> str:
        found = trouble()
        return found and (
            f"provider_required_at_start: the process ends, as oauth2-proxy's does: nobody can sign in. {found}."
            " With false it serves those who are signed in, and asks again."
        )

    return why


def without_store(trouble: Callable[[], str]) -> Callable[[], str]:
    """Why the process is not to run when sessions cannot be kept where they are to be; empty while they can."""

    def why() -> str:
        found = trouble()
        return found and (
            f"redis_required_at_start: the process ends, as oauth2-proxy's does: {found}."
            " With false it does what redis_outage says, and asks again."
        )

    return why


def _word(value: bool) -> str:
    return "true" if value else "false"
