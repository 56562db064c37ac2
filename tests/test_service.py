"""Tests of the service: how it listens, and in which order it ends."""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import provider
from zope.interface.verify import verifyObject

from o2sidecar.service import Listener, SidecarService


class Port:
    """A listening port that notes when it is closed."""

    def __init__(self, steps: list[str], removed: bool = False) -> None:
        self.steps = steps
        self.removed = removed
        self.closed = "closed"

    def stopListening(self) -> None:
        self.steps.append(self.closed)
        if self.removed:
            raise FileNotFoundError(2, "No such file or directory")


class Job:
    """Something in the background."""

    def __init__(self, steps: list[str], begun: Deferred[None] | None = None) -> None:
        self.steps = steps
        self.begun = begun

    async def start(self) -> None:
        self.steps.append("job started")
        if self.begun is not None:
            await self.begun

    def stop(self) -> None:
        self.steps.append("job stopped")


class ServiceTests(SynchronousTestCase):
    """The order of things is what callers rely on."""

    def setUp(self) -> None:
        """A service whose steps are noted."""
        self.clock = Clock()
        self.steps: list[str] = []
        self.drained: Deferred[None] = Deferred()
        self.unfit = ""

    def service(
        self,
        *others: Listener,
        delay: float = 0,
        listen: bool = True,
        removed: bool = False,
        job: Deferred[None] | None = None,
    ) -> SidecarService:
        def drain() -> Deferred[None]:
            self.steps.append("draining")
            return self.drained

        def opened() -> IListeningPort:
            if not listen:
                raise CannotListenError("127.0.0.1", 4180, OSError(98, "Address already in use"))
            self.steps.append("listening")
            return Port(self.steps, removed)  # type: ignore[return-value]

        return SidecarService(
            listeners=[*others, Listener(where="http://127.0.0.1:4180", listen=opened)],
            background=[Job(self.steps, job)],
            ending=lambda: self.steps.append("ending"),
            drain=drain,
            delay=delay,
            clock=self.clock,
            announce=["a line"],
            warnings=["a warning"],
            flush=lambda: self.steps.append("flushed"),
            unfit=lambda: self.unfit,
            end_process=lambda: self.steps.append("the process is to end"),
        )

    def test_interface(self) -> None:
        """It is a service of Twisted's."""
        verifyObject(IService, self.service())

    def test_start(self) -> None:
        """It listens once, whether privileged start came first or not, and begins its jobs."""
        service = self.service()
        service.privilegedStartService()
        service.startService()
        self.assertEqual(self.steps, ["listening", "job started"])

    def test_unfit(self) -> None:
        """What says, once the background jobs have begun, that the process is not to run ends it, with the reason."""
        self.unfit = "nobody can sign in"
        seen: list[str] = []

        @provider(ILogObserver)
        def observer(event: LogEvent) -> None:
            seen.append(formatEvent(event))

        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        service = self.service()
        service.startService()
        self.assertEqual(self.steps, ["listening", "job started", "the process is to end"])
        self.assertTrue(service.refused)
        self.assertIn("nobody can sign in", seen)

    def test_unfit_at_the_end(self) -> None:
        """A job that breaks off because the service stops is no reason to end the process otherwise."""
        begun: Deferred[None] = Deferred()
        service = self.service(job=begun)
        service.startService()
        self.unfit = "nobody was asked"
        service.stopService()
        begun.callback(None)
        self.assertFalse(service.refused)
        self.assertNotIn("the process is to end", self.steps)

    def test_fit(self) -> None:
        """Without such a reason it runs."""
        service = self.service()
        service.startService()
        self.assertEqual((self.steps, service.refused), (["listening", "job started"], False))

    def test_stop(self) -> None:
        """It says so first, stops listening, lets requests finish, and only then stops its jobs."""
        service = self.service()
        service.startService()
        self.steps.clear()
        stopped = service.stopService()
        self.assertEqual(self.steps, ["ending", "closed", "draining"])
        self.assertNoResult(stopped)
        self.drained.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.steps[3:], ["job stopped", "flushed"])

    def test_delay(self) -> None:
        """With a delay connections are still accepted for so long after the process is no longer ready."""
        service = self.service(delay=5)
        service.startService()
        self.steps.clear()
        service.stopService()
        self.clock.advance(4.9)
        self.assertEqual(self.steps, ["ending"])
        self.clock.advance(0.1)
        self.assertEqual(self.steps, ["ending", "closed", "draining"])

    def test_a_socket_that_somebody_removed(self) -> None:
        """A listener that cannot be closed in order does not keep the rest from its end."""
        service = self.service(removed=True)
        service.startService()
        self.steps.clear()
        stopped = service.stopService()
        self.drained.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.steps, ["ending", "closed", "draining", "job stopped", "flushed"])

    def test_a_listener_that_stays(self) -> None:
        """A listener that stays is closed when the running requests are done, and not before."""
        port: Any = Port(self.steps)
        port.closed = "the other closed"
        service = self.service(Listener(where="http://127.0.0.1:44180", listen=lambda: port, stays=True))
        service.startService()
        self.steps.clear()
        service.stopService()
        self.assertEqual(self.steps, ["ending", "closed", "draining"])
        self.drained.callback(None)
        self.assertEqual(self.steps[3:], ["the other closed", "job stopped", "flushed"])

    def test_port_taken(self) -> None:
        """An address that is taken ends the process with a sentence that names it."""
        with self.assertRaises(SystemExit) as ended:
            self.service(listen=False).startService()
        self.assertIn("cannot listen on http://127.0.0.1:4180", str(ended.exception))
        self.assertIn("Address already in use", str(ended.exception))
