"""The outer layers of a sealed cookie: encrypted, then signed under the cookie's name and a time.

The form is oauth2-proxy's: `B64(IV || AES-CFB(plain)) | seconds | B64(HMAC-SHA256(name || payload || seconds))`, with
the URL-safe alphabet and padding (RFC 4648 §5). The signature is what protects it: CFB alone can be altered.
"""

from __future__ import annotations

import binascii
import hmac
import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from o2sidecar.refusals import CookieFault
from o2sidecar.session.keys import BLOCK_SIZE, CookieKey, KeyRing

CLOCK_SKEW = 300
"""How many seconds ahead of this clock the sealing clock may be."""

_SECONDS = re.compile(r"\+?[0-9]{1,18}")
_TO_STANDARD = bytes.maketrans(b"-_+/", b"+/!!")
"""URL-safe base64 to standard base64; the standard alphabet's own two characters become no base64 at all."""


class CookieRefused(ValueError):
    """A sealed cookie cannot be used.

    Attributes:
        reason: why, as one word for the log.
    """

    def __init__(self, reason: CookieFault) -> None:
        super().__init__(f"the cookie is refused: {reason}")
        self.reason: CookieFault = reason


def seal(key: CookieKey, name: str, plain: bytes, when: int, *, random: Callable[[int], bytes] = os.urandom) -> str:
    """The value for a cookie of that name, sealed at `when` (seconds since the epoch); `random(n)` gives n bytes."""
    iv = random(BLOCK_SIZE)
    encryptor = Cipher(algorithms.AES(key.aes), CFB(iv)).encryptor()
    return sign(key, name, iv + encryptor.update(plain) + encryptor.finalize(), when)


def unseal(ring: KeyRing, name: str, value: str, expire: float, now: float) -> tuple[bytes, int]:
    """What was sealed for a cookie of that name, and when.

    `expire`: seconds after which the cookie is too old; 0: never. `now`: seconds since the epoch.

    Raises `CookieRefused` if the value is not of our form, was not signed with a key of the ring for this name, or
    is too old or from the future.
    """
    key, sealed, when = _verified(ring, name, value, expire, now)
    if len(sealed) < BLOCK_SIZE:
        raise CookieRefused("malformed")
    return key.opened(sealed), when


def is_signed_with(key: CookieKey, name: str, value: str) -> bool:
    """Whether it was this key that signed a value which counts."""
    payload, _, signed = value.partition("|")
    seconds, _, signature = signed.partition("|")
    return hmac.compare_digest(_signature(key, name, payload, seconds), signature)


def sign(key: CookieKey, name: str, content: bytes, when: int) -> str:
    """The value for a cookie of that name that anybody can read and nobody else can make."""
    payload = urlsafe_b64encode(content).decode("ascii")
    return f"{payload}|{when}|{_signature(key, name, payload, str(when))}"


def verify(ring: KeyRing, name: str, value: str, expire: float, now: float) -> tuple[bytes, int]:
    """What was signed for a cookie of that name, and when; as `unseal` in everything else."""
    _, content, when = _verified(ring, name, value, expire, now)
    return content, when


def _verified(ring: KeyRing, name: str, value: str, expire: float, now: float) -> tuple[CookieKey, bytes, int]:
    """The key that signed a value that counts, what it signed, and when."""
    key, payload, seconds = _signed(ring, name, value)
    when = int(seconds) if _SECONDS.fullmatch(seconds) else None
    if when is None:
        raise CookieRefused("malformed")
    if expire and when <= now - expire:
        raise CookieRefused("expired")
    if when >= now + CLOCK_SKEW:
        raise CookieRefused("future")
    try:
        return key, binascii.a2b_base64(payload.encode("ascii").translate(_TO_STANDARD), strict_mode=True), when
    except binascii.Error:
        raise CookieRefused("malformed") from None


def _signed(ring: KeyRing, name: str, value: str) -> tuple[CookieKey, str, str]:
    """The key that signed the value, its payload and its time as text."""
    parts = value.split("|", 3)
    if len(parts) != 3 or not value.isascii():
        raise CookieRefused("malformed")
    payload, seconds, signature = parts
    for key in ring.keys:
        if hmac.compare_digest(_signature(key, name, payload, seconds), signature):
            return key, payload, seconds
    raise CookieRefused("signature")


def _signature(key: CookieKey, name: str, payload: str, seconds: str) -> str:
    signing = key.signing.copy()
    signing.update(f"{name}{payload}{seconds}".encode())
    return urlsafe_b64encode(signing.finalize()).decode("ascii")
