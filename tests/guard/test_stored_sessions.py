"""Tests of sessions that are kept in a store: found, believed for a moment, renewed once, ended everywhere."""

from __future__ import annotations

from math import inf
from typing import Any

from attrs import evolve, field, frozen
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.guard.held import Trust
from o2sidecar.guard.lifetimes import Lifetimes
from o2sidecar.guard.opened import Opened
from o2sidecar.guard.own_cookies import OwnCookies
from o2sidecar.guard.renewing import Renewals
from o2sidecar.guard.stored_sessions import StoredSessions
from o2sidecar.guard.ticket_renewal import TicketRenewal
from o2sidecar.observe.counts import SessionCounts
from o2sidecar.policy.peers import Forwarding
from o2sidecar.refusals import NotSignedIn, ProviderFailed, Refusal, SessionEnded, StoreUnavailable
from o2sidecar.session.revocations import RevocationKeys
from o2sidecar.session.session import Session
from o2sidecar.session.ticket import Ticket
from o2sidecar.session.ticket_cookie import TicketCookie
from o2sidecar.stores.revocation_list import RevocationList
from o2sidecar.stores.server import Login, RedisLimits, RedisServer
from o2sidecar.stores.tickets import TicketStore
from tests.guard.asking import (
    ALICE,
    COOKIE,
    HEADERS,
    NOW,
    RING,
    Asked,
    SlowProvider,
    cookie_of,
    revocation_list,
    sessions,
)
from tests.stores.memory import MemoryRedis, RedisEndpoint, outcome

TICKETS = TicketCookie(attributes=COOKIE.attributes, ring=RING)
BOB = Session(created_at=NOW, user="u-2", email="bob@example.com")


@frozen(kw_only=True)
class Pod:
    """One sidecar's part in sessions that several share."""

    clock: Clock
    endpoint: RedisEndpoint
    provider: SlowProvider = field(factory=SlowProvider)
    fallback: bool = False
    absolute: float = inf
    idle: float = inf
    jitter: float = 0
    counts: SessionCounts = field(factory=SessionCounts)
    revoked: RevocationList = field()
    store: TicketStore = field()
    sessions: StoredSessions = field()

    @revoked.default
    def _revoked(self) -> RevocationList:
        return revocation_list(self.clock)

    @store.default
    def _store(self) -> TicketStore:
        server = RedisServer(self.endpoint, where="redis", login=Login(), limits=RedisLimits(), clock=self.clock)
        return TicketStore(server, clock=self.clock, lifetime=3600, lock_time=2, deadline=4)

    @sessions.default
    def _sessions(self) -> StoredSessions:
        return StoredSessions(
            self.store,
            tickets=TICKETS,
            own=OwnCookies(COOKIE, Forwarding()),
            headers=HEADERS,
            renewal=TicketRenewal(
                self.store,
                provider=Renewals(provider=self.provider, counts=self.counts),
                clock=self.clock,
                lock_time=2,
                lifetimes=Lifetimes(sealed=inf, absolute=self.absolute, idle=self.idle),
            ),
            clock=self.clock,
            revoked=self.revoked,
            trust=Trust(
                lifetime=3600,
                believed=0.5,
                refresh_period=600,
                absolute=self.absolute,
                idle=self.idle,
                jitter=self.jitter,
                random=lambda: 0.9,
            ),
            sealed=sessions(self.provider, self.clock) if self.fallback else None,
            counts=self.counts,
        )


