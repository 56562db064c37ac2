"""WebSockets that pass through: two connections after 101, and how they are ended with a reason (RFC 6455 §7).

HOT: `_Direction.body_data`. Frames are followed and never changed; of our own there is one Close frame at the most in
each direction.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from o2sidecar.http.exchange import ClientTunnel, Flow, Tunnel
from o2sidecar.http.tunnel import Farewell
from o2sidecar.http.websocket_frames import Frames, close_frame

_GOING_AWAY = 1001
"""What an app is told, whatever the reason: as from a browser whose page is left (RFC 6455 §7.4.1)."""


class WebSocket:
    """A client and an app that speak WebSocket with each other.

    Each direction ends by itself. When we end it, each side gets a Close frame where a frame of the other's ends (§5.4:
    control frames may stand between the fragments of a message), and nothing behind it. A side's connection ends when
    its own Close frame has come. Where there are no frame ends, or none in time, both connections are cut.
    """

    __slots__ = ("_app", "_client", "_random", "_to_app", "_to_client")

    def __init__(self, client: ClientTunnel, app: Tunnel, *, random: Callable[[int], bytes] = os.urandom) -> None:
        self._client = client
        self._app = app
        self._random = random
        self._to_app = _Direction(client, app, Frames(masked=True))
        self._to_client = _Direction(app, client, Frames(masked=False))
        self._to_app.other = self._to_client
        self._to_client.other = self._to_app

    def begin(self) -> None:
        """Have each side get what the other one sends."""
        self._client.on_farewell(self.close)
        self._to_app.connect()
        self._to_client.connect()
        self._to_app.flow.resume()
        self._to_client.flow.resume()

    def close(self, farewell: Farewell, within: float) -> None:
        """End it with a reason; `within` so many seconds it is ended, in one way or the other."""
        self._client.due_in(within)
        self._app.due_in(within)
        self._to_app.take_leave(close_frame(_GOING_AWAY, farewell.sentence, self._random(4)))
        self._to_client.take_leave(close_frame(farewell.code, farewell.sentence))


class _Direction:
    """What one side sends, on its way to the other: the sink of the one's bytes."""

    __slots__ = ("_ended", "_frames", "_goodbye", "_receiver", "_sender", "_silent", "flow", "other")

    other: _Direction
    flow: Flow

    def __init__(self, sender: Tunnel, receiver: Tunnel, frames: Frames) -> None:
        self._sender = sender
        self._receiver = receiver
        self._frames = frames
        self._goodbye = b""
        self._silent = False
        self._ended = False

    def connect(self) -> None:
        """Take what the sender sends, once the flow is resumed, as fast as the receiver reads."""
        self.flow = self._sender.connect(self)
        self._receiver.throttle(self.flow)

    def take_leave(self, goodbye: bytes) -> None:
        """Pass `goodbye` on as soon as the frame under way has ended, and nothing behind it."""
        self._goodbye = goodbye
        self._part()
        self._settle()

    # Sink.

    def body_data(self, data: bytes) -> None:
        """Bytes."""
        if self._goodbye:
            self._take_rest(data)
        else:
            self._frames.follow(data)
            self._receiver.write(data)

    def body_end(self) -> None:
        """The sender sends no more."""
        self._ended = True
        if not self._goodbye:
            self._receiver.end()
            return
        if not self._silent:
            # The frame under way will never end, so nothing can be said behind it.
            self._receiver.close()
        self._settle()

    def body_lost(self) -> None:
        """The sender is gone. Without a Close frame before it, the receiver can tell by the end (§7.1.5, 1006)."""
        self._ended = True
        if not self._silent:
            self._receiver.close()
        self._settle()

    # Taking leave.

    def _take_rest(self, data: bytes) -> None:
        """Pass the rest of a frame on and take leave behind it; what follows is only searched for a Close frame."""
        start = 0
        if not self._silent:
            start = self._frames.step(data)
            self._receiver.write(data[:start])
            self._part()
        self._frames.follow(data, start)
        self._settle()

    def _part(self) -> None:
        """Say goodbye if this is the moment."""
        frames = self._frames
        if not frames.valid:
            self._receiver.abort()
            self._sender.abort()
        elif self._ended or frames.between:
            if not self._ended and not frames.closed:
                self._receiver.write(self._goodbye)
            self._silent = True
            self._receiver.throttle(None)

    def _settle(self) -> None:
        """Read on for the sender's Close frame; end each side that has said and been told its goodbye."""
        if self._silent:
            self.flow.resume()
        for each in (self, self.other):
            if each.other._silent and (each._ended or each._frames.closed):
                each._sender.close()
