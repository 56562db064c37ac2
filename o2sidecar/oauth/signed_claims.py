"""Claims that come signed but as no ID token: user info, and what its sources say (OIDC Core 1.0 §5.3.2, §5.6.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import frozen

from o2sidecar.oauth.id_token import ID_TOKEN_TYPES, IdTokenRules
from o2sidecar.oauth.jwk_set import VerificationKey
from o2sidecar.oauth.jws import SignedToken, TokenRejected
from o2sidecar.refusals import ProviderFailed


@frozen(kw_only=True)
class SignedClaimsRules:
    """What such a JWT must be: signed with a key of the provider; and where it names `iss`, `aud` or times, they hold.

    `of_id_tokens`: the rules of its ID tokens, which know issuer, client and algorithms.
    """

    of_id_tokens: IdTokenRules

    def verify(self, token: SignedToken, keys: Iterable[VerificationKey], now: float) -> dict[str, Any]:
        """The claims; `now` in seconds since the epoch. Raises `ProviderFailed`."""
        try:
            if token.typ not in ID_TOKEN_TYPES or "events" in token.unverified_claims:
                raise TokenRejected("token_type", "the token is of another kind")
            claims = token.verify(keys, self.of_id_tokens.algorithms)
            self.of_id_tokens.check_what_is_said(claims, now)
        except TokenRejected as rejected:
            raise ProviderFailed(reason=rejected.reason, detail=f"signed claims: {rejected}") from None
        return claims


def read_signed_claims(text: str) -> SignedToken:
    """Such a JWT taken apart, with nothing believed yet; raises `ProviderFailed`."""
    try:
        return SignedToken.parse(text)
    except TokenRejected as rejected:
        raise ProviderFailed(reason=rejected.reason, detail=f"signed claims: {rejected}") from None
