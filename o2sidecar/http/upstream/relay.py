"""One request on its way to an app, and the answer on its way back, streamed both ways.

HOT: an ordinary request costs one `Relay`, `start`, `answer_head` and `answer_end`.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from o2sidecar.http.exchange import Exchange, Flow, HeaderFields
from o2sidecar.http.message.answer_head import AnswerHead
from o2sidecar.http.sweep import NEVER
from o2sidecar.http.tunnel import TunnelEnd
from o2sidecar.http.upstream.connection import UpstreamConnection
from o2sidecar.http.upstream.pool import Pool
from o2sidecar.http.websocket import WebSocket
from o2sidecar.refusals import UpstreamFailed, UpstreamTooSlow


class Door(Protocol):
    """What the app's answers look like to the client, and what it gets instead of one."""

    def answer_lines(self, exchange: Exchange, head: AnswerHead) -> bytes:
        """The field lines of an answer, without framing and what belongs to the connection."""

    def switched_fields(self, exchange: Exchange, head: AnswerHead) -> HeaderFields:
        """The fields of a 101."""

    def refuse(self, exchange: Exchange, failure: UpstreamFailed) -> None:
        """Answer in the place of the app."""


def may_resend(method: bytes, has_body: bool, unseen: bool, attempts: int) -> bool:
    """Whether a request that got no answer may be sent once more (RFC 9112 §9.3.1).

    Only where the app most likely closed a kept connection before it saw the request (`unseen`), and where it would do
    no harm if it had seen it.
    """
    return unseen and attempts == 1 and is_repeatable(method, has_body)


def is_repeatable(method: bytes, has_body: bool) -> bool:
    """Whether a request can be sent twice: it does no harm (RFC 9110 §9.2.2), and all of it is still here."""
    return not has_body and method in _IDEMPOTENT


_IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"PROPFIND", b"REPORT", b"SEARCH", b"QUERY"})


