"""The files of the configuration, read again when they change; the last good settings stay in force."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from o2sidecar.settings.changes import Changes
from o2sidecar.settings.loaded import Loaded
from o2sidecar.settings.problems import SettingsRefused
from o2sidecar.watched_files import WatchedFiles


class ConfigurationFiles(WatchedFiles):
    """Has settings loaded and taken over when a file changed, and whenever somebody asks.

    `load`: loads them from all their sources; `take`: puts them in force, or raises `SettingsRefused` and leaves
    everything as it was. Files are read when they have stayed the same for a whole period, for whoever writes one
    may not be done: half a file can be valid, and say less about who may not pass.
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
    ) -> None:
        super().__init__(paths, clock=clock, period=period)
        self._load = load
        self._take = take
        self._changing = False
        self.note()

    def look(self) -> None:
        """Read the configuration if its files changed and do so no more."""
        before = self._seen
        self.note()
        if self._seen != before:
            self._changing = True
        elif self._changing:
            self.read_anew()

    def read_anew(self) -> None:
        """Read it now, and say in the log what came of it."""
        self._changing = False
        self.note()
        try:
            changes = self._take(self._load())
        except SettingsRefused as refused:
            self._log.error("The configuration was read again and is refused; what was in force stays.")
            for problem in refused.problems:
                self._log.error("not in force: {problem}", problem=str(problem))
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
