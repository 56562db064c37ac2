"""The listener's side: makes a channel for each connection, counts them, and drains them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IProtocolFactory, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from o2sidecar.http.exchange import Exchange, Served
from o2sidecar.http.limits import Limits
from o2sidecar.http.listener.channel import Channel
from o2sidecar.http.listener.native import NativeExchange, field_lines
from o2sidecar.http.listener.request_ids import RequestIds
from o2sidecar.http.message.status import REASONS, DateLine, status_lines
from o2sidecar.http.sweep import Sweep

Access = Callable[[Exchange, int, int, float], None]
"""Takes note of an answered request: the exchange, its status (499: the client left), body bytes, seconds."""


def plain_refusal(status: int, reason: str) -> bytes:
    """The body of a refusal of the wire, as text."""
    return f"{status} {reason}\n".encode()


def _no_access(exchange: Exchange, status: int, size: int, duration: float) -> None:
    """Take note of nothing."""


@implementer(IProtocolFactory)
class HttpServer:
    """A factory of channels, to be given to an endpoint or to `reactor.listenTCP`.

    `served` answers the requests. `refuse` gives the text for what is no request (400, 408, 413, 414, 417, 431, 501,
    503, 505). `request_id_field`: the field, in lower case, that names a request. `now`: seconds since the epoch, for
    Date.
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
        refuse: Callable[[int, str], bytes] = plain_refusal,
        request_id_field: bytes = b"x-request-id",
        random: Callable[[int], bytes] = os.urandom,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.served = served
        self.clock = clock
        self.limits = limits or Limits()
        self.access = access
        self.refuse = refuse
        self.request_ids = RequestIds(field=request_id_field, random=random)
        self.date_line = DateLine(now)
        self.draining = False
        self._sweep = Sweep(clock)
        self._channels: dict[Channel, None] = {}
        self._drained: list[Deferred[None]] = []

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._channels)

    def buildProtocol(self, addr: IAddress | None) -> Channel:
        """A channel for a new connection."""
        return Channel(self)

    def doStart(self) -> None:
        """A port listens for this factory."""

    def doStop(self) -> None:
        """A port listens no more for this factory."""

    def drain(self, within: float = 0.0) -> Deferred[None]:
        """End idle connections now and the others behind their answers; fires when all are gone.

        `within`: seconds after which what is left is cut off; 0: never.
        """
        self.draining = True
        for channel in list(self._channels):
            channel.drain()
        if not self._channels:
            return succeed(None)
        drained: Deferred[None] = Deferred()
        self._drained.append(drained)
        if within > 0:
            cut = self.clock.callLater(within, self.cut)
            drained.addBoth(lambda result: cut.cancel() if cut.active() else None)
        return drained

    def cut(self) -> None:
        """End every connection now."""
        for channel in list(self._channels):
            channel.cut()

    # What channels call.

    def refusal(self, status: int, reason: str, method: bytes) -> tuple[bytes, int]:
        """The message that refuses what cannot be served, and the size of its body; `method`: if it could be read."""
        body = self.refuse(status, reason)
        fields = [(b"Content-Type", b"text/plain; charset=utf-8"), (b"Content-Length", b"%d" % len(body))]
        head = status_lines[status, REASONS[status]] + self.date_line()
        head += field_lines([*fields, (b"Connection", b"close")]) + b"\r\n"
        return (head, 0) if method == b"HEAD" else (head + body, len(body))

    def opened(self, channel: Channel) -> bool:
        """Take note of a channel; whether there is room for it."""
        self._channels[channel] = None
        self._sweep.watch(channel)
        return len(self._channels) <= self.limits.connections

    def answered(self, exchange: NativeExchange) -> None:
        """A request is done with: log it."""
        self.access(exchange, exchange.status or 499, exchange.sent, self.clock.seconds() - exchange.since)

    def failed(self, exchange: NativeExchange) -> None:
        """A request could not be served, by a fault of ours."""
        self._log.failure("a request could not be served")
        exchange.reason = exchange.reason or "internal_error"
        text = self.refuse(500, "something went wrong here")
        exchange.answer(500, [(b"Content-Type", b"text/plain; charset=utf-8")], text)

    def closed(self, channel: Channel) -> None:
        """A channel's connection is gone."""
        self._sweep.forget(channel)
        self._channels.pop(channel, None)
        if not self._channels:
            drained, self._drained = self._drained, []
            for each in drained:
                each.callback(None)
