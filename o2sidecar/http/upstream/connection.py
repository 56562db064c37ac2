"""One connection to an app: a request out, its answer in, then the next.

Its states, as what `_take` is and what may happen in each; nothing else changes them:

    state            bytes                      end of connection              deadline
    _take_unasked    drop the connection        drop it                        drop it (unused too long)
    _take_head       read the head              tell the taker: no answer      tell the taker: too late
    _take_body       read the body              complete it, or tell: cut off  tell: cut off
    TunnelEnd.take   pass on                    pass on                        cut (once it has to end)
    _take_nothing    ignore                     done                           -

HOT: `send`, `_take_head` and `_take_body`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from o2sidecar.http.client_tls import why_lost
from o2sidecar.http.limits import UpstreamLimits
from o2sidecar.http.message.answer_head import AnswerHead, AnswerRefused
from o2sidecar.http.message.body import BodyRefused, Counted, Decoder
from o2sidecar.http.outlet import Outlet
from o2sidecar.http.sweep import NEVER
from o2sidecar.http.tunnel import TunnelEnd


class Taker(Protocol):
    """Whoever asked, and takes the answer."""

    method: bytes
    upgrades: bool
    """Whether 101 was asked for."""

    def answer_continue(self) -> None:
        """The app wants the body (100)."""

    def answer_head(self, head: AnswerHead) -> None:
        """The head of the answer; its body follows, or at least `answer_pause`, in the same turn."""

    def answer_data(self, data: bytes) -> None:
        """A piece of the body."""

    def answer_pause(self) -> None:
        """Nothing more of the answer is here just now."""

    def answer_end(self, data: bytes) -> None:
        """The last piece of the body. The connection is no longer the taker's."""

    def answer_switched(self, head: AnswerHead, tunnel: TunnelEnd) -> None:
        """The app switched protocols."""

    def answer_lost(self, reason: str, unseen: bool) -> None:
        """The connection ended before the answer was complete. `unseen`: nothing came on a connection used before."""

    def answer_refused(self, reason: str) -> None:
        """What came is no answer; the connection is closed."""

    def answer_late(self) -> None:
        """No head in time; the connection is closed."""


class Keeper(Protocol):
    """Keeps connections that are not in use."""

    def keep(self, connection: UpstreamConnection) -> None:
        """It is free again."""

    def drop(self, connection: UpstreamConnection) -> None:
        """It is gone, or of no more use."""


