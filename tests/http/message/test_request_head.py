"""Tests of reading a request's head: what is served, and what each violation is refused with."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.limits import Limits
from o2sidecar.http.message.host import is_host
from o2sidecar.http.message.request_head import HeadRefused, RequestHead, split_head

LIMITS = Limits()


def read(
    line: bytes = b"GET / HTTP/1.1", *fields: bytes, host: bytes | None = b"a", limits: Limits = LIMITS
) -> RequestHead:
    """A head of this request line and these fields, behind a Host."""
    head = RequestHead()
    lines = [line, *([b"Host: " + host] if host is not None else []), *fields]
    head.read(b"\r\n".join([*lines, b"", b""]), limits)
    return head


class RequestHeadTests(SynchronousTestCase):
    """One meaning, or a refusal."""

    def refused(self, status: int, line: bytes = b"GET / HTTP/1.1", *fields: bytes, **more: object) -> None:
        """Reading fails with this status."""
        with self.assertRaises(HeadRefused, msg=repr((line, fields))) as caught:
            read(line, *fields, **more)  # type: ignore[arg-type]
        self.assertEqual(caught.exception.status, status, (line, fields, caught.exception.reason))

    def test_ordinary(self) -> None:
        """Path, query and fields are kept as they came."""
        head = read(b"GET /a%2Fb?x=%20&y HTTP/1.1", b"X-A: 1", b"x-a: 2")
        self.assertEqual((head.method, head.target, head.path), (b"GET", b"/a%2Fb?x=%20&y", b"/a%2Fb"))
        self.assertEqual([field.name for field in head.fields], [b"Host", b"X-A", b"x-a"])
        self.assertEqual([field.value for field in head.fields], [b"a", b"1", b"2"])
        self.assertEqual((head.host, head.content_length, head.chunked, head.http_1_0), (b"a", 0, False, False))

    def test_request_line(self) -> None:
        """Exactly three parts with one space between them (P13, P23)."""
        for line in (b"GET  / HTTP/1.1", b"GET /  HTTP/1.1", b"GET / HTTP/1.1 ", b"GET /", b"GET", b"GET\t/\tHTTP/1.1"):
            self.refused(400, line)

    def test_before_the_method(self) -> None:
        """Nothing stands in front of a method, and what is refused stays so behind a line end (P11, P18)."""
        for before in (b"\n", b"\r", b"\r\r", b"\n\n", b"\t", b"\0"):
            for method in (b"GET", b"HEAD", b"TRACE"):
                self.refused(400, before + method + b" / HTTP/1.1")

    def test_version(self) -> None:
        """Only 1.1 and 1.0 are served (P23)."""
        for line in (b"GET / HTTP/2.0", b"GET / HTTP/1.2", b"GET / HTTP/0.9", b"GET / HTTP/1.10"):
            self.refused(505, line)
        for line in (b"GET / http/1.1", b"GET / RTSP/1.0"):
            self.refused(400, line)
        self.assertTrue(read(b"GET / HTTP/1.0").http_1_0)

    def test_methods(self) -> None:
        """Methods that open tunnels or echo credentials are not served; others that llhttp knows are (P18)."""
        for line in (b"CONNECT a:1 HTTP/1.1", b"TRACE / HTTP/1.1", b"FROBNICATE / HTTP/1.1"):
            self.refused(501, line)
        for line in (b"get / HTTP/1.1", b"G@T / HTTP/1.1"):
            self.refused(400, line)
        for method in (b"PROPFIND", b"QUERY", b"PATCH", b"DELETE"):
            self.assertEqual(read(method + b" / HTTP/1.1").method, method)

    def test_target_characters(self) -> None:
        """Controls, raw non-ASCII and fragments do not belong into a target (P13, U7)."""
        for target in (b"/a#b", b"/\xc3\xa9", b"/\x7f", b"/\x01", b"/a\x00"):
            self.refused(400, b"GET " + target + b" HTTP/1.1")
        self.assertEqual(read(b'GET /a"<>\\^`{|} HTTP/1.1').target, b'/a"<>\\^`{|}')

    def test_target_forms(self) -> None:
        """Absolute form is taken apart, asterisk form is OPTIONS' alone, others are refused (RFC 9112 §3.2)."""
        self.assertEqual(read(b"GET HTTP://A/b?c HTTP/1.1").target, b"/b?c")
        self.assertEqual(read(b"GET http://a HTTP/1.1").target, b"/")
        self.assertEqual(read(b"OPTIONS * HTTP/1.1").target, b"*")
        for target in (b"*", b"foo", b"a:80", b"ftp://a/", b"http:///x", b"http://a?x", b"http://u@a/"):
            self.refused(400, b"GET " + target + b" HTTP/1.1")

    def test_absolute_form_and_host(self) -> None:
        """An absolute target must name the same host as Host does (P17)."""
        self.refused(400, b"GET http://evil.example/ HTTP/1.1")
        self.assertEqual(read(b"GET http://b/ HTTP/1.0", host=None).host, b"b")

    def test_host(self) -> None:
        """One valid Host, which HTTP/1.0 may leave out (P16)."""
        self.refused(400, host=None)
        self.refused(400, b"GET / HTTP/1.1", b"Host: a")
        self.refused(400, b"GET / HTTP/1.1", b"Host: b")
        for host in (b"a b", b"a/b", b"u@a", b"a:80x", b"a:99999", b"a?b", b"[::1", b"a\xc3\xa9", b"a,b c"):
            self.refused(400, host=host)
        self.assertEqual(read(b"GET / HTTP/1.0", host=None).host, b"")
        self.assertEqual(read(host=b"").host, b"")

    def test_valid_hosts(self) -> None:
        """Names, addresses and ports pass, and the memory of them is bounded."""
        for host in (b"a", b"a.b:80", b"127.0.0.1", b"[::1]:8080", b"xn--a.example", b"a_b", b"a:"):
            self.assertTrue(is_host(host), host)
        for number in range(3000):
            self.assertTrue(is_host(b"h%d" % number))

    def test_two_framings(self) -> None:
        """Content-Length and Transfer-Encoding together are refused in either order (P1)."""
        both = (b"Content-Length: 4", b"transfer-encoding: CHUNKED")
        self.refused(400, b"POST / HTTP/1.1", *both)
        self.refused(400, b"POST / HTTP/1.1", *reversed(both))

    def test_content_length(self) -> None:
        """Digits, once, or nothing (P2, P3)."""
        for value in (b"+1", b"-1", b"1_0", b"0x1", b"", b"1 2", b"1,1", b"9" * 20, b"9" * 5000, b"\xef\xbc\x95"):
            self.refused(400, b"POST / HTTP/1.1", b"Content-Length: " + value)
        self.refused(400, b"POST / HTTP/1.1", b"Content-Length: 1", b"Content-Length: 1")
        self.refused(400, b"POST / HTTP/1.1", b"Content_Length: 1")
        self.assertEqual(read(b"POST / HTTP/1.1", b"Content-Length:  007 ").content_length, 7)

    def test_transfer_encoding(self) -> None:
        """Nothing but `chunked`, once, and not in HTTP/1.0 (P4, P5, P6)."""
        values = (
            b"identity", b"gzip, chunked", b"chunked, chunked", b"xchunked", b"\x0bchunked", b'"chunked"',
            b"chunked;q=1", b", chunked", b"chunked,", b"",
        )  # fmt: skip
        for value in values:
            self.refused(400, b"POST / HTTP/1.1", b"Transfer-Encoding: " + value)
        self.refused(400, b"POST / HTTP/1.1", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked")
        self.refused(400, b"POST / HTTP/1.1", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity")
        self.refused(400, b"POST / HTTP/1.0", b"Transfer-Encoding: chunked")
        for field in (b"Transfer-Encoding : chunked", b"Transfer_Encoding: chunked", b" Transfer-Encoding: chunked"):
            self.refused(400, b"POST / HTTP/1.1", field)
        head = read(b"POST / HTTP/1.1", b"Transfer-Encoding: Chunked")
        self.assertEqual((head.chunked, head.content_length), (True, None))

    def test_connection_names_framing(self) -> None:
        """Connection may not have framing removed on the way (F6)."""
        for name in (b"Content-Length", b"close, transfer-encoding"):
            self.refused(400, b"POST / HTTP/1.1", b"Connection: " + name, b"Content-Length: 1")

    def test_expectation(self) -> None:
        """100-continue counts where there is a body to wait with; others fail (P19)."""
        body = b"Content-Length: 1"
        self.assertTrue(read(b"POST / HTTP/1.1", b"Expect: 100-Continue", body).expects_continue)
        self.assertFalse(read(b"POST / HTTP/1.1", b"Expect: 100-continue").expects_continue)
        self.assertFalse(read(b"POST / HTTP/1.0", b"Expect: 100-continue", body).expects_continue)
        self.refused(417, b"POST / HTTP/1.1", b"Expect: foo", body)

    def test_limits(self) -> None:
        """Too long a target, too many fields and too large a body have statuses of their own (P22, D2)."""
        limits = Limits(target_size=64, field_count=8, body_size=10)
        self.refused(414, b"GET /" + b"a" * 64 + b" HTTP/1.1", limits=limits)
        self.refused(431, b"GET / HTTP/1.1", *[b"X: y"] * 8, limits=limits)
        self.refused(413, b"POST / HTTP/1.1", b"Content-Length: 11", limits=limits)
        self.assertEqual(read(b"POST / HTTP/1.1", b"Content-Length: 10", limits=limits).content_length, 10)

    def test_non_ascii_values(self) -> None:
        """obs-text in values passes as it is (RFC 9110 §5.5)."""
        self.assertEqual(read(b"GET / HTTP/1.1", b"X-A: caf\xe9\xff").fields[1].value, b"caf\xe9\xff")


class SplitHeadTests(SynchronousTestCase):
    """Finding a head's end."""

    limits = Limits(head_size=1024, target_size=64)

    def test_whole_and_rest(self) -> None:
        """A head ends with its empty line; what follows is left."""
        self.assertEqual(split_head(b"", b"A\r\n\r\nB", self.limits), (b"A\r\n\r\n", b"B"))

    def test_in_parts(self) -> None:
        """However it is cut, the same head comes out."""
        whole = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        for cut in range(1, len(whole)):
            head, held = split_head(b"", whole[:cut], self.limits)
            self.assertEqual(head, b"")
            self.assertEqual(split_head(held, whole[cut:], self.limits), (whole, b""))

    def test_one_empty_line(self) -> None:
        """One empty line in front is forgiven, a second is not a head (RFC 9112 §2.2)."""
        self.assertEqual(split_head(b"", b"\r\nA\r\n\r\n", self.limits), (b"A\r\n\r\n", b""))
        head, _ = split_head(b"\r", b"\n\r\n", self.limits)
        with self.assertRaises(HeadRefused):
            RequestHead().read(head or b"\r\n", self.limits)

    def test_too_large(self) -> None:
        """A head over its limit is refused before it ends; with a long request line by 414, else by 431 (P22)."""
        for data, status in ((b"GET /" + b"a" * 2000, 414), (b"GET / HTTP/1.1\r\nX: " + b"a" * 2000, 431)):
            for end in (b"", b"\r\n\r\n"):
                with self.assertRaises(HeadRefused) as caught:
                    split_head(b"", data + end, self.limits)
                self.assertEqual(caught.exception.status, status)

    def test_bare_line_feeds(self) -> None:
        """A head with bare line feeds is refused at once, not waited for (P11)."""
        with self.assertRaises(HeadRefused):
            split_head(b"GET / HTTP/1.1\nHost: a", b"\n\n", self.limits)
