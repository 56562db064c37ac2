"""ID tokens against a provider's keys: the rules of `oauth.id_token` with keys that may have to be fetched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import evolve
from twisted.internet.interfaces import IReactorTime

from o2sidecar.oauth.id_token import IdTokenRules, read_id_token
from o2sidecar.oauth.signing_algorithms import enabled_algorithms
from o2sidecar.providers.key_set import KeySource, try_keys
from o2sidecar.refusals import ProviderUnavailable


class IdTokenCheck:
    """Judges ID tokens; `algorithms`: those that settings allow, none of them meaning all.

    `signed_with`: the algorithms of all tokens that held so far.
    """

    def __init__(
        self, *, rules: IdTokenRules, keys: KeySource, clock: IReactorTime, algorithms: Iterable[str] = ()
    ) -> None:
        self._rules = rules
        self._keys = keys
        self._clock = clock
        self._configured = frozenset(algorithms)
        self.signed_with: set[str] = set()

    async def verify(
        self, text: str, *, nonce: str | None = None, advertised: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        """The claims of a token that holds; `advertised`: the algorithms that the provider says it signs with.

        Raises `ProviderFailed`, `ProviderUnavailable` (there are no keys) or `LoginFailed` (the nonce differs).
        """
        token = read_id_token(text)
        rules = evolve(self._rules, algorithms=enabled_algorithms(self._configured, advertised))
        claims = await try_keys(self._keys, token, lambda keys: rules.verify(token, keys, self._clock.seconds(), nonce))
        self.signed_with.add(token.alg)
        return claims

    async def verify_again(self, text: str) -> None:
        """Judge a token that was verified before: during an outage without keys, by its claims alone.

        Raises `ProviderFailed`.
        """
        try:
            await self.verify(text)
        except ProviderUnavailable:
            self._rules.check_claims(read_id_token(text).unverified_claims, self._clock.seconds())
