"""Tests for `o2sidecar.htpasswd_file`: the list follows its file, and passwords are compared elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.htpasswd_file import HtpasswdFile
from o2sidecar.refusals import Busy

BOB = "$2b$04$ymkTAWcSGeMiFbjKmQRY.Ocrj090liDkZsqcJr6frQa0KOJAGpW6G"
CAROL = "{SHA}stOsjhQ+/Zr2RzmhAD8uggClG7Y="


class FakeThread:
    """Compares when the test says so."""

    def __init__(self) -> None:
        self.compared: list[tuple[str, str]] = []
        self.waiting: list[tuple[Deferred[bool], Callable[[], bool]]] = []

    def __call__(self, function: Callable[[str, str], bool], password: str, hashed: str) -> Deferred[bool]:
        self.compared.append((password, hashed))
        answer: Deferred[bool] = Deferred()
        self.waiting.append((answer, lambda: function(password, hashed)))
        return answer

    def run(self) -> None:
        while self.waiting:
            answer, compare = self.waiting.pop(0)
            answer.callback(compare())


class HtpasswdFileTests(SynchronousTestCase):
    """`HtpasswdFile`."""

    def setUp(self) -> None:
        """A file with two users."""
        self.path = Path(self.mktemp())
        self.path.write_text(f"# users\nbob:{BOB}\ncarol:{CAROL}\n", "utf-8")
        self.clock = Clock()
        self.thread = FakeThread()
        self.logged: list[LogEvent] = []
        observer = cast("ILogObserver", self.logged.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.file = HtpasswdFile(
            path=str(self.path),
            clock=self.clock,
            in_thread=self.thread,
            most_waiting=3,
        )
        self.successResultOf(ensureDeferred(self.file.start()))
        self.addCleanup(self.file.stop)

    def replace(self, data: bytes) -> None:
        """Put another file in its place, as a Kubernetes volume does, and let the period pass."""
        other = self.path.with_suffix(".new")
        other.write_bytes(data)
        os.replace(other, self.path)
        self.clock.advance(1)

    def admits(self, user: str, password: str) -> bool:
        asked = ensureDeferred(self.file.admits(user, password))
        self.thread.run()
        return self.successResultOf(asked)

    def told(self) -> str:
        return "\n".join(formatEvent(event) for event in self.logged)

    def test_passwords(self) -> None:
        """Who has the right password is admitted, nobody else."""
        self.assertTrue(self.admits("bob", "bobpw"))
        self.assertTrue(self.admits("carol", "carolpw"))
        for user, password in (("bob", "carolpw"), ("bob", ""), ("Bob", "bobpw"), ("nobody", "bobpw"), ("", "")):
            self.assertFalse(self.admits(user, password), user)

    def test_unknown_users_cost_the_same(self) -> None:
        """A5: an unknown user's password is compared too, with the slowest hash: time does not tell who is here."""
        self.assertFalse(self.admits("nobody", "bobpw"))
        self.assertEqual(self.thread.compared, [("bobpw", BOB)])

    def test_at_most_two_at_a_time(self) -> None:
        """Guessing takes two threads and no more; beyond a queue it is refused."""
        asked = [ensureDeferred(self.file.admits("bob", "bobpw")) for _ in range(5)]
        self.assertEqual(len(self.thread.compared), 2)
        self.failureResultOf(ensureDeferred(self.file.admits("bob", "bobpw")), Busy)
        self.thread.run()
        self.assertEqual([self.successResultOf(one) for one in asked], [True] * 5)

    def test_a_change_takes_effect(self) -> None:
        """Who is taken out is out, who is put in is in."""
        self.replace(f"dave:{CAROL}\n".encode())
        self.assertTrue(self.admits("dave", "carolpw"))
        self.assertFalse(self.admits("bob", "bobpw"))
        self.assertEqual((self.file.entry("bob"), self.file.entry("dave")), ("", CAROL))

    def test_the_last_good_list_stays(self) -> None:
        """A file that goes away, or is no text, changes nothing."""
        self.path.unlink()
        self.clock.advance(1)
        self.assertTrue(self.admits("bob", "bobpw"))
        self.replace(b"\xff\xfe")
        self.assertTrue(self.admits("bob", "bobpw"))
        self.assertIn("its last list stays in force", self.told())

    def test_unusable_entries_of_a_change(self) -> None:
        """Entries that cannot be used are told by their users; the others count, and who was taken out is out."""
        self.replace(f"eve:$apr1$x$y\ndave:{CAROL}\n".encode())
        self.assertTrue(self.admits("dave", "carolpw"))
        self.assertFalse(self.admits("bob", "bobpw"))
        self.assertFalse(self.admits("eve", "$apr1$x$y"))
        self.assertIn("neither bcrypt nor {SHA}: eve", self.told())
        self.assertNotIn("$apr1$", self.told())
