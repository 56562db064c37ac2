"""The small request interface that guard and proxy speak; both servers satisfy it.

`o2sidecar.http.listener` serves it natively and streams. `o2sidecar.http.twisted_web` gives it to a request of a plain
`twisted.web.server.Site`, whose bodies arrive whole. Whatever answers requests through it is `Served`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from o2sidecar.http.message.fields import Field
    from o2sidecar.http.tunnel import Farewell
    from o2sidecar.identity import Identity

HeaderFields = list[tuple[bytes, bytes]]
"""Field names as they came or go, and their values, in order; names may repeat."""

PLAIN_TEXT: HeaderFields = [(b"Content-Type", b"text/plain; charset=utf-8")]
"""The fields of an answer in words."""


class BodySink(Protocol):
    """Takes a message body piece by piece."""

    def body_data(self, data: bytes) -> None:
        """A piece of the body, chunk framing removed."""

    def body_end(self) -> None:
        """The body is complete."""

    def body_lost(self) -> None:
        """The sender went away, or its framing broke, before the body was complete."""


class Flow(Protocol):
    """A tap on a sender: both calls may come at any time and as often as they like."""

    def pause(self) -> None:
        """Send no more until `resume`."""

    def resume(self) -> None:
        """Go on."""


class Exchange(Protocol):
    """One request, and the one answer to it.

    The head was checked before anybody sees it: one valid Host, a target in origin-form (an absolute-form target is
    taken apart), one way of framing, names that are tokens, values without control characters (RFC 9110 §5.5, §7.2,
    RFC 9112 §3.2, §6).
    """

    method: bytes
    target: bytes
    """The request target in origin-form, exactly as it came: path and query, percent-encodings untouched."""
    path: bytes
    """`target` up to the first `?`."""
    http_1_0: bool
    fields: list[Field]
    """The request's fields, in order."""
    host: bytes
    """The Host field's value; may be empty."""
    peer: str
    """The address at the other end of the connection, without its port; `unix` for a unix socket."""
    peer_port: int
    content_length: int | None
    """The announced length of the body; `None` with `chunked`, 0 without a body."""
    chunked: bool
    options: list[bytes]
    """The members of Connection in lower case."""
    expects_continue: bool
    """Whether the client waits for `100 Continue` before it sends the body."""
    begun: bool
    """Whether the answer's head was given."""
    done: bool
    """Whether the answer is complete, or will never be."""
    identity: Identity | None
    """Who the guard found; `None` before it looked, and on public paths without a session."""
    stands: Callable[[Exchange], bool] | None
    """Tells later, given the exchange, whether whoever let it in would still do so; a tunnel lives only so long.

    `None`: nobody's leave was needed.
    """
    also: HeaderFields
    """Fields that the answer carries beside its own, whoever gives it (a refreshed session's Set-Cookie, say)."""
    upstream: str
    """For the log: the id of the upstream that answered, or empty."""
    reason: str
    """For the log: why a request was refused, or empty."""

    @property
    def secure(self) -> bool:
        """Whether this connection itself is TLS."""

    @property
    def request_id(self) -> str:
        """For the log and the person: the client's request-id field where it is harmless, or made here."""

    @property
    def has_body(self) -> bool:
        """Whether a body follows the head."""

    @property
    def wants_upgrade(self) -> bytes:
        """The one protocol in lower case that the client asks to switch to (RFC 9110 §7.8), or empty."""

    def header(self, name: bytes) -> bytes | None:
        """The first value of a field, `name` in lower case; `None` if it is absent."""

    def values(self, name: bytes) -> list[bytes]:
        """All values of a field, `name` in lower case, in order."""

    def read_body(self, limit: int) -> Deferred[bytes]:
        """The whole body, for what is small; fails with `BadRequest`: 413 over `limit` bytes, 400 if it breaks off."""

    def stream_body(self, sink: BodySink) -> Flow:
        """Give the body to `sink` as it comes; it begins paused. `Expect: 100-continue` is answered when it resumes."""

    def answer(self, status: int, headers: HeaderFields, body: bytes = b"") -> None:
        """Give a whole, small answer; Content-Length is added, and for HEAD the body is left out.

        Where another answer has begun, that one is aborted: no message ever has two heads.
        """

    def begin(self, status: int, reason: bytes, headers: HeaderFields, length: int | None) -> None:
        """Begin an answer that is streamed; `length` is the body's length, `None` where it is not known.

        Connection, Content-Length, Transfer-Encoding and (where missing) Date are added here.
        """

    def begin_lines(self, status: int, reason: bytes, lines: bytes, length: int | None, dated: bool) -> None:
        """Begin an answer as `begin` does, its fields ready made: `lines`, each ended by CRLF.

        `dated`: whether Date is among them. The head goes out with the first piece of the body, or with `flush`.
        """

    def write(self, data: bytes) -> None:
        """A piece of the answer's body."""

    def flush(self) -> None:
        """Send what was begun, though there is nothing of the body yet."""

    def finish(self, data: bytes = b"") -> None:
        """The answer is complete; `data` is its last piece."""

    def abort(self) -> None:
        """The answer cannot be completed: end the connection so that the client can tell."""

    def throttle(self, flow: Flow | None) -> None:
        """Whom to pause while the client reads more slowly than it is written to; `None`: nobody."""

    def on_gone(self, callback: Callable[[], None] | None) -> None:
        """Call `callback` once if the client goes away before the answer is complete; `None` takes it back."""

    def switch_protocols(self, headers: HeaderFields) -> ClientTunnel:
        """Answer 101 with these fields and give the connection's two ends away (RFC 9110 §15.2.2)."""


class Tunnel(Protocol):
    """A connection after 101: bytes, no longer HTTP."""

    def connect(self, sink: BodySink) -> Flow:
        """Give what this side sends to `sink`, what it sent behind its head first; begins paused.

        `body_end` says that it closed its sending direction, `body_lost` that the connection is gone.
        """

    def write(self, data: bytes) -> None:
        """Bytes for this side."""

    def end(self) -> None:
        """No more bytes for this side; close its direction once what was written has gone out."""

    def close(self) -> None:
        """End both directions once what was written has gone out."""

    def abort(self) -> None:
        """End both directions at once."""

    def due_in(self, seconds: float) -> None:
        """Have the connection cut if it has not ended by then."""

    def throttle(self, flow: Flow | None) -> None:
        """Whom to pause while this side reads slowly."""


class ClientTunnel(Tunnel, Protocol):
    """The client's connection after 101: it knows when the tunnel has to end."""

    def on_farewell(self, callback: Callable[[Farewell, float], None]) -> None:
        """Call `callback` when it has to: with the reason, and the seconds that saying so may take."""


class Served(Protocol):
    """Answers exchanges."""

    def serve(self, exchange: Exchange) -> None:
        """Answer, now or later; never raises for what a client, an app or a provider sent."""
