"""The list of revocations as a key in Redis, beside the sessions that are kept there."""

from __future__ import annotations

from collections.abc import Iterable

from o2sidecar.refusals import StoreUnavailable
from o2sidecar.stores.revocation_sources import ListUnavailable, whole
from o2sidecar.stores.server import Commands, RedisRefused

_APPEND = b"""
local known = redis.call('GET', KEYS[1]) or ''
if ARGV[2] == '0' then redis.call('SET', KEYS[1], known .. ARGV[1])
else redis.call('SET', KEYS[1], known .. ARGV[1], 'PX', ARGV[2]) end
return 1
"""
_REPLACE = b"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1
"""


class ListKey:
    """A key in Redis. `lifetime`: seconds after which nobody needs it any more; 0: never."""

    writable = True

    def __init__(self, redis: Commands, key: str, lifetime: float) -> None:
        self._redis = redis
        self._key = key.encode()
        self._lifetime = _milliseconds(lifetime)

    async def fetch(self) -> bytes:
        """See `RevocationSource`."""
        try:
            found = await self._redis.ask(self._key, b"GET", self._key)
        except (StoreUnavailable, RedisRefused) as error:
            raise ListUnavailable(f"Redis: {error}") from None
        return found if isinstance(found, bytes) else b""

    async def append(self, line: bytes) -> None:
        """See `RevocationSource`."""
        await self._run(_APPEND, whole([line]), self._lifetime)

    async def replace(self, seen: bytes, lines: Iterable[bytes]) -> None:
        """See `RevocationSource`."""
        await self._run(_REPLACE, seen, whole(lines), self._lifetime)

    def turn_to(self, *, lifetime: float) -> bool:
        """See `RevocationSource`. The key ends when it was to end as it was written."""
        before, self._lifetime = self._lifetime, _milliseconds(lifetime)
        return self._lifetime != before

    async def _run(self, script: bytes, *arguments: bytes) -> None:
        try:
            await self._redis.ask(self._key, b"EVAL", script, b"1", self._key, *arguments)
        except (StoreUnavailable, RedisRefused) as error:
            raise ListUnavailable(f"Redis: {error}") from None


def _milliseconds(seconds: float) -> bytes:
    return b"%d" % (seconds * 1000)
