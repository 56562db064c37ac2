"""Tests of the list of recorded cases that differ on purpose: it tells the truth, and nothing differs beside it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from unittest import TestCase

from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase

from tests.differences import complaints_about_cases, differences
from tests.run_all import ROOT, unit_modules
from tests.session.vectors import shared


def known_bad() -> set[str]:
    """The recorded cases whose behaviour need not be had."""
    found: set[str] = set()
    for path in (shared() / "conformance" / "cases").glob("*.json"):
        cases = json.loads(path.read_text("utf-8"))["cases"]
        found |= {f"{case['topic']}/{case['id']}" for case in cases if case.get("known_bad")}
    return found


def rows_of(page: Path) -> list[tuple[str, str]]:
    """Number and second cell of each row of the table of differences."""
    section = page.read_text("utf-8").partition("## What is different and why")[2].partition("\n## ")[0]
    return re.findall(r"^\| ([0-9]+|–) \| (.*?) \|", section, re.MULTILINE)


class TableTests(SynchronousTestCase):
    """What the list says is so."""

    def test_cases(self) -> None:
        """Each line is of a recorded case that is known to be bad, and no case has two."""
        cases = [difference.case for difference in differences()]
        self.assertEqual(cases, sorted(set(cases)))
        self.assertEqual(set(cases) - known_bad(), set())
        self.assertGreater(len(cases), 30)

    def test_rows(self) -> None:
        """Each line's reason is one row of what users are told."""
        rows = rows_of(ROOT / "docs" / "migrating.md")
        self.assertGreater(len(rows), 40)
        for difference in differences():
            fitting = [words for number, words in rows if number == difference.row]
            if not difference.row.isdigit():
                fitting = [words for number, words in rows if number == "–" and words.startswith(difference.row)]
            self.assertEqual(len(fitting), 1, difference)

    def test_tests(self) -> None:
        """Each line names a test that `make unit` runs."""
        for difference in differences():
            name, _, method = difference.test.rpartition(".")
            case = namedAny(name)
            self.assertTrue(issubclass(case, TestCase), difference)
            self.assertEqual((case.__module__, case.__name__), tuple(name.rsplit(".", 1)), "where it is written")
            self.assertTrue(method.startswith("test_") and callable(getattr(case, method, None)), difference)
            self.assertTrue(any(name.startswith(f"{module}.") for module in unit_modules()), difference)
            for carrier in (case, getattr(case, method)):
                self.assertFalse(getattr(carrier, "skip", "") or getattr(carrier, "todo", ""), difference)


class ComplaintTests(SynchronousTestCase):
    """What a run says is held against the list."""

    def line(self, case: str, why: str = "step 1 '': status: want 500 got 400") -> str:
        """How the runner tells of a difference that it allows."""
        return f"DIFFERS (allowed, known-bad peer behaviour) {case}: {why}\n"

    def test_as_listed(self) -> None:
        """Where exactly the listed cases differ there is nothing to say."""
        output = self.line("a/b") + self.line("a/c-d") + "3 passed, 0 failed, 2 skipped\n"
        self.assertEqual(complaints_about_cases(output, ["a/c-d", "a/b"]), [])
        listed = "".join(self.line(difference.case) for difference in differences())
        self.assertEqual(complaints_about_cases(listed), [])

    def test_not_listed(self) -> None:
        """A case that differs without a reason of ours is named, once."""
        [complaint] = complaints_about_cases(self.line("a/b") + self.line("a/c") * 2, ["a/b"])
        self.assertIn("a/c differs, and differences.tsv does not say why", complaint)

    def test_no_more(self) -> None:
        """A listed case that does not differ is named, so that the list cannot rot."""
        [complaint] = complaints_about_cases(self.line("a/b") + "FAIL a/c: x\n", ["a/b", "a/c"])
        self.assertIn("a/c differs no more", complaint)
        self.assertEqual(len(complaints_about_cases("")), len(differences()))

    def test_not_tried(self) -> None:
        """A case that the runner could not try proves nothing, listed or not."""
        [complaint] = complaints_about_cases(self.line("a/b", "runner: OSError: no more ports"), ["a/b"])
        self.assertIn("a/b was not tried: runner: OSError", complaint)

    def test_what_apps_print(self) -> None:
        """A difference is a line of the runner's, not what it shows of an answer within one."""
        shown = (
            self.line("a/b", f"body text: got {self.line('a/c')}")
            + f" {self.line('a/d')}FAIL a/e: DIFFERS (x) a/f: y\n"
        )
        self.assertEqual(complaints_about_cases(shown, ["a/b"]), [])
