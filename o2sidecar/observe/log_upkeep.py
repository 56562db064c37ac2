"""Keeps the folder of a log file tidy: rotated files are compressed, and removed by their age and number."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
from collections.abc import Awaitable, Callable

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from o2sidecar.observe.log_file import BackupNames

_PERIOD = 3600.0
"""Seconds between two looks at a folder where nothing is rotated, for what grows too old."""
_DAY = 86400


@frozen(kw_only=True)
class Keeping:
    """What is kept of rotated files: `days` and `count`, 0 for no limit; `compressed`: by gzip."""

    names: BackupNames
    days: int = 0
    count: int = 0
    compressed: bool = False

    def tidy(self, now: float, goes_on: Callable[[], bool] = lambda: True) -> None:
        """Do it; takes long where much is compressed, and ends early when it is not to go on. Raises `OSError`."""
        found = {name: moment for name in os.listdir(self.names.folder) if (moment := self.names.moment(name))}
        # A file that was being compressed when the process ended is there twice.
        newest_first = sorted(dict.fromkeys(name.removesuffix(".gz") for name in sorted(found)), reverse=True)
        oldest = now - self.days * _DAY if self.days else 0.0
        moments = {name.removesuffix(".gz"): moment for name, moment in found.items()}
        for place, name in enumerate(newest_first):
            if not goes_on():
                return
            path = os.path.join(self.names.folder, name)
            if moments[name] < oldest or (self.count and place >= self.count):
                for each in (path, f"{path}.gz"):
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(each)
            elif self.compressed and name in found:
                _compress(path)


def _compress(path: str) -> None:
    """Put a file's compressed form into its place; where that breaks off, the file is still there."""
    unfinished = f"{path}.gz.part"
    try:
        with open(path, "rb") as source:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as target, gzip.GzipFile(fileobj=target, mode="wb") as packed:
                shutil.copyfileobj(source, packed)
            shutil.copystat(path, unfinished)
        os.replace(unfinished, f"{path}.gz")
        os.unlink(path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        raise


class LogUpkeep:
    """Has `keeping` tidy up at the start, when something was rotated, and once in a while.

    `in_thread` calls something away from the reactor. `complain`: is told in a sentence what went wrong.
    """

    _log = Logger()

    def __init__(
        self,
        keeping: Keeping,
        *,
        clock: IReactorTime,
        in_thread: Callable[..., Deferred[None]],
        complain: Callable[[str], object],
    ) -> None:
        self._keeping = keeping
        self._clock = clock
        self._in_thread = in_thread
        self._complain = complain
        self._next: IDelayedCall | None = None
        self._started = self._busy = self._wanted = False

    async def start(self) -> None:
        """Tidy up, and from then on."""
        self._started = True
        self.tidy()

    def stop(self) -> None:
        """Begin nothing more."""
        self._started = False
        if self._next is not None and self._next.active():
            self._next.cancel()

    def tidy(self) -> None:
        """Tidy up soon, one at a time."""
        self._wanted = True
        if self._started and not self._busy:
            Deferred.fromCoroutine(self._tidied())

    async def _tidied(self) -> None:
        self._busy = True
        try:
            while self._wanted:
                self._wanted = False
                await self._tidy_once()
        finally:
            self._busy = False
            if self._next is not None and self._next.active():
                self._next.cancel()
            if self._started:
                self._next = self._clock.callLater(_PERIOD, self.tidy)

    async def _tidy_once(self) -> None:
        tidying: Awaitable[None] = self._in_thread(self._keeping.tidy, self._clock.seconds(), lambda: self._started)
        try:
            await tidying
        except Exception as error:
            if not isinstance(error, OSError):
                self._log.failure("rotated log files cannot be tidied up")
                return
            where = error.filename or self._keeping.names.folder
            self._complain(f"rotated log files cannot be tidied up: {where}: {error.strerror}.")
