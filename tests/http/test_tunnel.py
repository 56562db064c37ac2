"""Tests of tunnels: what passes, in what order, how much of it waits here, and how each direction ends."""

from __future__ import annotations

from twisted.internet.interfaces import ISSLTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from tests.http.test_websocket import ASK, SWITCH, Open
from tests.http.test_websocket_frames import frame
from tests.test_proxy import Proxied
from tests.wire import Wire

PIECE = 65536
MESSAGE = bytes(range(256)) * (16 << 12)
"""16 MiB."""


def sides(opened: Open, from_client: bool) -> tuple[Wire, Wire]:
    """The sending side and the other one."""
    return (opened.client, opened.app) if from_client else (opened.app, opened.client)


class PassingTests(SynchronousTestCase):
    """Bytes pass as they are, at the pace of whoever reads them."""

    def test_big_messages(self) -> None:
        """A message of 16 MiB passes piece by piece, both ways at once."""
        opened = Open()
        got = {True: bytearray(), False: bytearray()}
        sent = {masked: frame(0x82, MESSAGE, masked) for masked in got}
        for start in range(0, len(sent[True]), PIECE):
            for masked, data in sent.items():
                source, target = sides(opened, masked)
                source.send(data[start : start + PIECE])
                got[masked] += target.take()
        self.assertTrue(all(got[masked] == data for masked, data in sent.items()))

    def test_backpressure(self) -> None:
        """A side that reads slowly holds the other one up: one piece more is taken, and no second one."""
        for masked in (True, False):
            opened = Open()
            source, target = sides(opened, masked)
            target.stall()
            self.assertFalse(source.paused)
            source.send(b"1")
            self.assertTrue(source.paused)
            self.assertFalse(target.paused, "the other direction goes on")
            self.assertEqual(target.take(), b"")
            target.drain()
            self.assertEqual(target.take(), b"1")
            self.assertFalse(source.paused)

    def test_behind_the_heads(self) -> None:
        """What came behind either head passes first, however it was cut, and is followed like the rest."""
        hello = frame(0x81, b"hello", masked=True)
        welcome = frame(0x81, b"welcome", masked=False)
        for cut in range(len(hello)):
            proxied = Proxied()
            proxied.client.send(ASK + hello[:cut])
            proxied.client.send(hello[cut:])
            proxied.app.wire.take()
            proxied.app.wire.send(SWITCH + welcome[:cut])
            proxied.app.wire.send(welcome[cut:])
            self.assertEqual(proxied.app.wire.take(), hello)
            self.assertTrue(proxied.client.take().endswith(b"\r\n\r\n" + welcome))
            proxied.listening.server.drain(within=0.1)
            proxied.listening.pass_time(0)
            self.assertFalse(proxied.client.aborted)
            self.assertTrue(proxied.client.take().startswith(b"\x88"))


class EndingTests(SynchronousTestCase):
    """Each direction ends by itself, and nothing that was sent is lost."""

    def test_half_close(self) -> None:
        """When one side ends its direction, the other one goes on; when both have, both connections end."""
        for from_client in (True, False):
            opened = Open()
            source, target = sides(opened, from_client)
            source.close()
            self.assertEqual((target.half_closed, target.closing), (True, False))
            target.send(b"still")
            self.assertEqual(source.take(), b"still")
            target.close()
            self.assertTrue(source.closing and target.closing)

    def test_end_waits_for_what_is_held(self) -> None:
        """The end of a direction comes behind all that was sent, also when that had to wait."""
        opened = Open()
        opened.app.stall()
        opened.client.send(b"1")
        opened.client.close()
        self.assertFalse(opened.app.ended)
        opened.app.drain()
        self.assertEqual(opened.app.take(), b"1")
        self.assertTrue(opened.app.half_closed)

    def test_slow_to_the_end(self) -> None:
        """A side that still reads gets the rest after the other one has gone, and has only so long for it."""
        for from_client in (True, False):
            opened = Open()
            source, target = sides(opened, from_client)
            target.close()
            target.stall()
            source.send(b"rest")
            target.drain()
            source.close()
            source.settle()
            self.assertEqual((target.closing, target.aborted, target.take()), (True, False, b"rest"))
            opened.pass_time(61)
            self.assertTrue(target.aborted)

    def test_gone(self) -> None:
        """When a side is gone, reset or closed at once as TLS has it, the other one gets all that came, and the end."""
        for from_client in (True, False):
            for leave in (Wire.vanish, Wire.reset):
                opened = Open()
                source, target = sides(opened, from_client)
                target.stall()
                source.send(b"last words")
                leave(source)
                self.assertEqual((target.closing, target.aborted, target.take()), (True, False, b"last words"))

    def test_nothing_to_the_gone(self) -> None:
        """A connection that is gone is left alone: Twisted's TLS bears no call any more."""
        for from_client in (True, False):
            opened = Open()
            source, target = sides(opened, from_client)
            target.send(b"seen")
            source.take()
            source.vanish()
            source.closing = source.aborted = False
            target.send(b"late")
            target.close()
            target.vanish()
            self.assertEqual((source.take(), source.closing, source.half_closed, source.aborted), (b"", *[False] * 3))
            if from_client:
                self.assertEqual(opened.proxied.listening.log, [(b"/ws", 101, 4)])

    def test_closing_a_direction_of_tls(self) -> None:
        """Under TLS its own end is sent, never that of the TCP connection below it."""
        opened = Open()
        directlyProvides(opened.client, ISSLTransport)
        opened.app.close()
        self.assertEqual((opened.client.closing, opened.client.half_closed), (True, False))
        opened.client.send(b"still")
        self.assertEqual(opened.app.take(), b"still")

    def test_no_timer_is_left(self) -> None:
        """When both connections are gone no timer runs."""
        opened = Open()
        opened.client.reset()
        opened.app.vanish()
        self.assertEqual(opened.proxied.listening.clock.getDelayedCalls(), [])
