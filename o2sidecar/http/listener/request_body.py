"""A request's body on its way from the channel to whoever asked for it, with backpressure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from o2sidecar.http.exchange import BodySink
from o2sidecar.http.message.body import BodyRefused, Decoder
from o2sidecar.refusals import BadRequest

if TYPE_CHECKING:
    from o2sidecar.http.listener.channel import Channel


class RequestBody:
    """The body of the request that a channel is busy with; a `Flow` for its sink.

    It begins paused, and holds what comes until somebody asks; the channel then reads no more.
    """

    __slots__ = ("_channel", "_decoder", "_expects_continue", "_held", "_paused", "_sink", "complete")

    def __init__(self, channel: Channel, decoder: Decoder, expects_continue: bool) -> None:
        self._channel = channel
        self._decoder = decoder
        self._expects_continue = expects_continue
        self._held: list[bytes] = []
        self._paused = True
        self._sink: BodySink | None = None
        self.complete = False
        """Whether all of it was given to the sink, or thrown away."""

    @property
    def awaited(self) -> bool:
        """Whether it is the client's turn to send more."""
        return not self._paused and not self.complete

    def stream_to(self, sink: BodySink) -> None:
        """Give the body to `sink` once it resumes."""
        self._sink = sink

    def take(self, data: bytes) -> None:
        """Bytes from the client."""
        if self._paused:
            self._held.append(data)
            self._channel.pause_reading()
        else:
            self._channel.await_body()
            self._deliver(data)

    def _deliver(self, data: bytes) -> None:
        try:
            piece = self._decoder.decode(data)
        except BodyRefused as refused:
            self._channel.body_refused(refused)
            return
        sink = self._sink
        assert sink is not None
        if self._decoder.complete:
            self._end()
        if piece:
            sink.body_data(piece)
        if self.complete:
            sink.body_end()

    def _end(self) -> None:
        self.complete = True
        self._sink = None
        surplus = self._decoder.surplus + b"".join(self._held)
        self._held.clear()
        self._channel.body_complete(surplus)

    def pause(self) -> None:
        """Deliver no more until `resume`."""
        if not self._paused and not self.complete:
            self._paused = True
            self._channel.await_nothing()

    def resume(self) -> None:
        """Deliver what was held and what comes; the first time, tell a client that waits for it to go on."""
        if not self._paused or self.complete or self._sink is None:
            return
        self._paused = False
        if self._expects_continue:
            self._expects_continue = False
            if not self._held:
                self._channel.say_continue()
        while self._held and not self._paused and self._sink is not None:
            self._deliver(self._held.pop(0))
        if not self._paused and self._sink is not None:
            self._channel.resume_reading()
            self._channel.await_body()

    def forget(self) -> bool:
        """Nobody will read it. Whether what is left of it was here already and is out of the way now."""
        if not self.complete and self._held and self._sink is None:
            self._skip()
        return self.complete

    def _skip(self) -> None:
        while self._held and not self._decoder.complete:
            try:
                self._decoder.decode(self._held.pop(0))
            except BodyRefused:
                return
        if self._decoder.complete:
            self._end()

    def lost(self) -> None:
        """The client went away, broke the framing, or was too slow."""
        sink, self._sink = self._sink, None
        self._held.clear()
        if sink is not None:
            sink.body_lost()


class Collected:
    """A sink that gathers a small body: `body` fires with it, or fails with `BadRequest`."""

    def __init__(self, limit: int) -> None:
        """`limit`: bytes that are accepted."""
        self.body: Deferred[bytes] = Deferred()
        self._room = limit
        self._pieces: list[bytes] = []

    def body_data(self, data: bytes) -> None:
        """A piece."""
        self._room -= len(data)
        if self._room >= 0:
            self._pieces.append(data)
        elif not self.body.called:
            self._pieces.clear()
            self.body.errback(too_large())

    def body_end(self) -> None:
        """All of it."""
        if not self.body.called:
            self.body.callback(b"".join(self._pieces))

    def body_lost(self) -> None:
        """It broke off."""
        if not self.body.called:
            self.body.errback(BadRequest(reason="body_broke_off", sentence="The request broke off."))


def too_large() -> BadRequest:
    """The refusal of a body over its limit."""
    return BadRequest(reason="body_too_large", sentence="The request is too large.", status=413)
