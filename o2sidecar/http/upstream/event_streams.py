"""Event streams: answers without an end, which are broken off when the session is over that they were begun with."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from o2sidecar.http.exchange import Exchange
from o2sidecar.http.sweep import Sweep

_PERIOD = 1.0


class EventStreams:
    """Looks once a second whether those who follow streams may still do so."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._sweep = Sweep(clock)

    def follow(self, exchange: Exchange) -> None:
        """The answer to this request is a stream."""
        self._sweep.watch(_Stream(exchange, self._sweep, self._clock))


class _Stream:
    """One of them; `deadline`: when to look at it again."""

    def __init__(self, exchange: Exchange, sweep: Sweep, clock: IReactorTime) -> None:
        self._exchange = exchange
        self._sweep = sweep
        self.deadline = clock.seconds() + _PERIOD

    def overdue(self, now: float) -> None:
        """Break it off, if it is not over and its session is."""
        exchange = self._exchange
        if not exchange.done and (exchange.stands is None or exchange.stands(exchange)):
            self.deadline = now + _PERIOD
            return
        self._sweep.forget(self)
        if not exchange.done:
            exchange.reason = "session_ended"
            exchange.abort()
