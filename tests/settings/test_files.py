"""Tests of files that settings name and that are written to."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.files import unwritable
from tests.settings.loading import refusal_of


class UnwritableTests(SynchronousTestCase):
    """Whether a file can be appended to."""

    def setUp(self) -> None:
        """A folder."""
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()

    def test_possible(self) -> None:
        """A file that is there, one that can be made, and a device; none is made or changed."""
        there = self.folder / "there"
        there.write_text("content")
        for path in (str(there), str(self.folder / "new"), "new", "/dev/null"):
            self.assertEqual(unwritable(path), "", path)
        self.assertEqual(os.listdir(self.folder), ["there"])
        self.assertEqual(there.read_text(), "content")

    def test_impossible(self) -> None:
        """What cannot be written is told with its name, and at once: nobody waits for a reader of a pipe."""
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        for path in (str(self.folder), "/nowhere/log", "/dev/null/log", str(pipe), "a\0b", "x" * 300):
            complaint = unwritable(path)
            self.assertIn(" cannot be written: ", complaint, path)
            self.assertTrue(complaint.isprintable() and len(complaint) < 250, complaint)

    def test_refused(self) -> None:
        """It is one problem among the others."""
        text = refusal_of(variables={"LOGGING_FILENAME": "/nowhere/log"}, without=("CLIENT_ID",))
        self.assertIn('OAUTH2_PROXY_LOGGING_FILENAME: "/nowhere/log" cannot be written: there is no folder', text)
        self.assertIn("client_id", text)
