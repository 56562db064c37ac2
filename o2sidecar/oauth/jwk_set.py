"""Key sets of providers: public keys by id and type, and nothing else that a JWKS may hold (RFC 7517)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from attrs import field, frozen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from o2sidecar.oauth import strict_json
from o2sidecar.oauth.signing_algorithms import KEY_TYPES, KeyType

MAX_KEYS = 100
SMALLEST_RSA_BITS = 2048
LARGEST_RSA_BITS = 16384

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_USABLE: Mapping[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


@frozen(kw_only=True)
class VerificationKey:
    """A public key that a signature may be checked with."""

    kid: str = ""
    alg: str = ""
    """The one algorithm that the key is for (RFC 7517 §4.4); empty: any that its type allows."""
    type: KeyType
    key: Key = field(repr=False)

    def suits(self, alg: str) -> bool:
        """Whether the key may check signatures of an algorithm: RSA keys RSA, and each curve its own."""
        return KEY_TYPES.get(alg) == self.type and self.alg in {"", alg, *_same_algorithm(self.alg, alg)}


def _same_algorithm(one: str, other: str) -> tuple[str, ...]:
    return (one,) if {one, other} == {"EdDSA", "Ed25519"} else ()


@frozen
class JwkSet:
    """The usable keys of a provider, in its order."""

    keys: tuple[VerificationKey, ...]

    @classmethod
    def from_json(cls, text: bytes, *, max_keys: int = MAX_KEYS) -> Self:
        """Read a JWK Set document (RFC 7517 §5).

        Keys that are private, symmetric, too small, broken, for encryption, or of a type not known here are left out:
        a provider may publish them for others. Raises `ValueError` if the document is none, or has over `max_keys`.
        """
        listed = strict_json.parse_object(text).get("keys")
        if not isinstance(listed, list):
            raise ValueError("the key set has no list of keys")
        if len(listed) > max_keys:
            raise ValueError(f"the key set holds {len(listed)} keys, more than {max_keys}")
        read = (_read_jwk(jwk) for jwk in listed)
        return cls(tuple(key for key in read if key is not None))

    @classmethod
    def from_pems(cls, pems: Iterable[bytes]) -> Self:
        """A key set of PEM public keys or certificates; raises `ValueError` for one that cannot be used."""
        return cls(tuple(_read_pem(pem) for pem in pems))

    def candidates(self, kid: str, alg: str) -> tuple[VerificationKey, ...]:
        """The keys to try for a token's header: those of its `kid`, or without one all that suit its `alg`.

        Keys without an id (from PEM files, or of a provider with one key) are tried for any `kid`.
        """
        return tuple(key for key in self.keys if key.suits(alg) and (not kid or key.kid in {"", kid}))


def _read_jwk(jwk: Any) -> VerificationKey | None:
    if not isinstance(jwk, dict) or not _PRIVATE_MEMBERS.isdisjoint(jwk):
        return None
    kty, crv, kid, alg = (jwk.get(name, "") for name in ("kty", "crv", "kid", "alg"))
    if not all(isinstance(text, str) for text in (kty, crv, kid, alg)) or not _is_for_signatures(jwk):
        return None
    type_ = KeyType(kty, "" if kty == "RSA" else crv)
    if type_ not in KEY_TYPES.values() or (kty == "RSA" and not _has_fair_size(jwk.get("n"))):
        return None
    # Only the key itself is imported: certificates and URLs beside it are claims that nobody checked (RFC 8725 §3.10).
    members = {name: jwk[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in jwk}
    try:
        key = _USABLE[kty].import_key(members)
        usable = not isinstance(key, RSAKey) or _is_strong(key.public_key)
    except (JoseError, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        return None
    return VerificationKey(kid=kid, alg=alg, type=type_, key=key) if usable else None


def _is_for_signatures(jwk: Mapping[str, Any]) -> bool:
    operations = jwk.get("key_ops", ["verify"])
    return jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations


def _has_fair_size(modulus: Any) -> bool:
    """Six bits a character; nothing is computed with a number of another size."""
    return isinstance(modulus, str) and SMALLEST_RSA_BITS <= len(modulus) * 6 <= LARGEST_RSA_BITS + 24


def _is_strong(key: RSAPublicKey) -> bool:
    return SMALLEST_RSA_BITS <= key.key_size <= LARGEST_RSA_BITS


def _read_pem(pem: bytes) -> VerificationKey:
    is_certificate = b"BEGIN CERTIFICATE" in pem
    try:
        public = load_pem_x509_certificate(pem).public_key() if is_certificate else load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("not a public key in PEM") from None
    if isinstance(public, RSAPublicKey) and _is_strong(public):
        return VerificationKey(type=KeyType("RSA"), key=RSAKey(public, public))
    if isinstance(public, EllipticCurvePublicKey) and public.curve.name in _CURVES:
        return VerificationKey(type=KeyType("EC", _CURVES[public.curve.name]), key=ECKey(public, public))
    if isinstance(public, Ed25519PublicKey):
        return VerificationKey(type=KeyType("OKP", "Ed25519"), key=OKPKey(public, public))
    raise ValueError(f"a public key must be RSA of {SMALLEST_RSA_BITS} bits or more, P-256, P-384, P-521 or Ed25519")
