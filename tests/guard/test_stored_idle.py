"""Tests of sessions in a store that end when nobody uses them, and that are renewed ahead of their time."""

from __future__ import annotations

from attrs import evolve

from o2sidecar.refusals import StoreUnavailable
from o2sidecar.session.cookies import parse_cookies
from o2sidecar.session.ticket import Ticket
from o2sidecar.stores.tickets import Stored
from tests.guard.asking import ALICE, NOW, Asked
from tests.guard.test_stored_sessions import TICKETS, Pod, StoredCase
from tests.stores.memory import RedisEndpoint, outcome

IDLE = 100.0


class _Case(StoredCase):
    def ticket(self, pair: str) -> Ticket:
        return TICKETS.read(parse_cookies([pair.encode()]), self.clock.seconds())[0].ticket

    def stored(self, pair: str) -> Stored:
        found: Stored = outcome(self.pod.store.load(self.ticket(pair)))
        return found


class IdleTests(_Case):
    """A session ends when it was not in use for the limit, whichever sidecar it was used at."""

    def another_pod(self, *, fallback: bool = False) -> Pod:
        return Pod(clock=self.clock, endpoint=RedisEndpoint(self.redis), fallback=fallback, idle=IDLE)

    def test_unused(self) -> None:
        """It is over when the limit has passed since the login, and not a moment before."""
        for pause, name in ((99, "alice@example.com"), (100, None)):
            pair = self.sign_in(evolve(ALICE, created_at=self.clock.seconds()))
            self.clock.advance(pause)
            self.assertEqual(self.name(pair), name)

    def test_used(self) -> None:
        """While it is in use it goes on, and every sidecar knows that it was."""
        pair, other = self.sign_in(), self.another_pod()
        for number in range(5):
            self.clock.advance(90)
            self.assertEqual(self.name(pair, (self.pod, other)[number % 2]), "alice@example.com")
        self.clock.advance(100)
        self.assertIsNone(self.name(pair))
        self.assertIsNone(self.name(pair, other))

    def test_noted_ten_times_at_most(self) -> None:
        """However often it is used, that is written ten times within the limit; the ticket's cookie stays as it is."""
        pair = self.sign_in()
        before = self.asked_for(b"SET")
        for _ in range(100):
            self.clock.advance(1)
            self.assertEqual(self.settle(pair).also, [])
        self.assertEqual(self.asked_for(b"SET") - before, 10, "a lock each")
        self.assertEqual(self.stored(pair).session.seen_at, NOW + 100)

    def test_looking_is_no_use(self) -> None:
        """Neither a look at the session nor an open WebSocket keeps it alive."""
        pair = self.sign_in()
        self.name(pair)
        opened = self.decided[0]
        assert opened is not None
        for _ in range(10):
            self.clock.advance(9.9)
            self.assertIsNotNone(outcome(self.pod.sessions.look(Asked(pair))))  # type: ignore[arg-type]
            self.assertIsNotNone(self.pod.sessions.as_of_now(opened))
        self.assertEqual(self.stored(pair).session.seen_at, NOW)
        self.clock.advance(1)
        self.assertIsNone(self.name(pair))
        self.assertIsNone(self.pod.sessions.as_of_now(opened))

    def test_signed_out_meanwhile(self) -> None:
        """A note of use does not bring back a session that was signed out elsewhere."""
        pair = self.sign_in()
        self.clock.advance(50)
        self.redis.instead[b"EVAL"] = self.gone
        self.assertIsNone(self.name(pair))
        self.assertEqual(self.redis.kept, {})

    def gone(self, words: tuple[bytes, ...]) -> int:
        self.redis.kept.clear()
        return 0

    def test_unwritten(self) -> None:
        """Where the note cannot be written the session that was read counts all the same."""
        pair = self.sign_in()
        self.clock.advance(50)
        self.redis.instead[b"EVAL"] = lambda words: "-OOM command not allowed when used memory > 'maxmemory'."
        self.assertEqual(self.name(pair), "alice@example.com")

    def test_beside_a_renewal(self) -> None:
        """While somebody holds the session's lock nothing is noted, so that new tokens are not lost."""
        pair = self.sign_in()
        self.redis.kept.update({key + b".lock": (b"theirs", None) for key in list(self.redis.kept)})
        self.clock.advance(50)
        self.assertEqual(self.name(pair), "alice@example.com")
        self.assertEqual((self.stored(pair).session.seen_at, self.asked_for(b"EVAL")), (NOW, 0))

    def renewed_while(self, change: dict[str, object]) -> Stored:
        """What is stored when a session was changed elsewhere while the provider was asked about it."""
        pair = self.sign_in(evolve(ALICE, created_at=NOW - 599, refresh_token="RT-1"))
        self.clock.advance(2)
        self.settle(pair)
        stored = self.stored(pair)
        changed = evolve(stored.session, **change)  # type: ignore[arg-type]
        self.assertIsNotNone(outcome(self.another_pod().store.replace(self.ticket(pair), stored, changed)))
        self.pod.provider.answers[0].callback(evolve(ALICE, created_at=NOW + 2, refresh_token="RT-2"))
        return self.stored(pair)

    def test_noted_during_a_renewal(self) -> None:
        """A note that comes between a renewal's question and its answer does not void the new tokens."""
        session = self.renewed_while({"seen_at": NOW + 2.5}).session
        self.assertEqual((session.refresh_token, session.seen_at), ("RT-2", NOW + 2.5))

    def test_renewed_elsewhere_meanwhile(self) -> None:
        """What another sidecar renewed meanwhile, as its lock was lost, stays as it stored it."""
        session = self.renewed_while({"created_at": NOW + 1, "refresh_token": "RT-theirs"}).session
        self.assertEqual(session.refresh_token, "RT-theirs")

    def test_gone(self) -> None:
        """While the store is away nobody is believed beyond the limit."""
        pair = self.sign_in()
        self.name(pair)
        self.cut()
        self.clock.advance(101)
        self.settle(pair)
        self.assertIsInstance(self.refused[-1], StoreUnavailable)


class JitterTests(_Case):
    """A session is renewed somewhat ahead of its time, once."""

    def another_pod(self, *, fallback: bool = False) -> Pod:
        return Pod(clock=self.clock, endpoint=RedisEndpoint(self.redis), fallback=fallback, jitter=50)

    def test_ahead(self) -> None:
        """It is renewed at its time less what was drawn, and by no other sidecar again."""
        pair, other = self.sign_in(), self.another_pod()
        self.clock.advance(554)
        self.name(pair)
        self.assertEqual(self.pod.provider.asked, [])
        self.clock.advance(1)
        self.settle(pair)
        self.assertEqual(len(self.pod.provider.asked), 1)
        self.pod.provider.answers[0].callback(evolve(ALICE, created_at=self.clock.seconds()))
        self.clock.advance(1)
        self.assertEqual(self.name(pair, other), "alice@example.com")
        self.assertEqual(other.provider.asked, [])

    def test_nothing_new(self) -> None:
        """Where the provider tells nothing new it is asked again after a while, not with each request."""
        pair = self.sign_in()
        self.clock.advance(560)
        self.settle(pair)
        self.pod.provider.answers[0].callback(None)
        for _ in range(5):
            self.clock.advance(10)
            self.settle(pair)
        self.assertEqual(len(self.pod.provider.asked), 1)
