"""Connections to one app: those that are free are used again, most recent first."""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress, IProtocolFactory, IReactorTime, IStreamClientEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from o2sidecar.http.kernel import unread
from o2sidecar.http.limits import UpstreamLimits
from o2sidecar.http.sweep import Sweep
from o2sidecar.http.upstream.connection import UpstreamConnection


@implementer(IProtocolFactory)
class Pool:
    """Gives connections to an app and takes them back.

    There are never more of them than requests under way and `pool_size` together. One that the app closes, or on which
    it says something unasked, leaves the pool at once.

    Attributes:
        opened: how many connections were made.
        reused: how often a free one was taken.
        failed: how many were not made, but for those that nobody waited for any more.
    """

    noisy = False

    def __init__(self, *, endpoint: IStreamClientEndpoint, limits: UpstreamLimits, clock: IReactorTime) -> None:
        self.limits = limits
        self._endpoint = endpoint
        self._clock = clock
        self._sweep = Sweep(clock)
        self._free: list[UpstreamConnection] = []
        self.opened = 0
        self.reused = 0
        self.failed = 0

    @property
    def free(self) -> int:
        """How many connections wait for a request."""
        return len(self._free)

    @property
    def standing(self) -> int:
        """How many connections there are, in use or free."""
        return len(self._sweep)

    def take(self, once: bool = False) -> UpstreamConnection | None:
        """A free connection; `once`: for a request that cannot be sent again, so that the kernel is asked about it."""
        while self._free:
            connection = self._free.pop()
            if once and unread(connection.transport):
                # The app has ended it, or said something unasked; the reactor has not come to that yet.
                connection.abandon()
                continue
            self.reused += 1
            return connection
        return None

    def open(self) -> Deferred[UpstreamConnection]:
        """A new connection; fails as the endpoint does. May be cancelled."""
        connected = cast("Deferred[UpstreamConnection]", self._endpoint.connect(self))
        return connected.addErrback(self._not_opened)

    def _not_opened(self, failure: Failure) -> Failure:
        if failure.check(CancelledError) is None:
            self.failed += 1
        return failure

    # What the connections call.

    def keep(self, connection: UpstreamConnection) -> None:
        """It is free again."""
        self._free.append(connection)
        if len(self._free) > self.limits.pool_size:
            self._free[0].abandon()

    def drop(self, connection: UpstreamConnection) -> None:
        """It is gone, or of no more use."""
        self._sweep.forget(connection)
        if connection in self._free:
            self._free.remove(connection)

    # What the endpoint calls.

    def buildProtocol(self, addr: IAddress | None) -> UpstreamConnection:
        """A connection that is about to stand."""
        connection = UpstreamConnection(keeper=self, limits=self.limits, clock=self._clock)
        self._sweep.watch(connection)
        self.opened += 1
        return connection

    def doStart(self) -> None:
        """A connection is being made."""

    def doStop(self) -> None:
        """A connection is gone, or was not made."""
