"""Assembles the standard log, which is there before anything else of the sidecar is."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import ILogObserver

from o2sidecar.observe.standard import standard_log
from o2sidecar.settings.options import Settings


def standard_log_of(settings: Settings, write: Callable[[bytes], object]) -> ILogObserver:
    """What the program says of itself; `write` takes its lines."""
    return standard_log(
        write=write,
        local=settings.logging_local_time,
        on=settings.standard_logging,
        layout=settings.standard_logging_format,
        as_json=settings.logging_format == "json",
    )
