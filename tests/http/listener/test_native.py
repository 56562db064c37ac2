"""Tests of answers: framing, what is added, and what is refused."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.exchange import Exchange
from tests.wire import Listening, Wire

DATE = b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"


class Flowing:
    """A flow that remembers whether it is paused."""

    def __init__(self) -> None:
        self.paused = False

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False


class AnswerTests(SynchronousTestCase):
    """What goes out for an answer."""

    def begun(self, line: bytes = b"GET / HTTP/1.1") -> tuple[Exchange, Wire, Listening]:
        """A request under way."""
        listening = Listening()
        client = listening.client()
        client.send(line + b"\r\nHost: a\r\n\r\n")
        return listening.exchanges[0], client, listening

    def test_chunked(self) -> None:
        """An answer of unknown length is chunked, piece by piece."""
        exchange, client, _ = self.begun()
        exchange.begin(200, b"Fine", [(b"A", b"1")], None)
        self.assertEqual(client.take(), b"", "the head waits for the first piece")
        exchange.write(b"hello")
        head = b"HTTP/1.1 200 Fine\r\nA: 1\r\nTransfer-Encoding: chunked\r\n" + DATE + b"\r\n"
        self.assertEqual(client.take(), head + b"5\r\nhello\r\n")
        exchange.write(b"")
        self.assertEqual(client.take(), b"", "an empty piece would be the end")
        exchange.finish(b"!")
        self.assertEqual(client.take(), b"1\r\n!\r\n0\r\n\r\n")
        self.assertFalse(client.ended)

    def test_flush(self) -> None:
        """A head can be sent before there is anything of the body, once."""
        exchange, client, _ = self.begun()
        exchange.begin(200, b"OK", [], None)
        exchange.flush()
        self.assertTrue(client.take().endswith(b"\r\n\r\n"))
        exchange.flush()
        exchange.finish()
        self.assertEqual(client.take(), b"0\r\n\r\n")

    def test_http_1_0(self) -> None:
        """For HTTP/1.0 an answer of unknown length ends with its connection."""
        exchange, client, _ = self.begun(b"GET / HTTP/1.0\r\nConnection: keep-alive")
        exchange.begin(200, b"OK", [], None)
        exchange.write(b"hello")
        exchange.finish()
        self.assertEqual(client.take(), b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + DATE + b"\r\nhello")
        self.assertTrue(client.closing)

    def test_head(self) -> None:
        """An answer to HEAD has the length, and no body."""
        exchange, client, listening = self.begun(b"HEAD / HTTP/1.1")
        exchange.answer(200, [], b"hello")
        self.assertEqual(client.take(), b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + DATE + b"\r\n")
        self.assertEqual(listening.log, [(b"/", 200, 0)])
        exchange, client, _ = self.begun(b"HEAD / HTTP/1.1")
        exchange.begin(200, b"OK", [], None)
        exchange.write(b"x")
        exchange.finish(b"y")
        self.assertEqual(client.take(), b"HTTP/1.1 200 OK\r\n" + DATE + b"\r\n")

    def test_bodiless(self) -> None:
        """204 and 304 have neither length nor body."""
        for status, reason in ((204, b"No Content"), (304, b"Not Modified")):
            exchange, client, _ = self.begun()
            exchange.answer(status, [], b"junk")
            self.assertEqual(client.take(), b"HTTP/1.1 %d %s\r\n" % (status, reason) + DATE + b"\r\n")

    def test_own_date(self) -> None:
        """A Date that is given stays the only one."""
        exchange, client, _ = self.begun()
        exchange.answer(200, [(b"date", b"then")])
        self.assertEqual(client.take().lower().count(b"date:"), 1)

    def test_also(self) -> None:
        """What the exchange carries beside the answer goes with it."""
        exchange, client, _ = self.begun()
        exchange.also.append((b"Set-Cookie", b"a=1"))
        exchange.answer(200, [(b"X", b"y")])
        self.assertIn(b"X: y\r\nSet-Cookie: a=1\r\n", client.take())

    def test_no_splitting(self) -> None:
        """No field can become two lines (F10)."""
        for field in ((b"A", b"b\r\nC: d"), (b"A", b"b\nC: d"), (b"A\r\nB", b""), (b"A", b"\r"), (b"A", b"\0")):
            exchange, client, _ = self.begun()
            with self.assertRaises(ValueError, msg=repr(field)):
                exchange.answer(200, [field])
            self.assertEqual(client.take(), b"")

    def test_too_short(self) -> None:
        """An answer shorter than announced ends the connection."""
        exchange, client, _ = self.begun()
        exchange.begin(200, b"OK", [], 5)
        exchange.write(b"he")
        exchange.finish()
        self.assertTrue(client.take().endswith(b"\r\n\r\nhe"))
        self.assertTrue(client.closing)

    def test_too_long(self) -> None:
        """An answer longer than announced ends the connection before the surplus."""
        exchange, client, _ = self.begun()
        exchange.begin(200, b"OK", [], 2)
        exchange.write(b"hel")
        self.assertNotIn(b"hel", client.take())
        self.assertTrue(client.closing)

    def test_abort(self) -> None:
        """Aborting shows: a framed answer stays incomplete, one without framing is reset."""
        exchange, client, listening = self.begun()
        exchange.begin(200, b"OK", [], None)
        exchange.write(b"x")
        exchange.abort()
        self.assertFalse(client.take().endswith(b"0\r\n\r\n"))
        self.assertTrue(client.closing)
        self.assertEqual(listening.log, [(b"/", 200, 1)])
        exchange, client, _ = self.begun(b"GET / HTTP/1.0")
        exchange.begin(200, b"OK", [], None)
        exchange.write(b"x")
        exchange.abort()
        self.assertTrue(client.aborted)
        exchange, client, _ = self.begun()
        exchange.abort()
        self.assertTrue(client.aborted)

    def test_one_head(self) -> None:
        """An answer in the place of one that has begun has no head of its own: the connection ends short."""
        exchange, client, _ = self.begun()
        exchange.begin(200, b"OK", [], 10)
        exchange.write(b"12345")
        exchange.answer(500, [], b"an error page")
        self.assertEqual(client.take().count(b"HTTP/1.1"), 1)
        self.assertTrue(client.ended)

    def test_throttle(self) -> None:
        """A client that reads slowly pauses whoever writes, from the beginning if it does already."""
        exchange, client, _ = self.begun()
        flow = Flowing()
        exchange.throttle(flow)
        exchange.begin(200, b"OK", [], None)
        client.stall()
        self.assertTrue(flow.paused)
        client.drain()
        self.assertFalse(flow.paused)
        client.stall()
        late = Flowing()
        exchange.throttle(late)
        self.assertTrue(late.paused)
        exchange.throttle(None)
        client.drain()
        self.assertTrue(late.paused)

    def test_done(self) -> None:
        """After its end an exchange takes nothing more."""
        exchange, client, listening = self.begun()
        exchange.answer(200, [])
        client.take()
        exchange.answer(200, [])
        exchange.write(b"x")
        exchange.finish()
        exchange.flush()
        exchange.abort()
        self.assertEqual((client.take(), len(listening.log), client.ended), (b"", 1, False))

    def test_request_id(self) -> None:
        """A harmless name from the client is kept; otherwise one is made (X3)."""
        for given, expected in (
            (b"abc-1", "abc-1"),
            (b"", "72727272-7272-4272-b272-727272727272"),
            (b"a b", "72727272-7272-4272-b272-727272727272"),
            (b'a"', "72727272-7272-4272-b272-727272727272"),
            (b"a" * 129, "72727272-7272-4272-b272-727272727272"),
            (b"caf\xe9", "72727272-7272-4272-b272-727272727272"),
        ):
            exchange, _, _ = self.begun(b"GET / HTTP/1.1\r\nX-Request-Id: " + given)
            self.assertEqual(exchange.request_id, expected)
            self.assertEqual(exchange.request_id, expected)

    def test_wants_upgrade(self) -> None:
        """An upgrade counts when Connection says so, to one protocol, without a body, in HTTP/1.1 (P20)."""
        for fields, expected in (
            (b"Connection: Upgrade\r\nUpgrade: WebSocket", b"websocket"),
            (b"Connection: keep-alive, upgrade\r\nUpgrade: h2c", b"h2c"),
            (b"Upgrade: websocket", b""),
            (b"Connection: upgrade", b""),
            (b"Connection: upgrade\r\nUpgrade: a, b", b""),
            (b"Connection: upgrade\r\nUpgrade: a\r\nUpgrade: b", b""),
            (b"Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5", b""),
        ):
            exchange, _, _ = self.begun(b"GET / HTTP/1.1\r\n" + fields)
            self.assertEqual(exchange.wants_upgrade, expected, fields)
