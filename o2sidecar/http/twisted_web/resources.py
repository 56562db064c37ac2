"""twisted.web at both ends: a request as an `Exchange`, and unchanged resources that our channel serves."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import unquote_to_bytes

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.resource import IResource, getChildForRequest
from twisted.web.server import Request, Site

from o2sidecar.http.exchange import PLAIN_TEXT, Exchange, Flow
from o2sidecar.http.message.hops import FRAMING, HOP_BY_HOP
from o2sidecar.http.twisted_web.site_exchange import SiteExchange
from o2sidecar.identity import RESERVED, folded
from o2sidecar.refusals import BadRequest

_MEMO = "o2sidecar_exchange"


def exchange_of(request: Request) -> Exchange:
    """The exchange of a twisted.web request: always the same one.

    For a request that `TwistedResource` made it is the exchange that was served.
    """
    exchange: Exchange | None = getattr(request, _MEMO, None)
    if exchange is None:
        exchange = SiteExchange(request)
        setattr(request, _MEMO, exchange)
    return exchange


class TwistedResource:
    """Serves an unchanged twisted.web resource, with everything below it, on exchanges.

    `limit`: bytes of a request's body, which the resource gets whole; 413 above it. `reserved`: folded names of
    fields that the resource gets only from us, with the exchange's identity.
    """

    _log = Logger()

    def __init__(self, resource: IResource, *, limit: int = 64 * 1024, reserved: frozenset[bytes] = RESERVED) -> None:
        self._resource = resource
        self._site = Site(resource)
        self._limit = limit
        self._reserved = reserved

    def serve(self, exchange: Exchange) -> None:
        """Have the resource answer."""
        if isinstance(exchange, SiteExchange):
            self._render(exchange)
        elif exchange.has_body:
            body = exchange.read_body(self._limit)
            body.addCallback(lambda data: self._process(exchange, data))
            body.addErrback(lambda failure: self._refuse(exchange, failure))
        else:
            self._process(exchange, b"")

    def _render(self, exchange: SiteExchange) -> None:
        """The request is twisted.web's already."""
        request = exchange.request
        if exchange.done:
            return
        if request.uri != exchange.target:
            # The target was in absolute-form: what was judged is what is served (security.md U, RFC 9112 §3.2.2).
            request.uri = exchange.target
            request.path = exchange.path
            request.prepath = []
            request.postpath = [unquote_to_bytes(segment) for segment in exchange.path[1:].split(b"/")]
        for name, _ in list(request.requestHeaders.getAllRawHeaders()):
            if folded(name) in self._reserved:
                request.requestHeaders.removeHeader(name)
        self._identify(exchange, request.requestHeaders)
        for name, value in exchange.also:
            request.responseHeaders.addRawHeader(name, value)
        exchange.also.clear()
        request.render(getChildForRequest(self._resource, request))

    def _process(self, exchange: Exchange, body: bytes) -> None:
        if exchange.done:
            return
        channel = _ExchangeChannel(exchange, self._site)
        request = self._site.requestFactory(channel)
        setattr(request, _MEMO, exchange)
        channel.request = request
        exchange.on_gone(lambda: request.connectionLost(Failure(ConnectionLost())))
        for field in exchange.fields:
            if field.folded not in self._reserved:
                request.requestHeaders.addRawHeader(field.name, field.value)
        self._identify(exchange, request.requestHeaders)
        request.parseCookies()
        request.gotLength(len(body))
        request.handleContentChunk(body)
        # Not as HTTP/1.1, or twisted.web would frame the answer's body; that is our channel's.
        request.requestReceived(exchange.method, exchange.target, b"HTTP/1.0")

    def _identify(self, exchange: Exchange, headers: Headers) -> None:
        for name, value in exchange.identity.request_fields if exchange.identity is not None else ():
            headers.setRawHeaders(name, [value])

    def _refuse(self, exchange: Exchange, failure: Failure) -> None:
        if failure.check(BadRequest) is not None:
            refusal = cast(BadRequest, failure.value)
            exchange.reason = refusal.reason
            exchange.answer(refusal.status, PLAIN_TEXT, refusal.sentence.encode() + b"\n")
        else:
            self._log.failure("a resource failed", failure=failure)
            exchange.answer(500, PLAIN_TEXT, b"Internal Server Error\n")


class _ExchangeChannel:
    """What twisted.web's `Request` asks of its channel, on an exchange."""

    transport = None
    factory = None

    def __init__(self, exchange: Exchange, site: Site) -> None:
        self.site = site
        self.request: Any = None
        self._exchange = exchange
        self._producer: _Pulled | None = None

    def writeHeaders(self, version: bytes, code: int, reason: bytes, headers: Headers) -> None:
        """Begin the answer."""
        fields = []
        length = None
        for name, values in headers.getAllRawHeaders():
            lower = name.lower()
            if lower == b"content-length":
                length = int(values[0])
            elif lower not in _NOT_THE_RESOURCES:
                fields += [(name, value) for value in values]
        self._exchange.begin(int(code), reason, fields, length)

    def write(self, data: bytes) -> None:
        """A piece of the answer's body."""
        self._exchange.write(data)

    def writeSequence(self, pieces: list[bytes]) -> None:
        """Pieces of the body."""
        self._exchange.write(b"".join(pieces))

    def requestDone(self, request: Request) -> None:
        """The answer is complete."""
        self._exchange.on_gone(None)
        self._exchange.throttle(None)
        self._exchange.finish()

    def loseConnection(self) -> None:
        """The answer cannot be completed."""
        self._exchange.abort()

    def abortConnection(self) -> None:
        """The answer cannot be completed."""
        self._exchange.abort()

    def _respondToBadRequestAndDisconnect(self) -> None:
        self._exchange.answer(400, PLAIN_TEXT, b"Bad Request\n")

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """The body comes from a producer."""
        self._producer = _Pulled(producer, streaming)
        self._exchange.throttle(self._producer)
        self._producer.run()

    def unregisterProducer(self) -> None:
        """The producer is done."""
        if self._producer is not None:
            self._producer.over = True
            self._producer = None
            self._exchange.throttle(None)

    def getPeer(self) -> IPv4Address:
        """The client's address."""
        return IPv4Address("TCP", self._exchange.peer, self._exchange.peer_port)

    def getHost(self) -> IPv4Address:
        """An address of ours; which one is not known here."""
        return IPv4Address("TCP", "127.0.0.1", 0)

    def isSecure(self) -> bool:
        """Whether the connection is TLS."""
        return self._exchange.secure


_NOT_THE_RESOURCES = HOP_BY_HOP | FRAMING | {b"server"}


class _Pulled(Flow):
    """A producer of twisted.web as a flow; one that wants to be asked for each piece is asked until it is paused."""

    def __init__(self, producer: Any, streaming: bool) -> None:
        self._producer = producer
        self._streaming = streaming
        self._paused = False
        self._running = False
        self.over = False

    def run(self) -> None:
        """Ask for pieces until there is reason to stop."""
        if self._streaming or self._running:
            return
        self._running = True
        while not self._paused and not self.over:
            self._producer.resumeProducing()
        self._running = False

    def pause(self) -> None:
        """Ask for no more."""
        self._paused = True
        if self._streaming:
            self._producer.pauseProducing()

    def resume(self) -> None:
        """Go on."""
        self._paused = False
        if self._streaming:
            self._producer.resumeProducing()
        else:
            self.run()
