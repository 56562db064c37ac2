"""Writes log lines: joined, a few times a second, so that a line costs no system call of its own."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class LineWriter:
    """Collects lines and writes them together.

    `write` takes bytes (a file's `write` and `flush` in one). `delay`: seconds that a line may wait. `limit`: bytes
    that may wait. A `write` that raises `OSError` (disk full, reader gone) loses its lines and nothing else; `lost`
    says how many.
    """

    def __init__(
        self, *, write: Callable[[bytes], object], clock: IReactorTime, delay: float = 0.25, limit: int = 64 * 1024
    ) -> None:
        self._write = write
        self._clock = clock
        self._delay = delay
        self._limit = limit
        self._lines: list[str] = []
        self._size = 0
        self._timer: IDelayedCall | None = None
        self.lost = 0

    def line(self, text: str) -> None:
        """Write a line, soon. `text` holds no line end."""
        self._lines.append(text)
        self._size += len(text)
        if self._size >= self._limit:
            self.flush()
        elif self._timer is None:
            self._timer = self._clock.callLater(self._delay, self.flush)

    def flush(self) -> None:
        """Write what waits, now."""
        if self._timer is not None:
            if self._timer.active():
                self._timer.cancel()
            self._timer = None
        if not self._lines:
            return
        count = len(self._lines)
        text = "\n".join(self._lines) + "\n"
        self._lines.clear()
        self._size = 0
        try:
            self._write(text.encode("utf-8", "backslashreplace"))
        except OSError:
            self.lost += count
