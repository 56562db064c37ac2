"""Tests of a client's connection: order, keep-alive, refusals, deadlines, its end."""

from __future__ import annotations

from typing import NoReturn

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, IProtocolFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from o2sidecar.http.exchange import Exchange, HeaderFields
from tests.wire import Gathered, Listening, Wire, says

DATE = b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
GET = b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" + DATE + b"\r\n%s"
CLOSING = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n" + DATE + b"\r\nok"


def ok(body: bytes) -> bytes:
    """An answer with this body on a connection that goes on."""
    return OK % (len(body), body)


class ChannelTests(SynchronousTestCase):
    """Requests come in one at a time and in order."""

    def test_interfaces(self) -> None:
        """The channel and its factory are what Twisted's endpoints expect."""
        listening = Listening()
        verifyObject(IProtocolFactory, listening.server)
        channel = listening.server.buildProtocol(None)
        Wire(channel)
        verifyObject(IProtocol, channel)
        verifyObject(IHalfCloseableProtocol, channel)

    def test_answer(self) -> None:
        """A request gets its answer in one write, with framing and Date, and is logged."""
        listening = Listening(says(b"hello"))
        client = listening.client()
        client.send(GET % b"x")
        self.assertEqual(client.take(), ok(b"hello"))
        self.assertEqual(listening.log, [(b"/x", 200, 5)])
        self.assertTrue(client.nodelay)
        self.assertFalse(client.ended)

    def test_byte_by_byte(self) -> None:
        """Requests that arrive one byte at a time are the same requests."""
        listening = Listening(says(b"hello"))
        client = listening.client()
        client.dribble(GET % b"a" + GET % b"b")
        self.assertEqual(client.take(), ok(b"hello") * 2)

    def test_what_the_exchange_knows(self) -> None:
        """The exchange tells the request's parts and where it came from."""
        listening = Listening()
        listening.client().send(b"GET /p?q HTTP/1.1\r\nHost: h:1\r\nA: 1\r\na: 2\r\nUser-Agent: x\r\n\r\n")
        exchange = listening.exchanges[0]
        self.assertEqual((exchange.method, exchange.target, exchange.path), (b"GET", b"/p?q", b"/p"))
        self.assertEqual((exchange.host, exchange.peer, exchange.peer_port), (b"h:1", "192.0.2.1", 54321))
        self.assertEqual((exchange.secure, exchange.has_body, exchange.http_1_0), (False, False, False))
        self.assertEqual(exchange.header(b"user-agent"), b"x")
        self.assertEqual(exchange.values(b"a"), [b"1", b"2"])
        self.assertEqual((exchange.header(b"b"), exchange.values(b"b")), (None, []))
        self.assertEqual([(field.name, field.value) for field in exchange.fields[1:3]], [(b"A", b"1"), (b"a", b"2")])

    def test_pipelined_in_order(self) -> None:
        """The second of two requests is handed out when the first is answered, and not before (P15)."""
        listening = Listening()
        client = listening.client()
        client.send(GET % b"1" + GET % b"2")
        client.send(GET % b"3")
        self.assertEqual(len(listening.exchanges), 1)
        self.assertTrue(client.paused, "what waits is bounded by not reading on (D2)")
        for number in (b"1", b"2", b"3"):
            self.assertEqual(listening.exchanges[-1].target, b"/" + number)
            listening.exchanges[-1].answer(200, [], number)
        self.assertEqual(client.take(), ok(b"1") + ok(b"2") + ok(b"3"))
        self.assertFalse(client.paused)

    def test_many_pipelined(self) -> None:
        """Thousands of requests at once, answered at once, do not exhaust the stack."""
        listening = Listening(says(b""))
        client = listening.client()
        client.send(GET % b"" * 5000)
        self.assertEqual(client.take().count(b"HTTP/1.1 200"), 5000)

    def test_pipelined_by_a_client_that_does_not_read(self) -> None:
        """Requests wait while the client takes nothing of the answers, however many it sends (D1)."""
        listening = Listening(says(b""), write_time=10)
        client = listening.client()
        client.send(GET % b"1")
        client.stall()
        client.send(GET % b"2" + GET % b"3")
        self.assertEqual(len(listening.exchanges), 1)
        self.assertTrue(client.paused, "nor is more read")
        client.drain()
        self.assertEqual(client.take(), ok(b"") * 3)
        self.assertFalse(client.paused)

    def test_pipelined_and_never_read(self) -> None:
        """The client is cut off in the end, and nothing more of what it sent is served (D1)."""
        listening = Listening(write_time=10, idle_time=1000)
        client = listening.client()
        client.send(GET % b"1" + GET % b"2")
        client.stall()
        listening.exchanges[0].answer(200, [], b"")
        listening.pass_time(9)
        self.assertFalse(client.ended)
        listening.pass_time(2)
        self.assertTrue(client.aborted)
        self.assertEqual(len(listening.exchanges), 1)

    def test_nothing_after_a_refusal(self) -> None:
        """After a malformed request nothing later on the connection is served (P15)."""
        listening = Listening(says(b"ok"))
        client = listening.client()
        client.send(GET % b"1" + b"GET /2 HTTP/1.1\r\n\r\n" + GET % b"3")
        client.send(GET % b"4")
        answers = client.take()
        self.assertTrue(answers.startswith(ok(b"ok") + b"HTTP/1.1 400 Bad Request\r\n"))
        self.assertEqual(answers.count(b"HTTP/1.1"), 2)
        self.assertEqual([target for target, _, _ in listening.log], [b"/1", b"/2"])
        self.assertTrue(client.half_closed)

    def test_body_then_request(self) -> None:
        """A body and the request behind it are cut at the right byte, framed either way and cut anywhere."""
        counted = b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
        chunked = b"POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        for message in (counted, chunked):
            for step in (1, 3, 1000):
                listening = Listening(echo)
                client = listening.client()
                data = message + GET % b"2"
                for start in range(0, len(data), step):
                    client.send(data[start : start + step])
                self.assertEqual(client.take(), ok(b"hello") + ok(b""), (message, step))

    def test_http_1_0(self) -> None:
        """HTTP/1.0 ends the connection behind its answer, unless it asks to keep it."""
        listening = Listening(says(b"ok"))
        client = listening.client()
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        self.assertEqual(client.take(), CLOSING)
        self.assertTrue(client.closing)
        client = listening.client()
        client.send(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
        self.assertIn(b"Connection: keep-alive\r\n", client.take())
        self.assertFalse(client.ended)

    def test_close(self) -> None:
        """Connection: close is answered with the same, and the connection ends."""
        client = Listening(says(b"ok")).client()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.assertEqual(client.take(), CLOSING)
        self.assertTrue(client.closing)

    def test_options_star(self) -> None:
        """`OPTIONS *` is about the server, and answered here."""
        listening = Listening(says(b"never"))
        self.assertTrue(listening.ask(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 204"))
        self.assertEqual(listening.exchanges, [])

    def test_a_fault(self) -> None:
        """An exception while serving is a 500 without a word about it, and the connection goes on (X10)."""

        def fail(exchange: Exchange) -> None:
            raise RuntimeError("secret")

        listening = Listening(fail)
        client = listening.client()
        client.send(GET % b"")
        answer = client.take()
        self.assertTrue(answer.startswith(b"HTTP/1.1 500 "))
        self.assertNotIn(b"secret", answer)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_a_fault_within_an_answer(self) -> None:
        """An exception within an answer ends the connection, so that the client can tell."""

        def fail(exchange: Exchange) -> None:
            exchange.begin(200, b"OK", [], 5)
            exchange.write(b"12")
            raise RuntimeError

        client = Listening(fail).client()
        client.send(GET % b"")
        self.assertTrue(client.take().endswith(b"12"))
        self.assertTrue(client.closing)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


def echo(exchange: Exchange) -> None:
    """Answers with the request's body."""
    exchange.read_body(1000).addCallback(lambda body: exchange.answer(200, [], body))


class RefusalTests(SynchronousTestCase):
    """What is no request gets a small answer, and the connection ends without losing it."""

    def test_refused(self) -> None:
        """A refusal is text, says close, and leaves the client time to read it."""
        listening = Listening()
        client = listening.client()
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        self.assertEqual(
            client.take(),
            b"HTTP/1.1 400 Bad Request\r\n" + DATE + b"Content-Type: text/plain; charset=utf-8\r\n"
            b"Content-Length: 20\r\nConnection: close\r\n\r\n400 Host is missing\n",
        )  # fmt: skip
        self.assertTrue(client.half_closed)
        self.assertFalse(client.aborted)
        listening.pass_time(5)
        self.assertTrue(client.aborted)

    def test_refused_head(self) -> None:
        """The refusal of a HEAD request has no body (RFC 9110 §9.3.2)."""
        listening = Listening()
        answer = listening.ask(b"HEAD / HTTP/1.1\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "))
        self.assertTrue(answer.endswith(b"Content-Length: 20\r\nConnection: close\r\n\r\n"))
        self.assertEqual(listening.log[0][1:], (400, 0))

    def test_unreadable(self) -> None:
        """Bytes that are no HTTP are refused and logged as far as they could be read."""
        listening = Listening()
        for data in (b"\x16\x03\x01\r\n\r\n", b"\r\n\r\n", b"SSH-2.0\r\n\r\n", b"GET / HTTP/1.1\nHost: a\n\n"):
            self.assertTrue(listening.ask(data).startswith(b"HTTP/1.1 400 "), data)
        self.assertEqual([status for _, status, _ in listening.log], [400] * 4)

    def test_who_is_refused(self) -> None:
        """Whoever words a refusal gets what could be told of the request, and nothing that was not checked."""
        seen: list[tuple[int, bytes, bytes, bytes | None, list[bytes], bytes | None]] = []

        def refuse(exchange: Exchange, status: int, reason: str) -> tuple[HeaderFields, bytes]:
            fields = (exchange.header(b"accept"), exchange.values(b"cookie"), exchange.header(b"x-real-ip"))
            seen.append((status, exchange.target, exchange.host, *fields))
            exchange.also.append((b"Set-Cookie", b"a=; Max-Age=0"))
            return [(b"Content-Type", b"a/b")], b"no: " + exchange.request_id.encode()

        listening = Listening(head_size=1024, body_size=10)
        listening.server.refuse = refuse
        fields = b"Host: a\r\nAccept: x/y\r\nCookie: c=d\r\nX-Real-IP: 127.0.0.1\r\nX-Request-Id: r-1\r\n"
        unread = (b"x/y", [b"c=d"], None)
        read = (b"x/y", [b"c=d"], b"127.0.0.1")
        for data, expected in (
            (b"GET /x HTTP/1.1 \r\n" + fields + b"\r\n", (400, b"", b"a", *unread)),
            (b"GET /x HTTP/1.1\r\n" + fields + b"Bad Name: x\r\n\r\n", (400, b"/x", b"a", *unread)),
            (b"GET /x HTTP/1.1\r\n" + fields + b"X: " + b"y" * 2000, (431, b"", b"a", *unread)),
            (b"GET /x HTTP/1.1\r\n" + fields + b"Content-Length: 11\r\n\r\n", (413, b"/x", b"a", *read)),
            (b"GET /x HTTP/1.1\r\n" + fields + b"Host: b\r\n\r\n", (400, b"/x", b"", *read)),
        ):
            answer = listening.ask(data)
            self.assertEqual(seen[-1], expected)
            self.assertIn(b"\r\nContent-Type: a/b\r\nSet-Cookie: a=; Max-Age=0\r\nContent-Length: 7\r\n", answer)
            self.assertTrue(answer.endswith(b"\r\nConnection: close\r\n\r\nno: r-1"), answer)

    def test_cookies_that_ride_along(self) -> None:
        """What an answer should have carried is not lost when the body turns out to be bad."""
        listening = Listening(lambda exchange: exchange.also.append((b"Set-Cookie", b"fresh=1")))
        client = listening.client()
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        listening.exchanges[0].stream_body(Gathered()).resume()
        client.send(b"nonsense\r\n")
        self.assertIn(b"\r\nSet-Cookie: fresh=1\r\n", client.take())

    def test_head(self) -> None:
        """A refused HEAD gets no body (RFC 9110 §9.3.2), as far as it can be told that it is one."""
        for data in (b"HEAD / HTTP/1.1\r\n\r\n", b"HEAD / HTTP/1.1 \r\n\r\n"):
            answer = Listening().ask(data)
            self.assertTrue(answer.startswith(b"HTTP/1.1 400 ") and answer.endswith(b"\r\n\r\n"), answer)

    def test_words_that_fail(self) -> None:
        """When a refusal cannot be worded as wanted it is plain text, and the log has the reason."""

        def fail(*arguments: object) -> NoReturn:
            raise ZeroDivisionError

        listening = Listening(fail)
        listening.server.refuse = fail
        self.assertTrue(listening.ask(b"nonsense\r\n\r\n").endswith(b"\r\n\r\n400 malformed request line\n"))
        self.assertTrue(listening.ask(GET % b"").endswith(b"\r\n\r\n500 internal error\n"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 3)

    def test_too_large(self) -> None:
        """A head that does not end is refused at its limit (P22)."""
        listening = Listening(head_size=1024, target_size=100)
        client = listening.client()
        client.send(b"GET / HTTP/1.1\r\n")
        for _ in range(50):
            client.send(b"X-Pad: " + b"y" * 30 + b"\r\n")
        self.assertTrue(client.take().startswith(b"HTTP/1.1 431 "))
        self.assertTrue(listening.ask(b"GET /" + b"a" * 2000).startswith(b"HTTP/1.1 414 "))

    def test_too_many_connections(self) -> None:
        """Above the limit a connection gets 503 and ends (D1)."""
        listening = Listening(says(b"ok"), connections=1)
        first, second = listening.client(), listening.client()
        self.assertTrue(second.take().startswith(b"HTTP/1.1 503 "))
        first.send(GET % b"")
        self.assertEqual(first.take(), ok(b"ok"))
        second.vanish()
        first.vanish()
        self.assertEqual(listening.ask(GET % b""), ok(b"ok"))

    def test_far_too_many_connections(self) -> None:
        """Far above the limit connections are refused and ended at once: they take no room (D1)."""
        listening = Listening(says(b"ok"), connections=1)
        clients = [listening.client() for _ in range(1 + 64 + 2)]
        refused = [client.take().startswith(b"HTTP/1.1 503 ") for client in clients]
        self.assertEqual(refused, [False] + [True] * 66)
        self.assertEqual([client.aborted for client in clients], [False] * 65 + [True] * 2)
        clients[0].send(GET % b"")
        self.assertEqual(clients[0].take(), ok(b"ok"))


class BodyTests(SynchronousTestCase):
    """Bodies are read when somebody asks for them."""

    POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n%s\r\n"

    def test_backpressure(self) -> None:
        """Nothing is read until the body is asked for, nor while its taker is busy (D1)."""
        listening = Listening()
        client = listening.client()
        client.send(self.POST % b"" + b"he")
        self.assertTrue(client.paused)
        sink = Gathered()
        flow = listening.exchanges[0].stream_body(sink)
        self.assertEqual(sink.data, b"")
        flow.resume()
        self.assertEqual(sink.data, b"he")
        self.assertFalse(client.paused)
        flow.pause()
        client.send(b"l")
        self.assertTrue(client.paused)
        flow.resume()
        client.send(b"lo")
        self.assertEqual((sink.data, sink.ended), (b"hello", True))

    def test_continue(self) -> None:
        """100 Continue is sent when the body is first wanted, not before, and not after it came (P19)."""
        listening = Listening()
        client = listening.client()
        client.send(self.POST % b"Expect: 100-continue\r\n")
        self.assertEqual(client.take(), b"")
        listening.exchanges[0].read_body(10)
        self.assertEqual(client.take(), b"HTTP/1.1 100 Continue\r\n\r\n")
        client = listening.client()
        client.send(self.POST % b"Expect: 100-continue\r\n" + b"hello")
        body = self.successResultOf(listening.exchanges[1].read_body(10))
        self.assertEqual((body, client.take()), (b"hello", b""))

    def test_continue_refused(self) -> None:
        """An answer instead of 100 Continue ends the connection: the body may come or not (F13)."""
        listening = Listening(says(b"no"))
        client = listening.client()
        client.send(self.POST % b"Expect: 100-continue\r\n")
        self.assertIn(b"Connection: close\r\n", client.take())
        client.send(b"hello" + GET % b"smuggled")
        self.assertEqual(client.take(), b"")
        self.assertTrue(client.half_closed)

    def test_early_answer(self) -> None:
        """An answer to a body that was not read closes, and what still comes is thrown away for a while."""
        listening = Listening(says(b"ok"))
        client = listening.client()
        client.send(self.POST % b"" + b"he")
        self.assertEqual(client.take(), CLOSING)
        self.assertTrue(client.half_closed)
        self.assertFalse(client.paused)
        client.send(b"llo" + GET % b"")
        self.assertEqual(client.take(), b"")
        client.close()
        self.assertTrue(client.closing)

    def test_early_answer_to_a_whole_body(self) -> None:
        """A body that is here already and that nobody wants is in nobody's way."""
        for framing in (
            b"Content-Length: 5\r\n\r\nhello",
            b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ):
            client = Listening(says(b"ok")).client()
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + GET % b"")
            self.assertEqual(client.take(), ok(b"ok") * 2)

    def test_too_large(self) -> None:
        """`read_body` fails with 413 over its limit, announced or not."""
        for framing in (
            b"Content-Length: 11\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\nb\r\n" + b"x" * 11 + b"\r\n",
        ):
            listening = Listening()
            client = listening.client()
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + framing)
            failure = self.failureResultOf(listening.exchanges[0].read_body(10))
            self.assertEqual(failure.value.status, 413)
            listening.exchanges[0].answer(413, [])
            self.assertIn(b"Connection: close\r\n", client.take())

    def test_broken_framing(self) -> None:
        """A body that breaks its framing is lost to its taker and refused to its sender."""
        listening = Listening()
        client = listening.client()
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
        sink = Gathered()
        listening.exchanges[0].stream_body(sink).resume()
        client.send(b"0x5\r\n" + GET % b"smuggled")
        self.assertEqual((sink.data, sink.ended, sink.lost), (b"ab", False, True))
        self.assertTrue(client.take().startswith(b"HTTP/1.1 400 "))
        self.assertTrue(listening.exchanges[0].done)
        self.assertEqual(len(listening.log), 1)

    def test_broken_framing_of_a_small_body(self) -> None:
        """`read_body` fails, and its caller's answer is the only one."""
        listening = Listening()
        client = listening.client()
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        body = listening.exchanges[0].read_body(10)

        def refuse(failure: Failure) -> None:
            listening.exchanges[0].answer(400, [], b"mine")

        body.addErrback(refuse)
        client.send(b"zz\r\n")
        answer = client.take()
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 ") and answer.endswith(b"mine"))
        self.assertEqual(answer.count(b"HTTP/1.1"), 1)

    def test_without_a_body(self) -> None:
        """A request without a body has an empty one."""
        listening = Listening()
        listening.client().send(GET % b"")
        self.assertEqual(self.successResultOf(listening.exchanges[0].read_body(0)), b"")
        sink = Gathered()
        flow = listening.exchanges[0].stream_body(sink)
        flow.pause()
        self.assertFalse(sink.ended)
        flow.resume()
        self.assertTrue(sink.ended)

    def test_client_gone(self) -> None:
        """A client that leaves within its body loses it for the taker."""
        for leave in (Wire.close, Wire.vanish, Wire.reset):
            listening = Listening()
            client = listening.client()
            client.send(self.POST % b"")
            sink = Gathered()
            gone: list[bool] = []
            listening.exchanges[0].on_gone(lambda gone=gone: gone.append(True))  # type: ignore[misc]
            listening.exchanges[0].stream_body(sink).resume()
            leave(client)
            self.assertEqual((sink.lost, sink.ended, gone), (True, False, [True]))


class DeadlineTests(SynchronousTestCase):
    """Nobody is waited for without end (D1)."""

    def test_silent(self) -> None:
        """A connection on which nothing comes is closed without a word."""
        listening = Listening(head_time=10)
        client = listening.client()
        listening.pass_time(11)
        self.assertTrue(client.closing)
        self.assertEqual(client.take(), b"")

    def test_dribbled_head(self) -> None:
        """A head has its time, however busily it dribbles; then 408."""
        listening = Listening(head_time=10)
        client = listening.client()
        client.send(b"GET / HTTP/1.1\r\n")
        for number in range(12):
            listening.pass_time(0.5)
            client.send(b"X-%d: y\r\n" % number)
        self.assertTrue(client.take().startswith(b"HTTP/1.1 408 "))
        self.assertEqual(listening.log[0][1], 408)

    def test_idle(self) -> None:
        """A kept connection is closed when its idle time is over, and not before."""
        listening = Listening(says(b"ok"), idle_time=30, head_time=5)
        client = listening.client()
        client.send(GET % b"")
        listening.pass_time(28)
        self.assertFalse(client.ended)
        client.send(GET % b"")
        listening.pass_time(28)
        self.assertFalse(client.ended)
        listening.pass_time(3)
        self.assertTrue(client.closing)

    def test_second_head(self) -> None:
        """A second request's head has the time of a head, not of an idle connection."""
        listening = Listening(says(b""), idle_time=30, head_time=5)
        client = listening.client()
        client.send(GET % b"" + b"GET ")
        client.take()
        listening.pass_time(6)
        self.assertTrue(client.take().startswith(b"HTTP/1.1 408 "))

    def test_stalled_body(self) -> None:
        """A body that stalls while it is wanted ends in 408; while it is not wanted it has all time."""
        listening = Listening(body_time=10)
        client = listening.client()
        client.send(BodyTests.POST % b"" + b"h")
        listening.pass_time(60)
        sink = Gathered()
        flow = listening.exchanges[0].stream_body(sink)
        flow.resume()
        listening.pass_time(8)
        client.send(b"e")
        listening.pass_time(8)
        flow.pause()
        listening.pass_time(60)
        self.assertFalse(client.ended)
        flow.resume()
        listening.pass_time(11)
        self.assertTrue(client.take().startswith(b"HTTP/1.1 408 "))
        self.assertTrue(sink.lost)

    def test_slow_answer(self) -> None:
        """An answer may take its time."""
        listening = Listening()
        client = listening.client()
        client.send(GET % b"")
        listening.pass_time(1000)
        listening.exchanges[0].answer(200, [], b"late")
        self.assertEqual(client.take(), ok(b"late"))

    def test_client_that_does_not_read(self) -> None:
        """A client that takes nothing of what is there for it is cut off."""
        listening = Listening(write_time=10)
        client = listening.client()
        client.send(GET % b"")
        exchange = listening.exchanges[0]
        gone: list[bool] = []
        exchange.on_gone(lambda: gone.append(True))
        exchange.begin(200, b"OK", [], 100)
        exchange.write(b"x")
        client.stall()
        listening.pass_time(8)
        client.drain()
        client.stall()
        listening.pass_time(8)
        self.assertFalse(client.ended)
        listening.pass_time(4)
        self.assertTrue(client.aborted)
        self.assertEqual(gone, [True])

    def test_client_that_does_not_read_the_last(self) -> None:
        """The same when the answer is complete but for the reading."""
        listening = Listening(says(b"ok"), write_time=10)
        client = listening.client()
        client.send(GET % b"")
        client.stall()
        listening.pass_time(11)
        self.assertTrue(client.aborted)
        client = listening.client()
        client.send(GET % b"")
        client.stall()
        client.drain()
        listening.pass_time(20)
        self.assertFalse(client.ended)

    def test_no_timer_is_left(self) -> None:
        """When the last connection is gone, no timer runs."""
        listening = Listening()
        client = listening.client()
        self.assertEqual(len(listening.clock.getDelayedCalls()), 1)
        client.vanish()
        self.assertEqual(listening.clock.getDelayedCalls(), [])


class EndTests(SynchronousTestCase):
    """Clients that leave, and the server that does."""

    def test_gone(self) -> None:
        """Whoever is busy with a request is told once that its client has left; it is logged as 499."""
        listening = Listening()
        client = listening.client()
        client.send(GET % b"")
        gone: list[bool] = []
        listening.exchanges[0].on_gone(lambda: gone.append(True))
        client.vanish()
        client.vanish()
        self.assertEqual(gone, [True])
        self.assertEqual(listening.log, [(b"/", 499, 0)])
        listening.exchanges[0].answer(200, [], b"too late")
        self.assertEqual((client.take(), len(listening.log)), (b"", 1))

    def test_half_closed(self) -> None:
        """A client that closed its sending side still gets an answer that comes soon."""
        listening = Listening(half_closed_time=2)
        client = listening.client()
        client.send(GET % b"")
        client.close()
        listening.pass_time(0.5)
        listening.exchanges[0].answer(200, [], b"ok")
        self.assertEqual(client.take(), CLOSING)
        self.assertTrue(client.closing)

    def test_half_closed_too_long(self) -> None:
        """One that closed its sending side and gets no answer soon is taken for gone."""
        listening = Listening(half_closed_time=2)
        client = listening.client()
        client.send(GET % b"")
        gone: list[bool] = []
        listening.exchanges[0].on_gone(lambda: gone.append(True))
        client.close()
        listening.pass_time(3)
        self.assertEqual((gone, client.aborted), ([True], True))

    def test_half_closed_and_reading(self) -> None:
        """One that goes on reading a long answer is there, as long as something goes out."""
        listening = Listening(half_closed_time=2)
        client = listening.client()
        client.send(GET % b"")
        exchange = listening.exchanges[0]
        exchange.begin(200, b"OK", [], None)
        client.close()
        for _ in range(10):
            exchange.write(b"x")
            listening.pass_time(1)
        self.assertFalse(client.ended)
        listening.pass_time(4)
        self.assertTrue(client.aborted)

    def test_closed_while_idle(self) -> None:
        """A client that closes an idle connection, or leaves within a head, is done with."""
        for data in (b"", b"GET / HT"):
            client = Listening().client()
            client.send(data)
            client.close()
            self.assertTrue(client.closing)

    def test_drain(self) -> None:
        """Draining ends idle connections at once and busy ones behind their answers, and fires at the end."""
        listening = Listening()
        idle, busy = listening.client(), listening.client()
        busy.send(GET % b"")
        drained = listening.server.drain()
        self.assertTrue(idle.closing)
        self.assertFalse(busy.ended)
        idle.settle()
        self.assertNoResult(drained)
        listening.exchanges[0].answer(200, [], b"ok")
        self.assertEqual(busy.take(), CLOSING)
        busy.settle()
        self.successResultOf(drained)
        self.assertEqual(listening.server.open, 0)
        self.successResultOf(listening.server.drain())

    def test_drain_within_an_answer(self) -> None:
        """An answer that began before the drain, without a word of it, still is the last on its connection."""
        listening = Listening()
        client = listening.client()
        client.send(GET % b"")
        exchange = listening.exchanges[0]
        exchange.begin(200, b"OK", [], 4)
        exchange.write(b"be")
        drained = listening.server.drain()
        self.assertFalse(client.ended)
        exchange.finish(b"am")
        self.assertTrue(client.take().endswith(b"\r\n\r\nbeam"))
        self.assertTrue(client.closing)
        client.settle()
        self.successResultOf(drained)

    def test_drain_between_answers(self) -> None:
        """A request that waits behind such an answer is served, and told that it is the last."""
        listening = Listening()
        client = listening.client()
        client.send(GET % b"" + GET % b"")
        listening.exchanges[0].begin(200, b"OK", [], 2)
        listening.server.drain()
        listening.exchanges[0].finish(b"ok")
        self.assertFalse(client.ended)
        client.take()
        listening.exchanges[1].answer(200, [], b"ok")
        self.assertEqual(client.take(), CLOSING)
        self.assertTrue(client.closing)

    def test_drain_in_time(self) -> None:
        """What has not ended in the time given is cut off; no timer is left when it ends earlier."""
        listening = Listening()
        client = listening.client()
        client.send(GET % b"")
        drained = listening.server.drain(within=5)
        listening.pass_time(5)
        self.assertTrue(client.aborted)
        client.settle()
        self.successResultOf(drained)
        self.assertEqual(listening.clock.getDelayedCalls(), [])

    def test_served_while_draining(self) -> None:
        """A connection that comes while draining is served once."""
        listening = Listening(says(b"ok"))
        listening.server.drain()
        self.assertEqual(listening.ask(GET % b""), CLOSING)
