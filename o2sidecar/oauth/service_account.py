"""A service account's key as Google gives it out, and the assertions that it signs (RFC 7523 §2.1, §3)."""

from __future__ import annotations

from typing import Self

from attrs import field, frozen
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from o2sidecar.oauth import strict_json
from o2sidecar.oauth.signed_jwt import signed_jwt
from o2sidecar.oauth.strict_json import MalformedJson

TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 (an address)
LIFETIME = 3600

_LEAST_BITS = 2048


@frozen(kw_only=True)
class ServiceAccount:
    """A service account.

    Attributes:
        email: its name.
        token_uri: where its assertions are swapped for access tokens.
        key_id: names the key; may be empty.
    """

    email: str
    token_uri: str
    key_id: str
    _key: RSAKey = field(repr=False)

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """From the JSON file that Google gives out; raises `ValueError` with a sentence that shows nothing of it."""
        try:
            members = strict_json.parse_object(content)
        except MalformedJson as malformed:
            raise ValueError(str(malformed)) from None
        texts = {name: members.get(name, "") for name in ("client_email", "private_key", "token_uri", "private_key_id")}
        if not all(isinstance(text, str) for text in texts.values()):
            raise ValueError("its members are not texts")
        missing = [name for name in ("client_email", "private_key") if not texts[name]]
        if missing:
            raise ValueError(f"it is no key of a service account: {' and '.join(missing)} is missing")
        return cls(
            email=texts["client_email"],
            token_uri=texts["token_uri"] or TOKEN_URI,
            key_id=texts["private_key_id"],
            key=_rsa_key(texts["private_key"]),
        )

    def assertion(self, *, scope: str, subject: str, now: float) -> str:
        """A signed request to act for `subject` within `scope`; `now` in seconds since the epoch."""
        claims = {
            "iss": self.email,
            "sub": subject,
            "scope": scope,
            "aud": self.token_uri,
            "iat": int(now),
            "exp": int(now) + LIFETIME,
        }
        return signed_jwt(claims, key=self._key, algorithm="RS256", key_id=self.key_id)


def _rsa_key(pem: str) -> RSAKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
        if getattr(key, "key_size", 0) < _LEAST_BITS:
            raise ValueError
        return RSAKey.import_key(pem)
    except (ValueError, TypeError, JoseError):
        # What went wrong may quote the key.
        raise ValueError("its private_key is no RSA key in PEM of at least 2048 bits") from None
