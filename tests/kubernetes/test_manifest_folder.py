"""Tests of what is read of a folder of manifests."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.check.command import main as check
from o2sidecar.kubernetes.manifest_folder import listed
from o2sidecar.kubernetes.migrate.command import main as migrate
from tests.kubernetes.running import Run


class FolderTests(SynchronousTestCase):
    """Every command takes the same files of a folder."""

    def setUp(self) -> None:
        """Have a folder with folders, links, and what is no manifest."""
        self.folder = Path(self.mktemp())
        (self.folder / "b").mkdir(parents=True)
        for name in ("c.yaml", "a.json", "b/d.yml", "notes.txt"):
            (self.folder / name).write_text("{}\n", "utf-8")
        (self.folder / "e.yaml").symlink_to("c.yaml")

    def test_listed(self) -> None:
        """Manifests and folders by name, and links to files as ConfigMaps have them."""
        self.assertEqual([path.name for path in listed(self.folder)], ["a.json", "b", "c.yaml", "e.yaml"])

    def test_circles(self) -> None:
        """Links that lead in circles are gone into by no command."""
        for name in ("x", "y"):
            (self.folder / "b" / name).symlink_to("..", target_is_directory=True)
        self.assertEqual([path.name for path in listed(self.folder / "b")], ["d.yml"])
        for command, more in ((check, []), (migrate, ["plan"])):
            self.assertEqual(Run.of(command, *more, "--file", str(self.folder)).status, 0)
