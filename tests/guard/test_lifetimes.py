"""Tests of how long sessions last."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.guard.lifetimes import Lifetimes
from o2sidecar.guard.opened import Opened
from o2sidecar.guard.sessions import Sessions
from o2sidecar.policy.peers import Forwarding
from o2sidecar.session.packing import pack, unpack
from o2sidecar.session.session import Session
from tests.guard.asking import ALICE, COOKIE, HEADERS, NOW, Asked, SlowProvider, cookie_of, revocation_list

HOUR = 3600


class LimitTests(SynchronousTestCase):
    """A session in cookies that last an hour, is renewed after ten minutes, and has limits beside that."""

    def begin(self, *, absolute: float = 0, idle: float = 0, session: Session = ALICE) -> None:
        """Sign in."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.provider = SlowProvider()
        self.sessions = self.made(absolute, idle)
        begun = self.successResultOf(
            Deferred.fromCoroutine(self.sessions.issue(Asked(), session))  # type: ignore[arg-type]
        )
        self.pair = begun[0].decode().partition(";")[0]

    def made(self, absolute: float, idle: float) -> Sessions:
        """What a process remembers that has just begun."""
        return Sessions(
            cookie=COOKIE,
            headers=HEADERS,
            provider=self.provider,
            forwarding=Forwarding(),
            now=self.clock.seconds,
            revoked=revocation_list(self.clock),
            lifetime=HOUR,
            absolute_lifetime=absolute,
            idle_limit=idle,
            refresh_period=600,
        )

    def ask(self, after: float) -> Opened | None:
        """The session of a request so much later; the provider renews it if it is asked, the browser takes cookies."""
        self.clock.advance(after)
        found: list[Opened | None] = []
        asked = Asked(self.pair)
        self.sessions.settle(asked, lambda _, opened: found.append(opened), lambda *_: None)  # type: ignore[arg-type]
        if not found:
            renewed = evolve(self.provider.asked[-1], created_at=self.clock.seconds())
            self.provider.answers[-1].callback(renewed)
        if found[0] is not None and found[0].renewed:
            self.sessions.give_cookie(asked, found[0])  # type: ignore[arg-type]
            self.pair = asked.set_cookies[0].decode().partition(";")[0]
        return found[0]

    def test_the_login_counts(self) -> None:
        """However often a session is renewed, it is over so long after the login; the cookie itself says when."""
        self.begin(absolute=2 * HOUR)
        for _ in range(11):
            self.assertIsNotNone(self.ask(650))
        self.assertEqual(len(self.provider.asked), 11)
        self.assertIsNone(self.ask(50))

    def test_without_a_limit(self) -> None:
        """Without a limit it goes on, and nothing of ours stands in the cookie."""
        self.begin()
        for _ in range(30):
            opened = self.ask(650)
            assert opened is not None
            self.assertEqual((opened.session.began_at, opened.session.seen_at), (None, None))

    def test_one_that_does_not_tell(self) -> None:
        """A session that began before there was a limit, or at oauth2-proxy, counts from when it was sealed."""
        self.begin(absolute=HOUR)
        self.pair = cookie_of(ALICE)
        for _ in range(5):
            self.assertIsNotNone(self.ask(650))
        self.assertIsNone(self.ask(350))

    def test_idle(self) -> None:
        """A session that is in use goes on; one that is not for so long is over, though its cookie is young enough."""
        self.begin(idle=300)
        for _ in range(20):
            self.assertIsNotNone(self.ask(299))
        self.assertIsNone(self.ask(300))

    def test_a_copy(self) -> None:
        """A copy of an older cookie is over when it was not in use itself; the newer one goes on (S10)."""
        self.begin(idle=300)
        copy = self.pair
        self.assertIsNotNone(self.ask(200))
        self.assertNotEqual(self.pair, copy)
        self.sessions = self.made(0, 300)
        self.assertIsNotNone(self.ask(100))
        self.pair = copy
        self.assertIsNone(self.ask(0))

    def test_use_is_noted_now_and_then(self) -> None:
        """Use costs a new cookie ten times within the limit at most, asks nobody, and makes nothing younger."""
        self.begin(idle=300)
        before = self.pair
        self.ask(29)
        self.assertEqual(self.pair, before)
        opened = self.ask(1)
        assert opened is not None
        self.assertNotEqual(self.pair, before)
        self.assertEqual((self.provider.asked, opened.session.created_at), ([], NOW))

    @given(st.lists(st.integers(1, 900), max_size=30))
    def test_never_longer(self, pauses: list[int]) -> None:
        """Nobody has a session after the absolute limit, nor after a pause as long as the other one."""
        self.begin(absolute=2 * HOUR, idle=600)
        for pause in pauses:
            opened = self.ask(pause)
            if self.clock.seconds() >= NOW + 2 * HOUR or pause >= 600:
                self.assertIsNone(opened)
            if opened is None:
                return

    def test_on_the_wire(self) -> None:
        """Both times come back as they were written, to the nanosecond's neighbourhood."""
        session = evolve(ALICE, began_at=NOW + 0.25, seen_at=NOW + 0.5)
        self.assertEqual(unpack(pack(session)), session)

    def test_begun_anew(self) -> None:
        """A login counts anew, whatever session it began with."""
        limits = Lifetimes(sealed=HOUR, absolute=HOUR, idle=60)
        begun = limits.begun(evolve(ALICE, began_at=1.0, seen_at=1.0), NOW)
        self.assertEqual((begun.began_at, begun.seen_at), (NOW, NOW))
