"""Sessions as cookie values: MessagePack in an LZ4 frame, sealed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from math import floor
from typing import Any

import lz4.frame
import msgpack  # type: ignore[import-untyped]
from attrs import field, frozen

from o2sidecar.session.keys import KeyRing
from o2sidecar.session.sealing import CookieRefused, seal, unseal
from o2sidecar.session.session import Session

_NANOSECONDS = 1_000_000_000


@frozen(kw_only=True)
class SessionCodec:
    """Writes and reads the values of session cookies, in oauth2-proxy's form.

    `expire`: seconds after which a cookie is too old; 0: never. `inflated_limit`: most bytes that a session may have
    when its compression is undone. `random(n)` gives n bytes.
    """

    ring: KeyRing
    expire: float
    inflated_limit: int = 1024 * 1024
    random: Callable[[int], bytes] = field(default=os.urandom, repr=False)

    def encode(self, name: str, session: Session) -> str:
        """The value for the cookie of that name.

        The session's `created_at` becomes the time of the seal; raises `ValueError` if it has none.
        """
        if session.created_at is None:
            raise ValueError("a session without created_at cannot be sealed")
        frame = lz4.frame.compress(
            msgpack.packb(_fields_of(session)),
            block_size=lz4.frame.BLOCKSIZE_MAX64KB,
            block_linked=False,
            content_checksum=True,
            store_size=False,
        )
        return seal(self.ring.sealing, name, frame, floor(session.created_at), random=self.random)

    def decode(self, name: str, value: str, now: float) -> Session:
        """The session in a value; `now` is in seconds since the epoch.

        Raises `CookieRefused` if it cannot be used. A session that names nobody is no error here
        (`Session.names_somebody`).
        """
        frame, _ = unseal(self.ring, name, value, self.expire, now)
        return _session_of(_unpacked(self._inflated(frame)))

    def _inflated(self, frame: bytes) -> bytes:
        decompressor = lz4.frame.LZ4FrameDecompressor()
        try:
            plain: bytes = decompressor.decompress(frame, max_length=self.inflated_limit)
        except (RuntimeError, EOFError, ValueError):
            raise CookieRefused("content") from None
        # The frame may be cut short, hold more than anybody's session, or be followed by what belongs to the time
        # of the seal (the signature does not mark the border between the two).
        if not decompressor.eof or decompressor.unused_data:
            raise CookieRefused("content")
        return plain


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
    }
    return {name: value for name, value in fields.items() if value}


def _timestamp(seconds: float | None) -> msgpack.Timestamp | None:
    if seconds is None:
        return None
    whole = floor(seconds)
    return msgpack.Timestamp(whole, min(round((seconds - whole) * _NANOSECONDS), _NANOSECONDS - 1))


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
