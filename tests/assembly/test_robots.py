"""Tests of what robots are told."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.problems import SettingsRefused
from tests.assembly.in_memory import InMemory


class RobotsTests(SynchronousTestCase):
    """`robots.txt` of `custom_templates_dir`."""

    def test_unreadable(self) -> None:
        """One that is there and cannot be read is refused by name; without one ours is used."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        InMemory(f"--custom-templates-dir={folder}")
        (folder / "robots.txt").mkdir()
        with self.assertRaises(SettingsRefused) as refused:
            InMemory(f"--custom-templates-dir={folder}")
        self.assertIn("robots.txt cannot be read: Is a directory", str(refused.exception))
        self.assertIn("custom_templates_dir", str(refused.exception))
