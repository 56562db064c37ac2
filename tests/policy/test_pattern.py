"""Tests of patterns: whose syntax they have, and how long they take."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.policy.pattern import LONGEST, Pattern


class SyntaxTests(SynchronousTestCase):
    """The syntax is Go's, not Python's."""

    def test_searched(self) -> None:
        """A pattern matches anywhere unless it is anchored."""
        self.assertTrue(Pattern("/health").found_in("/x/health/y"))
        self.assertFalse(Pattern("^/health").found_in("/x/health"))
        self.assertTrue(Pattern("^/(a|b)$").found_in("/b"))

    def test_where_python_differs(self) -> None:
        r"""`$` and `\z` are the very end, `\d` is ASCII, flags may stand within, `\Q` quotes."""
        self.assertFalse(Pattern("a$").found_in("a\n"))
        self.assertTrue(Pattern(r"a\z").found_in("ba"))
        self.assertFalse(Pattern(r"^\d$").found_in("٣"))
        self.assertTrue(Pattern("a(?i)b").found_in("aB"))
        self.assertFalse(Pattern("a(?i)b").found_in("Ab"))
        self.assertTrue(Pattern(r"\Qa.b\E").found_in("a.b"))
        self.assertFalse(Pattern(r"\Qa.b\E").found_in("axb"))
        self.assertTrue(Pattern("^é$").found_in("é"))

    def test_refusals(self) -> None:
        """What RE2 does not read is refused, with a sentence that names the pattern."""
        refused = ["(", ")", "[", "*", "a**", "a*+", "a{1001}", "(?=a)", "(?<!a)", r"(a)\1", r"\Z", "a" * (LONGEST + 1)]
        for bad in refused:
            with self.assertRaises(ValueError) as caught:
                Pattern(bad)
            self.assertIn(f"the pattern {bad!r} cannot be used: ", str(caught.exception))

    def test_reasons_are_printable(self) -> None:
        """The sentence repeats nothing of the pattern but its quoted self."""
        for bad in (")\uaaf7", "(\x1b[31m", "[\u2028"):
            with self.assertRaises(ValueError) as caught:
                Pattern(bad)
            self.assertTrue(str(caught.exception).isprintable(), str(caught.exception))

    @given(st.text(alphabet="ab()[]{}|*+?^$\\.-,:=<>!P2dpQEi\udc80é", max_size=20))
    def test_any_text(self, text: str) -> None:
        """Whatever stands in the settings is a pattern or refused by the one exception."""
        try:
            pattern = Pattern(text)
        except ValueError:
            return
        self.assertIn(pattern.found_in("ab/2"), (True, False))

    def test_anchored(self) -> None:
        """For the warning at the start: what begins with the start and has no alternative to it."""
        for text in ("^/a", r"\A/a", "(^/a)", "(?i)^/a", "(?:(^/a))b", "(?P<x>^/a)"):
            self.assertTrue(Pattern(text).anchored, text)
        for text in ("/a", "^/a|/b", "a^", "", ".*^", "(a)^"):
            self.assertFalse(Pattern(text).anchored, text)


class CostTests(SynchronousTestCase):
    """No text keeps the process busy."""

    def test_u14_patterns_that_are_catastrophes_elsewhere(self) -> None:
        """U14: what a backtracking engine would not finish in a lifetime ends at once, on the longest path."""
        for text in ("(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$", "(a|aa)+$", "(.*a){20}"):
            subject = ("x" * 4096 + "a" * 4095) + "!"
            pattern = Pattern(text)
            began = time.process_time()
            pattern.found_in(subject)
            # A bound of the kind of growth, not of speed: the alternative is measured in years.
            self.assertLess(time.process_time() - began, 5, text)
