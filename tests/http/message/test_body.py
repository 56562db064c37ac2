"""Tests of taking bodies off the wire."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.message.body import BodyRefused, Chunked, Counted, Decoder, ToTheEnd


def chunked(size: int = 0, line_size: int = 1024, extensions_size: int = 4096, trailer_size: int = 64) -> Chunked:
    return Chunked(line_size=line_size, extensions_size=extensions_size, trailer_size=trailer_size, size=size)


def fed(decoder: Decoder, data: bytes, step: int) -> bytes:
    """The body out of `data` that comes in pieces of `step` bytes; what comes behind it is surplus."""
    body = b""
    for start in range(0, len(data), step):
        piece = data[start : start + step]
        if decoder.complete:
            decoder.surplus += piece
        else:
            body += decoder.decode(piece)
    return body


class CountedTests(SynchronousTestCase):
    """Bodies with a length."""

    def test_pieces(self) -> None:
        """The body ends at its length, wherever the pieces are cut."""
        for step in (1, 2, 5, 100):
            decoder = Counted(5)
            self.assertEqual(fed(decoder, b"helloGET /", step), b"hello")
            self.assertTrue(decoder.complete)
            self.assertEqual(decoder.surplus, b"GET /")

    def test_empty(self) -> None:
        """A body of no length is complete from the beginning."""
        self.assertTrue(Counted(0).complete)
        self.assertFalse(Counted(0).to_the_end)

    def test_to_the_end(self) -> None:
        """Without framing everything is body, and only the connection's end completes it."""
        decoder = ToTheEnd()
        self.assertEqual(decoder.decode(b"a"), b"a")
        self.assertFalse(decoder.complete)
        self.assertTrue(decoder.to_the_end)


class ChunkedTests(SynchronousTestCase):
    """Chunked bodies."""

    def test_pieces(self) -> None:
        """Chunks are joined, extensions and trailers thrown away, wherever the pieces are cut (P21)."""
        data = b'5;a="b c"\r\nhello\r\n006\r\n world\r\n000\r\nX-Forwarded-User: evil\r\nB:\r\n\r\nGET /'
        for step in (1, 2, 3, 7, 1000):
            decoder = chunked()
            self.assertEqual(fed(decoder, data, step), b"hello world", step)
            self.assertTrue(decoder.complete)
            self.assertEqual(decoder.surplus, b"GET /", step)

    def test_refused(self) -> None:
        """What two readers could read differently is refused, at once or in pieces (P7, P8, P9, P10)."""
        lines = (
            b"0x5", b"+5", b"-5", b"5 ", b" 5", b"", b"1_0", b"10000000000000005", b"g", b"5;\x01", b"5;a\rb",
            b"5;\x7f", b"5;\xff",
        )  # fmt: skip
        for line in lines:
            for step in (1, 100):
                with self.assertRaises(BodyRefused, msg=repr(line)) as caught:
                    fed(chunked(), line + b"\r\nhello\r\n0\r\n\r\n", step)
                self.assertEqual(caught.exception.status, 400)
        for data in (
            b"5\nhello\r\n0\r\n\r\n",
            b"5;a=b\nhello",
            b"5\r\nhelloX\r\n",
            b"5\r\nhelloXX0\r\n\r\n",
            b"5\r\nhello\n",
        ):
            with self.assertRaises(BodyRefused, msg=repr(data)):
                fed(chunked(), data, 100)

    def test_trailers(self) -> None:
        """Malformed trailers are refused, and too many (P21, D3)."""
        for trailer in (b"no colon", b": a", b"a b: c", b"a: \x00", b"a: b\rc", b"a: b\n", b" a: b"):
            with self.assertRaises(BodyRefused, msg=repr(trailer)) as caught:
                fed(chunked(), b"0\r\n" + trailer + b"\r\n\r\n", 1)
            self.assertEqual(caught.exception.status, 400)
        for trailer in (b"a: " + b"b" * 100, b"a: b\r\n" * 50):
            with self.assertRaises(BodyRefused) as caught:
                fed(chunked(), b"0\r\n" + trailer, 1)
            self.assertEqual(caught.exception.status, 431)

    def test_bounded_lines(self) -> None:
        """A chunk-size line that does not end, and extensions in sum, are refused (P8, D3)."""
        with self.assertRaises(BodyRefused):
            fed(chunked(), b"5;" + b"e" * 2000, 100)
        with self.assertRaises(BodyRefused):
            fed(chunked(), (b"1;" + b"e" * 500 + b"\r\na\r\n") * 9, 1000)

    def test_size(self) -> None:
        """A body may be as large as its limit, and no larger (D2)."""
        self.assertEqual(fed(chunked(size=5), b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 1), b"abcde")
        with self.assertRaises(BodyRefused) as caught:
            fed(chunked(size=5), b"3\r\nabc\r\n3\r\n", 1)
        self.assertEqual(caught.exception.status, 413)

    def test_smuggled(self) -> None:
        """A body that looks like a request's end and the next request stays a body."""
        inner = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
        self.assertEqual(fed(chunked(), b"%x\r\n%s\r\n0\r\n\r\n" % (len(inner), inner), 1), inner)

    @settings(deadline=None)
    @given(
        st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.integers(min_value=1, max_value=50), st.binary()
    )
    def test_round_trip(self, pieces: list[bytes], step: int, behind: bytes) -> None:
        """Whatever was chunked comes out again, and whatever follows is surplus."""
        data = b"".join(b"%X\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        decoder = chunked()
        self.assertEqual(fed(decoder, data + behind, step), b"".join(pieces))
        self.assertEqual(decoder.surplus, behind)

    @settings(deadline=None, max_examples=300)
    @given(st.binary(max_size=60), st.integers(min_value=1, max_value=20))
    def test_anything(self, data: bytes, step: int) -> None:
        """Any bytes are a body or refused; how they are cut makes no difference."""

        def outcome(pieces: int) -> tuple[bytes, bool, bytes] | int:
            decoder = chunked()
            try:
                return fed(decoder, data, pieces), decoder.complete, decoder.surplus
            except BodyRefused as refused:
                return refused.status

        self.assertEqual(outcome(step), outcome(1000))
