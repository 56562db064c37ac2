"""The file of local users and their passwords, read again when it changes; passwords are compared in a thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from o2sidecar.policy.passwords import Passwords, fits
from o2sidecar.refusals import Busy
from o2sidecar.watched_files import WatchedFiles

AT_ONCE = 2
MOST_WAITING = 64


class InThread(Protocol):
    """Runs a function off the reactor's thread."""

    def __call__(self, function: Callable[[str, str], bool], password: str, hashed: str) -> Deferred[bool]:
        """What the function says."""


class HtpasswdFile(WatchedFiles):
    """The users that a file lists.

    A file that cannot be read any more leaves the last good list in force; of one with entries that cannot be used
    the others count, for whoever was taken out must be out. The log says either.

    `at_once`: passwords that are compared at a time, so that guessing takes no more than so many threads.
    `most_waiting`: those that may wait for that; more are refused.
    """

    _log = Logger()

    def __init__(
        self,
        *,
        path: str,
        clock: IReactorTime,
        in_thread: InThread,
        period: float = 1.0,
        at_once: int = AT_ONCE,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        super().__init__([path], clock=clock, period=period)
        self._path = Path(path)
        self._in_thread = in_thread
        self._turns = DeferredSemaphore(at_once)
        self._most_waiting = most_waiting
        self._passwords = Passwords()
        self._slowest = ""
        self.look()

    def entry(self, user: str) -> str:
        """The hash of a user's password; empty if there is no such user."""
        return self._passwords.hashes.get(user, "")

    async def admits(self, user: str, password: str) -> bool:
        """Whether this is the password of a user. An unknown one takes as long as the slowest of those that are there.

        Raises `Busy` when too many are being compared.
        """
        if len(self._turns.waiting) >= self._most_waiting:
            raise Busy(reason="too_many_passwords", detail="too many passwords wait to be compared")
        hashed = self.entry(user)
        fitting = await self._turns.run(self._in_thread, fits, password, hashed or self._slowest)
        return bool(fitting) and hashed != ""

    def read_anew(self) -> None:
        """Take over the users."""
        found = Passwords.parse(self._path.read_bytes())
        self._passwords, self._slowest = found, found.slowest
        if found.complaint:
            self._log.error("{path} has {complaint}", path=self._path, complaint=found.complaint)
        self._log.info("{path} lists {count} users", path=self._path, count=len(found.hashes))

    def complain(self, error: Exception) -> None:
        """Say that the last list stays."""
        self._log.error("{path} cannot be read, its last list stays in force: {error}", path=self._path, error=error)
