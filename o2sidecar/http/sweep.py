"""Deadlines without timers of their own: one timer looks at all connections, twice a second.

A deadline is then a float that the hot path sets; thousands of idle connections cost a comparison each.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

NEVER = float("inf")


class Watched(Protocol):
    """Has a deadline, in the clock's seconds."""

    deadline: float

    def overdue(self, now: float) -> None:
        """The deadline has passed."""


class Sweep:
    """Tells those whose deadline has passed, up to `period` seconds late."""

    def __init__(self, clock: IReactorTime, period: float = 0.5) -> None:
        self._clock = clock
        self._period = period
        self._watched: dict[Watched, None] = {}
        self._timer: IDelayedCall | None = None

    def watch(self, watched: Watched) -> None:
        """Look at it from now on."""
        self._watched[watched] = None
        if self._timer is None:
            self._timer = self._clock.callLater(self._period, self._sweep)

    def forget(self, watched: Watched) -> None:
        """Look at it no more; it need not have been watched."""
        self._watched.pop(watched, None)
        if not self._watched and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __len__(self) -> int:
        return len(self._watched)

    def _sweep(self) -> None:
        self._timer = self._clock.callLater(self._period, self._sweep)
        now = self._clock.seconds()
        for watched in [each for each in self._watched if each.deadline <= now]:
            watched.overdue(now)
