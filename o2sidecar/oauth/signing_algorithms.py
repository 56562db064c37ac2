"""The signature algorithms that tokens may use, each bound to one type of key (RFC 7518 §3.1, RFC 8037, RFC 9864)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from attrs import frozen


@frozen
class KeyType:
    """What a key must be for an algorithm: `kty`, and `crv` for curves."""

    kty: str
    crv: str = ""


_RSA = KeyType("RSA")
_ED25519 = KeyType("OKP", "Ed25519")

KEY_TYPES: Mapping[str, KeyType] = MappingProxyType(
    {
        "RS256": _RSA,
        "RS384": _RSA,
        "RS512": _RSA,
        "PS256": _RSA,
        "PS384": _RSA,
        "PS512": _RSA,
        "ES256": KeyType("EC", "P-256"),
        "ES384": KeyType("EC", "P-384"),
        "ES512": KeyType("EC", "P-521"),
        "EdDSA": _ED25519,
        "Ed25519": _ED25519,
    }
)
"""Every algorithm known here. `none` and the HMACs are not: a public key must never be taken for a shared secret."""


def enabled_algorithms(configured: Iterable[str] = (), advertised: Iterable[str] = ()) -> frozenset[str]:
    """The algorithms to accept: those configured (none: all known), and of these the ones the provider advertises.

    `EdDSA` and `Ed25519` are two names of one algorithm (RFC 9864 §2.2), so either name admits both.
    Raises `ValueError` naming a configured algorithm that is not known here.
    """
    wanted = frozenset(configured)
    if unknown := sorted(wanted - KEY_TYPES.keys()):
        raise ValueError(f"unknown signing algorithm {', '.join(unknown)}; known are {', '.join(KEY_TYPES)}")
    allowed = _with_aliases(wanted) or frozenset(KEY_TYPES)
    offered = _with_aliases(frozenset(advertised))
    return allowed & offered if offered else allowed


def _with_aliases(names: frozenset[str]) -> frozenset[str]:
    aliases = frozenset({"EdDSA", "Ed25519"})
    return names | aliases if names & aliases else names
