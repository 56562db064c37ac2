"""Tunnels: connections that pass bytes to each other after 101 (RFC 9110 §7.8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from o2sidecar.http.exchange import BodySink, Flow
from o2sidecar.http.outlet import Outlet


@frozen(kw_only=True)
class Farewell:
    """Why a tunnel is ended by us.

    Attributes:
        word: for the log.
        code: for a client that speaks WebSocket (RFC 6455 §7.4).
        sentence: for it as well; at most 123 bytes.
    """

    word: str
    code: int
    sentence: str


class TunnelEnd:
    """One connection as a `Tunnel`, and the flow of what arrives on it.

    `held`: what had arrived behind the head. `due_in`: has the connection cut after so many seconds. `write_time`: how
    many of them the other side may take, at the end, to read what is there for it.
    """

    __slots__ = (
        "_due_in",
        "_ended_in",
        "_ended_out",
        "_gone",
        "_held",
        "_outlet",
        "_paused",
        "_sink",
        "_transport",
        "_write_time",
        "due",
        "received",
        "sent",
    )

    def __init__(
        self, *, outlet: Outlet, transport: Any, held: bytes, due_in: Callable[[float], None], write_time: float
    ) -> None:
        self._outlet = outlet
        self._transport = transport
        self._held = held
        self._due_in = due_in
        self._write_time = write_time
        self._sink: BodySink | None = None
        self._paused = True
        self._ended_in = False
        self._ended_out = False
        self._gone = False
        self.due = False
        """Whether the connection must end by a time that is set."""
        self.received = 0
        """Bytes that came."""
        self.sent = 0
        """Bytes written."""

    # What the connection calls.

    def take(self, data: bytes) -> None:
        """Bytes from this side."""
        self.received += len(data)
        if self._paused or self._sink is None:
            self._held += data
            self._transport.pauseProducing()
        else:
            self._sink.body_data(data)

    def ended(self) -> None:
        """The side closed its sending direction."""
        self._ended_in = True
        if not self._paused:
            self._pass_on_the_end()

    def lost(self) -> None:
        """The connection is gone. What had come is passed on; what goes to this side from now on is thrown away."""
        self._gone = True
        sink, self._sink = self._sink, None
        if sink is not None:
            if self._held:
                sink.body_data(self._held)
            sink.body_lost()

    # Tunnel.

    def connect(self, sink: BodySink) -> Flow:
        """Give what this side sends to `sink`; begins paused."""
        self._sink = sink
        return self

    def write(self, data: bytes) -> None:
        """Bytes for this side."""
        if not self._gone:
            self.sent += len(data)
            self._outlet.write(data)

    def end(self) -> None:
        """No more bytes for this side."""
        if not self._ended_out and not self._gone:
            self._ended_out = True
            if self._ended_in:
                self.close()
            else:
                self._outlet.close_writing()

    def close(self) -> None:
        """End both directions once what was written has gone out."""
        if self._gone:
            return
        self._ended_out = True
        if not self.due:
            self.due_in(self._write_time)
        self._outlet.close()

    def abort(self) -> None:
        """End both directions at once."""
        if not self._gone:
            self._outlet.abort()

    def due_in(self, seconds: float) -> None:
        """Have the connection cut if it has not ended by then."""
        self.due = True
        self._due_in(seconds)

    def throttle(self, flow: Flow | None) -> None:
        """Whom to pause while this side reads slowly."""
        self._outlet.throttle(flow)

    # Flow.

    def pause(self) -> None:
        """Deliver no more until `resume`."""
        self._paused = True

    def resume(self) -> None:
        """Go on."""
        if not self._paused or self._sink is None:
            return
        self._paused = False
        held, self._held = self._held, b""
        if held:
            self._sink.body_data(held)
        if not self._paused:
            if self._ended_in:
                self._pass_on_the_end()
            else:
                self._transport.resumeProducing()

    def _pass_on_the_end(self) -> None:
        if self._sink is not None:
            self._sink.body_end()
        if self._ended_out:
            self.close()
