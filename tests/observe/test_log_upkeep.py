"""Tests of what becomes of rotated files."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.observe.log_file import BackupNames
from o2sidecar.observe.log_upkeep import Keeping, LogUpkeep

NOW = 1_800_000_000.0
DAY = 86400


class UpkeepCase(SynchronousTestCase):
    """A folder with a log and what was rotated from it."""

    def setUp(self) -> None:
        """A folder, with a file of somebody else's in it."""
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        (self.folder / "log.txt").write_bytes(b"now\n")
        (self.folder / "others.txt").write_bytes(b"others\n")
        self.backups = BackupNames(path=str(self.folder / "log.txt"), local=False)

    def rotated(self, *days_ago: float) -> None:
        """Have something been rotated so many days ago."""
        for days in days_ago:
            Path(self.backups.at(NOW - days * DAY)).write_bytes(b"of %g days ago\n" % days)

    def left(self) -> list[str]:
        """What is still there, newest first, without what never goes."""
        names = sorted((path.name for path in self.folder.iterdir()), reverse=True)
        self.assertEqual(names[:2], ["others.txt", "log.txt"])
        return names[2:]


class KeepingTests(UpkeepCase):
    """`Keeping.tidy`."""

    def test_everything(self) -> None:
        """Without limits everything stays."""
        self.rotated(1, 100, 10_000)
        Keeping(names=self.backups).tidy(NOW)
        self.assertEqual(len(self.left()), 3)

    def test_age(self) -> None:
        """What is older than so many days goes, whatever time its file has."""
        self.rotated(1, 6.9, 7.1, 10_000)
        Keeping(names=self.backups, days=7).tidy(NOW)
        self.assertEqual(len(self.left()), 2)

    def test_count(self) -> None:
        """The newest stay, compressed or not, and one that is there twice counts once."""
        self.rotated(1, 2, 3, 4)
        newest, second, third, _ = self.left()
        (self.folder / f"{second}.gz").write_bytes(b"begun before the process ended")
        os.rename(self.folder / third, self.folder / f"{third}.gz")
        Keeping(names=self.backups, count=3).tidy(NOW)
        self.assertEqual(self.left(), [newest, f"{second}.gz", second, f"{third}.gz"])

    def test_compressed(self) -> None:
        """Each that stays is compressed, with its mode and its time; what is left of an attempt is overwritten."""
        self.rotated(1, 2)
        newest = self.folder / self.left()[0]
        newest.chmod(0o640)
        os.utime(newest, (NOW, NOW))
        (self.folder / f"{newest.name}.gz.part").write_bytes(b"broken off")
        for _ in range(2):
            Keeping(names=self.backups, compressed=True).tidy(NOW)
            self.assertEqual(self.left()[0], f"{newest.name}.gz")
            self.assertEqual(len(self.left()), 2)
        packed = self.folder / f"{newest.name}.gz"
        self.assertEqual(gzip.decompress(packed.read_bytes()), b"of 1 days ago\n")
        self.assertEqual((packed.stat().st_mode & 0o777, packed.stat().st_mtime), (0o640, NOW))

    def test_not_compressed(self) -> None:
        """What cannot be compressed stays as it is, and nothing half done is left."""
        self.rotated(1)
        [name] = self.left()
        (self.folder / f"{name}.gz").mkdir()
        self.assertRaises(OSError, Keeping(names=self.backups, compressed=True).tidy, NOW)
        self.assertEqual(self.left(), [f"{name}.gz", name])


class LogUpkeepTests(UpkeepCase):
    """When it is done."""

    def setUp(self) -> None:
        """Threads whose work is done when the test says so."""
        super().setUp()
        self.clock = Clock()
        self.clock.advance(NOW)
        self.waiting: list[tuple[Callable[[], Any], Deferred[None]]] = []
        self.complaints: list[str] = []

    def upkeep(self, **kept: Any) -> LogUpkeep:
        upkeep = LogUpkeep(
            Keeping(names=self.backups, **kept),
            clock=self.clock,
            in_thread=self._in_thread,
            complain=self.complaints.append,
        )
        self.addCleanup(upkeep.stop)
        return upkeep

    def _in_thread(self, call: Callable[..., None], *arguments: Any) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        self.waiting.append((lambda: call(*arguments), done))
        return done

    def work(self) -> None:
        """Do what waits for a thread."""
        [(call, done)], self.waiting = self.waiting, []
        maybeDeferred(call).chainDeferred(done)

    def test_at_the_start_and_every_hour(self) -> None:
        """What has grown too old goes, in a thread, even where nothing is rotated any more."""
        self.rotated(6.99)
        upkeep = self.upkeep(days=7)
        Deferred.fromCoroutine(upkeep.start())
        self.work()
        self.assertEqual(len(self.left()), 1)
        self.clock.advance(3600)
        self.work()
        self.assertEqual(self.left(), [])
        upkeep.stop()
        self.clock.advance(36000)
        self.assertEqual((self.waiting, self.clock.getDelayedCalls()), ([], []))

    def test_the_end(self) -> None:
        """When the process ends, what is not compressed yet stays for the next start."""
        self.rotated(1, 2, 3)
        upkeep = self.upkeep(compressed=True)
        Deferred.fromCoroutine(upkeep.start())
        upkeep.stop()
        before = self.left()
        self.work()
        self.assertEqual(self.left(), before)

    def test_a_mistake(self) -> None:
        """Whatever goes wrong, it is tried again."""
        upkeep = self.upkeep()
        Deferred.fromCoroutine(upkeep.start())
        [(_, done)], self.waiting = self.waiting, []
        done.errback(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.clock.advance(3600)
        self.assertEqual(len(self.waiting), 1)

    def test_one_at_a_time(self) -> None:
        """However often something is rotated meanwhile, it is done once more and no more."""
        upkeep = self.upkeep()
        upkeep.tidy()
        self.assertEqual(self.waiting, [], "it has not begun")
        Deferred.fromCoroutine(upkeep.start())
        for _ in range(5):
            upkeep.tidy()
        self.work()
        self.work()
        self.assertEqual(self.waiting, [])

    def test_trouble(self) -> None:
        """What goes wrong is told, and tried again."""
        upkeep = self.upkeep(days=7)
        Deferred.fromCoroutine(upkeep.start())
        os.rename(self.folder, f"{self.folder}-gone")
        self.work()
        where = f"rotated log files cannot be tidied up: {self.folder}: No such file or directory."
        self.assertEqual(self.complaints, [where])
        os.rename(f"{self.folder}-gone", self.folder)
        self.clock.advance(3600)
        self.work()
        self.assertEqual(self.complaints, [where])
