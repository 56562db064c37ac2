"""Tests that whatever narrows down who may pass does so at sign-in and at refresh."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.providers.registry import KnownProviders
from o2sidecar.settings.load import load
from o2sidecar.settings.table import BY_KEY, OPTIONS
from tests.options.papers import write_files
from tests.options.restrictions import FURTHER, RESTRICTIONS, Restriction
from tests.options.row import BASE
from tests.options.surround import surround
from tests.options.world import World

CASES = [*((key, key, row) for key, row in RESTRICTIONS.items()), *((name, *case) for name, case in FURTHER.items())]


class RestrictionTests(SynchronousTestCase):
    """Every restriction, with a whole sidecar."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        write_files(self.folder)
        surround(self, SSL_CERT_FILE=str(self.folder / "system-ca.pem"))

    def world(self, key: str, value: str, row: Restriction) -> World:
        options = {**BASE, **row.around, "cookie_refresh": "1s", key: value}
        variables = {
            BY_KEY[name].variable: text.replace("{folder}", str(self.folder)) for name, text in options.items()
        }
        world = World(load([], variables, providers=KnownProviders()))
        self.addCleanup(world.end)
        row.prepare(world)
        return world

    def worlds(self, *, allowing: bool) -> Iterator[tuple[str, Restriction, World]]:
        for name, key, row in CASES:
            yield name, row, self.world(key, row.allow if allowing else row.deny, row)

    def test_every_restriction_has_a_row(self) -> None:
        """There is a row for each option that restricts, and none for what does not."""
        self.assertEqual({option.key for option in OPTIONS if option.restricts}, RESTRICTIONS.keys())

    def test_deny_at_sign_in(self) -> None:
        """A1: whoever is not among those that an option names is refused at sign-in, and has no session."""
        for name, row, world in self.worlds(allowing=False):
            self.assertEqual(world.sign_in().status, row.refused, name)
            self.assertNotEqual(world.get("/").status, 200, name)

    def test_allow_at_sign_in_and_refresh(self) -> None:
        """A1: whoever is among them passes, and stays at each refresh."""
        for name, _, world in self.worlds(allowing=True):
            self.assertEqual(world.sign_in().status, 302, name)
            asked = len(world.provider.asked)
            world.pass_time(2)
            self.assertEqual(world.get("/").status, 200, name)
            self.assertGreater(len(world.provider.asked), asked, f"{name}: nobody was asked at the refresh")

    def test_deny_at_refresh(self) -> None:
        """A1: whoever is not among them any more is out at the next refresh."""
        for name, row, world in self.worlds(allowing=True):
            self.assertEqual(world.sign_in().status, 302, name)
            if row.lose is not None:
                row.lose(world)
                world.pass_time(2)
                self.assertNotEqual(world.get("/").status, 200, name)

    def test_deny_after_a_change_of_settings(self) -> None:
        """A1: a session that began under other settings is judged by the present ones at the next refresh."""
        for name, key, row in CASES:
            before = self.world(key, row.allow, row)
            self.assertEqual(before.sign_in().status, 302, name)
            after = self.world(key, row.deny, row)
            after.jar = before.jar
            after.pass_time(2)
            self.assertNotEqual(after.get("/").status, 200, name)
