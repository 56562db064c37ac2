"""Tests of what the demo prints."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.demo.announcement import announcement
from o2sidecar.demo.plan import plan


def _said(*arguments: str) -> str:
    return announcement(plan(arguments, lambda address, port: True))


class AnnouncementTests(SynchronousTestCase):
    """People read what to open, programs the last line."""

    def test_for_people(self) -> None:
        """It says what to open, who to sign in as, and who is turned away."""
        said = _said()
        self.assertIn("http://app1.demo.localhost:4180/", said)
        self.assertIn("http://app2.demo.localhost:4181/", said)
        self.assertIn("Ada Lovelace (is in the group 'team', let in)", said)
        self.assertIn("Mallory Malice (is not in the group 'team', turned away)", said)

    def test_for_programs(self) -> None:
        """The last line has all addresses."""
        self.assertEqual(
            _said("--port=5000").splitlines()[-1],
            "ready app1=http://app1.demo.localhost:5000 app2=http://app2.demo.localhost:5001 "
            "provider=http://127.0.0.1:9400",
        )

    def test_names_that_do_not_resolve(self) -> None:
        """With names it says what to do where they do not resolve; with an address there is nothing to say."""
        self.assertIn("--host 127.0.0.1", _said())
        self.assertIn("curl --resolve app1.demo.localhost:4180:127.0.0.1 http://app1.demo.localhost:4180/", _said())
        self.assertNotIn("resolve", _said("--host=127.0.0.1"))

    def test_own_app(self) -> None:
        """The reader's own app is named."""
        self.assertIn("your app at http://127.0.0.1:8080", _said("--app=http://127.0.0.1:8080"))
