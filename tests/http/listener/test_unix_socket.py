"""Tests of making room for a unix socket."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.listener.unix_socket import make_room


class MakeRoomTests(SynchronousTestCase):
    """What is in the way goes only if it is dead."""

    def setUp(self) -> None:
        """A path that is short enough for a socket."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "s"

    def bound(self) -> socket.socket:
        """A socket at the path that nobody listens on yet."""
        made = socket.socket(socket.AF_UNIX)
        self.addCleanup(made.close)
        made.bind(str(self.path))
        return made

    def test_nothing_is_there(self) -> None:
        """A path that is free stays so."""
        make_room(str(self.path))
        self.assertFalse(self.path.exists())

    def test_a_dead_socket(self) -> None:
        """A socket whose process is gone is removed."""
        made = self.bound()
        made.listen()
        made.close()
        make_room(str(self.path))
        self.assertFalse(self.path.exists())

    def test_a_live_socket(self) -> None:
        """A socket that somebody listens on is left alone, and so said."""
        self.bound().listen()
        error = self.assertRaises(OSError, make_room, str(self.path))
        self.assertIn("another process listens there", str(error))
        self.assertTrue(self.path.is_socket())

    def test_a_busy_socket(self) -> None:
        """A live socket with a full queue is live, and nobody waits for room in it."""
        self.bound().listen(0)
        for _ in range(3):
            waiting = socket.socket(socket.AF_UNIX)
            self.addCleanup(waiting.close)
            waiting.setblocking(False)
            waiting.connect_ex(str(self.path))
        self.assertRaises(OSError, make_room, str(self.path))
        self.assertTrue(self.path.is_socket())

    def test_something_else(self) -> None:
        """A file, a folder and a link, even one to a dead socket, are left alone."""
        self.bound().close()
        dead = self.path.rename(self.path.with_name("dead"))
        for make in (Path.touch, Path.mkdir, lambda path: path.symlink_to(dead)):
            make(self.path)
            self.assertRaises(FileExistsError, make_room, str(self.path))
            self.assertTrue(os.path.lexists(self.path))
            self.path.rmdir() if self.path.is_dir() else self.path.unlink()
        self.assertTrue(dead.is_socket())
