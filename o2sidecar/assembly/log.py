"""Assembles where log lines go, and the standard log, which is there before anything else of the sidecar is."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import frozen
from twisted.internet.threads import deferToThreadPool
from twisted.logger import ILogObserver

from o2sidecar.assembly.checked import checked
from o2sidecar.observe.log_file import BackupNames, LogFile
from o2sidecar.observe.log_losses import Complaints, Counted
from o2sidecar.observe.standard import standard_log
from o2sidecar.settings.options import Settings

if TYPE_CHECKING:
    from o2sidecar.observe.log_upkeep import LogUpkeep

_MIB = 1 << 20
_USUAL_MAX_SIZE = 100


@frozen(kw_only=True)
class LogOutput:
    """Where the lines of all logs go.

    `write` takes whole lines and raises `OSError` when they are lost. `reopen`: goes on in the file that has the name
    now; `None` where there is no file. `background`: what must run beside it.
    """

    write: Callable[[bytes], object]
    reopen: Callable[[], None] | None = None
    background: tuple[LogUpkeep, ...] = ()

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        standard_output: Callable[[bytes], object],
        standard_error: Callable[[bytes], object],
        reactor: Any,
    ) -> LogOutput:
        """From settings; raises `SettingsRefused` if the file cannot be opened."""
        complaints = Complaints(standard_error, reactor.seconds)
        if not settings.logging_filename:
            return cls(write=Counted(standard_output, where="standard output", complaints=complaints).write)
        return _to_file(settings, complaints, reactor)


def _to_file(settings: Settings, complaints: Complaints, reactor: Any) -> LogOutput:
    # Only who has such a file pays for gzip.
    from o2sidecar.observe.log_upkeep import Keeping, LogUpkeep  # noqa: PLC0415

    # twistd may go elsewhere before the first line is written. A link stays a link: what it leads to is rotated.
    path = os.path.abspath(settings.logging_filename)
    names = BackupNames(
        path=os.path.realpath(path) if os.path.isfile(path) else path, local=settings.logging_local_time
    )
    upkeep = LogUpkeep(
        Keeping(
            names=names,
            days=settings.logging_max_age,
            count=settings.logging_max_backups,
            compressed=settings.logging_compress,
        ),
        clock=reactor,
        in_thread=lambda *call: deferToThreadPool(reactor, reactor.getThreadPool(), *call),
        complain=complaints.say,
    )
    file = LogFile(
        names,
        most=(settings.logging_max_size or _USUAL_MAX_SIZE) * _MIB,
        now=reactor.seconds,
        complain=complaints.say,
        rotated=lambda: reactor.callFromThread(upkeep.tidy),
    )
    checked("logging_filename", lambda: _opened(file))

    def reopen() -> None:
        try:
            file.reopen()
        except OSError as error:
            complaints.say(f"{path} cannot be opened again: {error.strerror}.")

    return LogOutput(
        write=Counted(file.write, where=path, complaints=complaints).write, reopen=reopen, background=(upkeep,)
    )


def _opened(file: LogFile) -> None:
    try:
        file.reopen()
    except OSError as error:
        raise ValueError(f"{error.filename} cannot be written: {error.strerror}") from None


def standard_log_of(settings: Settings, write: Callable[[bytes], object]) -> ILogObserver:
    """What the program says of itself; `write` takes its lines."""
    return standard_log(
        write=write,
        local=settings.logging_local_time,
        on=settings.standard_logging,
        layout=settings.standard_logging_format,
        as_json=settings.logging_format == "json",
    )
