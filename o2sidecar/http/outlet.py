"""The writing end of a connection: sends at once, and says when the other side does not keep up.

HOT: `write`. Twisted's transports wait for the next turn of the reactor, which costs two changes of the poll set per
write; while nothing is waiting we offer the bytes to the socket right away and leave only the rest to the transport.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IPushProducer, ISSLTransport
from twisted.internet.tcp import Connection
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from o2sidecar.http.exchange import Flow
from o2sidecar.http.kernel import not_taken


@implementer(IPushProducer)
class Outlet:
    """Writes to a transport and pauses `flow` while the transport's buffer is over its mark (64 KiB)."""

    __slots__ = (
        "_at_once",
        "_closing",
        "_flow",
        "_not_taken",
        "_retired",
        "_send",
        "_transport",
        "_under_tls",
        "full",
    )

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        # Not where TLS lies between: the socket below it would send in the clear.
        self._send = transport.getHandle().send if isinstance(transport, Connection) and not transport.TLS else None
        self._at_once = self._send is not None
        self._under_tls = transport.transport if isinstance(transport, TLSMemoryBIOProtocol) else None
        self._flow: Flow | None = None
        self._retired = False
        self._closing = False
        self._not_taken = 0
        self.full = False
        """Whether the other side does not keep up."""
        transport.registerProducer(self, True)

    def write(self, data: bytes) -> None:
        """Send, now or as soon as there is room."""
        if self._at_once:
            try:
                sent = self._send(data)  # type: ignore[misc]
            except OSError:
                # No room, or no connection any more: the transport will find out which.
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
            # What waits in the transport now must not be overtaken. Twisted tells of its end only those whom it has
            # paused, which it does not do for a little.
            self._at_once = False
            self._transport.producerPaused = True
        self._transport.write(data)

    def throttle(self, flow: Flow | None) -> None:
        """Whom to pause while the other side does not keep up; `None`: nobody."""
        self._flow = flow
        if self.full and flow is not None:
            flow.pause()

    def moved(self) -> bool:
        """Whether the other side has taken something of what waits for it, since it began to wait or this was asked.

        A slow reader may read for minutes before the kernel has room again for what waits here.
        """
        if not (self.full or self._closing):
            return False
        before, self._not_taken = self._not_taken, not_taken(self._transport)
        return self._not_taken != before

    def close(self) -> None:
        """End the connection once all is sent."""
        self._retire()
        self._closing = True
        self._not_taken = not_taken(self._transport)
        self._transport.loseConnection()
        if self._under_tls is not None:
            # RFC 8446 §6.1: our goodbye is sent; nobody has to wait for the other side's.
            self._under_tls.loseConnection()

    def close_writing(self) -> None:
        """Close the sending direction once all is sent."""
        self._retire()
        if ISSLTransport.providedBy(self._transport):
            # TLS says that it is over (RFC 8446 §6.1); what the other side still sends is read until it says so, too.
            self._transport.loseConnection()
        else:
            self._transport.loseWriteConnection()

    def abort(self) -> None:
        """End the connection at once."""
        self._retire()
        self._transport.abortConnection()

    def _retire(self) -> None:
        self._flow = None
        self._at_once = False
        if not self._retired:
            self._retired = True
            self._transport.unregisterProducer()

    def pauseProducing(self) -> None:
        """Called by the transport, with every write while its buffer is over the mark."""
        if not self.full:
            self.full = True
            self._not_taken = not_taken(self._transport)
            if self._flow is not None:
                self._flow.pause()

    def resumeProducing(self) -> None:
        """Called by the transport: its buffer is empty."""
        full, self.full = self.full, False
        self._at_once = self._send is not None
        if full and self._flow is not None:
            self._flow.resume()

    def stopProducing(self) -> None:
        """Called by the transport when the connection is lost; its protocol is told as well, and acts."""
