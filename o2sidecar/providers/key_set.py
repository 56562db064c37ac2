"""A provider's signing keys: cached, and fetched anew for a key that is not among them, but not for each that is not.

Whoever sends tokens chooses their key ids, so unknown ids may cost the provider one request in a while and no more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from math import inf
from typing import Protocol, TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from o2sidecar.oauth.jwk_set import MAX_KEYS, JwkSet, VerificationKey
from o2sidecar.oauth.jws import SignedToken
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.kept_documents import NO_DOCUMENTS, Documents
from o2sidecar.providers.remembered import Remembered
from o2sidecar.refusals import ProviderFailed, ProviderUnavailable
from o2sidecar.shared_call import SharedCall

TTL = 3600.0
REFETCH_INTERVAL = 60.0

_log = Logger()

T = TypeVar("T")


class KeySource(Protocol):
    """Where keys come from."""

    async def candidates(self, token: SignedToken) -> Sequence[VerificationKey]:
        """The keys to try for a token; may be none. Raises `ProviderUnavailable` if there are no keys at all yet."""

    async def newer_candidates(self, token: SignedToken) -> Sequence[VerificationKey]:
        """The keys to try after all `candidates` failed; none if there is nothing newer."""


async def try_keys(keys: KeySource, token: SignedToken, verify: Callable[[Sequence[VerificationKey]], T]) -> T:
    """What `verify` gives with the keys to try for a token, or with newer ones if none of them made its signature.

    Raises what `verify` and `KeySource.candidates` raise.
    """
    candidates = await keys.candidates(token)
    try:
        return verify(candidates)
    except ProviderFailed as failed:
        if failed.reason != "token_signature":
            raise
        # A provider may have put a new key in the place of the old, under the same id.
        newer = await keys.newer_candidates(token)
        if not newer:
            raise
        return verify(newer)


class FixedKeys:
    """Keys that never change: those of `oidc_public_key_files`."""

    def __init__(self, keys: JwkSet) -> None:
        self._keys = keys

    async def candidates(self, token: SignedToken) -> Sequence[VerificationKey]:
        """The keys of the token's algorithm, whatever its key id: files have none."""
        return self._keys.candidates(token.kid, token.alg)

    async def newer_candidates(self, token: SignedToken) -> Sequence[VerificationKey]:
        """None."""
        return ()


class RemoteKeys:
    """Keys of a JWKS address.

    `address` tells it (discovery may have to, and may raise `ProviderUnavailable`). `ttl`: how long keys are taken for
    current. `refetch_interval`: the least time between two fetches for the sake of unknown or failing keys, or after
    one that failed while there are old keys. Both in seconds. The first of those is due at once, so that people who
    sign in right after a rotation need not wait. `max_keys`: a larger set is refused. `documents` remember
    under `name` what was good in a process before this one: that counts until there are newer keys, which are asked for
    at once, but without anybody who waits for them.
    """

    def __init__(
        self,
        address: Callable[[], Awaitable[str]],
        *,
        client: ProviderClient,
        clock: IReactorTime,
        ttl: float = TTL,
        refetch_interval: float = REFETCH_INTERVAL,
        max_keys: int = MAX_KEYS,
        documents: Documents = NO_DOCUMENTS,
        name: tuple[str, ...] = (),
    ) -> None:
        self._address = address
        self._client = client
        self._clock = clock
        self._ttl = ttl
        self._refetch_interval = refetch_interval
        self._max_keys = max_keys
        self._keys = Remembered(
            self._read, documents=documents, name=("keys", *name), what="the provider's keys", clock=clock
        )
        self._fetched_at = 0.0
        self._sought_at = -inf
        self._failed_at = -inf
        self._fetch = SharedCall(self._fetch_once)

    async def candidates(self, token: SignedToken) -> Sequence[VerificationKey]:
        """The keys to try for a token, fetched anew if they are old or the token's is not among them."""
        self._recall()
        known, newer = self._keys.value, None
        if known is None:
            newer = await self._fetch()
        elif self._clock.seconds() - self._fetched_at >= self._ttl:
            newer = await self._fetch_after(self._failed_at)
        if newer is not None:
            return newer.candidates(token.kid, token.alg)
        assert known is not None
        return known.candidates(token.kid, token.alg) or await self.newer_candidates(token)

    async def newer_candidates(self, token: SignedToken) -> Sequence[VerificationKey]:
        """The keys to try from a set newer than the one before; none if it is too early to fetch one."""
        last = max(self._sought_at, self._failed_at)
        if self._is_due_after(last):
            self._sought_at = self._clock.seconds()
        keys = await self._fetch_after(last)
        return keys.candidates(token.kid, token.alg) if keys else ()

    def _is_due_after(self, last: float) -> bool:
        return self._clock.seconds() - last >= self._refetch_interval

    async def _fetch_after(self, last: float) -> JwkSet | None:
        """A newer set; `None` if it is too early for one after the last time, or none can be had."""
        if not self._is_due_after(last) and not self._fetch.under_way:
            return None
        try:
            return await self._fetch()
        except ProviderFailed:
            return None

    def _recall(self) -> None:
        if self._keys.recall():
            self._fetched_at = self._clock.seconds()
            # Whoever waits for it asked for a key that is not among these; a failure is logged.
            self._fetch().addErrback(lambda failure: failure.trap(ProviderFailed))

    def _read(self, body: bytes) -> JwkSet:
        return JwkSet.from_json(body, max_keys=self._max_keys)

    async def _fetch_once(self) -> JwkSet:
        try:
            answer = await self._client.get(
                await self._address(), {"Accept": "application/jwk-set+json, application/json"}
            )
            answer.require(200)
            found = self._read(answer.body)
        except (ProviderFailed, ValueError) as error:
            trouble = error.detail if isinstance(error, ProviderFailed) else str(error)
            self._failed_at = self._clock.seconds()
            _log.warn("The provider's keys cannot be fetched: {trouble}", trouble=trouble)
            raise ProviderUnavailable(detail=f"the provider's keys cannot be fetched: {trouble}") from None
        self._fetched_at = self._clock.seconds()
        self._keys.learn(answer.body, found)
        return found