class StoredCase(SynchronousTestCase):
    """A Redis in memory, a pod, and what became of requests."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.redis = MemoryRedis(self.clock)
        self.pod = self.another_pod()
        self.decided: list[Opened | None] = []
        self.refused: list[Refusal] = []

    def another_pod(self, *, fallback: bool = False) -> Pod:
        return Pod(clock=self.clock, endpoint=RedisEndpoint(self.redis), fallback=fallback)

    def settle(self, pair: str, pod: Pod | None = None) -> Asked:
        asked = Asked(pair)
        (pod or self.pod).sessions.settle(
            asked,  # type: ignore[arg-type]
            lambda _, opened: self.decided.append(opened),
            lambda _, refusal: self.refused.append(refusal),
        )
        return asked

    def name(self, pair: str, pod: Pod | None = None) -> str | None:
        """Who a request is let pass as; it must not wait."""
        before = len(self.decided)
        self.settle(pair, pod)
        self.assertEqual(len(self.decided), before + 1, self.refused)
        opened = self.decided[-1]
        return opened.session.name if opened else None

    def sign_in(self, session: Session = ALICE, *, having: str = "") -> str:
        """The pair of the cookie that a browser has after signing in."""
        asked = Asked(*([having] if having else []))
        return pair_of(outcome(self.pod.sessions.issue(asked, session)))  # type: ignore[arg-type]

    def asked_for(self, name: bytes) -> int:
        return sum(words[0] == name for words in self.redis.asked)

    def cut(self) -> None:
        self.pod.endpoint.cut()


def pair_of(set_cookies: list[bytes]) -> str:
    return set_cookies[0].decode().partition(";")[0]


class FoundTests(StoredCase):
    """A ticket leads to the session that was stored with it."""

    def test_round_trip(self) -> None:
        """Who signs in gets a ticket, and is found by it here and in every other sidecar."""
        pair = self.sign_in()
        self.assertEqual(self.name(pair), "alice@example.com")
        self.assertEqual(self.name(f"a=1; {pair}; b=2", self.another_pod()), "alice@example.com")
        self.assertLess(len(pair), 300, "however large the session is")

    def test_nobody(self) -> None:
        """Without a ticket, with a forged one, with one whose session is gone and with a sealed session: nobody."""
        pair = self.sign_in()
        for other in ("a=1", "_oauth2_proxy=junk", pair[:-8], cookie_of(ALICE), f"x{pair}"):
            self.assertIsNone(self.name(other), other)
        self.redis.kept.clear()
        self.assertIsNone(self.name(pair))
        self.assertEqual({"signature": 1, "malformed": 2, "ended": 1}.items() - self.pod.counts.refused.items(), set())

    def test_why_none(self) -> None:
        """A session that the store lost, or has another in its place, is told from a cookie that is of no use."""

        def why(pair: str, pod: Pod | None = None) -> Any:
            return outcome((pod or self.pod).sessions.why_none(Asked(pair)))  # type: ignore[arg-type]

        alice, bob = self.sign_in(), self.sign_in(BOB)
        fallback = self.another_pod(fallback=True)
        self.assertEqual((why("a=1"), why("a=1", fallback)), ("missing", "missing"))
        self.assertEqual((why(alice[:-8]), why("_oauth2_proxy=junk")), ("signature", "malformed"))
        self.assertEqual(why(cookie_of(Session(created_at=NOW)), fallback), "ended")
        self.assertEqual(why(self.sign_in(Session(created_at=NOW))), "ended")
        first, second, _ = self.redis.kept
        self.redis.kept[first] = self.redis.kept[second]
        self.assertEqual(why(alice), "lost")
        self.redis.kept.clear()
        self.assertEqual((why(bob), why(bob, fallback)), ("lost", "lost"))
        self.clock.advance(3700)
        self.assertEqual(why(bob), "expired")
        self.cut()
        self.clock.advance(-3700)
        self.assertIsInstance(why(bob), StoreUnavailable)

    def test_looking_at_what_is_over(self) -> None:
        """Who only looks finds nobody where the session was revoked, or is too old, though the store still has it."""

        def seen(pair: str, pod: Pod) -> tuple[bool, Any]:
            looked = outcome(pod.sessions.look(Asked(pair)))  # type: ignore[arg-type]
            return looked is not None, outcome(pod.sessions.why_none(Asked(pair)))  # type: ignore[arg-type]

        pair = self.sign_in()
        short = Pod(clock=self.clock, endpoint=RedisEndpoint(self.redis), absolute=60)
        self.clock.advance(59)
        self.assertTrue(seen(pair, self.pod)[0] and seen(pair, short)[0])
        self.clock.advance(1)
        self.assertEqual(seen(pair, short), (False, "ended"))
        self.pod.revoked.revocations.add(RevocationKeys(RING).revocation("all", [], NOW))
        self.assertEqual(seen(pair, self.pod), (False, "ended"))
        self.assertTrue(seen(self.sign_in(evolve(ALICE, created_at=NOW + 60)), self.pod)[0])

    def test_copied(self) -> None:
        """A value that somebody copied in the store from another's key opens for nobody (S11)."""
        alice, bob = self.sign_in(), self.sign_in(BOB)
        first, second = list(self.redis.kept)
        self.redis.kept[first] = self.redis.kept[second]
        self.assertIsNone(self.name(alice))
        self.assertEqual(self.name(bob), "bob@example.com")
        self.assertIsNone(self.name(f"{alice}; a=1"))
        self.assertEqual(self.name(f"{alice}; {bob}"), "bob@example.com")

    def test_nobodys_session(self) -> None:
        """A stored session that names nobody is nobody's (CONTRACT §10 #32)."""
        self.assertIsNone(self.name(self.sign_in(Session(created_at=NOW))))

    def test_planted(self) -> None:
        """A dead ticket that a sibling host planted beside the good one does not hide it (S8)."""
        pair = self.sign_in()
        dead = pair_of(TICKETS.write(Ticket.issue("_oauth2_proxy"), NOW + 60, "app.example.com", []))
        self.assertEqual(self.name(f"{dead}; {pair}"), "alice@example.com")

    def test_expiry(self) -> None:
        """A ticket ends with its lifetime, whatever the store still has (S10)."""
        pair = self.sign_in()
        key, (value, _) = next(iter(self.redis.kept.items()))
        self.redis.kept[key] = (value, None)
        self.clock.advance(599)
        self.assertEqual(self.name(pair), "alice@example.com")
        self.clock.advance(3000)
        self.settle(pair)
        self.pod.provider.answers[0].callback(None)
        self.assertEqual(self.decided[-1] and self.decided[-1].session.name, "alice@example.com")
        self.clock.advance(1)
        self.assertIsNone(self.name(pair))

    def test_login_replaces(self) -> None:
        """A new login has a new ticket, and the one that the browser had before opens nothing any more (S1)."""
        before = self.sign_in(BOB)
        after = self.sign_in(having=f"{before}; _oauth2_proxy_0=old")
        self.assertNotEqual(before, after)
        self.assertIsNone(self.name(before))
        self.assertEqual(self.name(after), "alice@example.com")
        self.assertEqual(len(self.redis.kept), 1)


