"""Tests of the log's file: rotation, files that were moved away, and disks that fail."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.observe.log_file import BackupNames, LogFile

NOW = 1_800_000_000.5


class LogFileTests(SynchronousTestCase):
    """A file that is written to by name."""

    def setUp(self) -> None:
        """A folder, a clock, and what is told."""
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.path = self.folder / "log.txt"
        self.clock = Clock()
        self.clock.advance(NOW)
        self.complaints: list[str] = []
        self.rotations = 0

    def file(self, most: int = 100, path: Path | None = None) -> LogFile:
        file = LogFile(
            BackupNames(path=str(path or self.path), local=False),
            most=most,
            now=self.clock.seconds,
            complain=self.complaints.append,
            rotated=self._count,
        )
        self.addCleanup(file.close)
        return file

    def _count(self) -> None:
        self.rotations += 1

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def test_appends(self) -> None:
        """A file that is there already is added to, and nobody else may read one that is made."""
        self.file().write(b"one\n")
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.file().write(b"two\n")
        self.assertEqual(self.path.read_bytes(), b"one\ntwo\n")

    def test_rotates(self) -> None:
        """Before it grew too large, it keeps the moment in its name and another takes its place, without loss."""
        file = self.file(most=10)
        for number in range(4):
            file.write(b"line%d\n" % number)
        self.assertEqual(
            self.names(),
            [f"log-2027-01-15T08-00-00.50{number}.txt" for number in range(3)] + ["log.txt"],
            "one moment, three names",
        )
        self.assertEqual(
            b"".join((self.folder / name).read_bytes() for name in self.names()), b"line0\nline1\nline2\nline3\n"
        )
        self.assertEqual(self.rotations, 3)

    def test_what_cannot_be_opened_again(self) -> None:
        """Where the name cannot be opened any more, as after giving up rights, what is open is written on to."""
        file = self.file()
        file.write(b"one\n")
        moved = self.path.rename(self.folder / "moved.txt")
        self.path.mkdir()
        self.assertRaises(OSError, file.reopen)
        self.path.rmdir()
        moved.rename(self.path)
        file.write(b"two\n")
        self.assertEqual(self.path.read_bytes(), b"one\ntwo\n")

    def test_a_line_larger_than_all(self) -> None:
        """It is written whole, into a file of its own."""
        file = self.file(most=10)
        file.write(b"x" * 50 + b"\n")
        file.write(b"y\n")
        self.assertEqual(self.path.read_bytes(), b"y\n")
        self.assertEqual(len(self.names()), 2)

    def test_grown_by_others(self) -> None:
        """What another process added counts."""
        file = self.file(most=10)
        file.write(b"a\n")
        with self.path.open("ab") as other:
            other.write(b"x" * 10)
        file.write(b"b\n")
        self.assertEqual(self.path.read_bytes(), b"b\n")

    def test_moved_away(self) -> None:
        """When logrotate moved the file, a new one is begun with the next line, whether it made one or not."""
        file = self.file()
        file.write(b"a\n")
        os.rename(self.path, self.folder / "log.txt.1")
        file.write(b"b\n")
        os.rename(self.path, self.folder / "log.txt.2")
        self.path.touch()
        file.write(b"c\n")
        self.assertEqual([(self.folder / name).read_bytes() for name in self.names()], [b"c\n", b"a\n", b"b\n"])

    def test_truncated(self) -> None:
        """Nothing stands in the way of logrotate's copytruncate."""
        file = self.file()
        file.write(b"a\n")
        os.truncate(self.path, 0)
        file.write(b"b\n")
        self.assertEqual(self.path.read_bytes(), b"b\n")

    def test_reopened(self) -> None:
        """It can be opened anew at once, so that it is there for whoever asked for it."""
        file = self.file()
        file.write(b"a\n")
        os.unlink(self.path)
        file.reopen()
        self.assertEqual(self.path.read_bytes(), b"")

    def test_folder_gone_and_back(self) -> None:
        """Without its folder lines are lost; with it they are written again."""
        folder = self.folder / "below"
        folder.mkdir()
        file = self.file(path=folder / "log")
        file.write(b"a\n")
        os.rename(folder, self.folder / "elsewhere")
        for _ in range(3):
            self.assertRaises(FileNotFoundError, file.write, b"lost\n")
        folder.mkdir()
        file.write(b"b\n")
        self.assertEqual((folder / "log").read_bytes(), b"b\n")

    def test_full_disk(self) -> None:
        """A full disk refuses each line, takes no descriptors, and harms nothing."""
        file = self.file(path=Path("/dev/full"))
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            with self.assertRaises(OSError) as caught:
                file.write(b"lost\n")
            self.assertEqual(caught.exception.errno, 28)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before + 1)
        self.assertEqual(self.rotations, 0)

    def test_torn_line(self) -> None:
        """Behind a line of which only the beginning could be written, the next one begins on a line of its own."""
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        file = self.file(path=Path(f"/proc/self/fd/{writing}"))
        self.assertRaises(BlockingIOError, file.write, b"x" * 1_000_000)
        self.assertEqual(set(os.read(reading, 1 << 20)), {ord("x")})
        file.write(b"whole\n")
        self.assertEqual(os.read(reading, 100), b"\nwhole\n")

    def test_what_is_no_file(self) -> None:
        """A device or a pipe is written to and never rotated; one that nobody reads does not stop the process."""
        os.mkfifo(self.path)
        file = self.file(most=1)
        self.assertRaises(OSError, file.write, b"a\n")
        reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        file.write(b"b\n")
        file.write(b"c\n")
        self.assertEqual(os.read(reader, 100), b"b\nc\n")
        self.assertEqual(self.names(), ["log.txt"])

    def test_cannot_be_rotated(self) -> None:
        """Where it cannot be renamed it grows on, and that is told."""
        path = self.folder / ("x" * 250)  # with a moment in it the name is too long
        file = self.file(most=5, path=path)
        file.write(b"one\n")
        file.write(b"two\n")
        self.assertEqual(path.read_bytes(), b"one\ntwo\n")
        self.assertEqual(self.complaints, [f"{path} cannot be rotated: File name too long."])
        self.assertEqual(self.rotations, 0)


class BackupNamesTests(SynchronousTestCase):
    """The names of what was rotated."""

    def test_there_and_back(self) -> None:
        """A name tells the second again in which it was given, in local time or UTC."""
        for local in (True, False):
            for path in ("/var/log/o2sidecar.log", "log", "/a.b/c", ".hidden"):
                names = BackupNames(path=path, local=local)
                name = os.path.basename(names.at(NOW))
                self.assertEqual(names.moment(name), int(NOW), name)
                self.assertEqual(names.moment(f"{name}.gz"), int(NOW), name)

    def test_foreign_names(self) -> None:
        """What others called so, or nearly so, is none of ours."""
        names = BackupNames(path="/x/log.txt")
        for name in (
            "log.txt",
            "log.txt.1",
            "log-2027-01-15T08-00-00.000.txt.gz.part",
            "log-2027-13-15T08-00-00.000.txt",
            "log-0000-01-15T08-00-00.000.txt",
            "my-log-2027-01-15T08-00-00.000.txt",
            "log-2027-01-15T08-00-00.000.txt\n",
            "log-2027-01-15T08-00-00.000xtxt",
            "log-٢٠٢٧-01-15T08-00-00.000.txt",
        ):
            self.assertIsNone(names.moment(name), name)
