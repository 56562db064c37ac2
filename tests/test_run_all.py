"""Tests of how suites are counted: nothing that went wrong may look like a pass."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from tests.differences import complaints_about_cases
from tests.run_all import (
    NEEDS_KUBERNETES_TOOLS,
    NEEDS_NAMESPACES,
    NEEDS_PROCESSES,
    ROOT,
    SUITES,
    Suite,
    by_last_line,
    by_status,
    by_trial,
    run,
    unit_modules,
)


class CountingTests(SynchronousTestCase):
    """What a suite printed and its exit status become counts."""

    def test_trial(self) -> None:
        """Trial's summary is read; errors and failures are failed tests."""
        self.assertEqual(by_trial(0, "Ran 3 tests in 1s\n\nPASSED (successes=3)\n"), (3, 0, 0))
        self.assertEqual(by_trial(1, "FAILED (failures=1, errors=2, successes=4)\n"), (4, 3, 0))
        self.assertEqual(by_trial(0, "PASSED (expectedFailures=1, successes=4)\n"), (5, 0, 0))

    def test_trial_skips(self) -> None:
        """A test that skips itself hides that something is missing, and counts as failed."""
        self.assertEqual(by_trial(0, "PASSED (skips=2, successes=4)\n"), (4, 2, 0))

    def test_last_line(self) -> None:
        """The last line of counts is read; what may differ is kept apart."""
        self.assertEqual(by_last_line(0, "1 passed, 0 failed\nx\n5 passed, 0 failed, 2 skipped\n"), (5, 0, 2))
        self.assertEqual(by_last_line(1, "5 passed, 3 failed\n"), (5, 3, 0))

    def test_nothing_ran(self) -> None:
        """A suite that ran nothing failed, and so did one that ended badly whatever it counted."""
        for count in (by_trial, by_last_line):
            self.assertEqual(count(0, ""), (0, 1, 0))
            self.assertEqual(count(-9, "killed"), (0, 1, 0))
        self.assertEqual(by_trial(1, "PASSED (successes=3)\n"), (3, 1, 0))
        self.assertEqual(by_trial(0, "PASSED\n"), (0, 1, 0))
        self.assertEqual(by_last_line(0, "0 passed, 0 failed\n"), (0, 1, 0))

    def test_status(self) -> None:
        """A check counts as one."""
        self.assertEqual((by_status(0, ""), by_status(2, "")), ((1, 0, 0), (0, 1, 0)))


class RunningTests(SynchronousTestCase):
    """A suite is run, or it fails with the reason."""

    def suite(self, *command: str, missing: str = "", complaints: Sequence[str] = ()) -> Suite:
        """A suite of one command."""
        return Suite(
            name="s",
            missing=lambda: missing,
            command=lambda: command,
            count=by_status,
            complaints=lambda output: [f"{complaint} {output.strip()}" for complaint in complaints],
        )

    def test_missing(self) -> None:
        """What is missing is a failure that says so, and nothing is run."""
        result = run(self.suite("/bin/false", missing="chromium is missing"))
        self.assertEqual((result.passed, result.failed), (0, 1))
        self.assertIn("chromium is missing", result.output)

    def test_no_such_program(self) -> None:
        """A program that is not there is a failure that names it."""
        result = run(self.suite("no-such-program"))
        self.assertEqual(result.failed, 1)
        self.assertIn("no-such-program", result.output)

    def test_output(self) -> None:
        """What it prints is kept, errors too, and it has no standard input."""
        script = "import sys; print('out'); print('err', file=sys.stderr); print(repr(sys.stdin.read()))"
        result = run(self.suite(sys.executable, "-c", script))
        self.assertEqual((result.passed, result.failed), (1, 0))
        for words in ("out", "err", "''"):
            self.assertIn(words, result.output)

    def test_complaints(self) -> None:
        """What is wrong with the output of a suite that went well is said behind it, and counts as failed."""
        result = run(self.suite("/bin/echo", "b", complaints=("a", "c")))
        self.assertEqual((result.passed, result.failed), (1, 2))
        self.assertEqual(result.output, "b\nFAIL s: a b\nFAIL s: c b\n")

    def test_complaints_about_nothing(self) -> None:
        """A suite that did not run has one failure, not one for all that it did not say."""
        for missing in ("", "node is missing"):
            result = run(self.suite("/bin/false", missing=missing, complaints=("a", "c")))
            self.assertEqual((result.passed, result.failed), (0, 1))


class ChoosingTests(SynchronousTestCase):
    """Every test is in one suite or the other."""

    def test_differences_are_held(self) -> None:
        """Each way of setting the recorded cases up is held to the list of those that may differ."""
        for suite in SUITES["conformance"]:
            self.assertIs(suite.complaints, complaints_about_cases, suite.name)
        self.assertEqual(len(SUITES["conformance"]), 3)

    def test_all_modules(self) -> None:
        """The unit suite and the suite with processes have every test module between them."""
        chosen = {*unit_modules(), *NEEDS_PROCESSES, *NEEDS_KUBERNETES_TOOLS, *NEEDS_NAMESPACES}
        for path in ROOT.glob("tests/**/test_*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            self.assertTrue(any(name == each or name.startswith(f"{each}.") for each in chosen), name)
