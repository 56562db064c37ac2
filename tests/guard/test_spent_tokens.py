"""Tests of sessions whose refresh token is spent: another sidecar may have renewed them."""

from __future__ import annotations

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.guard.opened import Opened
from o2sidecar.guard.session_memory import SessionMemory
from o2sidecar.guard.sessions import Sessions
from o2sidecar.observe.counts import SessionCounts
from o2sidecar.policy.peers import Forwarding
from o2sidecar.refusals import GrantSpent, SessionEnded
from tests.guard.asking import ALICE, COOKIE, HEADERS, NOW, RING, Asked, SlowProvider, cookie_of, revocation_list

DUE = evolve(ALICE, refresh_token="RT-1")


class SpentTests(SynchronousTestCase):
    """A session is renewed after ten minutes; the provider does not take its token."""

    def setUp(self) -> None:
        """Sessions with a grace of a minute, when one is due."""
        self.clock = Clock()
        self.clock.advance(NOW + 600)
        self.provider = SlowProvider()
        self.counts = SessionCounts()
        self.sessions = self.made(60)
        self.pair = cookie_of(DUE)

    def made(self, grace: float, remembered: int = 4096, jitter: float = 0) -> Sessions:
        found = Sessions(
            cookie=COOKIE,
            headers=HEADERS,
            provider=self.provider,
            forwarding=Forwarding(),
            now=self.clock.seconds,
            revoked=revocation_list(self.clock),
            lifetime=3600,
            refresh_period=600,
            jitter=lambda: jitter,
            grace=grace,
            memory=SessionMemory(RING, most=remembered),
            counts=self.counts,
        )
        found.take_over()
        return found

    def ask(self, error: SessionEnded | None = None, pair: str = "") -> Opened | None:
        """What the request's session is, after the provider said this if it was asked."""
        found: list[Opened | None] = []
        asked = Asked(pair or self.pair)
        self.sessions.settle(asked, lambda _, opened: found.append(opened), lambda *_: None)  # type: ignore[arg-type]
        if not found:
            self.provider.answers[-1].errback(error or GrantSpent())
        return found[0]

    def test_it_lives_on(self) -> None:
        """It is good for the grace and no longer, without a cookie of its own and without another question."""
        opened = self.ask()
        assert opened is not None
        self.assertFalse(opened.renewed)
        self.clock.advance(59)
        self.assertIsNotNone(self.ask())
        self.clock.advance(1)
        self.assertIsNone(self.ask())
        self.assertEqual(len(self.provider.asked), 1)
        self.assertEqual((self.counts.renewals["unchanged"], self.counts.renewals["ended"]), (1, 0))

    def test_the_newer_cookie_wins(self) -> None:
        """What another sidecar made of the session counts for as long as it should."""
        self.ask()
        self.pair = cookie_of(evolve(DUE, created_at=NOW + 600, refresh_token="RT-2"))
        self.clock.advance(599)
        self.assertIsNotNone(self.ask())
        self.assertEqual(len(self.provider.asked), 1)

    def test_only_once(self) -> None:
        """A copy of the cookie in other bytes, and a cookie that was forgotten meanwhile, get no grace of their own."""
        self.sessions = self.made(60, remembered=2)
        self.ask()
        self.clock.advance(61)
        self.assertIsNone(self.ask(pair=cookie_of(DUE)))
        for number in range(4):
            self.ask(pair=cookie_of(evolve(ALICE, created_at=NOW + 600, user=f"u-{number}")))
        self.assertIsNone(self.ask())

    def test_never_beyond_its_end(self) -> None:
        """The grace does not outlast the session."""
        self.clock.advance(2970)
        self.assertIsNotNone(self.ask())
        self.clock.advance(30)
        self.assertIsNone(self.ask())

    def test_another_end(self) -> None:
        """Whatever else ends a session, such as another person's token, ends it at once (S9)."""
        self.assertIsNone(self.ask(SessionEnded(reason="identity_changed")))

    def test_without_grace(self) -> None:
        """Without a grace it is over at once, as with oauth2-proxy."""
        self.sessions = self.made(0)
        self.assertIsNone(self.ask())
        self.assertEqual(self.counts.renewals["ended"], 1)

    def test_jitter(self) -> None:
        """With jitter a session is due so much before its time."""
        self.sessions = self.made(60, jitter=30)
        for age, asked in ((569, 0), (570, 1)):
            self.ask(pair=cookie_of(evolve(DUE, created_at=NOW + 600 - age)))
            self.assertEqual(len(self.provider.asked), asked)
