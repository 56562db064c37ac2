"""Signed tokens in compact form: read strictly, and checked against keys that were not named by the token itself.

RFC 7515 with the advice of RFC 8725: the algorithm comes from a list of ours and fits the key's type, keys and
addresses in the header are ignored, and what is not understood is refused.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any, Self

from attrs import field, frozen
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from o2sidecar.oauth import strict_json
from o2sidecar.oauth.jwk_set import VerificationKey
from o2sidecar.oauth.strict_json import MalformedJson

MAX_TOKEN = 1 << 20

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_LONGEST_KID = 1024


class TokenRejected(ValueError):
    """A token that must not be believed; the message says why and quotes nothing secret of it.

    `reason` is one word for the log.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@frozen(kw_only=True)
class SignedToken:
    """A compact JWS whose payload is a JSON object. Nothing in it is to be believed before `verify`."""

    kid: str
    alg: str
    typ: str
    """The header's `typ` in lower case without `application/`; empty if absent (RFC 7515 §4.1.9)."""
    unverified_claims: Mapping[str, Any] = field(repr=False)
    _signing_input: bytes = field(repr=False)
    _signature: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str, *, max_length: int = MAX_TOKEN) -> Self:
        """Take a token apart, by the steps of RFC 7515 §5.2; raises `TokenRejected`."""
        if not text or len(text) > max_length:
            raise TokenRejected("token_malformed", "the token is empty or too long")
        # 1. The parts between periods. Five would be an encrypted token (RFC 7516 §9), which nobody asked for.
        parts = text.split(".")
        if len(parts) != 3:
            raise TokenRejected("token_malformed", "the token is not a signed one of three parts")
        # 2-3. The header is base64url without padding, of a JSON object in UTF-8.
        header = _json_part(parts[0], "header")
        # 4-5. Every critical extension must be understood, and none is: `b64` (RFC 7797) would change what is signed.
        if "crit" in header or "b64" in header:
            raise TokenRejected("token_header", "the token's header has critical extensions")
        alg, kid, typ = (_header_text(header, name) for name in ("alg", "kid", "typ"))
        # 6-7. Payload and signature.
        claims = _json_part(parts[1], "payload")
        return cls(
            kid=kid,
            alg=alg,
            typ=typ.lower().removeprefix("application/"),
            unverified_claims=claims,
            signing_input=f"{parts[0]}.{parts[1]}".encode("ascii"),
            signature=_decode(parts[2], "signature"),
        )

    def verify(self, keys: Iterable[VerificationKey], algorithms: frozenset[str]) -> dict[str, Any]:
        """The claims, if one of the keys made the signature by an algorithm of the list; raises `TokenRejected`."""
        if self.alg not in algorithms:
            raise TokenRejected(
                "token_algorithm", "could not verify the token's signature: its algorithm is not allowed"
            )
        if not any(self._is_signed_by(key) for key in keys):
            raise TokenRejected("token_signature", "could not verify the token's signature with the provider's keys")
        return dict(self.unverified_claims)

    def _is_signed_by(self, candidate: VerificationKey) -> bool:
        if not candidate.suits(self.alg):
            return False
        # RFC 9864: one algorithm of two names, of which the library deprecates the older.
        model = JWSRegistry.algorithms["Ed25519" if self.alg == "EdDSA" else self.alg]
        try:
            return model.verify(self._signing_input, self._signature, candidate.key)
        except (JoseError, ValueError):
            return False


def _json_part(part: str, name: str) -> dict[str, Any]:
    try:
        return strict_json.parse_object(_decode(part, name))
    except MalformedJson as malformed:
        raise TokenRejected("token_malformed", f"the token's {name} cannot be read: {malformed}") from None


def _decode(part: str, name: str) -> bytes:
    """Base64url without padding, blanks or stray bits at the end: one text for one value (RFC 7515 §2)."""
    try:
        if _BASE64URL.fullmatch(part) is None:
            raise binascii.Error
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        raise TokenRejected("token_malformed", f"the token's {name} is not base64url") from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise TokenRejected("token_malformed", f"the token's {name} is not canonical base64url")
    return raw


def _header_text(header: Mapping[str, Any], name: str) -> str:
    value = header.get(name, "")
    if not isinstance(value, str) or len(value) > _LONGEST_KID:
        raise TokenRejected("token_header", f"the token's header parameter {name} is not a text")
    return value
