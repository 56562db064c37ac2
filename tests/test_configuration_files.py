"""Tests of reading the configuration again."""

from __future__ import annotations

import os
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.configuration_files import ConfigurationFiles
from o2sidecar.settings.changes import Changes, changes_of
from o2sidecar.settings.load import Loaded, load
from tests.settings.loading import GOOD

SECRET = "a-cookie-secret-nobody-may-see!!"


class ConfigurationFilesTests(SynchronousTestCase):
    """The configuration follows its file."""

    def setUp(self) -> None:
        """A file on disk, watched, and the settings that it gave at the start."""
        # Long paths are cut short in messages.
        folder = Path(mkdtemp())
        self.addCleanup(rmtree, folder)
        self.path = folder / "o2sidecar.cfg"
        self.path.write_text('banner = "one"\n', "utf-8")
        self.clock = Clock()
        self.loads = -1
        self.in_force = self.load()
        self.lines: list[str] = []
        observer: ILogObserver = self.note  # type: ignore[assignment]
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.files = ConfigurationFiles(self.in_force.files, load=self.load, take=self.take, clock=self.clock)
        self.successResultOf(ensureDeferred(self.files.start()))
        self.addCleanup(self.files.stop)

    def load(self) -> Loaded:
        self.loads += 1
        return load([f"--config={self.path}"], GOOD)

    def take(self, newer: Loaded) -> Changes:
        changes = changes_of(self.in_force, newer)
        self.in_force = changes.loaded
        return changes

    def note(self, event: LogEvent) -> None:
        if str(event.get("log_namespace", "")).endswith("ConfigurationFiles"):
            self.lines.append(formatEvent(event))

    @property
    def banner(self) -> str:
        return self.in_force.settings.banner

    def seconds(self, count: int = 1) -> None:
        for _ in range(count):
            self.clock.advance(1)

    def test_a_change(self) -> None:
        """A changed file counts a moment after it stopped changing, and the log says what is new."""
        self.path.write_text('banner = "three"\n', "utf-8")
        self.seconds(2)
        self.assertEqual(self.banner, "three")
        [line] = self.lines
        self.assertEqual(line, f"The configuration was read again; in force is what is new of: banner ({self.path}).")

    def test_half_a_file(self) -> None:
        """While a file is being written nothing of it counts: half a file may be valid and let more people pass."""
        for text in ('banner = "t', 'banner = "th"\n', 'banner = "three"\n#', 'banner = "three"\n# done'):
            self.path.write_text(text, "utf-8")
            self.seconds()
            self.assertEqual((self.banner, self.loads), ("one", 0))
        self.seconds()
        self.assertEqual((self.banner, self.loads, len(self.lines)), ("three", 1, 1))

    def test_nothing_happens(self) -> None:
        """A file that does not change is not read."""
        self.seconds(100)
        self.assertEqual((self.loads, self.lines), (0, []))

    def test_a_bad_file(self) -> None:
        """A file that cannot be used changes nothing; the log names each problem, once, and shows no secret."""
        self.path.write_text(f'cookie_secure = "perhaps"\nno_such = 1\ncookie_secret = "{SECRET[:7]}"\n', "utf-8")
        self.seconds(30)
        self.assertEqual(self.banner, "one")
        text = "\n".join(self.lines)
        self.assertEqual(self.lines[0], "The configuration was read again and is refused; what was in force stays.")
        self.assertIn(f"not in force: cookie_secure ({self.path}): ", text)
        self.assertIn(f"not in force: no_such ({self.path}): no option has this key", text)
        self.assertEqual((len(self.lines), SECRET[:7] in text), (len(set(self.lines)), False))
        self.path.write_text('banner = "good"\n', "utf-8")
        self.seconds(2)
        self.assertEqual(self.banner, "good")

    def test_a_file_that_comes_later(self) -> None:
        """What is refused for want of a file elsewhere counts some seconds after that is there; the log has it once."""
        secret = self.path.parent / "secret"
        self.path.write_text(f'banner = "two"\nauthenticated_emails_file = "{secret}"\n', "utf-8")
        self.seconds(25)
        self.assertEqual((self.banner, self.loads, len(self.lines)), ("one", 3, 2))
        secret.write_text("alice@example.com\n", "utf-8")
        self.seconds(10)
        self.assertEqual((self.banner, self.loads, len(self.lines)), ("two", 4, 3))
        self.seconds(100)
        self.assertEqual(self.loads, 4)

    def test_other_problems(self) -> None:
        """Problems that are other ones at a later try are told, and all of them to who asks."""
        listed = self.path.parent / "listed"
        self.path.write_text(f'banner = "two"\nauthenticated_emails_file = "{listed}"\n', "utf-8")
        self.seconds(30)
        self.assertEqual(len(self.lines), 2)
        self.files.read_anew()
        self.assertEqual((len(self.lines), self.lines[:2]), (4, self.lines[2:]))
        listed.mkdir()
        self.seconds(30)
        self.assertEqual((len(self.lines), "directory" in self.lines[-1]), (6, True))

    def test_the_end(self) -> None:
        """When the process is about to end nothing is read any more, whoever asks."""
        self.files.stop()
        self.path.write_text('banner = "two"\n', "utf-8")
        self.files.read_anew()
        self.seconds(30)
        self.assertEqual((self.banner, self.loads, len(self.lines)), ("one", 0, 1))

    def test_a_file_that_goes(self) -> None:
        """A file that is gone, or is a folder, or holds no text, leaves the last good settings in force."""
        self.path.unlink()
        self.seconds(2)
        self.path.mkdir()
        self.seconds(2)
        self.path.rmdir()
        self.path.write_bytes(b"\xff\xfe\x00")
        self.seconds(2)
        self.assertEqual((self.banner, self.loads), ("one", 3))
        self.assertEqual(sum(line.startswith("not in force: ") for line in self.lines), 3)

    def test_a_swapped_volume(self) -> None:
        """A Kubernetes volume is followed: the file is a link through a link that is swapped, its own name stays."""
        folder = self.path.parent
        for name, banner in (("..2026_1", "one"), ("..2026_2", "two")):
            (folder / name).mkdir()
            (folder / name / "o2sidecar.cfg").write_text(f'banner = "{banner}"\n', "utf-8")
        (folder / "..data").symlink_to("..2026_1")
        self.path.unlink()
        self.path.symlink_to("..data/o2sidecar.cfg")
        self.seconds(2)
        self.assertEqual(self.banner, "one")
        (folder / "..data_tmp").symlink_to("..2026_2")
        os.replace(folder / "..data_tmp", folder / "..data")
        self.seconds(2)
        self.assertEqual(self.banner, "two")

    def test_on_demand(self) -> None:
        """Who asks, by SIGHUP, has it read at once."""
        self.path.write_text('banner = "now"\n', "utf-8")
        self.files.read_anew()
        self.assertEqual(self.banner, "now")
        self.seconds(5)
        self.assertEqual(self.loads, 1)

    def test_what_waits_for_a_restart(self) -> None:
        """What cannot change while the process runs is named, and its old value stays."""
        self.path.write_text('banner = "two"\nhttp_address = "127.0.0.1:9999"\n', "utf-8")
        self.seconds(2)
        self.assertEqual((self.banner, self.in_force.settings.http_address), ("two", "127.0.0.1:4180"))
        self.assertEqual(
            self.lines[1:],
            [f"These changes wait for a restart, what was in force stays: http_address ({self.path})."],
        )

    def test_a_fault_of_ours(self) -> None:
        """What goes wrong unexpectedly is logged, and nothing changes."""

        def broken(newer: Loaded) -> Changes:
            raise RuntimeError("broken")

        files = ConfigurationFiles(self.in_force.files, load=self.load, take=broken, clock=self.clock)
        files.read_anew()
        [failure] = self.flushLoggedErrors(RuntimeError)
        self.assertEqual((failure.getErrorMessage(), self.banner), ("broken", "one"))
