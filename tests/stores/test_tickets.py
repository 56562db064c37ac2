"""Tests of sessions under their tickets."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.refusals import StoreUnavailable
from o2sidecar.session.sealing import CookieRefused
from o2sidecar.session.session import Session
from o2sidecar.session.ticket import Ticket
from o2sidecar.stores.server import Login, RedisLimits, RedisServer
from o2sidecar.stores.tickets import TicketStore
from tests.stores.memory import MemoryRedis, RedisEndpoint, outcome

NOW = 1_800_000_000.0
ALICE = Session(created_at=NOW, user="u-1", email="alice@example.com", access_token="AT", refresh_token="RT")


class StoreCase(SynchronousTestCase):
    """A store over a wire to a Redis in memory."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.redis = MemoryRedis(self.clock)
        self.endpoint = RedisEndpoint(self.redis)
        self.server = RedisServer(
            self.endpoint, where="redis.test", login=Login(), limits=RedisLimits(), clock=self.clock
        )
        self.store = self.made()
        self.ticket = Ticket.issue("_oauth2_proxy")

    def made(self, *, lifetime: float = 3600) -> TicketStore:
        return TicketStore(self.server, clock=self.clock, lifetime=lifetime, lock_time=2, deadline=4)

    def load(self) -> Any:
        return outcome(self.store.load(self.ticket))

    def keep(self, session: Session = ALICE) -> None:
        self.assertEqual(outcome(self.store.keep(self.ticket, session)).session, session)


class KeepingTests(StoreCase):
    """What is stored is found again, until its end."""

    def test_round_trip(self) -> None:
        """A session is stored sealed, under the ticket's key, for the session's lifetime."""
        self.keep()
        [(key, (value, ends))] = self.redis.kept.items()
        self.assertEqual((key.decode(), ends), (self.ticket.id, NOW + 3600))
        self.assertNotIn(b"alice", value)
        self.assertEqual(self.load().session, ALICE)
        self.clock.advance(3600)
        self.assertIsNone(self.load())

    def test_without_an_end(self) -> None:
        """Sessions without a lifetime are kept without an end, as oauth2-proxy does, also when replaced."""
        self.store = self.made(lifetime=0)
        self.keep()
        self.assertIsNone(self.redis.kept[self.ticket.id.encode()][1])
        outcome(self.store.replace(self.ticket, self.load(), ALICE))
        self.assertIsNone(self.redis.kept[self.ticket.id.encode()][1])

    def test_swapped(self) -> None:
        """What somebody copied there from another ticket's key, or damaged, is no session (S11)."""
        other = Ticket.issue("_oauth2_proxy")
        for value in (other.seal(ALICE), b"", b"junk", self.ticket.seal(ALICE)[:-1]):
            self.redis.kept[self.ticket.id.encode()] = (value, None)
            self.assertIsInstance(self.load(), CookieRefused)

    def test_replace(self) -> None:
        """A renewed session takes the place of the one that was seen, for a new lifetime."""
        self.keep()
        seen = self.load()
        self.clock.advance(600)
        renewed = evolve(ALICE, created_at=NOW + 600, access_token="AT-2")
        stored = outcome(self.store.replace(self.ticket, seen, renewed))
        self.assertEqual(self.load(), stored)
        self.assertEqual(self.redis.kept[self.ticket.id.encode()][1], NOW + 600 + 3600)

    def test_replace_nothing_else(self) -> None:
        """A session that was signed out meanwhile does not come back, and what another one renewed stays."""
        self.keep()
        seen = self.load()
        self.keep(evolve(ALICE, access_token="AT-3"))
        self.assertIsNone(outcome(self.store.replace(self.ticket, seen, ALICE)))
        self.assertEqual(self.load().session.access_token, "AT-3")
        outcome(self.store.remove(self.ticket))
        self.assertIsNone(outcome(self.store.replace(self.ticket, seen, ALICE)))
        self.assertIsNone(self.load())

    def test_remove(self) -> None:
        """A session that is removed is gone, and removing it again is no error."""
        self.keep()
        self.assertIsNone(outcome(self.store.remove(self.ticket)))
        self.assertEqual(self.redis.kept, {})
        self.assertIsNone(outcome(self.store.remove(self.ticket)))

    def test_try_out(self) -> None:
        """All that sessions need can be tried, which leaves nothing behind; what does not work is said."""
        self.assertIsNone(outcome(self.store.try_out("_oauth2_proxy")))
        self.assertEqual(self.redis.kept, {})
        self.assertEqual({words[0] for words in self.redis.asked}, {b"PING", b"SET", b"GET", b"EVAL", b"DEL"})
        self.redis.instead[b"EVAL"] = lambda words: "-NOPERM this user has no permissions to run the 'eval' command"
        self.assertIn("NOPERM", outcome(self.store.try_out("_oauth2_proxy")).detail)
        self.redis.instead[b"GET"] = lambda words: None
        self.assertIsInstance(outcome(self.store.try_out("_oauth2_proxy")), StoreUnavailable)

    def test_lock(self) -> None:
        """One at a time has a session's lock, under the key that oauth2-proxy uses, until it is given back or ends."""
        lock = outcome(self.store.lock(self.ticket))
        self.assertEqual(list(self.redis.kept), [f"{self.ticket.id}.lock".encode()])
        self.assertIsNone(outcome(self.store.lock(self.ticket)))
        outcome(self.store.release(lock))
        self.assertIsNotNone(outcome(self.store.lock(self.ticket)))
        self.clock.advance(2)
        self.assertIsNotNone(outcome(self.store.lock(self.ticket)))

    def test_a_lock_that_is_not_ours(self) -> None:
        """A lock that ended and is somebody else's is neither extended nor given back."""
        lock = outcome(self.store.lock(self.ticket))
        self.clock.advance(1.5)
        self.assertTrue(outcome(self.store.extend(lock)))
        self.clock.advance(1.5)
        self.assertIsNone(outcome(self.store.lock(self.ticket)))
        self.clock.advance(1)
        other = outcome(self.store.lock(self.ticket))
        self.assertFalse(outcome(self.store.extend(lock)))
        outcome(self.store.release(lock))
        self.assertTrue(outcome(self.store.extend(other)))


