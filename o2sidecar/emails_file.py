"""The file of authenticated email addresses, read again when it changes."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from o2sidecar.watched_files import WatchedFiles


class EmailsFile(WatchedFiles):
    """The addresses that a file lists, one a line; empty lines and lines that begin with `#` do not count.

    A file that cannot be read any more leaves the last good list in force, and says so in the log.
    """

    _log = Logger()

    def __init__(self, *, path: str, clock: IReactorTime, period: float = 1.0) -> None:
        super().__init__([path], clock=clock, period=period)
        self._path = Path(path)
        self._emails: frozenset[str] = frozenset()
        self.look()

    def __call__(self) -> frozenset[str]:
        """The addresses, in lower case."""
        return self._emails

    def read_anew(self) -> None:
        """Take over the addresses."""
        texts = (line.strip().lower() for line in self._path.read_text("utf-8").splitlines())
        self._emails = frozenset(text for text in texts if text and not text.startswith("#"))
        self._log.info("{path} lists {count} addresses", path=self._path, count=len(self._emails))

    def complain(self, error: Exception) -> None:
        """Say that the last list stays."""
        self._log.error("{path} cannot be read, its last list stays in force: {error}", path=self._path, error=error)
