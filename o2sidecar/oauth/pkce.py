"""Proof Key for Code Exchange (RFC 7636): who redeems a code proves to be who asked for it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256

METHODS = ("S256", "plain")
"""The challenge methods of RFC 7636 §4.2, the better one first."""

_VERIFIER_BYTES = 96
"""They make 128 characters, the most that RFC 7636 §4.1 allows."""


def new_verifier(random: Callable[[int], bytes]) -> str:
    """A code verifier of 128 unreserved characters (RFC 7636 §4.1); `random(n)` gives n unguessable bytes."""
    return urlsafe_b64encode(random(_VERIFIER_BYTES)).decode("ascii")


def challenge(verifier: str, method: str) -> str:
    """The code challenge of a verifier (RFC 7636 §4.2); raises `ValueError` for a method that there is not."""
    if method == "S256":
        return urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")
    if method == "plain":
        return verifier
    raise ValueError(f"{method!r} is no code challenge method; there are S256 and plain")
