"""Twisted's epoll reactor with a shorter way from an event to its connection.

HOT: `doPoll` runs for every event. Twisted wraps each in a logging context and looks at its kind with a call or two;
of four events of a proxied request all but a few say only that there is something to read, and nothing of ours uses the
context. What the trick bought is in docs/performance.md.
"""

from __future__ import annotations

import errno
from select import EPOLLIN

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor
from twisted.python import log


class LeanReactor(EPollReactor):
    """An epoll reactor without a logging context for each read; what fails is logged and disconnected all the same."""

    def doPoll(self, timeout: float | None) -> None:
        """Wait for events, at most `timeout` seconds (`None`: for ever), and have them dealt with."""
        selectables = self._selectables
        try:
            events = self._poller.poll(-1 if timeout is None else timeout, len(selectables))
        except OSError as error:
            if error.errno == errno.EINTR:
                return
            raise
        for descriptor, event in events:
            selectable = selectables.get(descriptor)
            if selectable is None:
                # An event before this one closed it.
                continue
            if event != EPOLLIN:
                log.callWithLogger(selectable, self._doReadOrWrite, selectable, descriptor, event)
                continue
            try:
                why = selectable.doRead()
            except Exception as error:
                log.err()
                why = error
            if why:
                self._disconnectSelectable(selectable, why, True)

    doIteration = doPoll


def install() -> None:
    """Make it the process's reactor."""
    installReactor(LeanReactor())
