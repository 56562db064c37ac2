"""The file of authenticated email addresses, read again when it changes."""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger


class EmailsFile:
    """The addresses that a file lists, one a line; empty lines and lines that begin with `#` do not count.

    A file that cannot be read any more leaves the last good list in force, and says so in the log. It is looked at
    every `period` seconds through its name, so that a Kubernetes volume's swapped symlink is noticed.
    """

    _log = Logger()

    def __init__(self, *, path: str, read: Callable[[str], bytes], clock: IReactorTime, period: float = 1.0) -> None:
        self._path = path
        self._read = read
        self._loop = LoopingCall(self.look)
        self._loop.clock = clock
        self._period = period
        self._seen: tuple[int, int, int] | None = None
        self._trouble = ""
        self._emails: frozenset[str] = frozenset()
        self.look()

    def __call__(self) -> frozenset[str]:
        """The addresses, in lower case."""
        return self._emails

    async def start(self) -> None:
        """Begin to look at the file from time to time."""
        self._loop.start(self._period, now=False)

    def stop(self) -> None:
        """Look no more."""
        if self._loop.running:
            self._loop.stop()

    def look(self) -> None:
        """Read the file if it changed since the last look."""
        try:
            state = os.stat(self._path)
            seen = (state.st_ino, state.st_mtime_ns, state.st_size)
            if seen == self._seen:
                return
            lines = self._read(self._path).decode("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            self._seen = None
            if str(error) != self._trouble:
                self._trouble = str(error)
                self._log.error(
                    "{path} cannot be read, its last list stays in force: {error}", path=self._path, error=error
                )
            return
        self._seen, self._trouble = seen, ""
        texts = (line.strip().lower() for line in lines)
        self._emails = frozenset(text for text in texts if text and not text.startswith("#"))
        self._log.info("{path} lists {count} addresses", path=self._path, count=len(self._emails))
