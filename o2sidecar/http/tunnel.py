"""Tunnels: two connections that pass bytes to each other after 101 (RFC 9110 §7.8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from o2sidecar.http.exchange import BodySink, Flow, Tunnel
from o2sidecar.http.outlet import Outlet


class TunnelEnd:
    """One connection as a `Tunnel`, and the flow of what arrives on it.

    `held`: what had arrived behind the head. `used`: called when something passes. `over`: called once, when the
    connection is gone. `sent`: bytes written, for the log.
    """

    def __init__(
        self,
        *,
        outlet: Outlet,
        transport: Any,
        held: bytes,
        used: Callable[[], None],
        over: Callable[[TunnelEnd], None],
    ) -> None:
        self._outlet = outlet
        self._transport = transport
        self._held = held
        self._used = used
        self._over = over
        self._sink: BodySink | None = None
        self._paused = True
        self._ended_in = False
        self._ended_out = False
        self.sent = 0

    # What the connection calls.

    def take(self, data: bytes) -> None:
        """Bytes from this side."""
        self._used()
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
        """The connection is gone."""
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.body_lost()
        self._over(self)

    # Tunnel.

    def connect(self, sink: BodySink) -> Flow:
        """Give what this side sends to `sink`; begins paused."""
        self._sink = sink
        return self

    def write(self, data: bytes) -> None:
        """Bytes for this side."""
        self._used()
        self.sent += len(data)
        self._outlet.write(data)

    def end(self) -> None:
        """No more bytes for this side."""
        if not self._ended_out:
            self._ended_out = True
            if self._ended_in:
                self._outlet.close()
            else:
                self._outlet.close_writing()

    def abort(self) -> None:
        """End both directions at once."""
        self._outlet.abort()

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
            self._outlet.close()


class _Into:
    """Passes what one end sends to the other."""

    def __init__(self, other: Tunnel) -> None:
        self._other = other

    def body_data(self, data: bytes) -> None:
        """Bytes."""
        self._other.write(data)

    def body_end(self) -> None:
        """No more bytes."""
        self._other.end()

    def body_lost(self) -> None:
        """The end is gone."""
        self._other.abort()


def join(one: Tunnel, other: Tunnel) -> None:
    """Have two tunnels' ends pass everything to each other."""
    from_one = one.connect(_Into(other))
    from_other = other.connect(_Into(one))
    other.throttle(from_one)
    one.throttle(from_other)
    from_one.resume()
    from_other.resume()
