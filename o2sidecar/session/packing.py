"""Sessions in MessagePack, under the short names that oauth2-proxy gives to what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor
from typing import Any

import msgpack  # type: ignore[import-untyped]

from o2sidecar.session.sealing import CookieRefused
from o2sidecar.session.session import Session

_PROVIDER, _BEGAN, _SEEN, _AUTHENTICATED, _ACR = "_p", "_b", "_s", "_a", "_c"
"""Names of ours, which oauth2-proxy passes over."""

_LARGE = {"at": "access token", "it": "ID token", "rt": "refresh token", "ac": "claims for headers"}

_NANOSECONDS = 1_000_000_000


def pack(session: Session) -> bytes:
    """A session as a map of MessagePack."""
    packed: bytes = msgpack.packb(_fields_of(session))
    return packed


def sizes(session: Session) -> dict[str, int]:
    """How many bytes the parts of a session take, by what they are called in a log; parts of no size are left out."""
    found: dict[str, int] = {}
    for name, value in _fields_of(session).items():
        part = f"{len(session.groups)} groups" if name == "g" else _LARGE.get(name, "all else")
        found[part] = found.get(part, 0) + len(msgpack.packb({name: value}))
    return found


def _fields_of(session: Session) -> dict[str, Any]:
    """The session under the short names of the wire, what is empty left out."""
    fields = {
        "ca": _timestamp(session.created_at),
        "eo": _timestamp(session.expires_on),
        "at": session.access_token,
        "it": session.id_token,
        "rt": session.refresh_token,
        "n": session.nonce,
        "e": session.email,
        "u": session.user,
        "g": list(session.groups),
        "pu": session.preferred_username,
        "ac": dict(session.additional_claims),
        _PROVIDER: session.provider,
        _BEGAN: _timestamp(session.began_at),
        _SEEN: _timestamp(session.seen_at),
        _AUTHENTICATED: _timestamp(session.authenticated_at),
        _ACR: session.acr,
    }
    return {name: value for name, value in fields.items() if value}


def _timestamp(seconds: float | None) -> msgpack.Timestamp | None:
    if seconds is None:
        return None
    whole = floor(seconds)
    return msgpack.Timestamp(whole, min(round((seconds - whole) * _NANOSECONDS), _NANOSECONDS - 1))


def unpack(packed: bytes) -> Session:
    """The session in MessagePack; raises `CookieRefused` if there is none."""
    return _session_of(_unpacked(packed))


def _unpacked(packed: bytes) -> Mapping[Any, Any]:
    try:
        fields = msgpack.unpackb(packed, unicode_errors="replace")
    except msgpack.ExtraData as error:
        fields = error.unpacked
    except (ValueError, TypeError, RecursionError):
        raise CookieRefused("content") from None
    if not isinstance(fields, dict):
        raise CookieRefused("content")
    return fields


def _session_of(fields: Mapping[Any, Any]) -> Session:
    """The session of a map; unknown names are passed over, and nil is as good as absent."""
    get = fields.get
    return Session(
        created_at=_seconds(get("ca")),
        expires_on=_seconds(get("eo")),
        access_token=_text(get("at")),
        id_token=_text(get("it")),
        refresh_token=_text(get("rt")),
        nonce=_octets(get("n")),
        email=_text(get("e")),
        user=_text(get("u")),
        groups=tuple(_text(group) for group in _listed(get("g"))),
        preferred_username=_text(get("pu")),
        additional_claims=_mapping(get("ac")),
        provider=_text(get(_PROVIDER)),
        began_at=_seconds(get(_BEGAN)),
        seen_at=_seconds(get(_SEEN)),
        authenticated_at=_seconds(get(_AUTHENTICATED)),
        acr=_text(get(_ACR)),
    )


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, msgpack.Timestamp):
        return int(value.seconds) + int(value.nanoseconds) / _NANOSECONDS
    raise CookieRefused("content")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise CookieRefused("content")


def _octets(value: object) -> bytes:
    return value if isinstance(value, bytes) else _text(value).encode()


def _listed(value: object) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise CookieRefused("content")


def _mapping(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, dict):
        return {_text(name): claim for name, claim in value.items()}
    raise CookieRefused("content")
