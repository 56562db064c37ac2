"""Tests of connections that begin with the PROXY protocol."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from o2sidecar.http.limits import Limits
from o2sidecar.http.listener.proxy_protocol import ProxyProtocol
from tests.wire import Listening, Wire, says

PROXY = IPv4Address("TCP", "10.0.0.1", 1234)
LINE = b"PROXY TCP4 203.0.113.7 10.0.0.1 54321 443\r\n"
ASK = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


class ProxyProtocolTests(SynchronousTestCase):
    """Only what a trusted proxy introduces is served."""

    def setUp(self) -> None:
        """A server behind it, and the log's lines."""
        self.listening = Listening(says(b"hello"))
        self.said: list[str] = []

        def note(event: LogEvent) -> None:
            self.said.append(formatEvent(event))

        globalLogPublisher.addObserver(note)  # type: ignore[arg-type]
        self.addCleanup(globalLogPublisher.removeObserver, note)  # type: ignore[arg-type]

    def factory(self, served: Any = None, **changes: Any) -> ProxyProtocol:
        self.limits = Limits(head_time=10.0, connections=2)
        options = {"trusts": lambda peer: peer in ("10.0.0.1", "unix"), "limits": lambda: self.limits, **changes}
        return ProxyProtocol(served or self.listening.server, clock=self.listening.clock, **options)

    def connected(self, factory: ProxyProtocol, address: IAddress = PROXY) -> Wire:
        """A connection of the proxy."""
        protocol = factory.buildProtocol(address)
        assert protocol is not None
        return Wire(protocol)

    def test_interfaces(self) -> None:
        """It is a factory of protocols."""
        factory = self.factory()
        verifyObject(IProtocolFactory, factory)
        verifyObject(IProtocol, self.connected(factory).protocol)

    def test_introduced(self) -> None:
        """The request's other end is the one that the proxy named, however its bytes come."""
        for send in (Wire.send, Wire.dribble):
            wire = self.connected(self.factory())
            send(wire, LINE + ASK)
            self.assertTrue(wire.take().endswith(b"\r\n\r\nhello"))
            exchange = self.listening.exchanges[-1]
            self.assertEqual((exchange.peer, exchange.peer_port), ("203.0.113.7", 54321))

    def test_it_steps_aside(self) -> None:
        """Once introduced, the connection is the server's alone."""
        wire = self.connected(self.factory())
        wire.send(LINE)
        self.assertIs(wire.protocol.server, self.listening.server)
        self.assertEqual(self.listening.server.open, 1)
        wire.vanish()
        self.assertEqual(self.listening.server.open, 0)

    def test_by_themselves(self) -> None:
        """Where the proxy speaks for itself, its own address counts."""
        wire = self.connected(self.factory())
        wire.send(b"PROXY UNKNOWN\r\n" + ASK)
        self.assertEqual(self.listening.exchanges[-1].peer, "10.0.0.1")

    def test_ipv6(self) -> None:
        """So it is with IPv6."""
        wire = self.connected(self.factory())
        wire.send(b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n" + ASK)
        self.assertEqual(self.listening.exchanges[-1].peer, "2001:db8::7")

    def test_unix_sockets(self) -> None:
        """A proxy at our unix socket may introduce clients as well."""
        wire = self.connected(self.factory(), UNIXAddress(""))
        wire.send(LINE + ASK)
        self.assertEqual(self.listening.exchanges[-1].peer, "203.0.113.7")

    def test_not_trusted(self) -> None:
        """Anybody else's connection is closed before a byte of it is read."""
        stranger = IPv4Address("TCP", "198.51.100.1", 1)
        self.assertIsNone(self.factory().buildProtocol(stranger))
        self.assertIn("from 198.51.100.1 was closed: it is from no trusted proxy", self.said[-1])

    def test_not_introduced(self) -> None:
        """A request without a preamble, and a preamble that is damaged, end the connection without an answer."""
        for data in (ASK, b"PROXY TCP4 nonsense\r\n" + ASK):
            wire = self.connected(self.factory())
            wire.send(data)
            self.assertTrue(wire.aborted)
            wire.protocol.dataReceived(LINE + ASK)
            self.assertEqual(wire.take(), b"")
        self.assertEqual(self.listening.exchanges, [])

    def test_introduced_twice(self) -> None:
        """The preamble comes once: another is no request, and changes nothing."""
        wire = self.connected(self.factory())
        wire.send(LINE + b"PROXY TCP4 127.0.0.1 10.0.0.1 1 443\r\n" + ASK)
        self.assertTrue(wire.take().startswith(b"HTTP/1.1 400 "))
        self.assertEqual(self.listening.exchanges, [])

    def test_too_slow(self) -> None:
        """A preamble that does not come in time ends the connection, however busily it dribbles."""
        wire = self.connected(self.factory())
        for index in range(12):
            wire.send(LINE[index : index + 1])
            self.listening.pass_time(1)
        self.assertTrue(wire.aborted)
        self.assertIn("did not say in time", self.said[-1])

    def test_head_time_begins_anew(self) -> None:
        """Time that the preamble took is not taken from the request."""
        wire = self.connected(self.factory())
        self.listening.pass_time(8)
        wire.send(LINE)
        self.listening.pass_time(8)
        wire.send(ASK)
        self.assertTrue(wire.take().endswith(b"hello"))

    def test_too_many(self) -> None:
        """Not more than so many may keep us waiting at a time."""
        factory = self.factory()
        first, second = self.connected(factory), self.connected(factory)
        self.assertIsNone(factory.buildProtocol(PROXY))
        first.send(LINE)
        self.connected(factory)
        self.assertIsNone(factory.buildProtocol(PROXY))
        second.vanish()
        self.connected(factory)

    def test_counted_once(self) -> None:
        """A connection that is refused and then lost is let go of once."""
        factory = self.factory()
        for _ in range(3):
            wire = self.connected(factory)
            wire.send(b"nonsense")
            wire.settle()
        self.connected(factory)
        self.connected(factory)
        self.assertIsNone(factory.buildProtocol(PROXY))

    def test_other_limits(self) -> None:
        """Limits may change while it listens: those of now count for a connection that begins."""
        factory = self.factory()
        first = self.connected(factory)
        self.limits = Limits(head_time=3.0, connections=3)
        others = [self.connected(factory) for _ in range(2)]
        self.assertIsNone(factory.buildProtocol(PROXY))
        self.listening.clock.pump([0.5] * 8)
        self.assertEqual([wire.aborted for wire in (first, *others)], [False, True, True])

    def test_the_log_is_not_filled(self) -> None:
        """Complaints come at most once in ten seconds."""
        factory = self.factory()
        for _ in range(50):
            factory.buildProtocol(IPv4Address("TCP", "198.51.100.1", 1))
        self.assertEqual(len(self.said), 1)
        self.listening.clock.advance(10)
        factory.buildProtocol(IPv4Address("TCP", "198.51.100.1", 1))
        self.assertEqual(len(self.said), 2)

    def test_what_is_behind_may_refuse(self) -> None:
        """Where nobody takes it, the connection ends."""

        class Unwilling(Factory):
            def buildProtocol(self, addr: IAddress | None) -> None:
                return None

        wire = self.connected(self.factory(served=Unwilling()))
        wire.send(LINE)
        self.assertTrue(wire.aborted)
