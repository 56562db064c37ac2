"""Runs a service in the foreground, until SIGTERM or SIGINT ends it in order."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from twisted.application.service import IService


class Foreground:
    """Heeds SIGTERM and SIGINT from the moment it is made.

    A reactor sees to signals only once it runs, and the service listens before that. A signal that comes earlier is
    remembered rather than raised as an exception: whatever happened to run at that moment, a coroutine or an observer
    of the log, might take such an exception for its own.
    """

    def __init__(self) -> None:
        self._asked_to_end = False
        self._reactor: Any = None
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._heed)

    def run(self, service: IService, reactor: Any) -> None:
        """Start the service and the reactor; returns when both have ended."""
        service.privilegedStartService()
        service.startService()
        reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
        reactor.callWhenRunning(self._begin, reactor)
        reactor.run()

    def _begin(self, reactor: Any) -> None:
        self._reactor = reactor
        if self._asked_to_end:
            reactor.stop()

    def _heed(self, number: int, frame: FrameType | None) -> None:
        if self._reactor is not None and not self._asked_to_end:
            self._reactor.callFromThread(self._reactor.stop)
        self._asked_to_end = True
