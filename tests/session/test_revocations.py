"""Tests of what is known of revocations."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.session.keys import KeyRing
from o2sidecar.session.revocations import RevocationKeys, Revocations


class ManyTests(SynchronousTestCase):
    """People sign out for weeks."""

    def test_room(self) -> None:
        """What is about nothing any more takes no room for long, also where no list is shared."""
        clock = Clock()
        clock.advance(1_800_000_000)
        keys = RevocationKeys(KeyRing.from_texts(["0123456789abcdef"]))
        known = Revocations(keys, now=clock.seconds, lifetime=3600)
        for number in range(5000):
            known.add(keys.revocation("user", [f"u-{number}"], clock.seconds()))
            clock.advance(36)
        self.assertEqual(len(known.lines()), 100)
        self.assertLess(len(known._known), 1100)
        self.assertLess(len(known._before), 1100)
