"""Tests of the connection to one Redis server, and of what becomes of questions when it fails."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.refusals import StoreUnavailable
from o2sidecar.stores.server import Login, RedisLimits, RedisRefused, RedisServer
from tests.stores.memory import WAITS, MemoryRedis, RedisEndpoint, outcome, resp


class ServerCase(SynchronousTestCase):
    """A server, and what speaks to it."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.redis = MemoryRedis(self.clock)
        self.endpoint = RedisEndpoint(self.redis)
        self.server = self.made()

    def made(self, *, primary: bool = False, login: Login | None = None, **limits: Any) -> RedisServer:
        return RedisServer(
            self.endpoint,
            where="redis.test:6379",
            login=login or Login(),
            limits=RedisLimits(**limits),
            clock=self.clock,
            primary=primary,
        )

    def ask(self, *words: bytes) -> Any:
        return outcome(self.server.command(*words))

    def collect(self, found: list[Any], *words: bytes) -> None:
        asked = Deferred.fromCoroutine(self.server.command(*words))
        asked.addCallbacks(found.append, lambda failure: found.append(failure.value))

    def assert_unavailable(self, found: Any, why: str) -> None:
        self.assertIsInstance(found, StoreUnavailable)
        self.assertEqual(found.detail, f"Redis at redis.test:6379: {why}")


class AskingTests(ServerCase):
    """Questions and replies."""

    def test_one_connection(self) -> None:
        """Questions go over one connection, which is made for the first."""
        self.assertEqual(self.endpoint.wires, [])
        self.assertEqual(self.ask(b"SET", b"a", b"1"), b"OK")
        self.assertEqual(self.ask(b"GET", b"a"), b"1")
        self.assertIsNone(self.ask(b"GET", b"b"))
        self.assertEqual(len(self.endpoint.wires), 1)

    def test_many_at_once(self) -> None:
        """Questions do not wait for each other's replies, and each gets its own."""
        self.ask(b"PING")
        self.endpoint.quick = False
        found: list[Any] = []
        for _ in range(3):
            self.collect(found, b"INCR", b"n")
        self.endpoint.wire.send(b":1\r\n:2\r\n-ERR no\r\n")
        self.assertEqual(found[:2], [1, 2])
        self.assertIsInstance(found[2], RedisRefused)

    def test_errors(self) -> None:
        """An error is the caller's, without what was asked in it, and the connection stays."""
        refused = self.ask(b"NONSENSE", b"hunter2")
        self.assertIsInstance(refused, RedisRefused)
        self.assertEqual(str(refused), "ERR unknown command 'NONSENSE'")
        self.assertEqual(self.ask(b"PING"), b"PONG")
        self.assertEqual(len(self.endpoint.wires), 1)

    def test_login(self) -> None:
        """User, password and database come first on a new connection; a password alone is the default user's."""
        self.redis.password = "hunter2"
        self.server = self.made(login=Login(username="app", password="hunter2", database=3))
        self.assertIsNone(self.ask(b"GET", b"a"))
        self.assertEqual(self.redis.asked[:3], [(b"AUTH", b"app", b"hunter2"), (b"SELECT", b"3"), (b"PING",)])
        self.redis.asked.clear()
        self.server = self.made(login=Login(password="hunter2"))
        self.ask(b"GET", b"a")
        self.assertEqual(self.redis.asked[:2], [(b"AUTH", b"hunter2"), (b"PING",)])

    def test_wrong_password(self) -> None:
        """A wrong or a missing password is said so, and not shown."""
        self.redis.password = "hunter2"
        self.server = self.made(login=Login(password="hunter3"))
        self.assert_unavailable(self.ask(b"GET", b"a"), "it wants another user or password (WRONGPASS)")
        self.server = self.made()
        self.assert_unavailable(self.ask(b"GET", b"a"), "it wants another user or password (NOAUTH)")
        self.assertNotIn("hunter", repr(Login(password="hunter3")))

    def test_no_right_to_ping(self) -> None:
        """A user who may not ask for life signs can still use what it may use."""
        self.redis.instead[b"PING"] = lambda words: "-NOPERM this user has no permissions to run the 'ping' command"
        self.assertIsNone(self.ask(b"GET", b"a"))
        self.assertIsNone(outcome(self.server.ping()))

    def test_a_replica(self) -> None:
        """Where a primary is wanted, a replica is not used: what it knows may be old."""
        self.redis.instead[b"ROLE"] = lambda words: [b"slave", b"127.0.0.1", 6379, b"connected", 0]
        self.server = self.made(primary=True)
        self.assert_unavailable(self.ask(b"GET", b"a"), "it is a replica")
        self.assertTrue(self.endpoint.wire.aborted)


