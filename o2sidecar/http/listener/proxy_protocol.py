"""Connections that begin with the PROXY protocol: the proxy is heard, then the client is served as if it were here.

Twisted has a wrapper for it (`twisted.protocols.haproxy`). It takes any text for an address, anybody's word and any
time, and lies between the channel and its socket for good; this one steps aside once the preamble is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from o2sidecar.http.limits import Limits
from o2sidecar.http.listener.other_end import other_end
from o2sidecar.http.message.preamble import PreambleRefused, Source, split_preamble
from o2sidecar.http.sweep import NEVER, Sweep

_QUIET = 10.0
"""Seconds after a complaint in which there is none, so that nobody fills the log."""


@implementer(IProtocolFactory)
class ProxyProtocol:
    """Hands connections to `served` once a trusted proxy has said whose they are; closes all others.

    `trusts`: whether to believe the other end, by its address. `limits`: those of now; the preamble may take as long as
    a head, and as many connections as there may be at all may wait for theirs.
    """

    _log = Logger()
    noisy = False

    def __init__(
        self,
        served: IProtocolFactory,
        *,
        trusts: Callable[[str], bool],
        clock: IReactorTime,
        limits: Callable[[], Limits],
    ) -> None:
        self.served = served
        self.limits = limits
        self.clock = clock
        self._trusts = trusts
        self._sweep = Sweep(clock)
        self._waiting = 0
        self._quiet_until = 0.0

    def buildProtocol(self, addr: IAddress) -> Introduction | None:
        """What hears the proxy; `None`, which closes the connection, if it is none or if there are too many."""
        if not self._trusts(other_end(addr)[0]):
            self.complain(addr, "it is from no trusted proxy")
            return None
        if self._waiting >= self.limits().connections:
            self.complain(addr, "too many others have not said whose they are")
            return None
        return Introduction(self, addr)

    def doStart(self) -> None:
        """A port listens for this factory."""
        self.served.doStart()

    def doStop(self) -> None:
        """A port listens no more for this factory."""
        self.served.doStop()

    # What introductions call.

    def began(self, introduction: Introduction) -> None:
        """One waits."""
        self._waiting += 1
        self._sweep.watch(introduction)

    def over(self, introduction: Introduction) -> None:
        """It waits no more."""
        self._waiting -= 1
        self._sweep.forget(introduction)

    def complain(self, address: IAddress, reason: str) -> None:
        """Say in the log why a connection is closed."""
        now = self.clock.seconds()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET
            self._log.warn(
                "proxy_protocol: a connection from {peer} was closed: {reason} (nothing of others for {quiet:.0f} s)",
                peer=other_end(address)[0],
                reason=reason,
                quiet=_QUIET,
            )


@implementer(IProtocol)
class Introduction:
    """A connection whose proxy has not said yet whose it is."""

    __slots__ = ("_address", "_held", "_waits", "deadline", "factory", "transport")

    def __init__(self, factory: ProxyProtocol, address: IAddress) -> None:
        self.factory = factory
        self.transport: Any = None
        self.deadline = NEVER
        self._address = address
        self._held = b""
        self._waits = True

    def makeConnection(self, transport: Any) -> None:
        """Begin to listen."""
        self.transport = transport
        self.deadline = self.factory.clock.seconds() + self.factory.limits().head_time
        self.factory.began(self)

    def connectionMade(self) -> None:
        """Nothing: `makeConnection` did it."""

    def dataReceived(self, data: bytes) -> None:
        """Bytes of the preamble, and perhaps what comes behind it."""
        if not self._waits:
            return
        self._held += data
        try:
            found = split_preamble(self._held)
        except PreambleRefused as refused:
            self._close(str(refused))
            return
        if found is not None:
            self._hand_over(*found)

    def _hand_over(self, source: Source | None, rest: bytes) -> None:
        served = self.factory.served.buildProtocol(self._address if source is None else _address(*source))
        if served is None:
            self._close("it is not wanted")
            return
        self._end()
        self.transport.protocol = served
        served.makeConnection(self.transport)
        if rest:
            served.dataReceived(rest)

    def connectionLost(self, reason: Failure) -> None:
        """The connection is gone."""
        self._end()

    def overdue(self, now: float) -> None:
        """The preamble took too long."""
        self._close("it did not say in time whose it is")

    def _close(self, reason: str) -> None:
        self.factory.complain(self._address, reason)
        self._end()
        self.transport.abortConnection()

    def _end(self) -> None:
        if self._waits:
            self._waits = False
            self.deadline = NEVER
            self._held = b""
            self.factory.over(self)


def _address(host: str, port: int) -> IAddress:
    kind = IPv6Address if ":" in host else IPv4Address
    return kind("TCP", host, port)
