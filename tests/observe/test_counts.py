"""Tests of what is counted."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.observe.counts import BOUNDS, OTHER, Durations, Reasons, RequestCounts


@frozen(kw_only=True)
class Asked:
    """What is looked at of a request."""

    method: bytes = b"GET"
    path: bytes = b"/"
    upstream: str = "/"
    reason: str = ""


class DurationsTests(SynchronousTestCase):
    """How many took how long."""

    def test_classes(self) -> None:
        """A duration counts in the first class whose bound it does not exceed, and above all bounds in the last."""
        durations = Durations()
        for seconds in (0.0, 0.005, 0.0051, 10.0, 10.1, 86400.0):
            durations.add(seconds)
        self.assertEqual(durations.counts, [2, 1, *[0] * (len(BOUNDS) - 3), 1, 2])
        self.assertAlmostEqual(durations.seconds, 86420.1101)


class ReasonsTests(SynchronousTestCase):
    """How often each reason was given."""

    def test_counted(self) -> None:
        """Each reason has its number; those known beforehand are there from the start."""
        reasons = Reasons(("known",))
        for reason in ("no_session", "no_session", "Host_is_missing"):
            reasons.add(reason)
        self.assertEqual(reasons, {"known": 0, "no_session": 2, "Host_is_missing": 1})

    def test_bounded(self) -> None:
        """Beyond so many, new reasons are counted together, and known ones still by themselves."""
        reasons = Reasons(most=3)
        for reason in ("a", "b", "c", "d", "e", "a"):
            reasons.add(reason)
        self.assertEqual(reasons, {"a": 2, "b": 1, "c": 1, OTHER: 2})

    @given(st.lists(st.text(min_size=1)))
    def test_no_words_of_others(self, given: list[str]) -> None:
        """Whatever is given as reason, what is kept is few and plain."""
        reasons = Reasons(most=5)
        for reason in given:
            reasons.add(reason)
        self.assertLessEqual(len(reasons), 6)
        self.assertEqual(sum(reasons.values()), len(given))
        for reason in reasons:
            self.assertRegex(reason, r"\A[A-Za-z][A-Za-z0-9_-]{0,63}\Z")

    def test_a_providers_words(self) -> None:
        """A reason that a provider's class made of what it was told is none."""
        reasons = Reasons()
        for reason in ("alice@example.com may not", "no\nsession", 'a"b', "x" * 65, "é"):
            reasons.add(reason)
        self.assertEqual(reasons, {OTHER: 5})


class RequestCountsTests(SynchronousTestCase):
    """Requests are counted on their way to the log."""

    def setUp(self) -> None:
        """Counts before a log."""
        self.log: list[tuple[Any, int, int, float]] = []
        self.counts = RequestCounts(then=lambda *noted: self.log.append(noted), health_checks=[b"/ping", b"/ready"])

    def record(self, status: int = 200, size: int = 0, duration: float = 0.0, **asked: Any) -> None:
        self.counts.record(Asked(**asked), status, size, duration)  # type: ignore[arg-type]

    def test_counted(self) -> None:
        """By status, by method with its duration, and by the bytes of the body."""
        self.record(200, 1000, 0.001)
        self.record(200, 24, 0.02, method=b"POST")
        self.record(502, 0, 3.0)
        self.assertEqual(self.counts.by_status, {200: 2, 502: 1})
        self.assertEqual(sum(self.counts.by_method["get"].counts), 2)
        self.assertEqual(self.counts.by_method["post"].counts[2], 1)
        self.assertAlmostEqual(self.counts.by_method["get"].seconds, 3.001)
        self.assertEqual(self.counts.body_bytes, 1024)

    def test_the_log(self) -> None:
        """Every request goes on to the log as it came, health checks too."""
        self.record(200, 5, 0.5)
        self.record(200, 2, 0.0, path=b"/ping", upstream="")
        self.assertEqual([noted[1:] for noted in self.log], [(200, 5, 0.5), (200, 2, 0.0)])

    def test_odd_methods(self) -> None:
        """Methods that are not among the usual ones are counted together, however many there are."""
        for method in (b"PROPFIND", b"get", b"", b"X" * 24, *(b"M%d" % number for number in range(1000))):
            self.record(method=method)
        self.assertEqual(sum(self.counts.of_other_methods.counts), 1004)
        self.assertEqual(sum(sum(each.counts) for each in self.counts.by_method.values()), 0)

    def test_refusals(self) -> None:
        """Refusals are counted by their reason; failures that an alert waits for are there before they come."""
        self.record(403, reason="no_session", upstream="")
        self.record(502, reason="upstream_lost")
        self.assertEqual(self.counts.refusals["no_session"], 1)
        self.assertEqual(self.counts.refusals["upstream_lost"], 1)
        self.assertEqual(self.counts.refusals["internal_error"], 0)

    def test_health_checks(self) -> None:
        """Health checks that were answered here are not counted."""
        self.record(path=b"/ping", upstream="")
        self.record(503, path=b"/ready", upstream="")
        self.assertEqual(self.counts.by_status, {})

    def test_what_only_looks_like_a_health_check(self) -> None:
        """A request for that path that went to the app, or was refused, is a request like any other."""
        self.record(path=b"/ping")
        self.record(403, path=b"/ping", upstream="", reason="no_session")
        self.record(200, path=b"/pings", upstream="")
        self.assertEqual(self.counts.by_status, {200: 2, 403: 1})