class FailureTests(ServerCase):
    """Nothing hangs, whatever the server does."""

    def test_refused(self) -> None:
        """A server that is not there is known at once, and asked again only after a pause that grows."""
        self.endpoint.down = True
        self.assertIsInstance(self.ask(b"GET", b"a"), StoreUnavailable)
        self.endpoint.down = False
        self.assertIsInstance(self.ask(b"GET", b"a"), StoreUnavailable)
        self.assertEqual(len(self.endpoint.wires), 0)
        self.clock.advance(0.1)
        self.assertIsNone(self.ask(b"GET", b"a"))

    def test_the_pause_is_bounded(self) -> None:
        """However long it was away, two seconds later it is tried again."""
        self.endpoint.down = True
        for _ in range(50):
            self.ask(b"GET", b"a")
            self.clock.advance(2)
        self.endpoint.down = False
        self.assertIsNone(self.ask(b"GET", b"a"))

    def test_silent_from_the_start(self) -> None:
        """A connection that comes about and says nothing is given up after the connection's time."""
        self.endpoint.quick = False
        self.server = self.made(connect_time=1.5)
        found: list[Any] = []
        self.collect(found, b"GET", b"a")
        self.clock.advance(1.4)
        self.assertEqual(found, [])
        self.clock.advance(0.1)
        self.assert_unavailable(found[0], "not ready within 1.5 s")
        self.assertTrue(self.endpoint.wire.aborted)

    def test_never_connected(self) -> None:
        """So is one that does not come about; everybody who waits for it is told."""
        self.endpoint.accepts = False
        found: list[Any] = []
        self.collect(found, b"GET", b"a")
        self.collect(found, b"GET", b"b")
        self.assertEqual(len(self.endpoint.waiting), 1)
        self.clock.advance(2)
        self.assertEqual(len(found), 2)
        self.assert_unavailable(found[1], "not ready within 2 s")
        self.assertEqual(self.endpoint.cancelled, 1)

    def test_slow(self) -> None:
        """A reply that does not come in time ends the connection, since the next one could not be told from it."""
        self.ask(b"PING")
        self.endpoint.quick = False
        found: list[Any] = []
        self.collect(found, b"GET", b"a")
        self.clock.advance(1)
        self.collect(found, b"GET", b"b")
        self.clock.advance(1)
        self.assertEqual(len(found), 2)
        self.assert_unavailable(found[0], "no answer within 2 s")
        self.assertTrue(self.endpoint.wires[0].aborted)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_in_time(self) -> None:
        """Replies in time reset the clock for those behind them."""
        self.ask(b"PING")
        self.endpoint.quick = False
        found: list[Any] = []
        for _ in range(3):
            self.collect(found, b"GET", b"a")
            self.clock.advance(1.5)
            self.endpoint.wire.send(b"$-1\r\n")
        self.assertEqual(found, [None, None, None])

    def test_closed_meanwhile(self) -> None:
        """A question on a connection that the server has just closed is asked once more on a new one."""
        self.ask(b"PING")
        self.endpoint.quick = False
        found: list[Any] = []
        self.collect(found, b"GET", b"a")
        self.endpoint.quick = True
        self.endpoint.wire.vanish()
        self.assertEqual(found, [None])
        self.assertEqual(len(self.endpoint.wires), 2)

    def test_closed_again_and_again(self) -> None:
        """A server that closes every connection gets a question twice and not for ever."""
        self.ask(b"PING")
        self.endpoint.quick = False
        found: list[Any] = []
        self.collect(found, b"GET", b"a")
        self.endpoint.wire.vanish()
        self.endpoint.wire.vanish()
        self.assertEqual(len(found), 1)
        self.assertIsInstance(found[0], StoreUnavailable)

    def test_no_redis(self) -> None:
        """What speaks another protocol is told from Redis at its first line."""
        self.endpoint.quick = False
        found: list[Any] = []
        self.collect(found, b"PING")
        self.endpoint.wire.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.assert_unavailable(found[0], "no Redis server speaks like this: a reply of no known kind")
        self.assertTrue(self.endpoint.wire.aborted)

    def test_answers_to_nothing(self) -> None:
        """A reply that nobody waits for ends the connection: whose it is can no longer be told."""
        self.ask(b"PING")
        self.endpoint.wire.send(b"+OK\r\n")
        self.assertTrue(self.endpoint.wire.aborted)
        self.assertEqual(self.ask(b"PING"), b"PONG")

    def test_too_many(self) -> None:
        """More questions than may wait are refused at once, and those who wait go on."""
        self.server = self.made(waiting=2)
        self.ask(b"PING")
        self.endpoint.quick = False
        found: list[Any] = []
        for _ in range(3):
            self.collect(found, b"GET", b"a")
        self.assertEqual(len(found), 1)
        self.assert_unavailable(found[0], "2 questions wait for the server already")
        self.endpoint.wire.send(resp(b"1") + resp(b"2"))
        self.assertEqual(found[1:], [b"1", b"2"])

    def test_idle(self) -> None:
        """A connection that was not used for the idle time is not used again."""
        self.server = self.made(idle_time=10)
        self.ask(b"PING")
        self.clock.advance(9)
        self.ask(b"PING")
        self.clock.advance(10)
        self.ask(b"PING")
        self.assertEqual([wire.aborted for wire in self.endpoint.wires], [True, False])

    def test_closed_for_good(self) -> None:
        """After the end nothing is asked any more."""
        self.ask(b"PING")
        self.server.close()
        self.assertTrue(self.endpoint.wire.aborted)
        self.assert_unavailable(self.ask(b"GET", b"a"), "closed")

    def test_waits(self) -> None:
        """Until then it waits."""
        self.endpoint.quick = False
        self.assertIs(self.ask(b"GET", b"a"), WAITS)
