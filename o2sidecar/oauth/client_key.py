"""A client's own key, and the assertions by which it proves itself to a token endpoint (RFC 7523 §2.2, §3)."""

from __future__ import annotations

from typing import Self

from attrs import field, frozen
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from o2sidecar.oauth.signed_jwt import signed_jwt

LIFETIME = 300
"""Seconds that an assertion is good for: enough for clocks that differ, too little to be of use to others."""

_LEAST_BITS = 2048
_BY_CURVE = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


@frozen(kw_only=True)
class ClientKey:
    """A private key; `algorithm` is how it signs, `key_id` names it to the provider and may be empty."""

    algorithm: str
    key_id: str = ""
    _key: Key = field(repr=False)

    @classmethod
    def parse(cls, pem: str, *, key_id: str = "") -> Self:
        r"""From PEM, where line breaks may be written `\n`; raises `ValueError` with a sentence that shows nothing."""
        text = pem.replace("\\n", "\n").strip() + "\n"
        try:
            algorithm, kind = _algorithm(load_pem_private_key(text.encode(), password=None))
            return cls(algorithm=algorithm, key_id=key_id, key=kind.import_key(text))
        except (ValueError, TypeError, JoseError):
            # What went wrong may quote the key.
            raise ValueError(
                "it is no private key in PEM: RSA of at least 2048 bits, EC (P-256, P-384, P-521) or Ed25519"
            ) from None

    def assertion(self, *, client_id: str, audience: str, now: float, unique: str) -> str:
        """A signed statement that we are `client_id`, for `audience` only; `unique` makes it one of a kind (`jti`)."""
        claims = {
            # RFC 7523 §3, 1 to 4: who says it, of whom, to whom, until when; 7: the same one is not taken twice.
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "exp": int(now) + LIFETIME,
            "iat": int(now),
            "jti": unique,
        }
        return signed_jwt(claims, key=self._key, algorithm=self.algorithm, key_id=self.key_id)


def _algorithm(key: object) -> tuple[str, type[RSAKey] | type[ECKey] | type[OKPKey]]:
    if isinstance(key, RSAPrivateKey) and key.key_size >= _LEAST_BITS:
        return "RS256", RSAKey
    if isinstance(key, EllipticCurvePrivateKey) and key.curve.name in _BY_CURVE:
        return _BY_CURVE[key.curve.name], ECKey
    if isinstance(key, Ed25519PrivateKey):
        return "EdDSA", OKPKey
    raise ValueError
