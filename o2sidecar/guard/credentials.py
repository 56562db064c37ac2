"""The Authorization field taken apart: a bearer token (RFC 6750 §2.1), or a user and a password (RFC 7617 §2)."""

from __future__ import annotations

import base64
import binascii
from typing import Self

from attrs import field, frozen

_STANDS_FOR_NO_PASSWORD = frozenset({"", "x-oauth-basic"})


@frozen(kw_only=True)
class Credentials:
    """What a request brings along. Texts are empty where there is none; nothing of it shows in a `repr`.

    `token`: what looks like a signed JWT, from wherever it stood. `user` and `password`: as a person has them.
    """

    token: str = field(default="", repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @classmethod
    def read(cls, value: bytes) -> Self:
        """Of a field's value; raises nothing, what cannot be read gives no credentials.

        The scheme's case does not count for Bearer (RFC 9110 §11.1). For Basic it does, as with oauth2-proxy: what
        is answered there by the sign-in page must not open the app here, while a fleet is half of either.
        """
        scheme, _, rest = value.partition(b" ")
        if scheme.lower() == b"bearer":
            token = _text(rest.strip(b" "))
            return cls(token=token if _looks_signed(token) else "")
        return cls._of_pair(_decoded(rest.strip(b" "))) if scheme == b"Basic" else cls()

    @classmethod
    def _of_pair(cls, pair: str) -> Self:
        user, colon, password = pair.partition(":")
        if _looks_signed(user) and password in _STANDS_FOR_NO_PASSWORD:
            return cls(token=user)
        if _looks_signed(password):
            return cls(token=password)
        return cls(user=user, password=password) if colon else cls()


def _decoded(encoded: bytes) -> str:
    try:
        return _text(base64.b64decode(encoded, validate=True))
    except binascii.Error:
        return ""


def _text(raw: bytes) -> str:
    """As text; empty for what is not UTF-8 or holds control characters, which neither user nor password may."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return "" if any(character < " " or "\x7f" <= character <= "\x9f" for character in text) else text


def _looks_signed(text: str) -> bool:
    """Whether it is three parts of which the first begins as a JSON object does in base64url (RFC 7515 §7.1)."""
    return text.startswith(("eyJ", "eyI")) and text.count(".") == 2