class BelievedTests(StoredCase):
    """What was found is believed for half a second, and no longer."""

    def test_one_question(self) -> None:
        """Any number of requests within the time cost one question, at once or one after the other."""
        pair = self.sign_in()
        for _ in range(10):
            self.name(pair)
        self.assertEqual(self.asked_for(b"GET"), 1)
        self.clock.advance(0.5)
        self.pod.endpoint.quick = False
        for _ in range(10):
            self.settle(pair)
        self.assertEqual(len(self.decided), 10)
        self.assertEqual(self.pod.endpoint.wire.take().count(b"GET"), 1)

    def test_ended_elsewhere(self) -> None:
        """A session that was ended by another sidecar is nobody's half a second later."""
        pair, other = self.sign_in(), self.another_pod()
        self.assertEqual(self.name(pair), "alice@example.com")
        asked = Asked(pair)
        self.assertEqual(outcome(other.sessions.end(asked)), ALICE)  # type: ignore[arg-type]
        self.clock.advance(0.49)
        self.assertEqual(self.name(pair), "alice@example.com")
        self.clock.advance(0.01)
        self.assertIsNone(self.name(pair))

    def test_what_runs_with_it(self) -> None:
        """What goes on with a session, a WebSocket, notices its end without another request."""
        pair = self.sign_in()
        self.name(pair)
        opened = self.decided[0]
        assert opened is not None
        self.redis.kept.clear()
        self.assertIsNotNone(self.pod.sessions.as_of_now(opened))
        self.clock.advance(0.5)
        self.pod.sessions.as_of_now(opened)
        self.assertIsNone(self.pod.sessions.as_of_now(opened))

    def test_the_same_identity(self) -> None:
        """As long as the same is stored, it is not opened again."""
        pair = self.sign_in()
        self.name(pair)
        self.clock.advance(0.5)
        self.name(pair)
        first, second = self.decided
        assert first is not None
        assert second is not None
        self.assertIs(first.identity, second.identity)
        self.assertEqual(self.pod.counts.opened, 1)