class OutageTests(StoreCase):
    """A store that fails is known to, and nothing waits for long."""

    def test_known(self) -> None:
        """What is known of the store follows what it does."""
        self.assertEqual(self.store.trouble(), "")
        self.endpoint.cut()
        self.assertIsInstance(self.load(), StoreUnavailable)
        self.assertIn("redis.test", self.store.trouble())
        self.endpoint.down = False
        self.clock.advance(2)
        self.assertIsNone(self.load())
        self.assertEqual(self.store.trouble(), "")

    def test_an_error(self) -> None:
        """A server that answers with errors is as good as none, and says nothing secret."""
        self.redis.instead[b"GET"] = lambda words: "-NOPERM this user has no permissions to run the 'get' command"
        found = self.load()
        self.assertIsInstance(found, StoreUnavailable)
        self.assertEqual(found.status, 503)
        self.assertIn("NOPERM", found.detail)
        self.assertNotIn(self.ticket.id, found.detail + found.sentence)

    def test_the_deadline(self) -> None:
        """Whatever the way to the server costs, an answer is there when the deadline is."""
        self.server = RedisServer(
            self.endpoint,
            where="redis.test",
            login=Login(),
            limits=RedisLimits(connect_time=60, command_time=60),
            clock=self.clock,
        )
        self.store = self.made()
        self.endpoint.accepts = False
        found: list[Any] = []
        Deferred.fromCoroutine(self.store.load(self.ticket)).addErrback(lambda failure: found.append(failure.value))
        self.clock.advance(3.9)
        self.assertEqual(found, [])
        self.clock.advance(0.1)
        self.assertIsInstance(found[0], StoreUnavailable)
        self.assertIn("no answer within 4 s", found[0].detail)

    def test_it_looks(self) -> None:
        """It looks for life signs by itself, so that readiness is known without requests."""
        outcome(self.store.start())
        self.endpoint.cut()
        self.clock.pump([5, 5])
        self.assertNotEqual(self.store.trouble(), "")
        self.endpoint.down = False
        self.clock.pump([5, 5])
        self.assertEqual(self.store.trouble(), "")
        self.store.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_removed_later(self) -> None:
        """A session that was signed out during an outage is none here from then on, and nowhere after the outage."""
        outcome(self.store.start())
        self.keep()
        self.endpoint.cut()
        self.assertIsInstance(outcome(self.store.remove(self.ticket)), StoreUnavailable)
        self.assertIsNone(self.load())
        self.endpoint.down = False
        self.clock.pump([5])
        self.assertEqual(self.redis.kept, {})
        self.store.stop()
