"""Timestamps of log lines: to the second, made once for each, and as RFC 3339 has them."""

from __future__ import annotations

from datetime import UTC, datetime


class Moments:
    """Gives `YYYY/MM/DD hh:mm:ss` for a time in seconds since the epoch; local time, or UTC."""

    def __init__(self, *, local: bool = True) -> None:
        self._zone = None if local else UTC
        self._second = -1
        self._text = ""

    def text(self, seconds: float) -> str:
        """The timestamp of that second."""
        second = int(seconds)
        if second != self._second:
            self._second = second
            self._text = datetime.fromtimestamp(second, self._zone).strftime("%Y/%m/%d %H:%M:%S")
        return self._text

    def iso(self, seconds: float) -> str:
        """The moment to the microsecond, with its zone (RFC 3339 §5.6)."""
        return datetime.fromtimestamp(seconds, UTC).astimezone(self._zone).isoformat(timespec="microseconds")
