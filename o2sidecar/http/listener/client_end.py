"""The client's end of a tunnel: it knows when the tunnel has to end, and says so.

One timer asks all of them once a second (`o2sidecar.http.sweep`), so that what passes costs no look at the clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from o2sidecar.http.tunnel import Farewell, TunnelEnd

if TYPE_CHECKING:
    from o2sidecar.http.listener.channel import Channel
    from o2sidecar.http.listener.native import NativeExchange

SESSION_ENDED = Farewell(word="session_ended", code=1008, sentence="Your session has ended. Please sign in again.")
"""1008, policy violation (RFC 6455 §7.4.1): older than IANA's 3000, unauthorized, and known to every client."""
SERVICE_RESTART = Farewell(word="service_restart", code=1012, sentence="service restart")
"""IANA's WebSocket Close Code Number Registry."""
SILENT = Farewell(word="tunnel_silent", code=1001, sentence="Nothing has passed for too long.")

_PERIOD = 1.0
"""Seconds between two looks at a tunnel."""


class ClientEnd(TunnelEnd):
    """The end at the client of the tunnel that an exchange became. It has the channel's deadline to itself."""

    __slots__ = ("_channel", "_dismissed", "_exchange", "_farewell", "_passed", "_since")

    def __init__(self, channel: Channel, exchange: NativeExchange, held: bytes) -> None:
        super().__init__(
            outlet=channel.outlet,
            transport=channel.transport,
            held=held,
            due_in=self._look_in,
            write_time=channel.server.limits.write_time,
        )
        self._channel = channel
        self._exchange = exchange
        self._farewell: Callable[[Farewell, float], None] | None = None
        self._dismissed = False
        self._passed = 0
        self._since = channel.server.clock.seconds()
        self._look_in(_PERIOD)

    def on_farewell(self, callback: Callable[[Farewell, float], None]) -> None:
        """Call `callback` when the tunnel has to end; see `ClientTunnel`."""
        self._farewell = callback

    def lost(self) -> None:
        """The connection is gone: log what was asked for."""
        super().lost()
        self._exchange.sent = self.sent
        self._channel.server.answered(self._exchange)

    def overdue(self, now: float) -> None:
        """The time has come to cut the connection, or to look whether the tunnel may go on."""
        if self.due:
            self.abort()
            return
        passed = self.received + self.sent
        if passed != self._passed:
            self._passed = passed
            self._since = now
        stands = self._exchange.stands
        if stands is not None and not stands(self._exchange):
            self.dismiss(SESSION_ENDED)
        elif now - self._since >= self._channel.server.limits.tunnel_time:
            self.dismiss(SILENT)
        else:
            self._look_in(_PERIOD)

    def dismiss(self, farewell: Farewell) -> None:
        """End the tunnel with a reason."""
        if self._dismissed:
            return
        self._dismissed = True
        self._exchange.reason = farewell.word
        if self._farewell is None:
            self.abort()
        else:
            self._farewell(farewell, self._channel.server.limits.farewell_time)

    def _look_in(self, seconds: float) -> None:
        self._channel.deadline = self._channel.server.clock.seconds() + seconds
