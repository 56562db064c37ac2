"""Says on standard error, once in a while, what is wrong with the log, for the log itself cannot."""

from __future__ import annotations

from collections.abc import Callable

_PAUSE = 60.0
"""Seconds after a complaint in which there is none, so that nobody fills another disk."""


class Complaints:
    """Writes sentences, one a minute at most. `write`: to standard error. `now`: seconds."""

    def __init__(self, write: Callable[[bytes], object], now: Callable[[], float]) -> None:
        self._write = write
        self._now = now
        self._next = float("-inf")

    def say(self, sentence: str) -> None:
        """Say it, unless something was said just now. Raises nothing."""
        now = self._now()
        if now < self._next:
            return
        self._next = now + _PAUSE
        try:
            self._write(f"o2sidecar: {sentence}\n".encode("utf-8", "backslashreplace"))
        except OSError:
            return


class Counted:
    """Passes lines on to `write`, and counts those that it loses.

    `where`: what they are written to, for people. A failing `write` still raises, so that callers can count, too.
    """

    def __init__(self, write: Callable[[bytes], object], *, where: str, complaints: Complaints) -> None:
        self._write = write
        self._where = where
        self._complaints = complaints
        self.lost = 0

    def write(self, data: bytes) -> None:
        """Write lines; raises `OSError` if they are lost."""
        try:
            self._write(data)
        except OSError as error:
            self.lost += data.count(b"\n")
            why = error.strerror or type(error).__name__
            self._complaints.say(f"{self._where} cannot be written: {why}. {self.lost} log lines are lost so far.")
            raise
