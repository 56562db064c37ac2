"""The files of the configuration, read again when they change; the last good settings stay in force."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from o2sidecar.settings.changes import Changes
from o2sidecar.settings.loaded import Loaded
from o2sidecar.settings.problems import SettingsRefused
from o2sidecar.watched_files import WatchedFiles

_RETRY = 10.0


class ConfigurationFiles(WatchedFiles):
    """Has settings loaded and taken over when a file changed, and whenever somebody asks.

    `load`: loads them from all their sources; `take`: puts them in force, or raises `SettingsRefused` and leaves
    everything as it was. Files are read when they have stayed the same for a whole period, for whoever writes one
    may not be done: half a file can be valid, and say less about who may not pass.

    What is refused is tried again every `retry` seconds, for what was wrong may have been elsewhere: a secret's file
    that is mounted a moment later.
    """

    _log = Logger()

    def __init__(
        self,
        paths: Sequence[str],
        *,
        load: Callable[[], Loaded],
        take: Callable[[Loaded], Changes],
        clock: IReactorTime,
        period: float = 1.0,
        retry: float = _RETRY,
    ) -> None:
        super().__init__(paths, clock=clock, period=period)
        self._load = load
        self._take = take
        self._now = clock.seconds
        self._retry = retry
        self._retry_at = inf
        self._refused: tuple[str, ...] = ()
        self._changing = self._over = False
        self.note()

    def look(self) -> None:
        """Read the configuration if its files changed and do so no more, or if it is time to try again."""
        before = self._seen
        self.note()
        if self._seen != before:
            self._changing = True
        elif self._changing:
            self.read_anew()
        elif self._now() >= self._retry_at:
            self._read(known=self._refused)

    def read_anew(self) -> None:
        """Read it now, and say in the log what came of it."""
        if self._over:
            self._log.warn("The configuration is not read again: the process is about to end.")
            return
        self._read()

    def stop(self) -> None:
        """Read it no more, whoever asks: what a new tree needs would not be begun any more."""
        super().stop()
        self._over = True

    def _read(self, known: tuple[str, ...] = ()) -> None:
        """`known`: problems that the log has already."""
        self._changing = False
        self._retry_at, self._refused = inf, ()
        self.note()
        try:
            changes = self._take(self._load())
        except SettingsRefused as refused:
            self._retry_at, self._refused = self._now() + self._retry, tuple(map(str, refused.problems))
            if self._refused != known:
                self._log.error("The configuration was read again and is refused; what was in force stays.")
                for problem in self._refused:
                    self._log.error("not in force: {problem}", problem=problem)
        except Exception:
            # Whatever it is, people who are signed in have no part in it.
            self._log.failure("The configuration could not be read again; what was in force stays.")
        else:
            self._tell(changes)

    def _tell(self, changes: Changes) -> None:
        for warning in changes.warnings:
            self._log.warn("{sentence}", sentence=warning)
        applied = ", ".join(changes.applied) or "nothing"
        self._log.info("The configuration was read again; in force is what is new of: {applied}.", applied=applied)
        if changes.waiting:
            waiting = ", ".join(changes.waiting)
            self._log.warn("These changes wait for a restart, what was in force stays: {waiting}.", waiting=waiting)
