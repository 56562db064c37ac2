"""Tests of the judge: what it reads, what it waits for, and what it complains about."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.catalogue.strict import read_answers, read_requests

H = b"Host: a\r\n"
CHUNKED = b"POST / HTTP/1.1\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n"


class RequestTests(SynchronousTestCase):
    """Requests."""

    def test_messages(self) -> None:
        """Requests are cut at the right byte, however they are framed."""
        data = b"GET /1 HTTP/1.1\r\n" + H + b"\r\nPUT /2 HTTP/1.1\r\n" + H + b"Content-Length: 2\r\n\r\nok"
        reading = read_requests(
            data + CHUNKED + b"5;x=y\r\nhello\r\n0\r\nT: u\r\n\r\n\r\nGET http://A/3?x HTTP/1.0\r\n\r\n"
        )
        self.assertEqual(
            [(each.method, each.target, each.framing, each.body) for each in reading.messages],
            [
                (b"GET", b"/1", "none", b""),
                (b"PUT", b"/2", "length", b"ok"),
                (b"POST", b"/", "chunked", b"hello"),
                (b"GET", b"/3?x", "none", b""),
            ],
        )
        self.assertEqual((reading.rest, reading.complaint), (b"", ""))

    def test_not_complete(self) -> None:
        """What is not all here is waited for, byte for byte."""
        whole = CHUNKED + b"5\r\nhello\r\n0\r\nT: u\r\n\r\n"
        for size in range(len(whole)):
            reading = read_requests(whole[:size])
            self.assertEqual((reading.messages, reading.complaint, reading.rest), ([], "", whole[:size]))
            self.assertEqual(reading.partial is not None, size >= len(CHUNKED))

    def test_end(self) -> None:
        """Nothing is read behind a request that ends the connection."""
        for head in (b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nConnection: X, Close\r\n" + H + b"\r\n"):
            reading = read_requests(head + b"GET / HTTP/1.1\r\n" + H + b"\r\n")
            self.assertEqual(len(reading.messages), 1)
            self.assertNotEqual(reading.rest, b"")

    def test_complaints(self) -> None:
        """What two readers could frame differently is not read."""
        fields = (
            b"Content-Length: 1\r\nContent-Length: 1", b"Content-Length: +1", b"Content-Length:", b"Content_Length: 1",
            b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 1", b"X : y", b"X",
            b"X: y\r\n z", b"X: \0", b"X: a\rb", b"X: a\nb", b"Host: b", b" X: y", b": y",
        )  # fmt: skip
        for field in fields:
            self.assertNotEqual(read_requests(b"GET / HTTP/1.1\r\n" + H + field + b"\r\n\r\n").complaint, "", field)
        for line in (b"GET  / HTTP/1.1", b"GET / HTTP/1.2", b"GET /", b"GET /\xff HTTP/1.1", b"GET /#x HTTP/1.1"):
            self.assertNotEqual(read_requests(line + b"\r\n" + H + b"\r\n").complaint, "", line)
        for body in (
            b"5 \r\n",
            b"\r\n",
            b"0x5\r\n",
            b"5\n",
            b"1\r\nab\r\n",
            b"1\r\na\n",
            b"0\r\nX\r\n",
            b"f" * 16 + b"\r\n",
        ):
            self.assertNotEqual(read_requests(CHUNKED + body).complaint, "", body)
        for host in (b"", b"Host: a/b\r\n", b"Host: a:99999\r\n", b"Host: u@a\r\n"):
            self.assertNotEqual(read_requests(b"GET / HTTP/1.1\r\n" + host + b"\r\n").complaint, "", host)


class AnswerTests(SynchronousTestCase):
    """Answers."""

    def test_messages(self) -> None:
        """An answer's body depends on its request and its status, too."""
        data = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
        bodiless = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nHTTP/1.1 204\r\n\r\n"
        reading = read_answers(data + head + bodiless, [b"GET", b"HEAD", b"GET"])
        self.assertEqual([each.status for each in reading.messages], [100, 200, 200, 304, 204])
        self.assertEqual([each.body for each in reading.messages], [b"", b"ok", b"", b"", b""])

    def test_to_the_end(self) -> None:
        """Without framing the connection's end completes an answer, and nothing else does."""
        data = b"HTTP/1.0 200 OK\r\n\r\nuntil"
        self.assertEqual(read_answers(data, [b"GET"], ended=True).messages[0].body, b"until")
        self.assertEqual(read_answers(data, [b"GET"]).messages, [])

    def test_complaints(self) -> None:
        """What is no answer, or was not asked for, is not read."""
        for data in (
            b"SSH-2.0\r\n\r\n",
            b"\r\nHTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 101 Switching\r\n\r\n",
            b"HTTP/1.1 600\r\n\r\n",
        ):
            self.assertNotEqual(read_answers(data, [b"GET"]).complaint, "", data)
