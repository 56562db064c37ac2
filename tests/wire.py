"""In-memory wires: a client of our server and an app behind our proxy, byte by byte, without a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionRefusedError
from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from o2sidecar.http.exchange import Exchange
from o2sidecar.http.limits import Limits
from o2sidecar.http.listener.server import HttpServer


class Wire(StringTransport):
    """One side's transport of a TCP connection. The other side is the test.

    `closing`: our side said goodbye and waits (`loseConnection`); `half_closed`: it closed its sending direction;
    `aborted`: it reset the connection.
    """

    def __init__(self, protocol: Any) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", "192.0.2.1", 54321))
        self.protocol = protocol
        self.closing = False
        self.half_closed = False
        self.aborted = False
        self.lost = False
        self.nodelay = False
        protocol.makeConnection(self)

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.nodelay = enabled

    def loseConnection(self) -> None:
        self.closing = True

    def loseWriteConnection(self) -> None:
        self.half_closed = True

    def abortConnection(self) -> None:
        self.aborted = True

    @property
    def paused(self) -> bool:
        """Whether our side reads no more."""
        return bool(self.producerState == "paused")

    @property
    def ended(self) -> bool:
        """Whether our side will send no more."""
        return self.closing or self.half_closed or self.aborted

    # What the test does at the other side.

    def send(self, data: bytes) -> None:
        """Send bytes to our side, unless the connection has ended."""
        if not (self.aborted or self.lost):
            self.protocol.dataReceived(data)

    def dribble(self, data: bytes) -> None:
        """Send bytes one by one."""
        for index in range(len(data)):
            self.send(data[index : index + 1])

    def take(self) -> bytes:
        """What our side has sent since the last time."""
        data: bytes = self.value()
        self.clear()
        return data

    def close(self) -> None:
        """Close the sending direction, or all of it: our side sees the same."""
        if IHalfCloseableProtocol.providedBy(self.protocol) and not self.lost:
            self.protocol.readConnectionLost()

    def vanish(self) -> None:
        """Have the connection be lost."""
        if not self.lost:
            self.lost = True
            self.protocol.connectionLost(Failure(ConnectionAborted() if self.aborted else ConnectionDone()))

    def reset(self) -> None:
        """Reset the connection."""
        self.aborted = True
        self.vanish()

    def settle(self) -> None:
        """What a real transport does once our side has ended the connection."""
        if self.closing or self.aborted:
            self.vanish()

    def stall(self) -> None:
        """Read nothing: our side's buffer fills."""
        producer: Any = self.producer
        producer.pauseProducing()

    def drain(self) -> None:
        """Read everything again."""
        producer: Any = self.producer
        producer.resumeProducing()


class Recorder:
    """A `Served` that keeps the exchanges it is given, or does something with them."""

    def __init__(self, act: Callable[[Exchange], None] | None = None) -> None:
        self.exchanges: list[Exchange] = []
        self._act = act

    def serve(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        if self._act is not None:
            self._act(exchange)


def says(text: bytes) -> Callable[[Exchange], None]:
    """Answers with this text."""
    return lambda exchange: exchange.answer(200, [], text)


class Gathered:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.data = b""
        self.ended = False
        self.lost = False

    def body_data(self, data: bytes) -> None:
        self.data += data

    def body_end(self) -> None:
        self.ended = True

    def body_lost(self) -> None:
        self.lost = True


class Listening:
    """Our server, its clock, and clients at it."""

    def __init__(self, act: Callable[[Exchange], None] | None = None, served: Any = None, **limits: Any) -> None:
        self.clock = Clock()
        self.served = served or Recorder(act)
        self.log: list[tuple[bytes, int, int]] = []
        self.server = HttpServer(
            self.served,
            clock=self.clock,
            limits=Limits(**limits),
            access=lambda exchange, status, size, duration: self.log.append((exchange.target, status, size)),
            now=lambda: 784111777.0,
            random=lambda size: b"r" * size,
        )

    @property
    def exchanges(self) -> list[Exchange]:
        exchanges: list[Exchange] = self.served.exchanges
        return exchanges

    def client(self) -> Wire:
        """A new connection."""
        return Wire(self.server.buildProtocol(IPv4Address("TCP", "192.0.2.1", 54321)))

    def ask(self, data: bytes) -> bytes:
        """What a new client gets for these bytes."""
        client = self.client()
        client.send(data)
        return client.take()

    def pass_time(self, seconds: float) -> None:
        """Let time pass, in steps that the sweep notices."""
        for _ in range(int(seconds * 2) + 1):
            self.clock.advance(0.5)


@implementer(IStreamClientEndpoint)
class App:
    """An app's endpoint: each connection to it is a `Wire` of ours whose other side is the test."""

    def __init__(self, accepts: bool = True) -> None:
        self.accepts = accepts
        self.wires: list[Wire] = []
        self.waiting: list[tuple[IProtocolFactory, Deferred[Any]]] = []
        self.cancelled = 0

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        connected: Deferred[Any] = Deferred(self._cancel)
        self.waiting.append((protocolFactory, connected))
        if self.accepts:
            self.accept()
        return connected

    def _cancel(self, connected: Deferred[Any]) -> None:
        self.cancelled += 1
        connected.errback(CancelledError())

    def accept(self) -> Wire:
        """Let the next connection come about."""
        factory, connected = self.waiting.pop(0)
        wire = Wire(factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 8080)))
        self.wires.append(wire)
        connected.callback(wire.protocol)
        return wire

    def refuse(self) -> None:
        """Let the next connection fail."""
        _, connected = self.waiting.pop(0)
        connected.errback(ConnectionRefusedError())

    @property
    def wire(self) -> Wire:
        """The newest connection."""
        return self.wires[-1]
