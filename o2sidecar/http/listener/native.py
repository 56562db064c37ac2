"""The exchange of our own channel: a request's head, its body, and the one answer to it.

HOT: `begin_lines` and `finish`. An answer that is there in one piece goes out in one write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, fail, succeed

from o2sidecar.http.exchange import BodySink, Exchange, Flow, HeaderFields
from o2sidecar.http.listener.request_body import Collected, RequestBody, too_large
from o2sidecar.http.message.fields import index_fields
from o2sidecar.http.message.gleanings import glean
from o2sidecar.http.message.host import is_host
from o2sidecar.http.message.request_head import RequestHead
from o2sidecar.http.message.status import REASONS, status_lines

if TYPE_CHECKING:
    from o2sidecar.http.listener.channel import Channel
    from o2sidecar.http.listener.client_end import ClientEnd
    from o2sidecar.identity import Identity

_COUNTED, _CHUNKED, _TO_THE_END, _NO_BODY = range(4)
_BODILESS = frozenset({204, 304})


class NativeExchange(RequestHead):
    """One request on our own channel (see `Exchange`). After the end of its answer all its methods do nothing."""

    __slots__ = (
        "_channel",
        "_framing",
        "_gone",
        "_head",
        "_left",
        "_request_id",
        "also",
        "begun",
        "body",
        "done",
        "flow",
        "identity",
        "peer",
        "peer_port",
        "reason",
        "sent",
        "since",
        "since_half_closed",
        "stands",
        "status",
        "upstream",
    )

    def __init__(self, channel: Channel, since: float) -> None:
        """`since`: when the head was complete, in the clock's seconds."""
        self._channel = channel
        self.since = since
        self.peer = channel.peer
        self.peer_port = channel.peer_port
        self.body: RequestBody | None = None
        self.identity: Identity | None = None
        self.stands: Callable[[Exchange], bool] | None = None
        self.also: HeaderFields = []
        self.upstream = ""
        self.reason = ""
        self.flow: Flow | None = None
        self.begun = False
        self.done = False
        self.status = 0
        self.sent = 0
        self.since_half_closed = 0
        self._head = b""
        self._gone: Callable[[], None] | None = None
        self._request_id = ""

    # The request.

    @property
    def secure(self) -> bool:
        """Whether this connection itself is TLS."""
        return self._channel.secure

    @property
    def wants_upgrade(self) -> bytes:
        """The one protocol in lower case that the client asks to switch to, or empty (RFC 9110 §7.8)."""
        if b"upgrade" not in self.options or self.http_1_0 or self.content_length != 0:
            return b""
        protocols = self.values(b"upgrade")
        return protocols[0].lower() if len(protocols) == 1 and b"," not in protocols[0] else b""

    @property
    def request_id(self) -> str:
        """The client's name for this request where it is harmless, or one made here."""
        if not self._request_id:
            self._request_id = self._channel.server.request_ids.of(self)
        return self._request_id

    def read_body(self, limit: int) -> Deferred[bytes]:
        """The whole body, at most `limit` bytes; fails with `BadRequest`."""
        if self.content_length == 0:
            return succeed(b"")
        if self.content_length is not None and self.content_length > limit:
            return fail(too_large())
        collected = Collected(limit)
        self.stream_body(collected).resume()
        return collected.body

    def stream_body(self, sink: BodySink) -> Flow:
        """Give the body to `sink`; it begins paused."""
        if self.body is None:
            return _NoBody(sink)
        self.body.stream_to(sink)
        return self.body

    # The answer.

    def answer(self, status: int, headers: HeaderFields, body: bytes = b"") -> None:
        """Give a whole, small answer; where another one has begun, there is none to give: it is aborted."""
        if self.begun:
            self.abort()
            return
        self.begin(status, REASONS.get(status, b""), headers, len(body))
        self.finish(body)

    def begin(self, status: int, reason: bytes, headers: HeaderFields, length: int | None) -> None:
        """Begin an answer; see `Exchange`. Raises `ValueError` for a field that would be more than one line."""
        dated = any(name.lower() == b"date" for name, _ in headers)
        self.begin_lines(status, reason, field_lines(headers), length, dated)

    def begin_lines(self, status: int, reason: bytes, lines: bytes, length: int | None, dated: bool) -> None:
        """Begin an answer whose fields are ready made; see `Exchange`."""
        if self.done:
            return
        self.begun = True
        self.status = status
        head = [status_lines[status, reason], lines]
        if self.also:
            head.append(field_lines(self.also))
        bodiless = self.method == b"HEAD" or status in _BODILESS
        self._framing = _NO_BODY if bodiless else _COUNTED
        if length is not None:
            if status not in _BODILESS:
                head.append(b"Content-Length: %d\r\n" % length)
            self._left = length
        elif not bodiless:
            # RFC 9112 §7: no transfer codings for HTTP/1.0.
            self._framing = _TO_THE_END if self.http_1_0 else _CHUNKED
            if not self.http_1_0:
                head.append(b"Transfer-Encoding: chunked\r\n")
        if self._channel.ends_with(self, self._framing == _TO_THE_END):
            head.append(b"Connection: close\r\n")
        elif self.http_1_0:
            head.append(b"Connection: keep-alive\r\n")
        if not dated:
            head.append(self._channel.server.date_line())
        head.append(b"\r\n")
        self._head = b"".join(head)

    def write(self, data: bytes) -> None:
        """A piece of the answer's body."""
        if self.done or not data:
            return
        framing = self._framing
        if framing == _NO_BODY:
            return
        self.sent += len(data)
        if framing == _CHUNKED:
            data = b"%s%x\r\n%s\r\n" % (self._head, len(data), data)
        else:
            if framing == _COUNTED:
                self._left -= len(data)
                if self._left < 0:
                    self.abort()
                    return
            if self._head:
                data = self._head + data
        self._head = b""
        self._channel.outlet.write(data)

    def flush(self) -> None:
        """Send the head, if it waits."""
        if self._head and not self.done:
            head, self._head = self._head, b""
            self._channel.outlet.write(head)

    def finish(self, data: bytes = b"") -> None:
        """The answer is complete; `data` is its last piece. One that is shorter than announced is aborted."""
        if self.done:
            return
        framing = self._framing
        if framing == _NO_BODY:
            data = self._head
        else:
            self.sent += len(data)
            if framing == _COUNTED:
                self._left -= len(data)
                if self._left:
                    self.abort()
                    return
                data = self._head + data if self._head else data
            elif framing == _CHUNKED:
                last = b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data) if data else b"0\r\n\r\n"
                data = self._head + last
            else:
                data = self._head + data
        self._head = b""
        self.done = True
        if data:
            self._channel.outlet.write(data)
        self._channel.answered(self)

    def abort(self) -> None:
        """End the connection so that the client can tell that the answer is not complete."""
        if not self.done:
            self.flush()
            self.done = True
            # Where the framing shows that something is missing, what was written may still arrive.
            framed = self.begun and self._framing in {_COUNTED, _CHUNKED}
            self._channel.broken(self, gently=framed)

    def throttle(self, flow: Flow | None) -> None:
        """Whom to pause while the client reads slowly."""
        if not self.done:
            self.flow = flow
            if flow is not None and self._channel.outlet.full:
                flow.pause()

    def on_gone(self, callback: Callable[[], None] | None) -> None:
        """Call `callback` once if the client goes away."""
        self._gone = callback

    def switch_protocols(self, headers: HeaderFields) -> ClientEnd:
        """Answer 101 with these fields and give the connection away."""
        self.begun = True
        self.status = 101
        self.done = True
        lines = field_lines(headers) + field_lines(self.also) + self._channel.server.date_line()
        self._channel.outlet.write(status_lines[101, REASONS[101]] + lines + b"\r\n")
        return self._channel.become_tunnel(self)

    # From the channel.

    def fill_in(self, seen: bytes) -> None:
        """Give a head that could not be read what can be told of it by the bytes that were seen, for log and answer."""
        if not hasattr(self, "index"):
            self.fields = glean(seen, self._channel.server.request_ids.field)
            self.index = index_fields(self.fields)
        if not hasattr(self, "method"):
            self.method = b"HEAD" if seen.startswith(b"HEAD ") else b""
        if not hasattr(self, "host"):
            hosts = self.values(b"host")
            self.host = hosts[0] if len(hosts) == 1 and is_host(hosts[0]) else b""
        for name, nothing in (("target", b""), ("path", b""), ("http_1_0", False)):
            if not hasattr(self, name):
                setattr(self, name, nothing)
        self.done = True

    def lost(self) -> None:
        """The client is gone, or what it sends can no longer be understood: tell whoever is busy with the request."""
        self.done = True
        self.flow = None
        if self.body is not None and not self.body.complete:
            self.body.lost()
        gone, self._gone = self._gone, None
        if gone is not None:
            gone()


class _NoBody:
    """The flow of a request without a body: it ends when it is first resumed."""

    def __init__(self, sink: BodySink) -> None:
        self._sink: BodySink | None = sink

    def pause(self) -> None:
        """Nothing to pause."""

    def resume(self) -> None:
        """Say that there is nothing more."""
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.body_end()


def field_lines(headers: HeaderFields) -> bytes:
    """Fields as lines. Raises `ValueError` where one would be more than one line: nothing splits an answer (F10)."""
    lines = b"".join([b"%s: %s\r\n" % field for field in headers])
    if lines.count(b"\n") != len(headers) or lines.count(b"\r") != len(headers) or b"\0" in lines:
        raise ValueError("a field with a line end or NUL in it")
    return lines
