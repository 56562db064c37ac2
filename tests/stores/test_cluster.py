"""Tests of a Redis Cluster of two servers."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.refusals import StoreUnavailable
from o2sidecar.stores.cluster import Cluster, slot_of
from o2sidecar.stores.server import Login, RedisLimits, RedisRefused, RedisServer
from tests.stores.memory import MemoryRedis, RedisEndpoint, outcome

LOW, HIGH = b"foo{a}b", b"foo"
"""Keys in the slots 15495 and 12182."""


class SlotTests(SynchronousTestCase):
    """Keys have the slots that servers give them."""

    def test_recorded(self) -> None:
        """Slots are those that CLUSTER KEYSLOT of Redis 7.0 tells."""
        for key, slot in ((b"", 0), (b"foo", 12182), (b"123456789", 12739), (b"{a}x", 15495), (b"foo{}a", 2459)):
            self.assertEqual(slot_of(key), slot, key)
        self.assertEqual(slot_of(b"x{a}y"), slot_of(b"a"))
        self.assertNotEqual(slot_of(b"{}a"), slot_of(b"a"))


class ClusterTests(SynchronousTestCase):
    """The first server has the slots up to 12999, the second the others."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.servers = {port: RedisEndpoint(MemoryRedis(self.clock)) for port in (1, 2, 3)}
        self.border = 13000
        self.second = 2
        for endpoint in self.servers.values():
            endpoint.redis.instead[b"CLUSTER"] = lambda words: self.slots()
        self.made: list[int] = []
        self.cluster = Cluster([("10.0.0.9", 1), ("10.0.0.9", 2)], make=self.make, clock=self.clock)

    def slots(self) -> list[Any]:
        return [
            [0, self.border - 1, [b"", 1, b"id-1", []], [b"10.0.0.9", 7, b"replica", []]],
            [self.border, 16383, [b"10.0.0.9", self.second, b"id-2", []]],
        ]

    def make(self, host: str, port: int) -> RedisServer:
        self.assertEqual(host, "10.0.0.9")
        self.made.append(port)
        where = f"{host}:{port}"
        endpoint = self.servers[port]
        return RedisServer(endpoint, where=where, login=Login(), limits=RedisLimits(), clock=self.clock)

    def set(self, key: bytes, value: bytes = b"1") -> Any:
        return outcome(self.cluster.ask(key, b"SET", key, value))

    def commands(self, port: int, name: bytes) -> int:
        return sum(words[0] == name for words in self.servers[port].redis.asked)

    def test_by_slot(self) -> None:
        """Each key goes to the server that has its slot, after one question about slots."""
        self.assertEqual((self.set(LOW), self.set(HIGH)), (b"OK", b"OK"))
        self.assertEqual(list(self.servers[1].redis.kept), [HIGH])
        self.assertEqual(list(self.servers[2].redis.kept), [LOW])
        self.assertEqual(self.commands(1, b"CLUSTER") + self.commands(2, b"CLUSTER"), 1)

    def test_moved(self) -> None:
        """A slot that has moved is followed, and its new place is known from then on."""
        self.set(HIGH)
        self.servers[1].redis.instead[b"SET"] = lambda words: "-MOVED 12182 10.0.0.9:2"
        self.border = 12000
        self.assertEqual(self.set(HIGH), b"OK")
        self.assertEqual(self.set(HIGH), b"OK")
        self.assertEqual(self.commands(1, b"SET"), 2)
        self.assertEqual(self.commands(2, b"SET"), 2)

    def test_moving(self) -> None:
        """A key on its way is asked for where it goes, once, with ASKING before it."""
        self.servers[1].redis.instead[b"SET"] = lambda words: "-ASK 12182 10.0.0.9:2"
        self.servers[2].redis.instead[b"ASKING"] = lambda words: "OK"
        self.assertEqual(self.set(HIGH), b"OK")
        self.assertEqual([words[0] for words in self.servers[2].redis.asked], [b"PING", b"ASKING", b"SET"])
        self.set(HIGH)
        self.assertEqual(self.commands(1, b"SET"), 2)

    def test_for_ever(self) -> None:
        """Servers that send us back and forth are not followed for ever, nor to no address."""
        for port, other in ((1, 2), (2, 1)):
            self.servers[port].redis.instead[b"SET"] = lambda words, other=other: f"-MOVED 12182 10.0.0.9:{other}"  # type: ignore[misc]
        self.assertIsInstance(self.set(HIGH), StoreUnavailable)
        self.assertLess(self.commands(1, b"SET") + self.commands(2, b"SET"), 10)
        for text in ("-MOVED", "-MOVED 1", "-MOVED 1 x", "-MOVED 1 x:y", "-ASK 1 x:123456", "-MOVED 1 a:1 b"):
            self.setUp()
            self.servers[1].redis.instead[b"SET"] = lambda words, text=text: text  # type: ignore[misc]
            self.assertIsInstance(self.set(HIGH), StoreUnavailable, text)

    def test_fail_over(self) -> None:
        """When a server is gone and another one has its slots, the command goes there."""
        self.set(LOW)
        self.servers[2].cut()
        self.assertIsInstance(self.set(LOW), StoreUnavailable)
        self.second = 3
        self.assertEqual(self.set(LOW), b"OK")
        self.assertEqual(list(self.servers[3].redis.kept), [LOW])

    def test_down_for_a_moment(self) -> None:
        """A cluster that is about to elect is asked again a moment later, a few times."""
        self.servers[1].redis.instead[b"SET"] = lambda words: "-CLUSTERDOWN The cluster is down"
        found: list[Any] = []
        asked = Deferred.fromCoroutine(self.cluster.ask(HIGH, b"SET", HIGH, b"1"))
        asked.addCallbacks(found.append, lambda failure: found.append(failure.value))
        self.clock.advance(0.1)
        self.assertEqual(found, [])
        del self.servers[1].redis.instead[b"SET"]
        self.clock.advance(0.1)
        self.assertEqual(found, [b"OK"])

    def test_errors(self) -> None:
        """What is no matter of where is the caller's."""
        self.assertIsInstance(outcome(self.cluster.ask(HIGH, b"NONSENSE")), RedisRefused)

    def test_a_seed_is_away(self) -> None:
        """One seed that answers will do; without any it is said why."""
        self.servers[1].down = True
        self.border = 0
        self.servers[2].redis.instead[b"CLUSTER"] = lambda words: [[0, 16383, [b"10.0.0.9", 2]]]
        self.assertEqual(self.set(HIGH), b"OK")
        self.setUp()
        self.servers[1].down = self.servers[2].down = True
        self.assertIsInstance(self.set(HIGH), StoreUnavailable)

    def test_nonsense(self) -> None:
        """An answer about slots that makes no sense is not believed."""
        for answer in (
            *(None, 1, b"x", [1], [[1]], [[0, 1]], [[0, 1, []]], [[0, 1, [b"h"]]], [[0, 1, [b"h", b"p"]]]),
            *([[0, 20000, [b"h", 1]]], [[5, 1, [b"h", 1]]], [[0, 1, [b"h", 0]]], [[b"0", 1, [b"h", 1]]]),
            *([[0, 1, [b"\xff", 1]]], [[0, 1, [5, 1]]], "-ERR This instance has cluster support disabled"),
        ):
            self.setUp()
            for endpoint in self.servers.values():
                endpoint.redis.instead[b"CLUSTER"] = lambda words, answer=answer: answer  # type: ignore[misc]
            self.assertIsInstance(self.set(HIGH), StoreUnavailable, answer)

    def test_ping(self) -> None:
        """A cluster is well when all slots have a server; servers that left it are left."""
        self.set(LOW)
        self.assertIsNone(outcome(self.cluster.ping()))
        self.second = 3
        self.assertIsNone(outcome(self.cluster.ping()))
        self.assertTrue(self.servers[2].wire.aborted)
        for endpoint in self.servers.values():
            endpoint.redis.instead[b"CLUSTER"] = lambda words: [[0, 100, [b"", 1]]]
        self.assertIsInstance(outcome(self.cluster.ping()), StoreUnavailable)
        self.assertIsInstance(self.set(HIGH), StoreUnavailable)

    def test_close(self) -> None:
        """At the end all connections end."""
        self.set(LOW)
        self.set(HIGH)
        self.cluster.close()
        self.assertTrue(self.servers[1].wire.aborted and self.servers[2].wire.aborted)
