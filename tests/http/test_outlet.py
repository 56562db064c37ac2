"""Tests of the writing end of a connection, with a real socket where the kernel's word counts."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from o2sidecar.http.outlet import Outlet
from tests.wire import Wire


class StillReactor:
    """A reactor that never turns."""

    def addReader(self, reader: object) -> None:
        """Nothing."""

    removeReader = addWriter = removeWriter = addReader


class Secured(Connection):
    """A socket on which TLS was begun: only `write` encrypts."""

    TLS = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.written: list[bytes] = []

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """Nothing."""

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def writeSomeData(self, data: bytes) -> int:
        raise AssertionError("in the clear")


class Flowing:
    """A flow that counts."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")


class OutletTests(SynchronousTestCase):
    """Bytes go out in order, at once where they can."""

    def connected(self) -> tuple[Outlet, Any, socket.socket]:
        """An outlet over one end of a pair of sockets, its transport, and the other end."""
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        self.addCleanup(ours.close)
        theirs.settimeout(5)
        transport = Connection(ours, Protocol(), StillReactor())  # type: ignore[arg-type]
        transport.connected = True
        return Outlet(transport), transport, theirs

    def test_interface(self) -> None:
        """It is the producer that the transport pauses."""
        verifyObject(IPushProducer, Outlet(StringTransport()))

    def test_at_once_again(self) -> None:
        """When a little had to wait, later bytes are sent at once again as soon as it has gone."""
        outlet, transport, theirs = self.connected()
        flow = Flowing()
        outlet.throttle(flow)
        sent = 0
        while not transport._tempDataLen:
            outlet.write(bytes(1000))
            sent += 1000
        self.assertEqual(flow.calls, [])
        taken = 0
        while taken < sent:
            taken += len(theirs.recv(1 << 20))
            transport.doWrite()
        outlet.write(b"hello")
        self.assertEqual((theirs.recv(100), transport._tempDataLen), (b"hello", 0))
        self.assertEqual(flow.calls, [])

    def test_at_once(self) -> None:
        """While nothing waits, bytes are with the kernel when `write` returns."""
        outlet, _, theirs = self.connected()
        outlet.write(b"hello")
        self.assertEqual(theirs.recv(10), b"hello")

    def test_in_order(self) -> None:
        """What the kernel does not take waits, what follows waits behind it, and nothing is lost or doubled."""
        outlet, transport, theirs = self.connected()
        flow = Flowing()
        outlet.throttle(flow)
        pieces = [b"%d" % (number % 10) * 50_000 for number in range(40)]
        for piece in pieces:
            outlet.write(piece)
        self.assertTrue(outlet.full)
        self.assertEqual(flow.calls, ["pause"])
        received = b""
        while len(received) < 2_000_000:
            received += theirs.recv(1 << 20)
            transport.doWrite()
        self.assertEqual(received, b"".join(pieces))
        self.assertEqual(flow.calls, ["pause", "resume"])
        self.assertFalse(outlet.full)
        outlet.write(b"at once again")
        self.assertEqual(theirs.recv(100), b"at once again")

    def test_moved(self) -> None:
        """Somebody who takes anything at all of what waits is told from somebody who takes nothing."""
        outlet, _, theirs = self.connected()
        self.assertFalse(outlet.moved(), "nothing waits")
        while not outlet.full:
            outlet.write(b"x" * 50_000)
        self.assertEqual([outlet.moved(), outlet.moved()], [False, False])
        theirs.recv(50_000)
        self.assertEqual([outlet.moved(), outlet.moved()], [True, False])
        outlet.close()
        self.assertFalse(outlet.moved())
        theirs.recv(50_000)
        self.assertEqual([outlet.moved(), outlet.moved()], [True, False], "of what is left when all is said, too")

    def test_moved_without_a_kernel(self) -> None:
        """Where the kernel cannot be asked, nothing moves: time-outs hold."""
        outlet = Outlet(StringTransport())
        outlet.pauseProducing()
        self.assertFalse(outlet.moved())

    def test_gone(self) -> None:
        """Writing to somebody who is gone is the transport's to notice."""
        outlet, transport, theirs = self.connected()
        theirs.close()
        outlet.write(b"a")
        outlet.write(b"b")
        self.assertIsInstance(transport.doWrite(), Exception)

    def test_no_short_cut_through_other_transports(self) -> None:
        """A transport that is no plain socket, such as a TLS wrapper, gets everything itself."""
        transport = StringTransport()
        transport.writeSomeData = lambda data: self.fail("in the clear")  # type: ignore[attr-defined]
        Outlet(transport).write(b"secret")
        self.assertEqual(transport.value(), b"secret")
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        self.addCleanup(ours.close)
        secured = Secured(ours, Protocol(), StillReactor())
        Outlet(secured).write(b"secret")
        self.assertEqual(secured.written, [b"secret"])

    def test_throttle(self) -> None:
        """Whoever comes while the other side does not keep up is paused at once; nobody is, afterwards."""
        outlet = Outlet(StringTransport())
        outlet.pauseProducing()
        flow = Flowing()
        outlet.throttle(flow)
        outlet.throttle(None)
        outlet.resumeProducing()
        self.assertEqual(flow.calls, ["pause"])

    def test_ends(self) -> None:
        """It can be ended in any way, more than once."""
        wire = Wire(Protocol())
        outlet = Outlet(wire)
        outlet.close_writing()
        outlet.close()
        outlet.abort()
        outlet.stopProducing()
        self.assertEqual((wire.half_closed, wire.closing, wire.aborted), (True, True, True))
