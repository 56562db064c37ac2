"""Tests for `o2sidecar.guard.by_authorization`: sessions that an Authorization field opens."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.guard import AuthOnly, CurrentSession, Passes
from o2sidecar.guard.by_authorization import ByAuthorization
from o2sidecar.guard.opened import Opened
from o2sidecar.policy.admission import Admission
from o2sidecar.policy.paths import PublicPaths
from o2sidecar.policy.peers import Forwarding, TrustedAddresses
from o2sidecar.refusals import CredentialsRefused, OwnFault, Refusal
from o2sidecar.session.session import Session
from tests.guard.asking import (
    ALICE,
    HEADERS,
    NOW,
    Asked,
    SlowProvider,
    address_of,
    cookie_of,
    revocation_list,
    sessions,
)

GOOD = "eyJhbGciOiJSUzI1NiJ9.eyJnIjoxfQ.c2ln"
BAD = "eyJhbGciOiJSUzI1NiJ9.eyJiIjoxfQ.c2ln"
ROBOT = Session(created_at=NOW, expires_on=NOW + 600, user="robot", email="robot@example.com", access_token=GOOD)


class FakeTokens:
    """Knows one good token; with `slow`, its answers wait until the test gives them."""

    def __init__(self) -> None:
        self.good: Session | None = ROBOT
        self.asked: list[str] = []
        self.slow = False
        self.held: list[Deferred[None]] = []

    async def session(self, text: str) -> Session | None:
        self.asked.append(text)
        if self.slow:
            self.held.append(Deferred())
            await self.held[-1]
        return self.good if text == GOOD else None


class ByAuthorizationTests(SynchronousTestCase):
    """`ByAuthorization`."""

    def setUp(self) -> None:
        """Sessions of cookies on a clock, and tokens before them."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.tokens = FakeTokens()
        self.found: list[Opened | None] = []
        self.refused: list[Refusal] = []
        self.sessions = self.make()

    def make(self, **more: Any) -> ByAuthorization:
        return ByAuthorization(
            sessions(SlowProvider(), self.clock),
            tokens=self.tokens,
            headers=HEADERS,
            revoked=revocation_list(self.clock),
            log=lambda outcome, exchange, who, message: None,
            now=self.clock.seconds,
            client_address=address_of,
            key=b"k" * 32,
            **more,
        )

    def ask(self, *values: str, cookie: str = "") -> Asked:
        asked = Asked(
            *([cookie] if cookie else []), fields=[(b"authorization", value.encode("latin-1")) for value in values]
        )
        self.sessions.settle(
            asked,  # type: ignore[arg-type]
            lambda _, opened: self.found.append(opened),
            lambda _, refusal: self.refused.append(refusal),
        )
        return asked

    def name(self, *values: str, cookie: str = "") -> str | None:
        self.ask(*values, cookie=cookie)
        opened = self.found.pop()
        return opened.session.name if opened else None

    def test_a_good_token(self) -> None:
        """A good token opens its session, with the identity of one; no cookie is given or taken."""
        asked = self.ask(f"Bearer {GOOD}")
        (opened,) = self.found
        assert opened is not None
        self.assertEqual(opened.session, ROBOT)
        self.assertEqual(opened.identity.session, ROBOT)
        self.assertFalse(opened.renewed)
        self.assertEqual(asked.also, [])

    def test_wins_over_the_cookie(self) -> None:
        """A good token counts, whatever the cookie says; without the field, and with a bad token, the cookie does."""
        pair = cookie_of(ALICE)
        self.assertEqual(self.name(f"Bearer {GOOD}", cookie=pair), "robot@example.com")
        self.assertEqual(self.name(cookie=pair), "alice@example.com")
        self.assertEqual(self.name(f"Bearer {BAD}", cookie=pair), "alice@example.com")
        self.assertIsNone(self.name(f"Bearer {BAD}"))

    def test_what_cannot_be_a_token_is_not_judged(self) -> None:
        """Other schemes and opaque tokens cost nothing."""
        for value in ("Basic dXNlcjpwdw==", "Digest x", "junk", "Bearer opaque", "", "Bearer " + "\xff" * 50_000):
            self.assertIsNone(self.name(value), value[:20])
        self.assertEqual(self.tokens.asked, [])

    def test_two_fields(self) -> None:
        """Of two fields none counts, for the next reader may take the other one (RFC 9110 §11.6.2)."""
        self.assertIsNone(self.name(f"Bearer {GOOD}", f"Bearer {GOOD}"))
        self.assertIsNone(self.name(f"Bearer {GOOD}", "Basic x"))

    def test_believed_for_a_minute(self) -> None:
        """A token that was good is judged once a minute, and not a moment longer than it is valid."""
        for _ in range(5):
            self.assertEqual(self.name(f"Bearer {GOOD}"), "robot@example.com")
        self.assertEqual(len(self.tokens.asked), 1)
        self.clock.advance(60)
        self.name(f"Bearer {GOOD}")
        self.assertEqual(len(self.tokens.asked), 2)
        self.tokens.good = None
        self.clock.advance(59)
        self.assertEqual(self.name(f"Bearer {GOOD}"), "robot@example.com")
        self.clock.advance(1)
        self.assertIsNone(self.name(f"Bearer {GOOD}"))

    def test_expires_within_the_minute(self) -> None:
        """A token that ends in ten seconds is believed for ten seconds."""
        self.tokens.good = evolve(ROBOT, expires_on=NOW + 10)
        self.name(f"Bearer {GOOD}")
        self.tokens.good = None
        self.clock.advance(9)
        self.assertEqual(self.name(f"Bearer {GOOD}"), "robot@example.com")
        self.clock.advance(1)
        self.assertIsNone(self.name(f"Bearer {GOOD}"))

    def test_bad_ones_are_not_remembered(self) -> None:
        """A bad token is judged each time: it may become good (an issuer that was down), and costs no memory."""
        for _ in range(3):
            self.name(f"Bearer {BAD}")
        self.assertEqual(len(self.tokens.asked), 3)

    def test_nobody(self) -> None:
        """A session that names nobody opens nothing."""
        self.tokens.good = evolve(ROBOT, user="", email="")
        self.assertIsNone(self.name(f"Bearer {GOOD}"))

    def test_waiting(self) -> None:
        """While a token is judged the request waits; others go their way."""
        self.tokens.slow = True
        self.ask(f"Bearer {GOOD}")
        self.assertEqual(self.found, [])
        self.assertEqual(self.name(cookie=cookie_of(ALICE)), "alice@example.com")
        self.tokens.held[0].callback(None)
        self.assertEqual([opened.session.name for opened in self.found if opened], ["robot@example.com"])

    def test_without_fallback(self) -> None:
        """Where no login is to be offered, a field of no use is refused, whatever the cookie says."""
        self.sessions = self.make(fallback=False)
        for value in (f"Bearer {BAD}", "Bearer opaque", "Basic dXNlcjpwdw==", "Digest x", "junk"):
            self.ask(value, cookie=cookie_of(ALICE))
            self.assertEqual(self.found, [], value)
            self.assertIsInstance(self.refused.pop(), CredentialsRefused, value)
        self.assertEqual(self.name(f"Bearer {GOOD}"), "robot@example.com")
        self.assertEqual(self.name(cookie=cookie_of(ALICE)), "alice@example.com")
        self.assertIsNone(self.name())

    def test_own_endpoints_without_fallback(self) -> None:
        """The auth endpoint answers 403 in text, and whoever waits for the identity gets the refusal."""
        current = CurrentSession(sessions=self.make(fallback=False), admission=Admission(email_domains=("*",)))
        asked = Asked(fields=[(b"authorization", b"junk")])
        passes = Passes(public=PublicPaths.parse([]), trusted=TrustedAddresses.parse([]), forwarding=Forwarding())
        AuthOnly(current=current, passes=passes).serve(asked)  # type: ignore[arg-type]
        status, _, body = asked.given or (0, [], b"")
        self.assertEqual((status, body, asked.reason), (403, b"Forbidden\n", "credentials_refused"))
        waiting = Deferred.fromCoroutine(current.identity(asked))  # type: ignore[arg-type]
        self.failureResultOf(waiting, CredentialsRefused)

    def test_a_tunnel_lives_as_long_as_the_token(self) -> None:
        """A session of a token stands until it expires, one of a cookie as cookies do."""
        self.ask(f"Bearer {GOOD}")
        self.ask(cookie=cookie_of(ALICE))
        robot, alice = self.found
        assert robot is not None
        assert alice is not None
        self.clock.advance(599)
        self.assertIsNotNone(self.sessions.as_of_now(robot))
        self.clock.advance(1)
        self.assertIsNone(self.sessions.as_of_now(robot))
        self.assertIsNotNone(self.sessions.as_of_now(alice))

    def test_signing_out_is_about_cookies(self) -> None:
        """The session to sign out of is the cookie's, not the token's."""
        asked = self.ask(f"Bearer {GOOD}", cookie=cookie_of(ALICE))
        ended = self.successResultOf(Deferred.fromCoroutine(self.sessions.end(asked)))  # type: ignore[arg-type]
        self.assertEqual(ended.name if ended else "", "alice@example.com")

    def test_a_fault_is_answered(self) -> None:
        """If judging goes wrong, the request is still answered, and the log has the traceback."""

        async def fails(text: str) -> Session | None:
            raise ZeroDivisionError

        self.tokens.session = fails  # type: ignore[method-assign]
        self.ask(f"Bearer {GOOD}")
        self.assertIsInstance(self.refused.pop(), OwnFault)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
