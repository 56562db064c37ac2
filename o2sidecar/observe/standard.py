"""The standard log: what the program says of itself, one line an event; in the operator's layout."""

from __future__ import annotations

import json
import os
import sys
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
from o2sidecar.settings import layouts
from o2sidecar.settings.layouts import Layout

_CHATTY = ("twisted.web.client", "twisted.internet", "log_legacy")
"""Namespaces that report every connection."""


def standard_log(
    *,
    write: Callable[[bytes], object],
    local: bool,
    on: bool = True,
    layout: str = layouts.STANDARD,
    as_json: bool = False,
) -> ILogObserver:
    """An observer that writes every event of level `info` and above as lines.

    With `on` false only errors are: what breaks is never silent. `layout`: a template of the variables of
    `standard_logging_format`. `as_json`: JSON objects instead.
    """
    observer = StandardLog(write=write, moments=Moments(local=local), layout=layout, as_json=as_json)
    level = LogLevelFilterPredicate(defaultLogLevel=LogLevel.info if on else LogLevel.error)
    for chatty in _CHATTY:
        level.setLogLevelForNamespace(chatty, LogLevel.warn if on else LogLevel.error)
    return FilteringLogObserver(observer, [level])


def begin_logging(observer: ILogObserver) -> None:
    """Have the process's events observed, and nothing else than them."""
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)


@implementer(ILogObserver)
class StandardLog:
    """Writes events as lines, a traceback on lines of its own behind its event; as JSON, within its object.

    A write that fails loses its event and nothing else.
    """

    def __init__(
        self,
        *,
        write: Callable[[bytes], object],
        moments: Moments,
        layout: str = layouts.STANDARD,
        as_json: bool = False,
    ) -> None:
        self._write = write
        self._moments = moments
        self._layout = Layout.parse(layout, layouts.VARIABLES["standard_logging_format"])
        self._as_json = as_json

    def __call__(self, event: LogEvent) -> None:
        """Write an event."""
        text = self._json(event) if self._as_json else self._lines(event)
        try:
            self._write(text.encode("utf-8", "backslashreplace"))
        except OSError:
            return

    def _lines(self, event: LogEvent) -> str:
        level = event.get("log_level", LogLevel.info)
        mark = "" if level is LogLevel.info else f"{level.name}: "
        messages = [mark + one_line(formatEvent(event))]
        if "log_failure" in event:
            messages += [one_line(line) for line in event["log_failure"].getTraceback().splitlines()]
        around = {"Timestamp": self._moments.text(event.get("log_time", 0.0)), "File": _place()}
        return "".join(self._layout.line({**around, "Message": message}) + "\n" for message in messages)

    def _json(self, event: LogEvent) -> str:
        facts = {
            "time": self._moments.iso(event.get("log_time", 0.0)),
            "level": event.get("log_level", LogLevel.info).name,
            "kind": "standard",
            "from": event.get("log_namespace", "-"),
            "message": formatEvent(event),
        }
        if "log_failure" in event:
            facts["traceback"] = event["log_failure"].getTraceback()
        return json.dumps(facts, separators=(",", ":")) + "\n"


def _place() -> str:
    """The file and line that said it: of the first caller that does not belong to logging itself."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_logging(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


def _is_logging(module: str) -> bool:
    return module == __name__ or module.startswith(("twisted.logger", "twisted.python.log"))
