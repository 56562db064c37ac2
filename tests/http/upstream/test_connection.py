"""Tests of a connection to an app by itself: what may happen in each of its states, as its table says."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, IProtocolFactory
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from o2sidecar.http.limits import UpstreamLimits
from o2sidecar.http.message.answer_head import AnswerHead
from o2sidecar.http.tunnel import TunnelEnd
from o2sidecar.http.upstream.connection import UpstreamConnection
from o2sidecar.http.upstream.pool import Pool
from o2sidecar.http.upstream.relay import may_resend
from tests.wire import App, Wire


class Told:
    """A taker that writes down what it is told."""

    method = b"GET"

    def __init__(self, upgrades: bool = False) -> None:
        self.upgrades = upgrades
        self.events: list[object] = []

    def answer_continue(self) -> None:
        self.events.append("continue")

    def answer_head(self, head: AnswerHead) -> None:
        self.events.append(head.status)

    def answer_data(self, data: bytes) -> None:
        self.events.append(data)

    def answer_pause(self) -> None:
        self.events.append("pause")

    def answer_end(self, data: bytes) -> None:
        self.events.append(("end", data))

    def answer_switched(self, head: AnswerHead, tunnel: TunnelEnd) -> None:
        self.events.append("switched")

    def answer_lost(self, reason: str, unseen: bool) -> None:
        self.events.append(("lost", unseen))

    def answer_refused(self, reason: str) -> None:
        self.events.append("refused")

    def answer_late(self) -> None:
        self.events.append("late")


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
State = tuple[UpstreamConnection, Wire, Told]


class ConnectionTests(SynchronousTestCase):
    """Every state against every event."""

    def setUp(self) -> None:
        """A pool without connections."""
        self.clock = Clock()
        self.app = App()
        limits = UpstreamLimits(head_time=10, idle_time=20, pool_time=4)
        self.pool = Pool(endpoint=self.app, limits=limits, clock=self.clock)

    def fresh(self) -> State:
        """Waiting for the head of an answer on a new connection."""
        connection = self.successResultOf(self.pool.open())
        told = Told()
        connection.send(told, b"request", True)
        return connection, self.app.wire, told

    def unused(self) -> State:
        """Waiting for nothing."""
        connection, wire, told = self.fresh()
        wire.send(HEAD + b"done")
        told.events.clear()
        return connection, wire, told

    def reused(self) -> State:
        """Waiting for the head of an answer on a connection that was used before."""
        connection, wire, told = self.unused()
        self.assertIs(self.pool.take(), connection)
        connection.send(told, b"request", True)
        return connection, wire, told

    def within(self) -> State:
        """Within the body of an answer."""
        connection, wire, told = self.fresh()
        wire.send(HEAD + b"do")
        told.events.clear()
        return connection, wire, told

    def tunnelled(self) -> State:
        """After 101."""
        connection = self.successResultOf(self.pool.open())
        told = Told(upgrades=True)
        connection.send(told, b"request", True)
        self.app.wire.send(b"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
        told.events.clear()
        return connection, self.app.wire, told

    def abandoned(self) -> State:
        """Given up by its taker."""
        connection, wire, told = self.fresh()
        connection.abandon()
        return connection, wire, told

    def wait(self) -> None:
        """Let every deadline pass."""
        for _ in range(100):
            self.clock.advance(0.5)

    def cell(self, state: Callable[[], State], event: Callable[[Wire], None]) -> tuple[list[object], bool, bool]:
        """What the taker is told, whether the connection is ended by us, whether it is free."""
        _, wire, told = state()
        event(wire)
        return told.events, wire.aborted, self.pool.take() is not None

    def test_interfaces(self) -> None:
        """Connection and pool are what Twisted expects."""
        connection, _, _ = self.fresh()
        verifyObject(IProtocol, connection)
        verifyObject(IHalfCloseableProtocol, connection)
        verifyObject(IProtocolFactory, self.pool)

    def test_table(self) -> None:
        """The table of states holds."""

        def rest(wire: Wire) -> None:
            wire.send(b"ne")

        def answer(wire: Wire) -> None:
            wire.send(HEAD + b"done")

        def garbage(wire: Wire) -> None:
            wire.send(b"garbage\r\n\r\n")

        def late(wire: Wire) -> None:
            self.wait()

        end, lost = Wire.close, Wire.vanish
        table: list[tuple[Callable[[], State], Callable[[Wire], None], list[object], bool, bool]] = [
            # state, event, what the taker is told, ended by us, free
            (self.unused, answer, [], True, False),
            (self.unused, end, [], True, False),
            (self.unused, lost, [], True, False),
            (self.unused, late, [], True, False),
            (self.fresh, answer, [200, ("end", b"done")], False, True),
            (self.fresh, garbage, ["refused"], True, False),
            (self.fresh, end, [("lost", False)], True, False),
            (self.fresh, lost, [("lost", False)], True, False),
            (self.fresh, late, ["late"], False, False),
            (self.reused, answer, [200, ("end", b"done")], False, True),
            (self.reused, end, [("lost", True)], True, False),
            (self.reused, lost, [("lost", True)], True, False),
            (self.within, rest, [("end", b"ne")], False, True),
            (self.within, end, [("lost", False)], True, False),
            (self.within, lost, [("lost", False)], True, False),
            (self.within, late, [("lost", False)], True, False),
            (self.tunnelled, rest, [], False, False),
            (self.tunnelled, late, [], False, False),
            (self.abandoned, answer, [], True, False),
            (self.abandoned, end, [], True, False),
            (self.abandoned, lost, [], True, False),
            (self.abandoned, late, [], True, False),
        ]
        for state, event, events, ended, free in table:
            self.setUp()
            self.assertEqual(self.cell(state, event), (events, ended, free), (state.__name__, event.__name__))

    def test_seen_in_part(self) -> None:
        """On a used connection, an end after some bytes is no stale connection."""
        _, wire, told = self.reused()
        wire.send(b"HTTP/1.1 2")
        wire.vanish()
        self.assertEqual(told.events, [("lost", False)])

    def test_request_not_complete(self) -> None:
        """A connection whose request was answered before its end is not used again."""
        connection = self.successResultOf(self.pool.open())
        connection.send(Told(), b"half", False)
        self.app.wire.send(HEAD + b"done")
        self.assertTrue(self.app.wire.aborted)

    def test_request_completed_later(self) -> None:
        """One whose request ended in time is."""
        connection = self.successResultOf(self.pool.open())
        connection.send(Told(), b"half", False)
        connection.send_more(b"", True)
        self.app.wire.send(HEAD + b"done")
        self.assertIs(self.pool.take(), connection)
        self.assertEqual(self.app.wire.take(), b"half")

    def test_pause_within_the_answer(self) -> None:
        """While the taker is busy no time runs, and nothing is read."""
        connection, wire, told = self.within()
        connection.pause()
        self.assertTrue(wire.paused)
        self.wait()
        self.assertEqual(told.events, [])
        connection.resume()
        self.assertFalse(wire.paused)
        self.wait()
        self.assertEqual(told.events, [("lost", False)])

    def test_flow_after_the_end(self) -> None:
        """Pausing and resuming a connection that is no longer one's own does nothing."""
        connection, wire, _ = self.unused()
        connection.pause()
        self.assertFalse(wire.paused)
        connection.resume()

    def test_no_timer_is_left(self) -> None:
        """When the last connection is gone no timer runs."""
        _, wire, _ = self.unused()
        wire.vanish()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class PoolTests(SynchronousTestCase):
    """What a pool says of its connections."""

    def setUp(self) -> None:
        """A pool without connections, before an app that says when they come about."""
        self.app = App(accepts=False)
        self.pool = Pool(endpoint=self.app, limits=UpstreamLimits(), clock=Clock())

    def test_counts(self) -> None:
        """Connections that were made, used again and not made are counted; those that stand are known."""
        self.pool.open()
        wire = self.app.accept()
        self.assertEqual((self.pool.opened, self.pool.standing, self.pool.free), (1, 1, 0))
        wire.protocol.send(Told(), b"request", True)
        wire.send(HEAD + b"done")
        self.assertEqual((self.pool.standing, self.pool.free), (1, 1))
        self.assertIs(self.pool.take(), wire.protocol)
        self.assertIsNone(self.pool.take())
        self.assertEqual((self.pool.reused, self.pool.standing, self.pool.free), (1, 1, 0))
        wire.protocol.abandon()
        self.assertEqual((self.pool.opened, self.pool.standing, self.pool.failed), (1, 0, 0))

    def test_not_made(self) -> None:
        """A connection that the app refuses has failed; one that nobody waits for any more has not."""
        refused = self.pool.open()
        self.app.refuse()
        self.failureResultOf(refused)
        given_up = self.pool.open()
        given_up.cancel()
        self.failureResultOf(given_up)
        self.assertEqual((self.pool.opened, self.pool.standing, self.pool.failed), (0, 0, 1))


class MayResendTests(SynchronousTestCase):
    """When a request is sent once more."""

    def test_decision(self) -> None:
        """Unseen, the first time, without a body, idempotent: all four."""
        self.assertTrue(may_resend(b"GET", has_body=False, unseen=True, attempts=1))
        self.assertFalse(may_resend(b"GET", has_body=True, unseen=True, attempts=1))
        self.assertFalse(may_resend(b"GET", has_body=False, unseen=False, attempts=1))
        self.assertFalse(may_resend(b"GET", has_body=False, unseen=True, attempts=2))
        for method in (b"POST", b"PATCH", b"get", b"MERGE"):
            self.assertFalse(may_resend(method, has_body=False, unseen=True, attempts=1), method)
