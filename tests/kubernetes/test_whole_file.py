"""Tests of files that are written as a whole or not at all."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.whole_file import put


class WholeFileTests(SynchronousTestCase):
    """Whatever is there already."""

    def setUp(self) -> None:
        """A folder with a file."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.file = self.folder / "a.yaml"
        self.file.write_text("old", "utf-8")

    def test_a_file(self) -> None:
        """It keeps its mode, and nothing is left beside it."""
        self.file.chmod(0o640)
        put(str(self.file), "new", mode=0o600)
        self.assertEqual((self.file.read_text("utf-8"), stat.S_IMODE(self.file.stat().st_mode)), ("new", 0o640))
        self.assertEqual(os.listdir(self.folder), ["a.yaml"])

    def test_a_new_file(self) -> None:
        """It has the mode that is asked for, less the umask."""
        self.addCleanup(os.umask, os.umask(0o027))
        for mode, expected in ((0o666, 0o640), (0o600, 0o600)):
            new = self.folder / f"{mode}.yaml"
            put(str(new), "new", mode=mode)
            self.assertEqual(stat.S_IMODE(new.stat().st_mode), expected)

    def test_links(self) -> None:
        """A link stays one, to what it is for, also if that is not there yet; a circle of links is an error."""
        for name, target in (("link", "a.yaml"), ("dangling", "none.yaml"), ("one", "other"), ("other", "one")):
            (self.folder / name).symlink_to(target)
        put(str(self.folder / "link"), "new")
        self.assertEqual((self.file.read_text("utf-8"), (self.folder / "link").is_symlink()), ("new", True))
        put(str(self.folder / "dangling"), "there")
        self.assertEqual((self.folder / "none.yaml").read_text("utf-8"), "there")
        self.assertRaises(OSError, put, str(self.folder / "one"), "new")

    def test_pipes(self) -> None:
        """What is no file is written to and stays what it is: a pipe, and so /dev/stdout or /dev/null."""
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        found: list[str] = []
        reader = threading.Thread(target=lambda: found.append(pipe.read_text("utf-8")))
        reader.start()
        put(str(pipe), "new")
        reader.join(10)
        self.assertEqual((found, stat.S_ISFIFO(pipe.stat().st_mode)), (["new"], True))

    def test_folders(self) -> None:
        """A folder is no place for a text, nor is one that is not there."""
        for path in (self.folder, self.folder / "none" / "a.yaml", self.file / "a.yaml"):
            self.assertRaises(OSError, put, str(path), "new")
        self.assertEqual(os.listdir(self.folder), ["a.yaml"])
