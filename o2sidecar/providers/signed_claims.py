"""Signed claims against a provider's keys: the rules of `oauth.signed_claims` with keys that may have to be fetched."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IReactorTime

from o2sidecar.oauth.signed_claims import SignedClaimsRules, read_signed_claims
from o2sidecar.providers.key_set import KeySource, try_keys
from o2sidecar.refusals import ProviderFailed


class SignedClaims:
    """Judges what a provider signs beside ID tokens."""

    def __init__(self, *, rules: SignedClaimsRules, keys: KeySource, clock: IReactorTime) -> None:
        self._rules = rules
        self._keys = keys
        self._clock = clock

    async def verify(self, body: bytes) -> dict[str, Any]:
        """The claims of a JWT that holds; raises `ProviderFailed`, or `ProviderUnavailable` (there are no keys)."""
        try:
            token = read_signed_claims(body.decode("ascii").strip())
        except UnicodeDecodeError:
            raise ProviderFailed(reason="token_malformed", detail="signed claims: not ASCII") from None
        return await try_keys(self._keys, token, lambda keys: self._rules.verify(token, keys, self._clock.seconds()))
