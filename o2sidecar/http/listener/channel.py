"""A client's connection: requests in, one at a time and in order; answers out; deadlines; its end.

Rule 1: a request is handed out only when the answer to the one before it is complete; what came behind it is held.
Rule 2: what `_take` is says which state the connection is in. Only `_serve`, `body_complete`, `answered`,
`become_tunnel`, `_linger` and `_end` change it:

    _take_head -> RequestBody.take -> _hold -> _take_head      a request with a body
    _take_head -> _hold -> _take_head                          a request without one
    ... -> _discard                                            answered or refused; waiting for the client to leave
    _hold -> ClientEnd.take                                    after 101

HOT: `_take_head`, `_serve` and `answered`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol, IProtocol, ISSLTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from o2sidecar.http.listener.client_end import SERVICE_RESTART, ClientEnd
from o2sidecar.http.listener.native import NativeExchange
from o2sidecar.http.listener.other_end import other_end
from o2sidecar.http.listener.request_body import RequestBody
from o2sidecar.http.message.body import BodyRefused
from o2sidecar.http.message.request_head import HeadRefused, split_head
from o2sidecar.http.outlet import Outlet
from o2sidecar.http.sweep import NEVER

if TYPE_CHECKING:
    from o2sidecar.http.listener.server import HttpServer


@implementer(IProtocol, IHalfCloseableProtocol)
class Channel:
    """The server's side of one connection."""

    __slots__ = (
        "_closing",
        "_exchange",
        "_half_closed",
        "_held",
        "_lingering",
        "_paused",
        "_running",
        "_take",
        "_tunnel",
        "deadline",
        "outlet",
        "peer",
        "peer_port",
        "secure",
        "server",
        "transport",
    )

    def __init__(self, server: HttpServer, address: IAddress | None) -> None:
        """`address`: whose connection it is."""
        self.server = server
        self.peer, self.peer_port = other_end(address)
        self.transport: Any = None
        self.deadline = NEVER
        self._exchange: NativeExchange | None = None
        self._tunnel: ClientEnd | None = None
        self._take: Callable[[bytes], None] = self._take_head
        self._held = b""
        self._closing = False
        self._lingering = False
        self._half_closed = False
        self._paused = False
        self._running = False

    # What the transport calls.

    def makeConnection(self, transport: Any) -> None:
        """Begin to read requests, or refuse the connection when there are too many."""
        self.transport = transport
        transport.setTcpNoDelay(True)
        self.secure = ISSLTransport.providedBy(transport)
        self.outlet = Outlet(transport)
        self.outlet.throttle(self)
        self._due(self.server.limits.head_time)
        if not self.server.opened(self):
            self._refuse(503, "too many connections")
            if self.server.overrun():
                self.cut()

    def connectionMade(self) -> None:
        """Nothing: `makeConnection` did it."""

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the client."""
        self._take(data)

    def readConnectionLost(self) -> None:
        """The client closed its sending side, or went away altogether: the two look alike (RFC 9112 §9.6)."""
        exchange = self._exchange
        if self._tunnel is not None:
            self._tunnel.ended()
        elif exchange is None or self._lingering:
            self.outlet.close()
        elif exchange.body is not None and not exchange.body.complete:
            self.broken(exchange, gently=False)
        else:
            self._half_closed = True
            exchange.since_half_closed = exchange.sent
            self._due(self.server.limits.half_closed_time)

    def writeConnectionLost(self) -> None:
        """Our own sending side is closed."""

    def connectionLost(self, reason: Failure) -> None:
        """The connection is gone."""
        self.deadline = NEVER
        if self._tunnel is not None:
            self._tunnel.lost()
        exchange = self._exchange
        if exchange is not None:
            self._exchange = None
            exchange.lost()
            self.server.answered(exchange)
        # Last, for with the last connection the process may end, and its log with it.
        self.server.closed(self)

    # States: what becomes of the client's bytes.

    def _take_head(self, data: bytes) -> None:
        """Bytes of a head, or of several requests at once."""
        self._running = True
        try:
            while data and self._exchange is None and not self._lingering and not self.outlet.full:
                data = self._take_one(data)
            if data:
                # Whoever does not read its answers gets no more of them (security.md D1).
                self._hold(data)
        finally:
            self._running = False

    def _take_one(self, data: bytes) -> bytes:
        """Serve the first request in `data` if its head is there; gives what may be served after it."""
        held = self._held
        try:
            head, rest = split_head(held, data, self.server.limits)
        except HeadRefused as refused:
            self._refuse(refused.status, refused.reason, held + data)
            return b""
        if not head:
            self._held = rest
            if not held:
                self._due(self.server.limits.head_time)
            return b""
        self._held = b""
        self._serve(head, rest)
        if self._exchange is None:
            data, self._held = self._held, b""
            return data
        return b""

    def _hold(self, data: bytes) -> None:
        """Bytes behind a request that is being answered: bounded, by not reading on."""
        self._held += data
        self.pause_reading()

    def _discard(self, data: bytes) -> None:
        """Bytes after the last answer."""

    # One request.

    def _serve(self, head: bytes, rest: bytes) -> None:
        server = self.server
        exchange = NativeExchange(self, server.clock.seconds())
        try:
            exchange.read(head, server.limits)
        except HeadRefused as refused:
            self._refuse(refused.status, refused.reason, head, exchange)
            return
        self._exchange = exchange
        self.deadline = NEVER
        if exchange.content_length == 0:
            self._take = self._hold
            self._held = rest
        else:
            exchange.body = RequestBody(self, exchange.decoder(server.limits), exchange.expects_continue)
            self._take = exchange.body.take
            if rest:
                self._take(rest)
        if exchange.target == b"*":
            exchange.answer(204, [(b"Allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")])
            return
        try:
            server.served.serve(exchange)
        except Exception:
            server.failed(exchange)

    # What the exchange calls.

    def ends_with(self, exchange: NativeExchange, unframed: bool) -> bool:
        """Whether the connection ends behind this answer (RFC 9112 §9.3, §9.6)."""
        unread = exchange.body is not None and not exchange.body.complete and not exchange.body.forget()
        options = exchange.options
        self._closing = (
            unframed
            or unread
            or self._half_closed
            or self.server.draining
            or b"close" in options
            or (exchange.http_1_0 and b"keep-alive" not in options)
        )
        return self._closing

    def answered(self, exchange: NativeExchange) -> None:
        """The answer is complete: log it, and go on to the next request or end the connection."""
        self._exchange = None
        exchange.flow = None
        self.server.answered(exchange)
        body = exchange.body
        if self._closing or self._half_closed:
            if body is not None and not body.complete:
                body.lost()
                self._linger()
            else:
                self._linger() if self._held else self._end()
            return
        self._take = self._take_head
        if not self.outlet.full:
            self._due(self.server.limits.idle_time)
        if not self._running:
            self._go_on()
        if self.server.emptying:
            # Its head went out before anybody knew that it would be the last.
            self.drain()

    def _go_on(self) -> None:
        """Read on, and serve what came behind the last request."""
        self.resume_reading()
        if self._held:
            data, self._held = self._held, b""
            self._take_head(data)

    def broken(self, exchange: NativeExchange, gently: bool) -> None:
        """The answer cannot be completed: end the connection."""
        self._exchange = None
        exchange.lost()
        self.server.answered(exchange)
        self._end()
        if not gently:
            self.cut()

    def become_tunnel(self, exchange: NativeExchange) -> ClientEnd:
        """The connection is no longer HTTP."""
        held, self._held = self._held, b""
        self._exchange = None
        self._tunnel = ClientEnd(self, exchange, held)
        self._take = self._tunnel.take
        return self._tunnel

    # What the server asks.

    def under_way(self) -> tuple[NativeExchange | None, bool]:
        """The request that is being answered, and whether the connection is a tunnel."""
        return self._exchange, self._tunnel is not None

    # What the request's body calls.

    def body_complete(self, surplus: bytes) -> None:
        """The body is complete; `surplus` came behind it."""
        self._take = self._hold
        self._held = surplus
        self.await_nothing()
        if not self._lingering:
            self.resume_reading()

    def body_refused(self, refused: BodyRefused) -> None:
        """The body breaks its framing or a limit, or its time is over."""
        exchange = self._exchange
        if exchange is None:
            return
        exchange.reason = exchange.reason or "bad_body"
        if exchange.body is not None:
            exchange.body.lost()
        if exchange.done:
            return
        if exchange.begun:
            exchange.abort()
        else:
            exchange.done = True
            self._exchange = None
            exchange.lost()
            self._refuse(refused.status, refused.reason, b"", exchange)

    def say_continue(self) -> None:
        """Tell the client to send the body (RFC 9110 §10.1.1)."""
        self.outlet.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def await_body(self) -> None:
        """The client's turn: its body is wanted."""
        self._due(self.server.limits.body_time)

    def await_nothing(self) -> None:
        """Not the client's turn."""
        if not self.outlet.full:
            self.deadline = NEVER

    # Flow control.

    def pause_reading(self) -> None:
        """Read no more from the client."""
        if not self._paused:
            self._paused = True
            self.transport.pauseProducing()

    def resume_reading(self) -> None:
        """Read on."""
        if self._paused:
            self._paused = False
            self.transport.resumeProducing()

    def pause(self) -> None:
        """Called by the outlet: the client reads more slowly than it is written to."""
        if not self._lingering:
            self._due(self.server.limits.write_time)
        exchange = self._exchange
        if exchange is not None and exchange.flow is not None:
            exchange.flow.pause()

    def resume(self) -> None:
        """Called by the outlet: the client has taken everything."""
        exchange = self._exchange
        if exchange is not None:
            self.deadline = NEVER
            if exchange.body is not None and exchange.body.awaited:
                self.await_body()
            if exchange.flow is not None:
                exchange.flow.resume()
        elif self._tunnel is None and not self._lingering:
            self._due(self.server.limits.idle_time)
            self._go_on()

    # The end.

    def overdue(self, now: float) -> None:
        """A deadline has passed."""
        exchange = self._exchange
        if self._tunnel is not None:
            self._tunnel.overdue(now)
        elif self.outlet.moved():
            self._due(self.server.limits.write_time)
        elif exchange is None:
            if self._held and not self._lingering and not self.outlet.full:
                self._refuse(408, "the request took too long", self._held)
            else:
                self.cut() if self._lingering or self.outlet.full else self._end()
        elif self._half_closed and not self.outlet.full and exchange.sent > exchange.since_half_closed:
            # It takes what we send, so it is there: only its sending side is closed.
            exchange.since_half_closed = exchange.sent
            self._due(self.server.limits.half_closed_time)
        elif self.outlet.full or self._half_closed:
            self.broken(exchange, gently=False)
        else:
            self.body_refused(BodyRefused(408, "the body took too long"))

    def drain(self) -> None:
        """End the connection now if it is idle; otherwise behind the answer under way."""
        if self._exchange is None and self._tunnel is None and not self._held and not self._lingering:
            self._end()

    def dismiss(self) -> None:
        """The process ends: cut the connection, or end what is a tunnel with that reason."""
        if self._tunnel is not None:
            self._tunnel.dismiss(SERVICE_RESTART)
        else:
            self.cut()

    def cut(self) -> None:
        """End the connection now, whatever it is busy with."""
        self.deadline = NEVER
        self.outlet.abort()

    def _end(self) -> None:
        """End the connection once all is sent."""
        self._take = self._discard
        self._lingering = True
        self.outlet.close()
        self._due(self.server.limits.write_time)

    def _refuse(self, status: int, reason: str, seen: bytes = b"", exchange: NativeExchange | None = None) -> None:
        """Answer what cannot be served, and serve nothing more on this connection. `seen`: bytes of an unread head."""
        refused = exchange or NativeExchange(self, self.server.clock.seconds())
        refused.fill_in(seen)
        refused.status = status
        refusal, refused.sent = self.server.refusal(refused, status, reason)
        self.outlet.write(refusal)
        self.server.answered(refused)
        self._linger()

    def _linger(self) -> None:
        """Close our sending side and read on for a while, so that the answer is not lost to a reset (RFC 9112 §9.6)."""
        self._take = self._discard
        self._lingering = True
        self._held = b""
        self.outlet.close_writing()
        self.resume_reading()
        self._due(self.server.limits.linger_time)

    def _due(self, seconds: float) -> None:
        self.deadline = self.server.clock.seconds() + seconds