class SignedOutTests(StoredCase):
    """Signing out ends a session, and not only its cookie."""

    def end(self, pair: str) -> tuple[Any, Asked]:
        asked = Asked(pair)
        return outcome(self.pod.sessions.end(asked)), asked  # type: ignore[arg-type]

    def test_everywhere(self) -> None:
        """The key is deleted, the cookie taken, and a copy of it opens nothing, here at once."""
        pair = self.sign_in()
        self.name(pair)
        ended, asked = self.end(pair)
        self.assertEqual(ended, ALICE)
        self.assertEqual(self.redis.kept, {})
        self.assertIn(b"Max-Age=0", asked.set_cookies[0])
        self.assertIsNone(self.name(pair))

    def test_nothing_to_end(self) -> None:
        """Without a session there is nothing to end; a cookie that is none is taken."""
        self.assertEqual(self.end("a=1")[0], None)
        ended, asked = self.end("_oauth2_proxy=junk")
        self.assertEqual((ended, len(asked.set_cookies)), (None, 1))

    def test_during_an_outage(self) -> None:
        """While the store is away people are told, have no cookie any more, and are signed out when it is back."""
        pair = self.sign_in()
        outcome(self.pod.store.start())
        self.addCleanup(self.pod.store.stop)
        self.cut()
        ended, asked = self.end(pair)
        self.assertIsInstance(ended, StoreUnavailable)
        self.assertIn("You are signed out in this browser", ended.sentence)
        self.assertIn(b"Max-Age=0", asked.set_cookies[0])
        self.pod.endpoint.down = False
        self.clock.pump([5, 1])
        self.assertEqual(self.redis.kept, {})


class OutageTests(StoredCase):
    """While the store is away, the operator's rule holds."""

    def test_reject(self) -> None:
        """Requests with a ticket are refused, those without are not, and the cookie stays."""
        pair = self.sign_in()
        self.name(pair)
        self.cut()
        self.assertEqual(self.name(pair), "alice@example.com", "believed for a moment longer")
        self.clock.advance(0.5)
        asked = self.settle(pair)
        self.assertIsInstance(self.refused.pop(), StoreUnavailable)
        self.assertEqual(asked.also, [])
        self.assertIsNone(self.name("a=1"))
        self.pod.endpoint.down = False
        self.clock.advance(2)
        self.assertEqual(self.name(pair), "alice@example.com")

    def test_reject_logins(self) -> None:
        """Nobody can sign in, and is told so."""
        self.cut()
        self.assertIsInstance(outcome(self.pod.sessions.issue(Asked(), ALICE)), StoreUnavailable)  # type: ignore[arg-type]

    def test_fallback(self) -> None:
        """With the fallback who has a ticket is asked to sign in, and gets a sealed session, which goes on later."""
        self.pod = self.another_pod(fallback=True)
        pair = self.sign_in()
        self.cut()
        self.settle(pair)
        self.assertIsInstance(self.refused.pop(), NotSignedIn)
        sealed = self.sign_in(BOB, having=pair)
        self.assertEqual(self.name(sealed), "bob@example.com")
        self.pod.endpoint.down = False
        self.clock.advance(2)
        self.assertEqual(self.name(sealed), "bob@example.com")
        self.assertEqual(self.name(pair), "alice@example.com")
        opened = self.decided[-2]
        assert opened is not None
        self.assertIsNotNone(self.pod.sessions.as_of_now(opened))
        ended = outcome(self.pod.sessions.end(Asked(sealed)))  # type: ignore[arg-type]
        self.assertEqual(ended.name, "bob@example.com")

    def test_fallback_that_does_not_fit(self) -> None:
        """A session that is too large for cookies is refused with the store's reason."""
        self.pod = self.another_pod(fallback=True)
        self.cut()
        large = evolve(ALICE, groups=tuple(f"{number:x}-{hash(str(number)):x}" for number in range(6000)))
        found = outcome(self.pod.sessions.issue(Asked(), large))  # type: ignore[arg-type]
        self.assertIsInstance(found, StoreUnavailable)

    def test_what_runs_goes_on(self) -> None:
        """What runs with a session is not cut because nobody can tell."""
        self.name(self.sign_in())
        opened = self.decided[0]
        assert opened is not None
        self.cut()
        self.clock.advance(1)
        self.pod.sessions.as_of_now(opened)
        self.assertIsNotNone(self.pod.sessions.as_of_now(opened))
        self.clock.advance(3600)
        self.assertIsNone(self.pod.sessions.as_of_now(opened))