class Relay:
    """Takes a request to an app and its answer back. It is the sink of the body and the taker of the answer."""

    __slots__ = (
        "_attempts",
        "_body",
        "_connecting",
        "_connection",
        "_door",
        "_exchange",
        "_pool",
        "_request",
        "_waits",
        "method",
        "upgrades",
    )

    _log = Logger()

    def __init__(self, exchange: Exchange, pool: Pool, door: Door, request: bytes, upgrades: bool) -> None:
        """`request`: the head for the app, ready made. `upgrades`: whether it asks to switch protocols."""
        self.method = exchange.method
        self.upgrades = upgrades
        self._exchange = exchange
        self._pool = pool
        self._door = door
        self._request = request
        self._attempts = 0
        self._body: Flow | None = None
        self._waits = False
        self._connection: UpstreamConnection | None = None
        self._connecting: Deferred[UpstreamConnection] | None = None

    def start(self) -> None:
        """Send the request, on a free connection or a new one."""
        if self._exchange.done:
            return
        self._exchange.on_gone(self._gone)
        connection = self._pool.take(once=not is_repeatable(self.method, self._exchange.has_body))
        if connection is None:
            self._connect()
        else:
            self._send(connection)

    def _connect(self) -> None:
        connecting = self._pool.open()
        self._connecting = connecting
        connecting.addCallbacks(self._send, self._unreachable)
        connecting.addErrback(lambda failure: self._log.failure("a request could not be sent", failure=failure))

    def _unreachable(self, failure: Failure) -> None:
        self._connecting = None
        if not self._exchange.done:
            detail = failure.getErrorMessage()
            self._fail(UpstreamFailed(reason="upstream_unreachable", detail=f"connecting to the app: {detail}"))

    def _send(self, connection: UpstreamConnection) -> None:
        self._connecting = None
        self._connection = connection
        self._attempts += 1
        exchange = self._exchange
        if not exchange.has_body:
            connection.send(self, self._request, True)
            return
        self._body = exchange.stream_body(self)
        connection.outlet.throttle(_Upload(self._body, connection, self._pool.limits.write_time))
        if exchange.expects_continue:
            # RFC 9110 §10.1.1: the app decides, or its silence does.
            self._waits = True
            connection.send(self, self._request, False)
            self._request = b""
            connection.due_in(self._pool.limits.continue_time)
            return
        self._body.resume()
        if self._request and self._connection is connection:
            # Nothing of the body was there yet; with some, the head went out in front of it.
            request, self._request = self._request, b""
            connection.send(self, request, False)

    # Sink of the request's body.

    def body_data(self, data: bytes) -> None:
        """A piece, framed as the head said."""
        if self._exchange.chunked:
            data = b"%x\r\n%s\r\n" % (len(data), data)
        self._send_body(data, False)

    def body_end(self) -> None:
        """All of it."""
        self._send_body(b"0\r\n\r\n" if self._exchange.chunked else b"", True)

    def _send_body(self, data: bytes, complete: bool) -> None:
        connection = self._connection
        if connection is None:
            return
        if complete:
            # From here on it is the app's turn: its time to answer must not end when the last piece has gone out.
            connection.outlet.throttle(None)
        if self._request:
            request, self._request = self._request, b""
            connection.send(self, request + data, complete)
        else:
            connection.send_more(data, complete)

    def body_lost(self) -> None:
        """The client broke off: the app must not take what it has for the whole."""
        self._gone()

    # Taker of the answer.

    def answer_continue(self) -> None:
        """The app wants the body, or has said nothing against it for long enough."""
        if self._waits and self._body is not None and self._connection is not None:
            self._waits = False
            self._connection.due_in(NEVER)
            self._body.resume()

    def answer_late(self) -> None:
        """No answer in time."""
        if self._waits:
            self.answer_continue()
            return
        connection = self._over()
        if connection is not None:
            connection.abandon()
        self._fail(UpstreamTooSlow())

    def answer_head(self, head: AnswerHead) -> None:
        """The head of the answer: edit it, and begin ours."""
        exchange = self._exchange
        exchange.throttle(self._connection)
        lines = self._door.answer_lines(exchange, head)
        exchange.begin_lines(head.status, head.reason, lines, head.length, b"date" in head.index)

    def answer_data(self, data: bytes) -> None:
        """A piece of the answer."""
        self._exchange.write(data)

    def answer_pause(self) -> None:
        """Nothing more for now: what is there must not wait."""
        self._exchange.flush()

    def answer_end(self, data: bytes) -> None:
        """The end of the answer."""
        self._over()
        self._exchange.finish(data)

    def answer_switched(self, head: AnswerHead, tunnel: TunnelEnd) -> None:
        """The app switched protocols; to the one that was asked for, or this is no answer."""
        self._over()
        exchange = self._exchange
        if head.index.get(b"upgrade", b"").lower() != exchange.wants_upgrade:
            tunnel.abort()
            self._fail(UpstreamFailed(reason="upstream_invalid", detail="the app switched to another protocol"))
            return
        WebSocket(exchange.switch_protocols(self._door.switched_fields(exchange, head)), tunnel).begin()

    def answer_lost(self, reason: str, unseen: bool) -> None:
        """The connection ended too early; perhaps the request may go out once more."""
        self._connection = None
        if may_resend(self.method, self._exchange.has_body, unseen, self._attempts):
            self._connect()
            return
        self._over()
        self._fail(UpstreamFailed(reason="upstream_lost", detail=reason))

    def answer_refused(self, reason: str) -> None:
        """What came is no answer."""
        self._over()
        self._fail(UpstreamFailed(reason="upstream_invalid", detail=reason))

    # The end.

    def _fail(self, failure: UpstreamFailed) -> None:
        exchange = self._exchange
        exchange.on_gone(None)
        if exchange.begun:
            exchange.reason = failure.reason
            exchange.abort()
        else:
            self._door.refuse(exchange, failure)

    def _over(self) -> UpstreamConnection | None:
        """Let go of everything; the connection, if it is still ours, is the caller's to end."""
        connection, self._connection = self._connection, None
        self._exchange.on_gone(None)
        self._exchange.throttle(None)
        self._body = None
        return connection

    def _gone(self) -> None:
        connection = self._over()
        if connection is not None:
            connection.abandon()
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()


class _Upload:
    """The flow of a request's body: paused while the app does not keep up, which it may not do for ever."""

    def __init__(self, body: Flow, connection: UpstreamConnection, patience: float) -> None:
        self._body = body
        self._connection = connection
        self._patience = patience

    def pause(self) -> None:
        """The app does not keep up."""
        self._connection.due_in(self._patience)
        self._body.pause()

    def resume(self) -> None:
        """It does again."""
        self._connection.due_in(NEVER)
        self._body.resume()
