"""Tests of sessions in cookies of which the large ones are kept in a store."""

from __future__ import annotations

import random
from typing import Any

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.guard.cookie_budget import CookieBudget
from o2sidecar.guard.held import Held, Trust
from o2sidecar.guard.opened import Opened
from o2sidecar.guard.own_cookies import OwnCookies
from o2sidecar.guard.renewing import Renewals
from o2sidecar.guard.sessions import Sessions
from o2sidecar.guard.spilling import SpillingSessions
from o2sidecar.guard.stored_sessions import StoredSessions
from o2sidecar.guard.ticket_renewal import TicketRenewal
from o2sidecar.policy.peers import Forwarding
from o2sidecar.refusals import NotSignedIn, Refusal, StoreUnavailable
from o2sidecar.session.session import Session
from o2sidecar.session.ticket_cookie import TicketCookie
from o2sidecar.stores.server import Login, RedisLimits, RedisServer
from o2sidecar.stores.tickets import TicketStore
from tests.guard.asking import ALICE, COOKIE, HEADERS, NOW, RING, Asked, SlowProvider, cookie_of, revocation_list
from tests.stores.memory import MemoryRedis, RedisEndpoint, outcome

NAME = "_oauth2_proxy"
BUDGET = 8192
CELL = evolve(COOKIE, replaces=True)


