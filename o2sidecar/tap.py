"""The twistd plugin's `Options` and `makeService`, and `o2sidecar run`: the only place that meets the reactor."""

from __future__ import annotations

import atexit
import gc
import os
import select
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.python.usage import Options as UsageOptions

from o2sidecar import __version__
from o2sidecar.descriptors import raise_limit
from o2sidecar.foreground import Foreground
from o2sidecar.library_pages import give_back
from o2sidecar.settings.load import (
    ConversionAsked,
    HelpAsked,
    Loaded,
    Problem,
    SettingsRefused,
    UsageRefused,
    VersionAsked,
    load,
)
from o2sidecar.settings.redis_rules import used, uses_redis

if TYPE_CHECKING:
    from o2sidecar.assembly.log import LogOutput
    from o2sidecar.service import SidecarService


_YOUNG = 10_000
"""How many new objects make Python look for those that nobody can reach."""


class Options(UsageOptions):
    """What `twistd o2sidecar` was given: read by our own rules, which are oauth2-proxy's, not twistd's."""

    loaded: Loaded
    given: Sequence[str]
    parent: Any

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Load the settings, or end the process with the message and status that the contract demands."""
        self.given = list(options or ())
        self.loaded = load_or_exit(self.given)


def makeService(options: Options) -> IService:
    """The sidecar as a twistd service."""
    from twisted.internet import reactor  # noqa: PLC0415, TID251 (twistd has installed it by now)

    from o2sidecar.assembly import make_sidecar  # noqa: PLC0415 (after --help and refusals)
    from o2sidecar.assembly.log import standard_log_of  # noqa: PLC0415

    loaded = options.loaded
    with _refusals():
        log = _log_output(loaded, reactor)
        service = make_sidecar(
            loaded,
            reactor=reactor,
            write=log.write,
            descriptors=raise_limit(),
            beside=log.background,
            reread=lambda: _loaded(options.given),
        )
    _heed_hangups(service, reactor)
    _settle_memory(reactor)
    # twistd ends with status 0 whatever happened, and offers no other way to say otherwise.
    atexit.register(_end_unwell, service)
    twistd = options.parent
    told_where = twistd["logfile"] or twistd["logger"] or twistd.get("syslog")
    if not told_where and (twistd["nodaemon"] or loaded.settings.logging_filename):
        service.observer = standard_log_of(loaded.settings, log.write)
    return service


def main(arguments: Sequence[str]) -> int:
    """`o2sidecar run`: the sidecar in the foreground, without twistd."""
    foreground = Foreground()
    loaded = load_or_exit(arguments)
    _install_reactor()
    from twisted.internet import reactor  # noqa: PLC0415, TID251 (installed here, after --help and refusals)

    from o2sidecar.assembly import make_sidecar  # noqa: PLC0415
    from o2sidecar.assembly.log import standard_log_of  # noqa: PLC0415
    from o2sidecar.observe.standard import begin_logging  # noqa: PLC0415

    with _refusals():
        log = _log_output(loaded, reactor)
        begin_logging(standard_log_of(loaded.settings, log.write))
        service = make_sidecar(
            loaded,
            reactor=reactor,
            write=log.write,
            descriptors=raise_limit(),
            beside=log.background,
            reread=lambda: _loaded(arguments),
        )
    _heed_hangups(service, reactor)
    _settle_memory(reactor)
    foreground.run(service, reactor)
    return 1 if service.refused else 0


def _end_unwell(service: SidecarService) -> None:
    if service.refused:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)


def _heed_hangups(service: SidecarService, reactor: Any) -> None:
    """Have SIGHUP read the settings again, as operators of daemons expect; where nothing reads them it ends us."""
    if service.reload is not None and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda number, frame: reactor.callFromThread(service.reload))


def _settle_memory(reactor: Any) -> None:
    """What only the start needed goes, and what was made for it stays.

    Pages of libraries are given back. The garbage collector need not look at what stays to the end again and again, nor
    at what stays long: requests leave nothing behind, but each newly opened session keeps some twenty objects, and by
    Python's usual measure (700 objects) it would look at all sessions over and over while they come.
    """
    reactor.callWhenRunning(gc.freeze)
    gc.set_threshold(_YOUNG, 50, 50)
    give_back()


def _log_output(loaded: Loaded, reactor: Any) -> LogOutput:
    """Where the log goes; a file is opened again on SIGUSR1, as those who rotate logs expect."""
    from o2sidecar.assembly.log import LogOutput  # noqa: PLC0415 (after --help and refusals)

    log = LogOutput.of(
        loaded.settings,
        standard_output=lambda data: _write_whole(1, data),
        standard_error=lambda data: _write_whole(2, data),
        reactor=reactor,
    )
    if log.reopen is not None:
        signal.signal(signal.SIGUSR1, lambda number, frame: reactor.callFromThread(log.reopen))
    return log


def _install_reactor() -> None:
    """The lean reactor where there is epoll; elsewhere Twisted chooses."""
    if hasattr(select, "epoll"):
        from o2sidecar.http.reactor import install  # noqa: PLC0415 (after --help and refusals)

        install()


def load_or_exit(arguments: Sequence[str]) -> Loaded:
    """The settings; or the process ends: 0 when something else than running was asked for, 1 refused, 2 misused."""
    with _refusals():
        loaded = _loaded(arguments)
    if loaded.config_test:
        sys.stdout.write("".join(f"warning: {warning}\n" for warning in loaded.warnings))
        if uses_redis(loaded.settings):
            with _refusals():
                _try_store(loaded)
        sys.stdout.write("The settings are valid.\n")
        raise SystemExit(0)
    return loaded


def _loaded(arguments: Sequence[str]) -> Loaded:
    from o2sidecar.providers.registry import KnownProviders  # noqa: PLC0415 (it looks for those of other packages)

    return load(arguments, os.environ, providers=KnownProviders())


def _try_store(loaded: Loaded) -> None:
    """Raise `SettingsRefused` if sessions cannot be kept in Redis, as oauth2-proxy does."""
    if "twisted.internet.reactor" not in sys.modules:  # twistd has chosen one already
        _install_reactor()
    from twisted.internet import reactor  # noqa: PLC0415, TID251 (installed here, after --help and refusals)

    from o2sidecar.assembly.stores import why_store_fails  # noqa: PLC0415

    found: list[str] = []
    tried = Deferred.fromCoroutine(why_store_fails(loaded.settings, reactor))
    tried.addCallbacks(found.append, lambda failure: found.append(failure.getErrorMessage()))
    tried.addCallback(lambda _: reactor.callWhenRunning(reactor.stop))
    reactor.run()
    if found[0]:
        key = used(loaded.settings)
        sentence = f"sessions cannot be kept there: {found[0]}"
        raise SettingsRefused((Problem(names=(loaded.sources.get(key, key),), sentence=sentence),))


@contextmanager
def _refusals() -> Iterator[None]:
    """End the process as the contract says when settings are refused, or something else than running was asked for."""
    try:
        yield
    except HelpAsked as asked:
        sys.stdout.write(asked.text)
        raise SystemExit(0) from None
    except VersionAsked:
        sys.stdout.write(f"o2sidecar {__version__}\n")
        raise SystemExit(0) from None
    except ConversionAsked as asked:
        sys.stderr.write(asked.remarks)
        sys.stdout.write(asked.text)
        raise SystemExit(0) from None
    except SettingsRefused as refused:
        sys.stderr.write(f"{refused}\n")
        raise SystemExit(1) from None
    except UsageRefused as refused:
        sys.stderr.write(f"{refused}\n")
        raise SystemExit(2) from None


def _write_whole(descriptor: int, data: bytes) -> None:
    """Write all of it, past Python's own buffers."""
    while data:
        data = data[os.write(descriptor, data) :]
