"""Cookie secrets as keys: one text seals, and every text that is still in use opens."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Sequence
from weakref import WeakMethod

from attrs import define, field, frozen
from attrs.validators import min_len
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

BLOCK_SIZE = 16
"""Bytes of a block of AES, and of the initialization vector."""

_KEY_SIZES = (16, 24, 32)
_URL_SAFE = re.compile(r"[A-Za-z0-9_-]*")
_STANDARD = re.compile(r"[A-Za-z0-9+/]*")


def _decoded(unpadded: str) -> bytes:
    """The bytes of unpadded base64 in either alphabet; none where no bytes have this text."""
    standard = unpadded.replace("-", "+").replace("_", "/")
    try:
        return binascii.a2b_base64(standard + "=" * (-len(standard) % 4))
    except binascii.Error:
        return b""


@frozen(kw_only=True)
class CookieKey:
    """What seals a cookie: the secret's text, which signs, and the AES key that it stands for.

    Attributes:
        text: the secret as it was configured, in UTF-8.
        aes: 16, 24 or 32 bytes.
        signing: HMAC-SHA256 with that text, to be copied: setting it up costs more than using it.
        opening: a decryptor in CFB mode that is never finished, since setting one up costs more than using it; `opened`
            is how.
    """

    text: bytes = field(repr=False)
    aes: bytes = field(repr=False)
    signing: HMAC = field(init=False, repr=False, eq=False)
    opening: CipherContext = field(init=False, repr=False, eq=False)

    @aes.validator
    def _has_the_size_of_a_key(self, attribute: object, value: bytes) -> None:
        if len(value) not in _KEY_SIZES:
            raise ValueError(f"an AES key has 16, 24 or 32 bytes, not {len(value)}")

    @signing.default
    def _set_up(self) -> HMAC:
        return HMAC(self.text, SHA256())

    @opening.default
    def _set_up_to_open(self) -> CipherContext:
        return Cipher(AES(self.aes), CFB(bytes(BLOCK_SIZE))).decryptor()

    def opened(self, sealed: bytes) -> bytes:
        """What an initialization vector and the text encrypted with it hold; `sealed` has at least a block.

        CFB depends on the ciphertext block before and on nothing else (SP 800-38A §6.3), so a stream that gets whole
        blocks, whatever it was given before, reads right from the second block on when the first is the vector.
        """
        return self.opening.update(sealed + bytes(-len(sealed) % BLOCK_SIZE))[BLOCK_SIZE : len(sealed)]

    @classmethod
    def from_text(cls, secret: str) -> CookieKey:
        """The key that a configured secret stands for; raises `ValueError` if it stands for none.

        The first reading that gives 16, 24 or 32 bytes counts: URL-safe base64 with or without padding, then the
        text itself (both as oauth2-proxy reads it), then standard base64, which oauth2-proxy refuses.
        """
        text = secret.encode()
        unpadded = secret.rstrip("=")
        readings = [
            _decoded(unpadded) if _URL_SAFE.fullmatch(unpadded) else b"",
            text,
            _decoded(unpadded) if _STANDARD.fullmatch(unpadded) else b"",
        ]
        for aes in readings:
            if len(aes) in _KEY_SIZES:
                return cls(text=text, aes=aes)
        raise ValueError(
            "the cookie secret must be 16, 24 or 32 bytes, or these bytes in base64, to make an AES key;"
            f" it is {len(text)} bytes long"
        )


@define(kw_only=True, eq=False)
class KeyRing:
    """Keys in the order in which they are tried: the first one seals, all of them open.

    Attributes:
        keys: those of now; set anew by `replace` only.
    """

    keys: tuple[CookieKey, ...] = field(validator=min_len(1))
    _told: list[WeakMethod[Callable[[], object]]] = field(factory=list, init=False, repr=False)

    @classmethod
    def from_texts(cls, secrets: Sequence[str]) -> KeyRing:
        """The ring of these secrets; raises `ValueError` if there is none, or one that makes no key."""
        return cls(keys=tuple(CookieKey.from_text(secret) for secret in secrets))

    @property
    def sealing(self) -> CookieKey:
        """The key that new cookies are sealed with."""
        return self.keys[0]

    def replace(self, keys: Sequence[CookieKey]) -> None:
        """Have other keys from now on; those who asked are told."""
        self.keys = tuple(keys)
        self._told = [tell for tell in self._told if tell() is not None]
        for tell in self._told:
            if (told := tell()) is not None:
                told()

    def on_change(self, tell: Callable[[], object]) -> None:
        """Have `tell`, a method, called whenever the keys have changed, for as long as somebody keeps its owner."""
        self._told.append(WeakMethod(tell))
