"""Status lines and the Date field, made once and used often (RFC 9112 §4, RFC 9110 §6.6.1)."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from wsgiref.handlers import format_date_time

REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}
"""The usual reason phrases."""


class StatusLines(dict[tuple[int, bytes], bytes]):
    """Status line, with its line end, by status and reason phrase; bounded."""

    def __missing__(self, key: tuple[int, bytes]) -> bytes:
        line = b"HTTP/1.1 %d %s\r\n" % key
        if len(self) < 512:
            self[key] = line
        return line


status_lines = StatusLines()


class DateLine:
    """The Date field as a line, made anew each second."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now`: seconds since the epoch."""
        self._now = now
        self._second = -1
        self._line = b""

    def __call__(self) -> bytes:
        """The line, with its line end."""
        second = int(self._now())
        if second != self._second:
            self._second = second
            self._line = b"Date: %s\r\n" % format_date_time(second).encode()
        return self._line