def noise(size: int) -> str:
    """Text that no compression makes smaller by much."""
    return random.Random(size).randbytes(size // 2).hex()


SMALL = ALICE
PARTED = evolve(ALICE, access_token=noise(4500))
"""Within the budget, and in more than one cookie."""
LARGE = evolve(ALICE, access_token=noise(12_000))


class Pod:
    """One sidecar of several that share a Redis, and sessions in cookies."""

    def __init__(self, clock: Clock, redis: MemoryRedis, *, bridges: bool = False) -> None:
        self.endpoint = RedisEndpoint(redis)
        self.provider = SlowProvider()
        server = RedisServer(self.endpoint, where="redis", login=Login(), limits=RedisLimits(), clock=clock)
        self.store = TicketStore(server, clock=clock, lifetime=3600, lock_time=2, deadline=4)
        self.revoked = revocation_list(clock)
        own, budget = OwnCookies(CELL, Forwarding()), CookieBudget(CELL, BUDGET)
        sealed = Sessions(
            cookie=CELL,
            headers=HEADERS,
            provider=self.provider,
            forwarding=Forwarding(),
            now=clock.seconds,
            lifetime=3600,
            revoked=self.revoked,
            refresh_period=600,
            budget=budget,
        )
        stored = StoredSessions(
            self.store,
            tickets=TicketCookie(attributes=CELL.attributes, ring=RING),
            own=own,
            headers=HEADERS,
            renewal=TicketRenewal(
                self.store,
                provider=Renewals(provider=self.provider, counts=sealed._counts),
                clock=clock,
                lock_time=2,
            ),
            clock=clock,
            trust=Trust(lifetime=3600, believed=0.5, refresh_period=600),
            revoked=self.revoked,
            sealed=sealed,
            bridges=bridges,
        )
        self.sessions = SpillingSessions(
            sealed, stored, own=own, budget=budget, revoked=self.revoked, now=clock.seconds
        )


class SpillingCase(SynchronousTestCase):
    """A Redis in memory, a pod, and a browser's cookies."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.redis = MemoryRedis(self.clock)
        self.pod = Pod(self.clock, self.redis)
        self.jar: dict[str, str] = {}
        self.decided: list[Opened | None] = []
        self.refused: list[Refusal] = []

    def asked(self, jar: dict[str, str] | None = None) -> Any:
        jar = self.jar if jar is None else jar
        return Asked(*["; ".join(f"{name}={value}" for name, value in jar.items())] if jar else [])

    def take(self, values: list[bytes]) -> None:
        for value in values:
            name, _, content = value.decode().partition(";")[0].partition("=")
            if b"Max-Age=0" in value:
                self.jar.pop(name, None)
            else:
                self.jar[name] = content

    def sign_in(self, session: Session, pod: Pod | None = None) -> None:
        issued = outcome((pod or self.pod).sessions.issue(self.asked(), session))
        if isinstance(issued, Exception):
            raise issued
        self.take(issued)

    def ask(self, pod: Pod | None = None, jar: dict[str, str] | None = None) -> Any:
        """A request as the guard treats it: a session that is to be given to the browser is."""
        asked, pod = self.asked(jar), pod or self.pod

        def decide(exchange: Any, opened: Opened | None) -> None:
            self.decided.append(opened)
            if opened is None:
                pod.sessions.take_cookies(exchange)
            elif opened.renewed:
                pod.sessions.give_cookie(exchange, opened)

        pod.sessions.settle(asked, decide, lambda _, refusal: self.refused.append(refusal))
        return asked

    def go(self, pod: Pod | None = None) -> str | None:
        """Who a request is let pass as; its cookies are taken."""
        before = len(self.decided)
        self.take(self.ask(pod).set_cookies)
        self.assertEqual(len(self.decided), before + 1, self.refused)
        opened = self.decided[-1]
        return opened.session.name if opened else None

    def renew_as(self, session: Session) -> None:
        """Have the session be renewed by a request, as this one."""
        self.clock.advance(601)
        asked = self.ask()
        self.pod.provider.answers[-1].callback(evolve(session, created_at=self.clock.seconds()))
        self.take(asked.set_cookies)

    @property
    def kind(self) -> str:
        value = self.jar.get(NAME, "")
        return "ticket" if value.startswith("djIu") else "whole" if value else "parts" if self.jar else "none"

    def tickets(self) -> list[bytes]:
        return [key for key in self.redis.kept if not key.endswith(b".lock") and self.redis.get(key) is not None]


class PlaceTests(SpillingCase):
    """A session is where its size says."""

    def test_signing_in(self) -> None:
        """What fits into the budget is in cookies, in parts too, and what does not is in the store."""
        for session, kind, stored in ((SMALL, "whole", 0), (PARTED, "parts", 0), (LARGE, "ticket", 1)):
            self.jar = {}
            self.sign_in(session)
            self.assertEqual((self.kind, len(self.tickets())), (kind, stored))
            self.assertEqual(self.go(), "alice@example.com")
            self.assertEqual(self.go(Pod(self.clock, self.redis)), "alice@example.com", "elsewhere, too")
            assert self.decided[-1] is not None
            self.assertEqual(self.decided[-1].session.access_token, session.access_token)

    def test_growing(self) -> None:
        """A session that grows gets a ticket when it is renewed, and nothing of its old cookies stays."""
        for session in (SMALL, PARTED):
            self.jar = {}
            self.sign_in(session)
            self.renew_as(LARGE)
            self.assertEqual(list(self.jar), [NAME])
            self.assertEqual(self.kind, "ticket")
            self.assertEqual(self.go(), "alice@example.com")
            self.assertIsInstance(self.decided[-1], Held)

    def test_shrinking(self) -> None:
        """A session that shrinks is in cookies again when it is renewed, and its ticket ends a little later."""
        self.sign_in(LARGE)
        ticket = dict(self.jar)
        self.renew_as(PARTED)
        self.assertEqual(self.kind, "parts")
        self.assertEqual(self.go(), "alice@example.com")
        self.assertNotIsInstance(self.decided[-1], Held)
        self.assertTrue(self.ask(jar=ticket).set_cookies, "who comes late with the ticket is given the parts, too")
        self.assertIsNotNone(self.decided[-1])
        self.clock.advance(61)
        self.assertEqual(self.tickets(), [])
        self.ask(jar=ticket)
        self.assertIsNone(self.decided[-1])
        self.assertEqual(self.go(), "alice@example.com")

    def test_between_forms(self) -> None:
        """From parts to one cookie and back nothing of the other form stays in the browser."""
        self.sign_in(PARTED)
        self.renew_as(SMALL)
        self.assertEqual(list(self.jar), [NAME])
        self.renew_as(PARTED)
        self.assertNotIn(NAME, self.jar)
        self.assertEqual(self.go(), "alice@example.com")

    def test_many_at_once(self) -> None:
        """However many requests bring a session that grew, it is renewed once and moves once."""
        self.sign_in(SMALL)
        self.clock.advance(601)
        waiting = [self.ask() for _ in range(20)]
        self.assertEqual(len(self.pod.provider.asked), 1)
        self.pod.provider.answers[0].callback(evolve(LARGE, created_at=self.clock.seconds()))
        late = self.ask()
        given = {tuple(asked.set_cookies) for asked in (*waiting, late)}
        self.assertEqual((len(given), len(self.tickets())), (1, 1))

    def test_a_new_login(self) -> None:
        """What the browser had a ticket for is over when somebody signs in, whichever kind the new session is (S1)."""
        for session in (SMALL, LARGE):
            self.sign_in(LARGE)
            before = dict(self.jar)
            self.sign_in(evolve(session, email="bob@example.com"))
            self.assertEqual(self.go(), "bob@example.com")
            self.ask(jar=before)
            self.assertIsNone(self.decided[-1])

    def test_without_tokens(self) -> None:
        """Where sessions keep no tokens, a large one in the store has none either."""
        pod = Pod(self.clock, self.redis)
        pod.sessions._budget.cookie = evolve(CELL, minimal=True)
        self.sign_in(evolve(ALICE, groups=(noise(20_000),)), pod)
        self.assertEqual((self.go(pod), self.kind), ("alice@example.com", "ticket"))
        assert self.decided[-1] is not None
        self.assertEqual(self.decided[-1].session.access_token, "")


class EndTests(SpillingCase):
    """Signing out ends both kinds."""

    def test_each_kind(self) -> None:
        """A copy of the cookies is worth nothing after signing out."""
        for session in (SMALL, PARTED, LARGE):
            self.jar = {}
            self.sign_in(evolve(session, nonce=session.access_token[:8].encode()))
            self.go()
            copy, asked = dict(self.jar), self.asked()
            ended = outcome(self.pod.sessions.end(asked))
            self.assertEqual(ended.name, "alice@example.com")
            self.take(asked.set_cookies)
            self.assertEqual(self.jar, {})
            self.ask(jar=copy)
            self.assertIsNone(self.decided[-1])
            self.assertEqual(self.tickets(), [])

    def test_former_kinds(self) -> None:
        """So is a copy of the cookies that the session had before it moved, either way."""
        for before, after in ((SMALL, LARGE), (LARGE, SMALL)):
            self.jar = {}
            nonce = before.access_token[:9].encode()
            self.sign_in(evolve(before, nonce=nonce))
            copy = dict(self.jar)
            self.renew_as(evolve(after, nonce=nonce))
            self.assertNotEqual(copy, self.jar)
            outcome(self.pod.sessions.end(self.asked()))
            self.ask(jar=copy)
            self.assertIsNone(self.decided[-1])

    def test_what_runs_with_it(self) -> None:
        """What goes on with a session notices its end, whichever kind it is."""
        for session in (SMALL, LARGE):
            self.jar = {}
            self.sign_in(evolve(session, nonce=session.access_token[:9].encode()))
            self.go()
            opened = self.decided[-1]
            assert opened is not None
            self.assertIsNotNone(self.pod.sessions.as_of_now(opened))
            outcome(self.pod.sessions.end(self.asked()))
            self.assertIsNone(self.pod.sessions.as_of_now(opened))

    def test_why_none(self) -> None:
        """Why there is no session is told of either kind."""
        self.sign_in(LARGE)
        self.redis.kept.clear()
        self.assertEqual(outcome(self.pod.sessions.why_none(self.asked())), "lost")
        self.assertEqual(outcome(self.pod.sessions.why_none(self.asked({NAME: "junk"}))), "malformed")
        self.assertEqual(outcome(self.pod.sessions.look(self.asked({}))), None)


class OutageTests(SpillingCase):
    """While the store is away, who is in cookies is served."""

    def away(self, pod: Pod | None = None) -> Pod:
        pod = pod or self.pod
        pod.endpoint.cut()
        return pod

    def test_kinds(self) -> None:
        """Sessions in cookies go on; one in the store is refused, or signed in anew, by the operator's rule."""
        for bridges, refusal in ((False, StoreUnavailable), (True, NotSignedIn)):
            pod = Pod(self.clock, self.redis, bridges=bridges)
            self.jar = {}
            self.sign_in(SMALL, pod)
            small = dict(self.jar)
            self.sign_in(LARGE, pod)
            self.away(pod)
            self.ask(pod, jar=small)
            self.assertIsNotNone(self.decided[-1])
            asked = self.ask(pod)
            self.assertIsInstance(self.refused.pop(), refusal)
            self.assertEqual(asked.set_cookies, [], "the ticket stays")

    def test_signing_in(self) -> None:
        """Who fits into cookies can sign in; a large session goes there only if it may."""
        self.sign_in(SMALL, self.away())
        with self.assertRaises(StoreUnavailable):
            self.sign_in(LARGE)
        self.sign_in(LARGE, self.away(Pod(self.clock, self.redis, bridges=True)))
        self.assertEqual(self.kind, "parts")

    def test_growing(self) -> None:
        """A session that grows meanwhile stays in cookies, and moves when the store is back."""
        self.sign_in(SMALL)
        self.away()
        self.renew_as(LARGE)
        self.assertEqual((self.kind, self.decided[-1] is not None), ("parts", True))
        self.pod.endpoint.down = False
        self.clock.advance(601)
        asked = self.ask()
        self.pod.provider.answers[-1].callback(evolve(LARGE, created_at=self.clock.seconds()))
        self.take(asked.set_cookies)
        self.assertEqual(self.kind, "ticket")


class HostileTests(SpillingCase):
    """Cookies that others set, and values that others stored."""

    def test_forged_and_mixed(self) -> None:
        """What is neither kind is nobody's, and one kind's value does not pass as the other's."""
        self.sign_in(LARGE)
        ticket = self.jar[NAME]
        self.jar = {}
        self.sign_in(PARTED)
        parts = dict(self.jar)
        for jar in (
            {NAME: "junk"},
            {NAME: ticket[:-4]},
            {NAME + "_0": ticket},
            {"x" + NAME: ticket},
            {NAME: parts[NAME + "_0"]},
            {NAME + "_0": parts[NAME + "_0"], NAME + "_1": ticket},
        ):
            self.ask(jar=jar)
            self.assertIsNone(self.decided[-1], jar)

    def test_a_ticket_beside_parts(self) -> None:
        """A ticket counts before parts that were left or planted beside it, and they are taken away when it moves."""
        self.sign_in(evolve(PARTED, email="mallory@example.com"))
        planted = dict(self.jar)
        self.jar = {}
        self.sign_in(LARGE)
        self.jar |= planted
        self.assertEqual(self.go(), "alice@example.com")

    def test_swapped_values(self) -> None:
        """A value that was copied to another ticket's key opens for nobody (S11)."""
        self.sign_in(LARGE)
        alice = dict(self.jar)
        self.jar = {}
        self.sign_in(evolve(LARGE, email="bob@example.com"))
        first, second = self.tickets()
        self.redis.kept[first] = self.redis.kept[second]
        self.ask(jar=alice)
        self.assertIsNone(self.decided[-1])

    def test_ended_while_it_leaves(self) -> None:
        """A session that is signed out elsewhere while it moves to cookies stays signed out."""
        self.sign_in(LARGE)
        self.clock.advance(601)
        asked = self.ask()
        self.redis.instead[b"EVAL"] = self.gone
        self.pod.provider.answers[-1].callback(evolve(SMALL, created_at=self.clock.seconds()))
        self.assertIsNone(self.decided[-1])
        self.assertNotIn(b"Max-Age=3600", b"".join(asked.set_cookies))

    def gone(self, words: tuple[bytes, ...]) -> int:
        self.redis.kept.clear()
        return 0

    def test_an_older_cookie(self) -> None:
        """A cookie of before the move, which the browser no longer has, is renewed for itself and disturbs nothing."""
        self.sign_in(SMALL)
        before = cookie_of(SMALL)
        self.renew_as(LARGE)
        ticket = self.jar[NAME]
        self.ask(jar=dict([before.split("=", 1)]))
        self.pod.provider.answers[-1].callback(None)
        self.assertEqual(self.jar[NAME], ticket)
        self.assertEqual(self.go(), "alice@example.com")
