"""A file on its way to a client: read piece by piece, as fast as the client takes it."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from o2sidecar.http.exchange import Exchange
from o2sidecar.http.upstream.files.names import OpenFile
from o2sidecar.http.upstream.files.ranges import Part, Span

_PIECE = 64 * 1024
"""Bytes that are read at a time, and so what one download holds in memory besides what its connection does."""
_TURN = 4
"""Pieces in a row; then others get their turn, however fast this client is."""


class Sending:
    """Gives the parts of a body to an exchange that was begun; a `Flow`. It closes the file."""

    _log = Logger()

    def __init__(self, exchange: Exchange, file: OpenFile, parts: Sequence[Part], clock: IReactorTime) -> None:
        self._exchange = exchange
        self._file = file
        self._parts = list(reversed(parts))
        self._clock = clock
        self._paused = False
        self._running = False
        self._over = False
        self._turn: IDelayedCall | None = None

    def start(self) -> None:
        """Begin."""
        if self._exchange.done:
            self._end()
            return
        self._exchange.on_gone(self._end)
        self._exchange.throttle(self)
        self._run()

    def pause(self) -> None:
        """Read no more until `resume`."""
        self._paused = True

    def resume(self) -> None:
        """Go on."""
        self._paused = False
        if self._turn is None:
            self._run()

    def _run(self) -> None:
        self._turn = None
        if self._running:
            return
        self._running = True
        for _ in range(_TURN):
            if self._paused or self._over:
                break
            self._send()
        else:
            if not self._over:
                self._turn = self._clock.callLater(0, self._run)
        self._running = False

    def _send(self) -> None:
        piece = self._next()
        if piece is None:
            self._end()
            self._exchange.reason = "file_changed"
            self._exchange.abort()
        elif self._parts:
            self._exchange.write(piece)
        else:
            self._end()
            self._exchange.finish(piece)

    def _next(self) -> bytes | None:
        """The next piece; `None` if it is not there any more."""
        if not self._parts:
            return b""
        part = self._parts.pop()
        if not isinstance(part, Span):
            return part
        try:
            piece = self._file.read(part.first, min(part.length, _PIECE))
        except OSError as error:
            self._log.warn("a file cannot be read on: {reason}", reason=error.strerror)
            return None
        if not piece:
            self._log.warn("a file became shorter while it was sent")
            return None
        if len(piece) < part.length:
            self._parts.append(Span(first=part.first + len(piece), length=part.length - len(piece)))
        return piece

    def _end(self) -> None:
        if self._over:
            return
        self._over = True
        self._file.close()
        self._exchange.on_gone(None)
        self._exchange.throttle(None)
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
