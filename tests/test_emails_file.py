"""Tests of the file of authenticated addresses."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.emails_file import EmailsFile


class EmailsFileTests(SynchronousTestCase):
    """The list follows its file."""

    def setUp(self) -> None:
        """A file with two addresses."""
        self.path = Path(self.mktemp())
        self.path.write_text("# people\nalice@example.com\n\n  Bob@Example.com  \n", "utf-8")
        self.clock = Clock()

    def watched(self) -> EmailsFile:
        made = EmailsFile(path=str(self.path), clock=self.clock)
        self.successResultOf(ensureDeferred(made.start()))
        self.addCleanup(made.stop)
        return made

    def replace(self, data: bytes) -> None:
        """Put another file in its place, as a Kubernetes volume does."""
        other = self.path.with_suffix(".new")
        other.write_bytes(data)
        os.replace(other, self.path)

    def test_addresses(self) -> None:
        """Comments and empty lines do not count, letter case and blanks do not matter."""
        self.assertEqual(self.watched()(), frozenset({"alice@example.com", "bob@example.com"}))

    def test_a_change_takes_effect(self) -> None:
        """A file swapped under its name is read within the period."""
        watched = self.watched()
        self.replace(b"carol@example.com\n")
        self.clock.advance(1)
        self.assertEqual(watched(), frozenset({"carol@example.com"}))

    def test_the_last_good_list_stays(self) -> None:
        """A file that goes away, or becomes unreadable, changes nothing; its return does."""
        watched = self.watched()
        self.path.unlink()
        self.clock.advance(1)
        self.assertIn("alice@example.com", watched())
        self.path.write_bytes(b"\xff\xfe broken")
        self.clock.advance(1)
        self.assertIn("alice@example.com", watched())
        self.path.write_bytes(b"dora@example.com\n")
        self.clock.advance(1)
        self.assertEqual(watched(), frozenset({"dora@example.com"}))

    def test_unreadable_from_the_start(self) -> None:
        """A file that is no text admits nobody, and says so once."""
        self.path.write_bytes(b"\xff\xfe broken")
        said: list[str] = []

        def note(event: LogEvent) -> None:
            said.append(formatEvent(event))

        globalLogPublisher.addObserver(note)  # type: ignore[arg-type]
        self.addCleanup(globalLogPublisher.removeObserver, note)  # type: ignore[arg-type]
        watched = self.watched()
        self.clock.advance(3)
        self.assertEqual(watched(), frozenset())
        self.assertEqual(len([line for line in said if "cannot be read" in line]), 1)

    def test_an_empty_file_admits_nobody(self) -> None:
        """A file that lists nobody admits nobody."""
        watched = self.watched()
        self.replace(b"")
        self.clock.advance(1)
        self.assertEqual(watched(), frozenset())