@implementer(IProtocol, IHalfCloseableProtocol)
class UpstreamConnection:
    """A connection to an app. It is its keeper's while unused, and one taker's between `send` and the answer's end."""

    __slots__ = (
        "_clock",
        "_decoder",
        "_held",
        "_interim",
        "_keeper",
        "_keeps",
        "_limits",
        "_request_complete",
        "_reused",
        "_seen",
        "_take",
        "_taker",
        "_tunnel",
        "deadline",
        "outlet",
        "transport",
    )

    def __init__(self, *, keeper: Keeper, limits: UpstreamLimits, clock: IReactorTime) -> None:
        self._keeper = keeper
        self._limits = limits
        self._clock = clock
        self.transport: Any = None
        self.deadline = NEVER
        self._take: Callable[[bytes], None] = self._take_unasked
        self._taker: Taker | None = None
        self._tunnel: TunnelEnd | None = None
        self._decoder: Decoder = Counted(0)
        self._held = b""
        self._interim = 0
        self._reused = False
        self._seen = False
        self._keeps = True
        self._request_complete = True

    # What the transport calls.

    def makeConnection(self, transport: Any) -> None:
        """The connection stands."""
        self.transport = transport
        if isinstance(transport.getPeer(), (IPv4Address, IPv6Address)):
            transport.setTcpNoDelay(True)
        self.outlet = Outlet(transport)

    def connectionMade(self) -> None:
        """Nothing: `makeConnection` did it."""

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the app."""
        self._take(data)

    def readConnectionLost(self) -> None:
        """The app closed its sending side."""
        if self._tunnel is not None:
            self._tunnel.ended()
        else:
            self._ended(cleanly=True, why="closed by the app")

    def writeConnectionLost(self) -> None:
        """Our own sending side is closed."""

    def connectionLost(self, reason: Failure) -> None:
        """The connection is gone."""
        if self._tunnel is not None:
            self._tunnel.lost()
        self._ended(cleanly=reason.check(ConnectionDone) is not None, why=why_lost(reason))

    # What the taker calls.

    def send(self, taker: Taker, data: bytes, complete: bool) -> None:
        """Send a request, or the head and what is there of its body; `complete`: that is all of it."""
        self._taker = taker
        self._take = self._take_head
        self._interim = 0
        self._seen = False
        self._request_complete = complete
        # An upload has no time of its own here: each side's stalls are watched for.
        self.deadline = self._clock.seconds() + self._limits.head_time if complete else NEVER
        self.outlet.write(data)

    def send_more(self, data: bytes, complete: bool) -> None:
        """Send more of the request's body."""
        if data:
            self.outlet.write(data)
        if complete:
            self._request_complete = True
            if self._take == self._take_head:
                self._due(self._limits.head_time)

    def due_in(self, seconds: float) -> None:
        """Have the taker told by `answer_late` after this time, instead of what was waited for."""
        self._due(seconds)

    def abandon(self) -> None:
        """The taker is gone: so is the request, unless all of it is answered."""
        self._taker = None
        self._close()

    # Flow of the answer's body.

    def pause(self) -> None:
        """Deliver no more until `resume`."""
        if self._taker is not None:
            self.deadline = NEVER
            self.transport.pauseProducing()

    def resume(self) -> None:
        """Go on."""
        if self._taker is not None:
            self._due(self._limits.idle_time)
            self.transport.resumeProducing()

    # States: what becomes of the app's bytes.

    def _take_unasked(self, data: bytes) -> None:
        """Bytes that nobody asked for: whose answer would they be? (RFC 9112 §9.2)."""
        self._close()

    def _take_nothing(self, data: bytes) -> None:
        """Bytes on a connection that is being closed."""

    def _take_head(self, data: bytes) -> None:
        self._seen = True
        held = self._held
        if held:
            data = held + data
            self._held = b""
        more = True
        while more:
            end = data.find(b"\r\n\r\n", max(0, len(held) - 3))
            held = b""
            if end < 0 or end > self._limits.head_size:
                if end >= 0 or len(data) > self._limits.head_size:
                    self._refuse("head too large")
                elif not b"HTTP/1.".startswith(data[:7]) or b"\n\n" in data:
                    self._refuse("not an answer in HTTP/1")
                else:
                    self._held = data
                return
            try:
                head = AnswerHead(data[: end + 4])
            except AnswerRefused as refused:
                self._refuse(str(refused))
                return
            data = data[end + 4 :]
            if head.status >= 200:
                self._begin_body(head, data)
                return
            more = self._interim_answer(head, data)

    def _interim_answer(self, head: AnswerHead, rest: bytes) -> bool:
        """RFC 9110 §15.2: any number of them may precede an answer; we bear a few. Whether heads go on."""
        taker = self._taker
        assert taker is not None
        self._interim += 1
        if head.status == 101:
            if taker.upgrades:
                self._switch(taker, head, rest)
            else:
                self._refuse("switched protocols unasked")
        elif self._interim > self._limits.interim_count:
            self._refuse("too many interim answers")
        elif head.status == 100:
            taker.answer_continue()
        return self._taker is taker

    def _switch(self, taker: Taker, head: AnswerHead, rest: bytes) -> None:
        self._taker = None
        self.deadline = NEVER
        self._tunnel = TunnelEnd(
            outlet=self.outlet,
            transport=self.transport,
            held=rest,
            due_in=self._due,
            write_time=self._limits.write_time,
        )
        self._take = self._tunnel.take
        taker.answer_switched(head, self._tunnel)

    def _begin_body(self, head: AnswerHead, rest: bytes) -> None:
        taker = self._taker
        assert taker is not None
        self._keeps = head.keeps
        self._take = self._take_body
        if rest and len(rest) == head.length and head.has_body(taker.method):
            # All of it is here already.
            taker.answer_head(head)
            if self._taker is taker:
                self._finish(rest)
            return
        self._decoder = head.decoder(taker.method, self._limits)
        if self._decoder.complete:
            if rest or head.announces_body:
                # What an app announces it may send, and late: the next request would get it for an answer (P25).
                self._keeps = False
            taker.answer_head(head)
            self._finish(b"")
            return
        self._due(self._limits.idle_time)
        taker.answer_head(head)
        if rest and self._taker is taker:
            self._take_body(rest)
        elif self._taker is taker:
            taker.answer_pause()

    def _take_body(self, data: bytes) -> None:
        taker = self._taker
        assert taker is not None
        decoder = self._decoder
        try:
            piece = decoder.decode(data)
        except BodyRefused as refused:
            self._refuse(refused.reason)
            return
        if decoder.complete:
            if decoder.surplus:
                self._keeps = False
            self._finish(piece)
            return
        self._due(self._limits.idle_time)
        if piece:
            taker.answer_data(piece)
        else:
            taker.answer_pause()

    def _finish(self, piece: bytes) -> None:
        """The answer is complete. The connection is given back first: the next request may follow at once."""
        taker, self._taker = self._taker, None
        self.outlet.throttle(None)
        if self._keeps and self._request_complete and not self.outlet.full:
            self._reused = True
            self._take = self._take_unasked
            self._due(self._limits.pool_time)
            self._keeper.keep(self)
        else:
            self._close()
        if taker is not None:
            taker.answer_end(piece)

    # The end.

    def overdue(self, now: float) -> None:
        """A deadline has passed."""
        taker = self._taker
        if taker is not None and self.outlet.moved():
            self._due(self._limits.write_time)
        elif taker is not None and self._take == self._take_head:
            self.deadline = NEVER
            taker.answer_late()
        elif taker is not None:
            self._taker = None
            self._close()
            taker.answer_lost("the app stopped sending", False)
        else:
            self._close()

    def _ended(self, cleanly: bool, why: str) -> None:
        taker, self._taker = self._taker, None
        state = self._take
        self._close()
        if taker is None:
            return
        if state == self._take_body and cleanly and self._decoder.to_the_end:
            taker.answer_end(b"")
        elif state == self._take_body:
            taker.answer_lost(f"the connection ended within the answer: {why}", False)
        else:
            taker.answer_lost(f"the connection ended without an answer: {why}", self._reused and not self._seen)

    def _refuse(self, reason: str) -> None:
        taker, self._taker = self._taker, None
        self._close()
        if taker is not None:
            taker.answer_refused(reason)

    def _close(self) -> None:
        if self._take != self._take_nothing:
            self._take = self._take_nothing
            self._held = b""
            self.deadline = NEVER
            self._keeper.drop(self)
            self.outlet.abort()

    def _due(self, seconds: float) -> None:
        self.deadline = self._clock.seconds() + seconds