class RenewedTests(StoredCase):
    """A session is renewed once, whoever shares it."""

    def setUp(self) -> None:
        super().setUp()
        self.pair = self.sign_in()
        self.clock.advance(600)
        self.new = evolve(ALICE, created_at=NOW + 600, access_token="AT-2")

    def tokens(self) -> list[str]:
        return [opened.session.access_token for opened in self.decided if opened]

    def test_looking_renews_nothing(self) -> None:
        """Who only looks sees that the session is due, and asks nobody but the store."""
        opened = outcome(self.pod.sessions.look(Asked(self.pair)))  # type: ignore[arg-type]
        self.assertEqual((opened.session.name, opened.due_at), ("alice@example.com", NOW + 600))
        self.assertEqual(self.pod.provider.asked, [])
        self.assertIsNone(outcome(self.pod.sessions.look(Asked("a=1"))))  # type: ignore[arg-type]
        self.cut()
        self.assertIsInstance(outcome(self.pod.sessions.look(Asked(self.pair))), StoreUnavailable)  # type: ignore[arg-type]

    def test_once_here(self) -> None:
        """Fifty requests cost one question to the provider, and the renewed session is stored for everybody."""
        for _ in range(50):
            self.settle(self.pair)
        self.assertEqual((len(self.pod.provider.asked), self.decided), (1, []))
        self.pod.provider.answers[0].callback(self.new)
        self.assertEqual(self.tokens(), ["AT-2"] * 50)
        other = self.another_pod()
        self.name(self.pair, other)
        self.assertEqual((self.tokens()[-1], other.provider.asked), ("AT-2", []))
        self.assertEqual(len(self.redis.kept), 1, "the lock is given back")

    def test_kept(self) -> None:
        """New tokens without a new judgement are stored with the old time, and asked about soon again."""
        self.settle(self.pair)
        self.pod.provider.answers[0].callback(evolve(ALICE, access_token="AT-2"))
        self.assertEqual(self.tokens(), ["AT-2"])
        self.clock.advance(59)
        self.name(self.pair)
        self.assertEqual(len(self.pod.provider.asked), 1)
        self.clock.advance(2)
        self.settle(self.pair)
        self.assertEqual([session.access_token for session in self.pod.provider.asked], ["AT", "AT-2"])

    def test_once_among_pods(self) -> None:
        """Sidecars that share the store ask the provider once: the others wait for what it came to."""
        pods = [self.pod, self.another_pod(), self.another_pod()]
        for pod in pods:
            self.settle(self.pair, pod)
        self.assertEqual([len(pod.provider.asked) for pod in pods], [1, 0, 0])
        # The provider takes longer than a lock lasts.
        self.clock.pump([0.1] * 30)
        self.assertEqual(self.decided, [])
        self.pod.provider.answers[0].callback(self.new)
        self.clock.pump([0.1] * 2)
        self.assertEqual(self.tokens(), ["AT-2"] * 3)
        self.assertEqual([len(pod.provider.asked) for pod in pods], [1, 0, 0])

    def test_the_cookie_lives_as_long(self) -> None:
        """A session that was renewed, here or elsewhere, has the browser's ticket signed anew."""
        self.settle(self.pair)
        self.pod.provider.answers[0].callback(self.new)
        self.name(self.pair, self.another_pod())
        here, elsewhere = self.decided
        assert here is not None
        assert elsewhere is not None
        self.assertTrue(here.renewed and elsewhere.renewed)
        asked = Asked(self.pair)
        self.pod.sessions.give_cookie(asked, here)  # type: ignore[arg-type]
        self.assertNotEqual(pair_of(asked.set_cookies), self.pair)
        self.name(pair_of(asked.set_cookies))
        latest = self.decided[-1]
        self.assertFalse(latest is None or latest.renewed)

    def test_a_holder_that_is_gone(self) -> None:
        """When the sidecar that renews is gone, another one does it as soon as its lock has ended."""
        self.redis.kept[self.lock_id()] = (b"somebody", self.clock.seconds() + 2)
        self.settle(self.pair)
        self.clock.pump([0.1] * 19)
        self.assertEqual(self.pod.provider.asked, [])
        self.clock.pump([0.1] * 2)
        self.assertEqual(len(self.pod.provider.asked), 1)

    def test_a_holder_that_takes_long(self) -> None:
        """Who waits for another one for too long goes on with the session as it is."""
        self.redis.kept[self.lock_id()] = (b"somebody", None)
        self.settle(self.pair)
        self.clock.pump([0.1] * 52)
        self.assertEqual(self.tokens(), ["AT"])
        self.name(self.pair)
        self.assertEqual(self.pod.provider.asked, [])

    def test_signed_out_meanwhile(self) -> None:
        """A session that is signed out while it is renewed is over, and does not come back."""
        self.settle(self.pair)
        outcome(self.another_pod().sessions.end(Asked(self.pair)))  # type: ignore[arg-type]
        self.pod.provider.answers[0].callback(self.new)
        self.assertEqual(self.decided, [None])
        self.assertEqual(self.redis.kept, {})

    def test_ended_by_the_provider(self) -> None:
        """A session that the provider ends is ended in the store."""
        self.settle(self.pair)
        self.pod.provider.answers[0].errback(SessionEnded())
        self.assertEqual((self.decided, self.redis.kept), ([None], {}))

    def test_nothing_new(self) -> None:
        """A session about which there is nothing new is asked about again after the retry period only."""
        self.settle(self.pair)
        self.pod.provider.answers[0].callback(None)
        self.clock.advance(59)
        self.name(self.pair)
        self.assertEqual(len(self.pod.provider.asked), 1)
        self.clock.advance(1)
        self.settle(self.pair)
        self.assertEqual(len(self.pod.provider.asked), 2)

    def test_the_provider_fails(self) -> None:
        """Where the provider cannot be asked, those who wait are refused, and the session stays."""
        self.settle(self.pair)
        self.pod.provider.answers[0].errback(ProviderFailed(reason="token_refused"))
        self.assertEqual([refusal.reason for refusal in self.refused], ["renewal_failed"])
        self.assertEqual(len(self.redis.kept), 1)

    def test_the_store_fails(self) -> None:
        """Where the store goes away while the provider is asked, those who wait are refused."""
        self.settle(self.pair)
        self.cut()
        self.pod.provider.answers[0].callback(self.new)
        self.assertIsInstance(self.refused[0], StoreUnavailable)

    def test_a_defect(self) -> None:
        """An unexpected exception is logged, and answered."""
        self.pod.sessions.settle(
            Asked(self.sign_in(BOB)),  # type: ignore[arg-type]
            lambda _, opened: 1 // 0,  # type: ignore[arg-type]
            lambda _, refusal: self.refused.append(refusal),
        )
        self.pod.provider.answers[0].callback(None)
        self.assertEqual(self.refused[0].reason, "internal_error")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def lock_id(self) -> bytes:
        [key] = self.redis.kept
        return key + b".lock"


