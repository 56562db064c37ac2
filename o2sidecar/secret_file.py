"""A file that holds a secret, read again when it changes; the last good secret stays in force."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from o2sidecar.settings.files import read_text, without_line_break
from o2sidecar.watched_files import WatchedFiles


def _accepted(text: str) -> None:
    """Any text will do."""


Secret = str | Callable[[], str]
"""A client secret, or what tells the current one: secrets in files change."""


class SecretFile(WatchedFiles):
    """The secret that a file holds.

    `setting`: the name of the option that names the file. `text`: the secret as it was read at the start. `take`: told
    of a new one; raises `ValueError`, with a sentence that does not show it, if it cannot be used.
    """

    _log = Logger()

    def __init__(
        self,
        path: str,
        *,
        setting: str,
        text: str,
        clock: IReactorTime,
        take: Callable[[str], object] = _accepted,
        may_be_empty: bool = False,
        period: float = 1.0,
    ) -> None:
        super().__init__([path], clock=clock, period=period)
        self._path = path
        self._setting = setting
        self._text = text
        self._take = take
        self._may_be_empty = may_be_empty

    def __call__(self) -> str:
        """The secret of now."""
        self.look()
        return self._text

    def read_anew(self) -> None:
        """Take over the secret, if it is another one."""
        text = without_line_break(read_text(self._path, lambda path: Path(path).read_bytes()))
        if text == self._text:
            return
        if not text and not self._may_be_empty:
            raise ValueError(f"{self._path} is empty")
        self._take(text)
        self._text = text
        self._log.info(
            "{setting}: {path} was read again and holds another secret", setting=self._setting, path=self._path
        )

    def complain(self, error: Exception) -> None:
        """Say that the last one stays."""
        self._log.error(
            "{setting}: the new secret cannot be used, the last good one stays in force: {error}",
            setting=self._setting,
            error=error,
        )
