"""Cookie secrets, newly made."""

from __future__ import annotations

import base64
from collections.abc import Callable

_SIZE = 32
"""Bytes: a key for AES-256."""


def new_cookie_secret(random: Callable[[int], bytes]) -> str:
    """A secret as text, in URL-safe base64: oauth2-proxy reads the same 32 bytes in it."""
    return base64.urlsafe_b64encode(random(_SIZE)).decode()
