"""Redis servers in memory, each at a port of its own."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.task import Clock

from tests.stores.memory import SILENCE, MemoryRedis

PLAIN, REDIS_TLS, CLOSED, STUCK, SILENT, SENTINEL, CLOSED_SENTINEL, CLUSTER = range(6379, 6387)
NOBODY = 6399
REDIS, NO_REDIS = (f"redis://127.0.0.1:{port}" for port in (PLAIN, NOBODY))
PASSWORD = "of-redis"


def redis_servers(clock: Clock) -> Mapping[int, MemoryRedis]:
    """Two that want a password, one that is silent, one that answers no question about a key, and those that know."""
    made = {port: MemoryRedis(clock) for port in range(PLAIN, CLUSTER + 1)}
    made[CLOSED].password = made[CLOSED_SENTINEL].password = PASSWORD
    made[SILENT].instead[b"PING"] = lambda words: SILENCE
    made[STUCK].instead[b"GET"] = lambda words: SILENCE
    for port in (SENTINEL, CLOSED_SENTINEL):
        made[port].primaries[b"m"] = [b"127.0.0.1", b"%d" % PLAIN]
    made[CLUSTER].instead[b"CLUSTER"] = lambda words: [[0, 16383, [b"", CLUSTER]]]
    return made
