"""Tests of secrets in files."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.secret_file import SecretFile


class SecretFileTests(SynchronousTestCase):
    """A secret follows its file."""

    def setUp(self) -> None:
        """A file, watched; only secrets that begin with `s` can be used."""
        self.path = Path(self.mktemp())
        self.path.write_text("s-first\n", "utf-8")
        self.clock = Clock()
        self.taken: list[str] = []
        self.lines: list[str] = []
        observer: ILogObserver = self.note  # type: ignore[assignment]
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.file = SecretFile(
            str(self.path), setting="client_secret_file", text="s-first", take=self.take, clock=self.clock
        )
        self.successResultOf(ensureDeferred(self.file.start()))
        self.addCleanup(self.file.stop)

    def note(self, event: LogEvent) -> None:
        if "client_secret_file" in formatEvent(event):
            self.lines.append(formatEvent(event))

    def take(self, text: str) -> None:
        if not text.startswith("s"):
            raise ValueError("it begins with another letter")
        self.taken.append(text)

    def replace(self, data: bytes) -> None:
        """Put another file in its place, as a Kubernetes volume does."""
        other = self.path.with_suffix(".new")
        other.write_bytes(data)
        os.replace(other, self.path)
        self.clock.advance(1)

    def test_nothing_changed(self) -> None:
        """The file of the start, and the same secret in another file, are no change."""
        self.clock.advance(1)
        self.replace(b"s-first\r\n")
        self.assertEqual((self.file(), self.taken, self.lines), ("s-first", [], []))

    def test_a_change(self) -> None:
        """Another secret is taken over, and the log says so without showing it (L1)."""
        self.replace(b"s-second\n")
        self.assertEqual((self.file(), self.taken), ("s-second", ["s-second"]))
        self.assertEqual(len(self.lines), 1)
        self.assertNotIn("s-second", self.lines[0])

    def test_asked_between_two_looks(self) -> None:
        """Whoever asks gets what the file holds by then."""
        self.path.write_text("s-third-one", "utf-8")
        self.assertEqual(self.file(), "s-third-one")

    def test_the_last_good_secret_stays(self) -> None:
        """A file that goes away, is empty, is no text or holds what cannot be used changes nothing; a line says so."""
        self.path.unlink()
        self.clock.advance(2)
        for bad in (b"", b"\n", b"\xff\xfe", b"unusable"):
            self.replace(bad)
            self.clock.advance(5)
            self.assertEqual((self.file(), self.taken), ("s-first", []))
        self.assertEqual(len(self.lines), 5)
        self.assertNotIn("unusable", "".join(self.lines).partition("letter")[2])
        self.replace(b"s-good")
        self.assertEqual(self.file(), "s-good")
