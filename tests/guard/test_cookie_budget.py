"""Tests of the room that sessions take in cookies: what is above the budget, and what the log says of it."""

from __future__ import annotations

import io
import random

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import FileLogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.guard.cookie_budget import CookieBudget
from o2sidecar.guard.renewing import Renewals
from o2sidecar.observe.counts import SessionCounts
from o2sidecar.policy.kept_groups import KeptGroups
from o2sidecar.refusals import OwnFault
from o2sidecar.session.session import Session
from tests.guard.asking import ALICE, COOKIE, NOW, SlowProvider

HOST = "app.example.com"


def noise(size: int) -> str:
    """Text that no compression makes smaller by much."""
    return random.Random(size).randbytes(size // 2).hex()


LARGE = evolve(ALICE, access_token=noise(9000), groups=tuple(f"group-{number}" for number in range(3)))


class BudgetTests(SynchronousTestCase):
    """A session is within its budget or not, and the log says once what is not."""

    def setUp(self) -> None:
        self.lines: list[str] = []
        observer = FileLogObserver(io.StringIO(), self.line)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def line(self, event: LogEvent) -> None:
        self.lines.append(formatEvent(event))

    def test_exactly(self) -> None:
        """It is the names and values of the cookies that are counted, with what stands between them."""
        for session in (ALICE, LARGE):
            pieces = CookieBudget(COOKIE).pieces(session, HOST, NOW)
            size = len("; ".join(f"{name}={value}" for name, value in pieces)) + len("; ")
            self.assertTrue(CookieBudget(COOKIE, size).holds(session, HOST, NOW))
            self.assertFalse(CookieBudget(COOKIE, size - 1).holds(session, HOST, NOW))

    def test_without_a_budget(self) -> None:
        """With 0 whatever fits into cookies is within it, and nothing is said."""
        self.assertTrue(CookieBudget(COOKIE, 0).holds(LARGE, HOST, NOW))
        self.assertEqual(self.lines, [])

    def test_too_large_for_cookies(self) -> None:
        """What fits into no number of cookies is within no budget; the log says why."""
        budget = CookieBudget(evolve(COOKIE, parts=1))
        self.assertFalse(budget.holds(LARGE, HOST, NOW))
        with self.assertRaises(OwnFault):
            budget.pieces(LARGE, HOST, NOW)
        self.assertEqual(len(self.lines), 1)
        self.assertIn("does not fit into cookies. Its parts", self.lines[0])

    def test_said_once(self) -> None:
        """The first such session is logged with the sizes of its parts, largest first, and nothing secret; no other."""
        budget = CookieBudget(COOKIE, 1000)
        for session in (LARGE, LARGE, evolve(LARGE, email="bob@example.com")):
            self.assertTrue(budget.pieces(session, HOST, NOW), "it is written as ever")
        [line] = self.lines
        self.assertRegex(line, r"alice@example.com takes [0-9]+ bytes .*: access token 900[0-9], (all else|3 groups) ")
        self.assertNotIn(LARGE.access_token[:8], line)

    def test_what_is_kept(self) -> None:
        """A session is weighed as cookies keep it: without tokens where they are left out."""
        self.assertTrue(CookieBudget(evolve(COOKIE, minimal=True), 1000).holds(LARGE, HOST, NOW))


class RenewedGroupsTests(SynchronousTestCase):
    """Groups that nobody needs are left out of renewed sessions, too."""

    def test_renewed(self) -> None:
        """What the provider says anew is kept as it was at the login, and what ends a session still does."""
        provider = SlowProvider()
        renewals = Renewals(provider=provider, counts=SessionCounts(), groups=KeptGroups(needed=frozenset({"dev"})))
        results = []
        for answer in (evolve(ALICE, created_at=NOW + 1, groups=("x", "dev", "y")), evolve(ALICE, groups=("x",)), None):
            asked: list[Session | None] = []
            Deferred.fromCoroutine(renewals.ask(ALICE)).addCallback(asked.append)
            provider.answers[-1].callback(answer)
            results.append(asked[0] and asked[0].groups)
        self.assertEqual(results, [("dev",), (), None])
