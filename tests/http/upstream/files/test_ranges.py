"""Tests of byte ranges."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.upstream.files.ranges import Span, length_of, multipart, spans_of


def asked(value: bytes, size: int = 10) -> list[tuple[int, int]] | None:
    """What a Range asks for, as offset and length."""
    spans = spans_of(value, size)
    return None if spans is None else [(span.first, span.length) for span in spans]


class RangeTests(SynchronousTestCase):
    """The Range field."""

    def test_satisfiable(self) -> None:
        """The examples of RFC 9110 §14.1.2, and white space, case and empty members as the grammar has them."""
        for value, spans in {
            b"bytes=0-4": [(0, 5)],
            b"bytes=5-": [(5, 5)],
            b"bytes=-3": [(7, 3)],
            b"bytes=-99": [(0, 10)],
            b"bytes=9-9": [(9, 1)],
            b"bytes=0-99": [(0, 10)],
            b"bytes=5-99999999999999999999999": [(5, 5)],
            b"bytes=-99999999999999999999999": [(0, 10)],
            b"bytes=0-0,-1": [(0, 1), (9, 1)],
            b"Bytes= 0-1 ,\t, 4-5,": [(0, 2), (4, 2)],
            b"bytes=8-9,0-1": [(8, 2), (0, 2)],
            b"bytes=0-1,20-30": [(0, 2)],
        }.items():
            self.assertEqual(asked(value), spans, value)

    def test_unsatisfiable(self) -> None:
        """Ranges of which none touches the file are answered 416."""
        for value in (b"bytes=10-", b"bytes=10-11", b"bytes=99999999999999999999-", b"bytes=-0", b"bytes=10-,-0"):
            self.assertEqual(asked(value), [], value)

    def test_ignored(self) -> None:
        """Other units, what is malformed, and what would cost more than the whole do not count."""
        for value in (
            b"",
            b"bytes",
            b"bytes=",
            b"bytes=,",
            b"items=0-1",
            b"0-1",
            b"bytes=-",
            b"bytes=a-b",
            b"bytes=0x1-2",
            b"bytes=+1-2",
            b"bytes=1--2",
            b"bytes=1 - 2",
            b"bytes=4-2",
            b"bytes=0-1,4-2",
            b"bytes=0-1;4-5",
            b"bytes=0-1,bytes=2-3",
            b"bytes=\xb2-3",
            b"bytes=0-,0-,0-",
            b"bytes=0-5,2-7",
            b"bytes=" + b",".join(b"%d-%d" % (n, n) for n in range(33)),
        ):
            self.assertIsNone(asked(value), value)

    def test_empty_file(self) -> None:
        """There are no ranges of nothing."""
        for value in (b"bytes=0-", b"bytes=-5", b"bytes=0-0"):
            self.assertIsNone(asked(value, 0))

    @given(
        st.lists(st.tuples(st.none() | st.integers(0, 30), st.none() | st.integers(0, 30)), max_size=4),
        st.integers(0, 20),
    )
    def test_any_ranges(self, pairs: list[tuple[int | None, int | None]], size: int) -> None:
        """What is given lies in the file, has the bytes that Python's slices have, and is no more than the file."""
        members = [f"{'' if a is None else a}-{'' if b is None else b}" for a, b in pairs]
        spans = spans_of(b"bytes=" + ",".join(members).encode(), size)
        if spans is None:
            return
        content = bytes(range(size))
        slices = [
            content[a : None if b is None else b + 1] if a is not None else content[len(content) - min(b or 0, size) :]
            for a, b in pairs
        ]
        self.assertEqual([content[span.first :][: span.length] for span in spans], [each for each in slices if each])
        self.assertLessEqual(sum(span.length for span in spans), size)

    @given(st.binary(max_size=40), st.text(alphabet="0123456789-, ", max_size=30))
    def test_any_value(self, raw: bytes, text: str) -> None:
        """Any value is ignored or gives spans of the file."""
        for value in (raw, b"bytes=" + raw, b"bytes=" + text.encode()):
            for span in spans_of(value, 10) or ():
                self.assertTrue(0 <= span.first < span.first + span.length <= 10)


class MultipartTests(SynchronousTestCase):
    """Answers of several parts."""

    def test_body(self) -> None:
        """Each part says what it is; the length is that of the whole body (RFC 9110 §14.6)."""
        parts = multipart([Span(first=0, length=2), Span(first=8, length=2)], 10, b"text/plain", b"B")
        body = b"".join(
            b"0123456789"[part.first :][: part.length] if isinstance(part, Span) else part for part in parts
        )
        self.assertEqual(
            body,
            b"--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n"
            b"--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n--B--\r\n",
        )
        self.assertEqual(length_of(parts), len(body))
