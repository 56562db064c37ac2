"""The listener's side: makes a channel for each connection, counts them, and drains them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IProtocolFactory, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from o2sidecar.http.exchange import PLAIN_TEXT, Exchange, HeaderFields, Served
from o2sidecar.http.kernel import unread
from o2sidecar.http.limits import Limits
from o2sidecar.http.listener.channel import Channel
from o2sidecar.http.listener.native import NativeExchange, field_lines
from o2sidecar.http.listener.request_ids import RequestIds
from o2sidecar.http.message.status import REASONS, DateLine, status_lines
from o2sidecar.http.sweep import Sweep

_REFUSED_AT_A_TIME = 64
"""Connections above the limit that may take their time over their 503; others are ended at once."""

Access = Callable[[Exchange, int, int, float], None]
"""Takes note of an answered request: the exchange, its status (499: the client left), body bytes, seconds."""


Refuse = Callable[[Exchange, int, str], tuple[HeaderFields, bytes]]
"""Gives fields and body of the answer to what cannot be served: as far as it could be read, status, a few words why."""


def refusal_as_text(exchange: Exchange, status: int, reason: str) -> tuple[HeaderFields, bytes]:
    """A refusal of the wire, as text."""
    exchange.reason = exchange.reason or reason.replace(" ", "_")
    return PLAIN_TEXT, f"{status} {reason}\n".encode()


def _no_access(exchange: Exchange, status: int, size: int, duration: float) -> None:
    """Take note of nothing."""


@implementer(IProtocolFactory)
class HttpServer:
    """A factory of channels, to be given to an endpoint or to `reactor.listenTCP`.

    `served` answers the requests. `refuse` says what to answer to those that cannot be served (400, 408, 413, 414,
    417, 431, 501, 503, 505) or were not, by a fault of ours (500). `request_id_field`: the field, in lower case, that
    names a request. `now`: seconds since the epoch, for Date.

    Attributes:
        accepted: how many connections there were so far.
        draining: answers tell clients to go elsewhere.
        emptying: a connection ends as soon as it is idle.
    """

    _log = Logger()
    noisy = False
    numPorts = 0

    def __init__(
        self,
        served: Served,
        *,
        clock: IReactorTime,
        limits: Limits | None = None,
        access: Access = _no_access,
        refuse: Refuse = refusal_as_text,
        request_id_field: bytes = b"x-request-id",
        random: Callable[[int], bytes] = os.urandom,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.served = served
        self.clock = clock
        self.limits = limits or Limits()
        self.access = access
        self.refuse = refuse
        self._random = random
        self.request_ids = RequestIds(field=request_id_field, random=random)
        self.date_line = DateLine(now)
        self.draining = False
        self.emptying = False
        self.accepted = 0
        self._sweep = Sweep(clock)
        self._channels: dict[Channel, None] = {}
        self._drained: list[Deferred[None]] = []

    def turn_to(
        self, served: Served, *, limits: Limits, access: Access, refuse: Refuse, request_id_field: bytes
    ) -> None:
        """Serve the next requests by other rules; those under way, and connections, go on."""
        self.served = served
        self.limits = limits
        self.access = access
        self.refuse = refuse
        self.request_ids = RequestIds(field=request_id_field, random=self._random)

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._channels)

    def in_flight(self) -> dict[str, int]:
        """How many requests are under way: with an app (`app`), answered here (`own`), or become a `tunnel`."""
        found = {"app": 0, "own": 0, "tunnel": 0}
        for channel in self._channels:
            exchange, tunnel = channel.under_way()
            if tunnel:
                found["tunnel"] += 1
            elif exchange is not None:
                found["app" if exchange.upstream else "own"] += 1
        return found

    def buildProtocol(self, addr: IAddress | None) -> Channel:
        """A channel for a new connection."""
        return Channel(self, addr)

    def doStart(self) -> None:
        """A port listens for this factory."""

    def doStop(self) -> None:
        """A port listens no more for this factory."""

    def drain(self, within: float = 0.0) -> Deferred[None]:
        """End idle connections now and the others behind their answers; fires when all are gone.

        `within`: seconds after which what is left is cut off, WebSockets with a word of farewell; 0: never.
        """
        self.draining = self.emptying = True
        for channel in list(self._channels):
            if not unread(channel.transport):
                # Where something is unread, it is most likely a request: it is served, as the last.
                channel.drain()
        if not self._channels:
            return succeed(None)
        drained: Deferred[None] = Deferred()
        self._drained.append(drained)
        if within > 0:
            end = self.clock.callLater(within, self._dismiss)
            drained.addBoth(lambda result: end.cancel() if end.active() else None)
        return drained

    def _dismiss(self) -> None:
        for channel in list(self._channels):
            channel.dismiss()

    # What channels call.

    def refusal(self, refused: NativeExchange, status: int, reason: str) -> tuple[bytes, int]:
        """The message that refuses what cannot be served, and the size of its body."""
        fields, body = self._refused(refused, status, reason)
        fields = [*fields, *refused.also, (b"Content-Length", b"%d" % len(body)), (b"Connection", b"close")]
        if refused.method == b"HEAD":
            body = b""
        head = status_lines[status, REASONS[status]] + self.date_line()
        return head + field_lines(fields) + b"\r\n" + body, len(body)

    def _refused(self, refused: NativeExchange, status: int, reason: str) -> tuple[HeaderFields, bytes]:
        try:
            return self.refuse(refused, status, reason)
        except Exception:
            self._log.failure("a refusal could not be put into words")
            return refusal_as_text(refused, status, reason)

    def opened(self, channel: Channel) -> bool:
        """Take note of a channel; whether there is room for it."""
        self._channels[channel] = None
        self.accepted += 1
        self._sweep.watch(channel)
        return len(self._channels) <= self.limits.connections

    def overrun(self) -> bool:
        """Whether there are so many that those above the limit cannot even be given time to read why."""
        return len(self._channels) > self.limits.connections + _REFUSED_AT_A_TIME

    def answered(self, exchange: NativeExchange) -> None:
        """A request is done with: log it."""
        self.access(exchange, exchange.status or 499, exchange.sent, self.clock.seconds() - exchange.since)

    def failed(self, exchange: NativeExchange) -> None:
        """A request could not be served, by a fault of ours."""
        self._log.failure("a request could not be served")
        exchange.answer(500, *self._refused(exchange, 500, "internal error"))

    def closed(self, channel: Channel) -> None:
        """A channel's connection is gone."""
        self._sweep.forget(channel)
        self._channels.pop(channel, None)
        if not self._channels:
            drained, self._drained = self._drained, []
            for each in drained:
                each.callback(None)
