"""A login that is under way: what the browser's cookie must remember until the provider answers."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

import msgpack  # type: ignore[import-untyped]
from attrs import field, frozen
from attrs.validators import and_, instance_of, max_len, min_len

_SIZE = 32
"""Bytes of a new state and of a new nonce: 256 bits that nobody can guess (RFC 6749 §10.10)."""

_PROVIDER = "_p"
"""What the provider is called in the map; oauth2-proxy passes over names that it does not know."""
_BROWSER = "_b"
"""What the browser's secret is called in the map."""


@frozen(kw_only=True)
class PendingLogin:
    """The secrets of one login.

    Attributes:
        state: random bytes; their hash is sent as the state (RFC 6749 §10.12).
        nonce: random bytes; their hash is sent as the nonce (OpenID Connect Core 1.0 §15.5.2).
        code_verifier: of PKCE (RFC 7636 §4.1); empty if it is not used.
        provider: the id of the one that is to answer; empty where there is but one.
        browser: the secret of the browser, of which this login's secrets are made (`BrowserSecret`); empty if they are
            made of nothing, as those of oauth2-proxy are.
    """

    state: bytes = field(repr=False, validator=and_(instance_of(bytes), min_len(1), max_len(1024)))
    nonce: bytes = field(repr=False, validator=and_(instance_of(bytes), max_len(1024)))
    code_verifier: str = field(default="", repr=False, validator=and_(instance_of(str), max_len(1024)))
    provider: str = field(default="", validator=and_(instance_of(str), max_len(64)))
    browser: bytes = field(default=b"", repr=False, validator=and_(instance_of(bytes), max_len(64)))

    @property
    def state_hash(self) -> str:
        """What stands for the state in the authorization request, and must come back."""
        return _hashed(self.state)

    @property
    def nonce_hash(self) -> str:
        """What is sent as the nonce, and what the ID token must repeat."""
        return _hashed(self.nonce)

    def answers(self, state_hash: str) -> bool:
        """Whether a state that came back is this login's; compared in constant time."""
        return hmac.compare_digest(self.state_hash.encode(), state_hash.encode("utf-8", "surrogatepass"))

    def packed(self) -> bytes:
        """The MessagePack map that the cookie seals: oauth2-proxy's, which passes over names that it does not know."""
        fields: dict[str, object] = {"s": self.state, "n": self.nonce}
        if self.code_verifier:
            fields["cv"] = self.code_verifier
        if self.provider:
            fields[_PROVIDER] = self.provider
        if self.browser:
            fields[_BROWSER] = self.browser
        packed: bytes = msgpack.packb(fields)
        return packed

    @classmethod
    def unpack(cls, packed: bytes) -> PendingLogin:
        """The login that `packed` wrote; raises `ValueError` if it is not one."""
        try:
            fields = msgpack.unpackb(packed)
            return cls(
                state=fields["s"],
                nonce=fields["n"],
                code_verifier=fields.get("cv") or "",
                provider=fields.get(_PROVIDER) or "",
                browser=fields.get(_BROWSER) or b"",
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise ValueError("the cookie holds no login") from None


def _hashed(secret: bytes) -> str:
    """Unpadded URL-safe base64 of the SHA-256 hash."""
    return urlsafe_b64encode(sha256(secret).digest()).rstrip(b"=").decode("ascii")
