"""What is different on purpose when a container of oauth2-proxy becomes ours, as sentences."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from o2sidecar.settings.kinds import Kind
from o2sidecar.settings.table import OPTIONS

_BEHAVIOUR = (
    ("set_xauthrequest", "the app gets X-Auth-Request-* as well; browsers get them no more, the auth endpoint does"),
    ("skip_auth_routes", "public requests carry no identity headers of clients, nor those of people who may not pass"),
    ("skip_auth_regex", "public requests carry no identity headers of clients, nor those of people who may not pass"),
    ("reverse_proxy", "forwarding headers are believed from trusted_proxy_ips only; name your gateway's networks"),
    ("google_group", "it restricts nobody without a service account, and is refused then"),
    ("authenticated_emails_file", "the file is read again when it changes"),
    ("htpasswd_file", "every bad entry is refused at the start, not only the last"),
    ("session_store_type", "what Redis said is believed for half a second (redis_trust_time)"),
)
"""What differs whatever the defaults are, for who uses an option."""

_ALWAYS = (
    "identity headers that clients send are taken out of every request, also where no option sets them",
    "a login across hosts comes back to the host that it began on",
)


def differences(given: Collection[str]) -> Iterator[str]:
    """What differs for who gave options of these keys; docs/migrating.md has the whole list."""
    yield from _ALWAYS
    for key, sentence in _BEHAVIOUR:
        if key in given:
            yield f"{key}: {sentence}"
    if "defaults" in given:
        return
    changed = [
        f"{option.key} is {_said(option.kind, option.sidecar_default)}, not {_said(option.kind, option.default)}"
        for option in OPTIONS
        if option.key not in given and option.sidecar_default != option.default
    ]
    yield (
        f"what is not said has safer defaults (O2SIDECAR_DEFAULTS=oauth2-proxy in the container's environment keeps"
        f" the old ones): {'; '.join(changed)}"
    )


def _said(kind: Kind, value: object) -> str:
    text = kind.to_text(value)
    return text if len(text) <= 20 else "another"
