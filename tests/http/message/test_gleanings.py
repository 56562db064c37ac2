"""Tests of what is told by a head that is refused."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.message.gleanings import glean


def gleaned(head: bytes, also: bytes = b"") -> list[tuple[bytes, bytes]]:
    """Names in lower case, and values."""
    return [(field.lower, field.value) for field in glean(head, also)]


class GleanTests(SynchronousTestCase):
    """Little is taken, and nothing odd."""

    def test_a_few_fields(self) -> None:
        """What tells a script from a person is taken, in any case of letters; who somebody claims to be is not."""
        head = (
            b"GET / HTTP/1.1\r\nHOST: a.example\r\naccept:application/json \r\nSec-Fetch-Mode: cors\r\n"
            b"X-Real-IP: 127.0.0.1\r\nX-Forwarded-User: admin\r\nX-Forwarded-Proto: https\r\nAuthorization: x\r\n\r\n"
        )
        expected = [(b"host", b"a.example"), (b"accept", b"application/json"), (b"sec-fetch-mode", b"cors")]
        self.assertEqual(gleaned(head), expected)

    def test_one_more(self) -> None:
        """The field that names a request is taken where one is said to."""
        head = b"GET / HTTP/1.1\r\nX-Request-Id: r-1\r\n\r\n"
        self.assertEqual(gleaned(head, b"x-request-id"), [(b"x-request-id", b"r-1")])
        self.assertEqual(gleaned(head), [])
        self.assertEqual(gleaned(b"GET / HTTP/1.1\r\n: x\r\n\r\n", b""), [])

    def test_nothing_beyond_the_head(self) -> None:
        """Neither the request line nor a body is a field."""
        self.assertEqual(gleaned(b"Accept: application/json\r\nX: y\r\n\r\nAccept: text/html\r\nCookie: a=b"), [])

    def test_empty_lines_in_front(self) -> None:
        """Where a request line is expected, empty lines do not count."""
        self.assertEqual(gleaned(b"\r\nGET / HTTP/1.1\r\nAccept: a/b\r\n"), [(b"accept", b"a/b")])

    def test_cut_off(self) -> None:
        """A last line that is not all here tells nothing, but for the cookies in it."""
        self.assertEqual(gleaned(b"GET / HTTP/1.1\r\nHost: a.exam"), [])
        self.assertEqual(gleaned(b"GET / HTTP/1.1\r\nCookie: a=1; b=2; c"), [(b"cookie", b"a=1; b=2; c")])

    def test_doubled(self) -> None:
        """What comes twice tells nothing, but for cookies."""
        head = b"GET / HTTP/1.1\r\nAccept: a/b\r\nAccept: c/d\r\nCookie: a=1\r\ncookie: b=2\r\n\r\n"
        self.assertEqual(gleaned(head), [(b"cookie", b"a=1"), (b"cookie", b"b=2")])

    def test_odd(self) -> None:
        """Values with anything but visible ASCII, and lines that are no fields, are left out."""
        for line in (b"Accept: \xff", b"Accept: a\0b", b"Accept: a\x1b[2J", b"Accept: a\nHost: b", b"Accept", b": a"):
            self.assertEqual(gleaned(b"GET / HTTP/1.1\r\n" + line + b"\r\n\r\n"), [], line)

    def test_bounded(self) -> None:
        """Of very many lines only the first are looked at."""
        head = b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 10_000 + b"Accept: a/b\r\n\r\n"
        self.assertEqual(gleaned(head), [])

    @given(
        st.binary(max_size=200)
        | st.lists(st.sampled_from([b"\r\n", b"Host", b":", b"a", b"Cookie", b" "])).map(b"".join)
    )
    def test_any_bytes(self, head: bytes) -> None:
        """Whatever the bytes are, there are fields of one line each, or none."""
        for field in glean(head):
            self.assertFalse(set(b"\r\n\0") & set(field.line))
