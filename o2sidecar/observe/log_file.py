"""The log's file: written whole lines at a time, opened again when somebody moved it away, rotated when it is large.

What is rotated keeps its place in the folder under its name with the moment in it, as oauth2-proxy names it
(`log-2026-11-28T09-30-00.000.txt`), so that those who collect such files go on finding them. Python's own rotating
handlers and Twisted's number theirs, know one of size, age and compression each, and raise into whoever logs.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from threading import Lock

from attrs import field, frozen

_MOMENT = "%Y-%m-%dT%H-%M-%S"
_MODE = 0o600


@frozen(kw_only=True)
class BackupNames:
    """The names of what was rotated out of a file's way. `local`: whether the moment in them is local time, or UTC."""

    path: str
    local: bool = True
    _stem: str = field(init=False)
    _ending: str = field(init=False)
    _pattern: re.Pattern[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        stem, ending = os.path.splitext(os.path.basename(self.path))
        moment = r"(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d)\.\d{3}"
        object.__setattr__(self, "_stem", stem)
        object.__setattr__(self, "_ending", ending)
        object.__setattr__(
            self, "_pattern", re.compile(f"{re.escape(stem)}-{moment}{re.escape(ending)}(?:\\.gz)?", re.ASCII)
        )

    @property
    def folder(self) -> str:
        """Where they are, and the file itself."""
        return os.path.dirname(self.path) or "."

    def at(self, seconds: float) -> str:
        """The path for what is rotated now: none that is there already."""
        milliseconds = int(seconds * 1000)
        while True:
            whole, rest = divmod(milliseconds, 1000)
            moment = datetime.fromtimestamp(whole, self._zone).strftime(_MOMENT)
            path = os.path.join(self.folder, f"{self._stem}-{moment}.{rest:03}{self._ending}")
            if not os.path.lexists(path) and not os.path.lexists(f"{path}.gz"):
                return path
            milliseconds += 1

    def moment(self, name: str) -> float | None:
        """When what has this name was rotated, in seconds since the epoch; `None` if it is no such name."""
        match = self._pattern.fullmatch(name)
        if match is None:
            return None
        try:
            moment = datetime.strptime(match[1], _MOMENT)
            return (moment if self.local else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None

    @property
    def _zone(self) -> tzinfo | None:
        return None if self.local else UTC


class LogFile:
    """Writes to a file by name.

    `most`: bytes above which it is rotated. `now`: seconds since the epoch. `complain`: is told in a sentence why
    it could not be rotated; it is written to on then. `rotated`: called after that was done.
    """

    def __init__(
        self,
        names: BackupNames,
        *,
        most: int,
        now: Callable[[], float],
        complain: Callable[[str], object],
        rotated: Callable[[], object] = lambda: None,
    ) -> None:
        self._names = names
        self._path = names.path
        self._most = most
        self._now = now
        self._complain = complain
        self._rotated = rotated
        self._descriptor = -1
        self._torn = False
        self._lock = Lock()

    def write(self, data: bytes) -> None:
        """Write lines, from any thread; raises `OSError` if that fails, and begins on a new line next time."""
        with self._lock:
            self._write(data)

    def reopen(self) -> None:
        """Go on in the file that has the name now, even if that is the same; raises `OSError` if it cannot be."""
        with self._lock:
            self._open()

    def close(self) -> None:
        """Let go of the file until something is written."""
        with self._lock:
            self._close()

    def _write(self, data: bytes) -> None:
        there = self._opened()
        if stat.S_ISREG(there.st_mode) and there.st_size > 0 and there.st_size + len(data) > self._most:
            self._rotate()
        if self._torn:
            data = b"\n" + data
        rest = data
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            self._torn = self._torn or len(rest) < len(data)
            raise
        self._torn = False

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1
        self._torn = False

    def _opened(self) -> os.stat_result:
        """What is known of the file that has the name, which is open then."""
        if self._descriptor >= 0:
            there = self._there()
            if there is not None:
                return there
        self._open()
        return os.fstat(self._descriptor)

    def _there(self) -> os.stat_result | None:
        """What is known of the open file; `None` if another has its name, or none."""
        opened = os.fstat(self._descriptor)
        try:
            named = os.stat(self._path)
        except FileNotFoundError:
            return None
        except OSError:
            # A folder that is closed to us since we gave up our rights: what is open stays ours.
            return opened
        return opened if os.path.samestat(opened, named) else None

    def _open(self) -> None:
        """Open what has the name; what is open stays so until that has succeeded."""
        # Without O_NONBLOCK a FIFO that nobody reads would stop the process.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK
        opened = os.open(self._path, flags, _MODE)
        self._close()
        self._descriptor = opened

    def _rotate(self) -> None:
        try:
            os.rename(self._path, self._names.at(self._now()))
        except OSError as error:
            self._complain(f"{self._path} cannot be rotated: {error.strerror}.")
            return
        self._open()
        self._rotated()
