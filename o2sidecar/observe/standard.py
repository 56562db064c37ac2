"""The standard log: what the program says of itself, one line an event; for `o2sidecar run`, where no twistd logs."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
    globalLogBeginner,
)
from zope.interface import implementer

from o2sidecar.observe.moments import Moments
from o2sidecar.observe.plain import one_line

_CHATTY = ("twisted.web.client", "twisted.internet", "log_legacy")
"""Namespaces that report every connection."""


def begin_logging(*, write: Callable[[bytes], object], local: bool, on: bool = True) -> None:
    """Have every event of level `info` and above written as lines of oauth2-proxy's standard layout.

    With `on` false only errors are: what breaks is never silent.
    """
    observer = StandardLog(write=write, moments=Moments(local=local))
    level = LogLevelFilterPredicate(defaultLogLevel=LogLevel.info if on else LogLevel.error)
    for chatty in _CHATTY:
        level.setLogLevelForNamespace(chatty, LogLevel.warn if on else LogLevel.error)
    quiet = FilteringLogObserver(observer, [level])
    globalLogBeginner.beginLoggingTo([quiet], redirectStandardIO=False, discardBuffer=True)


@implementer(ILogObserver)
class StandardLog:
    """Writes events as `[time] [namespace] message`, a traceback on lines of its own behind it.

    A write that fails loses its event and nothing else.
    """

    def __init__(self, *, write: Callable[[bytes], object], moments: Moments) -> None:
        self._write = write
        self._moments = moments

    def __call__(self, event: LogEvent) -> None:
        """Write an event."""
        level = event.get("log_level", LogLevel.info)
        mark = "" if level is LogLevel.info else f"{level.name}: "
        lines = [mark + one_line(formatEvent(event))]
        if "log_failure" in event:
            lines += [one_line(line) for line in event["log_failure"].getTraceback().splitlines()]
        head = f"[{self._moments.text(event.get('log_time', 0.0))}] [{event.get('log_namespace', '-')}]"
        try:
            self._write("".join(f"{head} {line}\n" for line in lines).encode("utf-8", "backslashreplace"))
        except OSError:
            return
