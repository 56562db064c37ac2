"""Tests that every rule of the catalogue has a test, and that `docs/security.md` says so."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.catalogue.index import GROUPS, PAGE, page, rules, tests_of_rules

COUNTS = {"P": 26, "F": 16, "U": 16, "D": 13, "R": 14, "S": 13, "O": 19, "J": 12, "L": 7, "A": 7, "X": 10}
"""How many rules each group has."""


class IndexTests(SynchronousTestCase):
    """The rules, their tests and the page."""

    def test_every_rule_is_listed(self) -> None:
        """The groups are whole, without gaps, and every rule says something."""
        numbers = [f"{letter}{number}" for letter, count in COUNTS.items() for number in range(1, count + 1)]
        self.assertEqual(list(rules()), numbers)
        self.assertEqual(list(GROUPS), list(COUNTS))
        self.assertEqual([number for number, says in rules().items() if not says.endswith(".")], [])

    def test_every_rule_has_a_test(self) -> None:
        """No rule is without a test, and no test names a rule that there is not."""
        found = tests_of_rules()
        self.assertEqual([number for number in rules() if not found[number]], [])
        self.assertEqual(found.keys() - rules().keys(), set())

    def test_the_page_is_up_to_date(self) -> None:
        """`docs/security.md` is what is generated."""
        self.assertEqual(PAGE.read_text("utf-8"), page())
