"""The sidecar as a Twisted service: it listens, runs what runs in the background, and drains at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from attrs import field, frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, Logger
from twisted.python.failure import Failure


class Background(Protocol):
    """Something that runs beside the requests."""

    async def start(self) -> None:
        """Begin."""

    def stop(self) -> object:
        """End, and leave nothing behind."""


@frozen(kw_only=True)
class Listener:
    """An address to listen on: `where` for people, `listen` does it.

    `stays`: until the running requests are done, and not only until the process begins to end.
    """

    where: str
    listen: Callable[[], IListeningPort] = field(repr=False)
    stays: bool = False


class SidecarService(Service):
    """Listens from the start of the service to its end.

    `ending`: told first when the service stops; then connections are still accepted for `delay` seconds, so that
    whoever sends requests here has time to notice. `drain`: called when the listeners are closed; its Deferred fires
    when the running requests are done. `announce` and `warnings`: lines for the log, once, at the start. `flush`:
    called at the very end. `reload`: reads the settings again, where that is wanted. `unfit`: asked when a background
    job has begun; whatever it says is a reason not to run, for which `end_process` is called.
    """

    _log = Logger()
    observer: ILogObserver | None = None
    """What twistd is to log to, unless it was told where."""

    def __init__(
        self,
        *,
        listeners: Sequence[Listener],
        background: Sequence[Background],
        ending: Callable[[], None],
        drain: Callable[[], Deferred[None]],
        delay: float,
        clock: IReactorTime,
        announce: Sequence[str],
        warnings: Sequence[str],
        flush: Callable[[], None],
        reload: Callable[[], object] | None = None,
        unfit: Callable[[], str] = lambda: "",
        end_process: Callable[[], object] = lambda: None,
    ) -> None:
        self._listeners = listeners
        self._background = list(background)
        self._ending = ending
        self._drain = drain
        self._delay = delay
        self._clock = clock
        self._announce = announce
        self._warnings = warnings
        self._flush = flush
        self.reload = reload
        self._unfit = unfit
        self._end_process = end_process
        self.refused = False
        """Whether the process ends because it was not to run."""
        self.ports: list[IListeningPort] = []

    def setServiceParent(self, parent: Any) -> None:
        """Become a part of an application, whose log goes to our observer."""
        super().setServiceParent(parent)
        if self.observer is not None:
            parent.setComponent(ILogObserver, self.observer)

    def privilegedStartService(self) -> None:
        """Listen, or end the process with a sentence that names the address."""
        for listener in self._listeners:
            try:
                self.ports.append(listener.listen())
            except (CannotListenError, OSError) as error:
                raise SystemExit(f"o2sidecar: cannot listen on {listener.where}: {_why(error)}") from None

    def startService(self) -> None:
        """Say what was configured, and begin what runs in the background."""
        if not self.ports:
            self.privilegedStartService()
        super().startService()
        for warning in self._warnings:
            self._log.warn("{sentence}", sentence=warning)
        for line in self._announce:
            self._log.info("{line}", line=line)
        for listener in self._listeners:
            self._log.info("listening on {where}", where=listener.where)
        for each in self._background:
            started = Deferred.fromCoroutine(each.start())
            started.addCallbacks(lambda _: self._refuse_if_unfit(), self._failed)

    def _refuse_if_unfit(self) -> None:
        why = self._unfit()
        if why and self.running and not self.refused:
            self.refused = True
            self._log.error("{why}", why=why)
            self._end_process()

    def swap_jobs(self, ending: Sequence[Background], beginning: Sequence[Background]) -> None:
        """Have other jobs run in the background than some that do."""
        self._background = [each for each in self._background if each not in ending] + list(beginning)
        for each in ending:
            each.stop()
        if self.running:
            for each in beginning:
                Deferred.fromCoroutine(each.start()).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        self._log.failure("a background job failed", failure=failure)

    def stopService(self) -> Deferred[None]:
        """Stop listening, let the running requests finish, end what runs in the background."""
        super().stopService()
        return Deferred.fromCoroutine(self._stopped())

    async def _stopped(self) -> None:
        try:
            await self._ended()
        finally:
            # Whatever fails on the way, the log's last lines tell of it.
            self._flush()

    async def _ended(self) -> None:
        self._ending()
        if self._delay and self.ports:
            await deferLater(self._clock, self._delay)
        await self._close(stays=False)
        await self._drain()
        await self._close(stays=True)
        self.ports.clear()
        for each in self._background:
            each.stop()
        self._log.info("stopped")

    async def _close(self, *, stays: bool) -> None:
        for listener, port in zip(self._listeners, self.ports, strict=False):
            if listener.stays != stays:
                continue
            try:
                await maybeDeferred(port.stopListening)
            except OSError as error:
                # Somebody removed our unix socket: no reason to end before the running requests do.
                self._log.warn("a listener was not closed in order: {error}", error=error)


def _why(error: Exception) -> str:
    return str(getattr(error, "socketError", error))
