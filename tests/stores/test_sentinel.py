"""Tests of the way to a primary that Sentinels know."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.refusals import StoreUnavailable
from o2sidecar.stores.sentinel import Watched
from o2sidecar.stores.server import Login, RedisLimits, RedisServer
from tests.stores.memory import MemoryRedis, RedisEndpoint, outcome


class SentinelTests(SynchronousTestCase):
    """Two Sentinels, and two servers one of which is the primary."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.primary: Any = [b"10.0.0.1", b"6379"]
        self.servers = {host: RedisEndpoint(MemoryRedis(self.clock)) for host in ("10.0.0.1", "10.0.0.2")}
        self.sentinels = [RedisEndpoint(MemoryRedis(self.clock)) for _ in range(2)]
        for sentinel in self.sentinels:
            sentinel.redis.instead[b"SENTINEL"] = lambda words: self.primary
        self.watched = Watched(
            [self.speaks_to(sentinel, f"sentinel-{number}") for number, sentinel in enumerate(self.sentinels)],
            name="mymaster",
            make=lambda host, port: self.speaks_to(self.servers[host], f"{host}:{port}", primary=True),
        )

    def speaks_to(self, endpoint: RedisEndpoint, where: str, *, primary: bool = False) -> RedisServer:
        return RedisServer(
            endpoint, where=where, login=Login(), limits=RedisLimits(), clock=self.clock, primary=primary
        )

    def set(self, value: bytes) -> Any:
        return outcome(self.watched.ask(b"k", b"SET", b"k", value))

    def kept(self, host: str) -> bytes | None:
        return self.servers[host].redis.get(b"k")

    def fail_over(self) -> None:
        self.servers["10.0.0.1"].redis.instead[b"ROLE"] = lambda words: [b"slave", b"10.0.0.2", 6379, b"connected", 0]
        self.primary = [b"10.0.0.2", b"6379"]

    def test_the_primary(self) -> None:
        """Commands go to the server that a Sentinel names, by the name that the operator gave, asked once."""
        self.assertEqual((self.set(b"1"), self.set(b"2")), (b"OK", b"OK"))
        self.assertEqual((self.kept("10.0.0.1"), self.kept("10.0.0.2")), (b"2", None))
        asked = [words for sentinel in self.sentinels for words in sentinel.redis.asked if words[0] == b"SENTINEL"]
        self.assertEqual(asked, [(b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", b"mymaster")])

    def test_fail_over(self) -> None:
        """When the primary is lost and another one named, the command that failed goes there."""
        self.set(b"1")
        self.servers["10.0.0.1"].cut()
        self.fail_over()
        self.assertEqual(self.set(b"2"), b"OK")
        self.assertEqual(self.kept("10.0.0.2"), b"2")

    def test_no_other_yet(self) -> None:
        """Until another one is named nothing is stored, and that is known at once."""
        self.set(b"1")
        self.servers["10.0.0.1"].cut()
        self.assertIsInstance(self.set(b"2"), StoreUnavailable)

    def test_became_a_replica(self) -> None:
        """A primary that takes no writes any more is left, and asked no question while it is a replica."""
        self.set(b"1")
        self.servers["10.0.0.1"].redis.instead[b"SET"] = lambda words: "-READONLY You can't write against a replica."
        self.fail_over()
        self.assertEqual(self.set(b"2"), b"OK")
        self.assertEqual(self.kept("10.0.0.2"), b"2")
        self.primary = [b"10.0.0.1", b"6379"]
        self.watched._forget()
        found = self.set(b"3")
        self.assertIsInstance(found, StoreUnavailable)
        self.assertIn("it is a replica", found.detail)

    def test_a_primary_that_still_answers(self) -> None:
        """One that was replaced while it could not be seen is left at the next look, though it answers."""
        self.set(b"1")
        self.primary = [b"10.0.0.2", b"6379"]
        self.assertIsNone(outcome(self.watched.ping()))
        self.set(b"2")
        self.assertEqual((self.kept("10.0.0.1"), self.kept("10.0.0.2")), (b"1", b"2"))
        self.assertTrue(self.servers["10.0.0.1"].wire.aborted)

    def test_sentinels_fail(self) -> None:
        """A Sentinel that is away, does not know the name, or talks nonsense is passed over for the next."""
        for answer in (None, [], [b"", b"6379"], [b"10.0.0.2"], [b"10.0.0.2", b"port"], b"x", [1, 2], "-ERR no"):
            self.setUp()
            self.sentinels[0].redis.instead[b"SENTINEL"] = lambda words, answer=answer: answer  # type: ignore[misc]
            self.assertEqual(self.set(b"1"), b"OK", answer)
        self.setUp()
        self.sentinels[0].cut()
        self.assertEqual(self.set(b"1"), b"OK")

    def test_no_sentinel(self) -> None:
        """Without any, it is said why."""
        for sentinel in self.sentinels:
            sentinel.redis.instead[b"SENTINEL"] = lambda words: None
        found = self.set(b"1")
        self.assertIsInstance(found, StoreUnavailable)
        self.assertIn("no primary of this name is known to it", found.detail)

    def test_close(self) -> None:
        """At the end all connections end."""
        self.set(b"1")
        self.watched.close()
        self.assertTrue(self.servers["10.0.0.1"].wire.aborted)
        self.assertTrue(self.sentinels[0].wire.aborted)
