"""Files that are read again when they change: the last good contents stay in force when new ones cannot be used."""

from __future__ import annotations

import os
from collections.abc import Sequence

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

_State = tuple[tuple[int, int, int], ...]


class WatchedFiles:
    """Looks at files from time to time; its subclasses know what is in them.

    `paths`: looked at every `period` seconds through their names, so that a Kubernetes volume's swapped symlink is
    noticed.
    """

    def __init__(self, paths: Sequence[str], *, clock: IReactorTime, period: float = 1.0) -> None:
        self._paths = paths
        self._period = period
        self._loop = LoopingCall(self.look)
        self._loop.clock = clock
        self._seen: _State = ()
        self._trouble = ""

    async def start(self) -> None:
        """Begin to look at the files."""
        self._loop.start(self._period, now=False)

    def stop(self) -> None:
        """Look no more."""
        if self._loop.running:
            self._loop.stop()

    def note(self) -> None:
        """Take the files as they are now for read."""
        self._seen = tuple(map(_state_of, self._paths))

    def look(self) -> None:
        """Read the files if one changed since the last look, or if they could not be used then; complain once."""
        before = self._seen
        self.note()
        if self._seen != before:
            self._trouble = ""
        elif not self._trouble:
            return
        try:
            self.read_anew()
        except (OSError, ValueError) as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                self.complain(error)
        else:
            self._trouble = ""

    def read_anew(self) -> None:
        """Read the files and take over what is in them; `OSError` or `ValueError` says why that cannot be done."""
        raise NotImplementedError

    def complain(self, error: Exception) -> None:
        """Say that they cannot be used."""
        raise NotImplementedError


def _state_of(path: str) -> tuple[int, int, int]:
    """What changes when a file does; zeros for one that is not there."""
    try:
        state = os.stat(path)
    except OSError:
        return 0, 0, 0
    return state.st_ino, state.st_mtime_ns, state.st_size