class AbsoluteLifetimeTests(StoredCase):
    """A stored session ends so long after the login."""

    def pair_of_now(self, asked: Asked, pair: str) -> str:
        """The browser's pair after an answer."""
        given = [value.decode().partition(";")[0] for value in asked.set_cookies]
        return given[-1] if given else pair

    def renewed_for(self, pod: Pod, pair: str, times: int) -> str:
        """The pair after so many renewals, one each ten minutes."""
        for _ in range(times):
            self.clock.advance(601)
            asked = self.settle(pair, pod)
            before = pod.provider.asked[-1]
            pod.provider.answers[-1].callback(evolve(before, created_at=self.clock.seconds()))
            found = self.decided[-1]
            assert found is not None
            if found.renewed:
                pod.sessions.give_cookie(asked, found)  # type: ignore[arg-type]
            pair = self.pair_of_now(asked, pair)
        return pair

    def test_since_the_login(self) -> None:
        """However often it is renewed; another pod, which has not seen it before, says the same."""
        pods = [Pod(clock=self.clock, endpoint=RedisEndpoint(self.redis), absolute=7200) for _ in range(2)]
        [line] = outcome(pods[0].sessions.issue(Asked(), ALICE))  # type: ignore[arg-type]
        pair = self.renewed_for(pods[0], line.decode().partition(";")[0], 11)
        self.settle(pair, pods[1])
        self.assertIsNotNone(self.decided[-1])
        self.clock.advance(7200 - 11 * 601)
        for pod in pods:
            self.settle(pair, pod)
            self.assertIsNone(self.decided[-1])
