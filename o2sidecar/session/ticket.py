"""Tickets: the key under which a session is stored elsewhere, and the secret that opens it there.

The form is oauth2-proxy's: a ticket is `v2.B64(id).B64(secret)` (unpadded, RFC 4648 §5), its id the cookie's name and
16 bytes in hexadecimal digits; what is stored is `nonce || AES-GCM(MessagePack)` with the secret as the key. That form
binds a value to its key by the secret alone: each ticket has one of its own, so the value of another ticket does not
open, while an older value of the same ticket would.
"""

from __future__ import annotations

import binascii
import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Self

from attrs import field, frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from o2sidecar.session.packing import pack, unpack
from o2sidecar.session.sealing import CookieRefused
from o2sidecar.session.session import Session

_SIZE = 16
_NONCE_SIZE = 12
_UNPADDED = re.compile(r"[A-Za-z0-9_-]+")


@frozen(kw_only=True)
class Ticket:
    """A claim to one stored session; whoever has its text has the session.

    Attributes:
        id: the key of the stored value.
        secret: 16 bytes, the AES key of the value.
    """

    id: str
    secret: bytes = field(repr=False)

    @classmethod
    def issue(cls, name: str, random: Callable[[int], bytes] = os.urandom) -> Self:
        """A new ticket for the cookie of that name; `random(n)` gives n bytes that nobody can guess."""
        return cls(id=f"{name}-{random(_SIZE).hex()}", secret=random(_SIZE))

    @classmethod
    def parse(cls, name: str, text: bytes) -> Self:
        """The ticket in a text, the older form without `v2.` included; raises `CookieRefused` if it is none.

        An id is one of ours or none: whoever can sign cookies still cannot have another key of the store read.
        """
        parts = text.decode("latin-1").split(".")
        if len(parts) == 3 and parts[0] == "v2":
            id = _decoded(parts[1]).decode("latin-1")
        elif len(parts) == 2:
            id = parts[0]
        else:
            raise CookieRefused("malformed")
        secret = _decoded(parts[-1])
        if len(secret) != _SIZE or not re.fullmatch(re.escape(name) + "-[0-9a-f]{32}", id):
            raise CookieRefused("malformed")
        return cls(id=id, secret=secret)

    @property
    def text(self) -> str:
        """What the cookie holds."""
        return f"v2.{_encoded(self.id.encode())}.{_encoded(self.secret)}"

    @property
    def lock_id(self) -> str:
        """The key of the lock that whoever renews the session holds."""
        return f"{self.id}.lock"

    def seal(self, session: Session, random: Callable[[int], bytes] = os.urandom) -> bytes:
        """The value to store; raises `ValueError` without `created_at`, by which readers tell the newer of two."""
        if session.created_at is None:
            raise ValueError("a session without created_at cannot be stored")
        nonce = random(_NONCE_SIZE)
        return nonce + AESGCM(self.secret).encrypt(nonce, pack(session), None)

    def open(self, value: bytes) -> Session:
        """The session in a stored value; raises `CookieRefused` if it was not sealed with this ticket."""
        if len(value) <= _NONCE_SIZE:
            raise CookieRefused("content")
        try:
            packed = AESGCM(self.secret).decrypt(value[:_NONCE_SIZE], value[_NONCE_SIZE:], None)
        except InvalidTag:
            raise CookieRefused("content") from None
        return unpack(packed)


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def _decoded(unpadded: str) -> bytes:
    if not _UNPADDED.fullmatch(unpadded):
        raise CookieRefused("malformed")
    standard = unpadded.replace("-", "+").replace("_", "/")
    try:
        return binascii.a2b_base64(standard + "=" * (-len(standard) % 4))
    except binascii.Error:
        raise CookieRefused("malformed") from None
