"""Tests of which groups a session keeps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.policy.admission import Admission
from o2sidecar.policy.kept_groups import ALL_GROUPS, KeptGroups
from o2sidecar.session.session import Session

ALICE = Session(user="u-1", email="alice@example.com", groups=("ops", "everybody", "Dev", "dev"))
GROUPS = st.lists(st.sampled_from(("a", "A", "b", "role:a", "", "a,b", "ä")), max_size=6)


class KeptGroupsTests(SynchronousTestCase):
    """A session keeps the groups that somebody asks for."""

    def test_all(self) -> None:
        """Where all are to be kept, the session stays the very same."""
        self.assertIs(ALL_GROUPS.of(ALICE), ALICE)

    def test_needed(self) -> None:
        """Those that are named stay, in their order, compared as they are written."""
        kept = KeptGroups(needed=frozenset({"dev", "ops", "unheard-of"})).of(ALICE)
        self.assertEqual(kept.groups, ("ops", "dev"))
        self.assertEqual(kept.email, ALICE.email)

    def test_none(self) -> None:
        """Where no rule names a group, none is kept."""
        self.assertEqual(KeptGroups(needed=frozenset()).of(ALICE).groups, ())

    @given(GROUPS, GROUPS)
    def test_the_rules_see_no_difference(self, groups: list[str], allowed: list[str]) -> None:
        """Whoever may pass with all of their groups may with those that are kept, and nobody else may."""
        rules = Admission(email_domains=("*",), allowed_groups=frozenset(allowed))
        session = Session(user="u", email="u@example.com", groups=tuple(groups))
        kept = KeptGroups(needed=frozenset(allowed)).of(session)
        self.assertEqual(rules.refusal(session) is None, rules.refusal(kept) is None)
