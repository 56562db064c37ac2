"""Tests of deadlines."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.sweep import NEVER, Sweep


class Waiting:
    """Has a deadline, and forgets itself when it passes."""

    def __init__(self, sweep: Sweep, deadline: float) -> None:
        self.deadline = deadline
        self.told: list[float] = []
        self._sweep = sweep
        sweep.watch(self)

    def overdue(self, now: float) -> None:
        self.told.append(now)
        self._sweep.forget(self)


class SweepTests(SynchronousTestCase):
    """One timer for all."""

    def test_in_time(self) -> None:
        """A deadline is noticed within a period, and never early."""
        clock = Clock()
        sweep = Sweep(clock, period=0.5)
        soon, later, never = Waiting(sweep, 1.2), Waiting(sweep, 3.0), Waiting(sweep, NEVER)
        for _ in range(10):
            clock.advance(0.5)
        self.assertEqual((soon.told, later.told, never.told), ([1.5], [3.0], []))

    def test_one_timer(self) -> None:
        """However many are watched there is one timer, and none for nobody."""
        clock = Clock()
        sweep = Sweep(clock)
        watched = [Waiting(sweep, NEVER) for _ in range(100)]
        self.assertEqual(len(clock.getDelayedCalls()), 1)
        for each in watched:
            sweep.forget(each)
            sweep.forget(each)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_all_forgotten_in_a_sweep(self) -> None:
        """When a sweep empties it, the timer ends; it begins anew with the next."""
        clock = Clock()
        sweep = Sweep(clock)
        Waiting(sweep, 0)
        clock.advance(1)
        self.assertEqual(clock.getDelayedCalls(), [])
        again = Waiting(sweep, 0)
        clock.advance(1)
        self.assertEqual(len(again.told), 1)
