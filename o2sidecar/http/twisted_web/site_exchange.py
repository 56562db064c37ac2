"""A plain twisted.web request as an `Exchange`: its body arrived whole before anybody was asked."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from twisted.web.server import Request
from zope.interface import implementer

from o2sidecar.http.exchange import PLAIN_TEXT, BodySink, ClientTunnel, Exchange, Flow, HeaderFields
from o2sidecar.http.limits import Limits
from o2sidecar.http.listener.request_body import too_large
from o2sidecar.http.listener.request_ids import RequestIds
from o2sidecar.http.message.request_head import HeadRefused, RequestHead
from o2sidecar.http.message.status import REASONS
from o2sidecar.identity import Identity

_LIMITS = Limits(head_size=1 << 20, field_count=1000)
_REQUEST_IDS = RequestIds(field=b"x-request-id", random=os.urandom)


class SiteExchange(RequestHead):
    """A request of a plain `Site`, checked as strictly as our own channel checks (see `Exchange`).

    A head that does not pass is answered with its 400 at once, and the exchange is then `done`. Upgrades are not
    offered: `wants_upgrade` is empty.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.identity: Identity | None = None
        self.stands: Callable[[Exchange], bool] | None = None
        self.also: HeaderFields = []
        self.upstream = ""
        self.reason = ""
        self.begun = False
        self.done = False
        self.peer = getattr(request.client, "host", "unix")
        self.peer_port = getattr(request.client, "port", 0)
        self.secure = bool(request.isSecure())
        self._gone: Callable[[], None] | None = None
        self._producer: _FlowProducer | None = None
        self._request_id = ""
        request.notifyFinish().addBoth(self._finished)
        try:
            self.read(_head_of(request), _LIMITS)
        except HeadRefused as refused:
            self._refuse(refused)
            return
        # What arrived was taken out of its framing, and is here.
        self.chunked = False
        self.expects_continue = False
        self.content_length = self._content.seek(0, 2)

    def _refuse(self, refused: HeadRefused) -> None:
        self.method, self.target, self.path = self.request.method, b"/", b"/"
        self.fields, self.index, self.options = [], {}, []
        self.host, self.http_1_0, self.chunked, self.content_length = b"", False, False, 0
        self.expects_continue = False
        self.answer(refused.status, PLAIN_TEXT, refused.reason.encode() + b"\n")

    # The request.

    @property
    def wants_upgrade(self) -> bytes:
        """Always empty."""
        return b""

    @property
    def request_id(self) -> str:
        """The client's name for this request where it is harmless, or one made here."""
        self._request_id = self._request_id or _REQUEST_IDS.of(self)
        return self._request_id

    def read_body(self, limit: int) -> Deferred[bytes]:
        """The whole body; fails with `BadRequest` over `limit` bytes."""
        if (self.content_length or 0) > limit:
            return fail(too_large())
        return succeed(self._body())

    def stream_body(self, sink: BodySink) -> Flow:
        """Give the body to `sink`; it begins paused."""
        return _Whole(sink, self._body)

    def _body(self) -> bytes:
        self._content.seek(0)
        return self._content.read()

    @property
    def _content(self) -> BinaryIO:
        return cast(BinaryIO, self.request.content)

    # The answer.

    def answer(self, status: int, headers: HeaderFields, body: bytes = b"") -> None:
        """Give a whole, small answer; where another one has begun, there is none to give: it is aborted."""
        if self.begun:
            self.abort()
            return
        self.begin(status, REASONS.get(status, b""), headers, len(body))
        self.finish(body)

    def begin(self, status: int, reason: bytes, headers: HeaderFields, length: int | None) -> None:
        """Begin an answer; see `Exchange`."""
        if self.done:
            return
        self.begun = True
        request = self.request
        # Nothing is invented: no default type, no name of the server.
        request.defaultContentType = None
        request.responseHeaders.removeHeader(b"server")
        request.setResponseCode(status, reason)
        given: dict[bytes, list[bytes]] = {}
        for name, value in [*headers, *self.also]:
            given.setdefault(name.lower(), []).append(value)
        for name, values in given.items():
            request.responseHeaders.setRawHeaders(name, values)
        if length is not None and status != 204:
            request.responseHeaders.setRawHeaders(b"content-length", [b"%d" % length])

    def begin_lines(self, status: int, reason: bytes, lines: bytes, length: int | None, dated: bool) -> None:
        """Begin an answer whose fields are ready made; see `Exchange`."""
        fields = (line.partition(b": ") for line in lines.split(b"\r\n")[:-1])
        self.begin(status, reason, [(name, value) for name, _, value in fields], length)

    def write(self, data: bytes) -> None:
        """A piece of the answer's body."""
        if not self.done and data:
            self.request.write(data)

    def flush(self) -> None:
        """Send what was begun."""
        if not self.done:
            self.request.write(b"")

    def finish(self, data: bytes = b"") -> None:
        """The answer is complete."""
        if not self.done:
            self.write(data)
            self.throttle(None)
            self.done = True
            self.request.finish()

    def abort(self) -> None:
        """End the connection so that the client can tell."""
        if not self.done:
            self.done = True
            transport: Any = self.request.transport
            transport.abortConnection()

    def throttle(self, flow: Flow | None) -> None:
        """Whom to pause while the client reads slowly."""
        if self._producer is not None:
            self._producer = None
            if not self.done:
                self.request.unregisterProducer()
        if flow is not None and not self.done:
            self._producer = _FlowProducer(flow)
            self.request.registerProducer(self._producer, True)

    def on_gone(self, callback: Callable[[], None] | None) -> None:
        """Call `callback` once if the client goes away."""
        self._gone = callback

    def switch_protocols(self, headers: HeaderFields) -> ClientTunnel:
        """Not offered here. Raises `NotImplementedError`."""
        raise NotImplementedError("a plain Site has no tunnels")

    def _finished(self, result: Failure | None) -> None:
        gone, self._gone = self._gone, None
        if isinstance(result, Failure):
            self.done = True
            self._producer = None
            if gone is not None:
                gone()


def _head_of(request: Request) -> bytes:
    """The head as it might have come, for the same checks as on our own channel."""
    lines = [b"%s %s %s" % (request.method, request.uri, request.clientproto)]
    for name, values in request.requestHeaders.getAllRawHeaders():
        lines += [name + b": " + value for value in values]
    return b"\r\n".join([*lines, b"\r\n"])


class _Whole:
    """The flow of a body that is there already."""

    def __init__(self, sink: BodySink, body: Callable[[], bytes]) -> None:
        self._sink: BodySink | None = sink
        self._body = body

    def pause(self) -> None:
        """Nothing to pause: all comes at once."""

    def resume(self) -> None:
        """Give all of it."""
        sink, self._sink = self._sink, None
        if sink is not None:
            data = self._body()
            if data:
                sink.body_data(data)
            sink.body_end()


@implementer(IPushProducer)
class _FlowProducer:
    """A `Flow` as Twisted's producers are."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def pauseProducing(self) -> None:
        """Pause."""
        self._flow.pause()

    def resumeProducing(self) -> None:
        """Go on."""
        self._flow.resume()

    def stopProducing(self) -> None:
        """The request's own end follows."""
