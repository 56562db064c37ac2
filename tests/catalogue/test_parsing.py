"""Catalogue P: how HTTP/1.1 is read, from clients and from apps."""

from __future__ import annotations

from tests.catalogue.hostile_case import BEFORE, BEHIND, HostileCase, get, post
from tests.catalogue.strict import read_answers
from tests.catalogue.whole import HOST, Whole, numbered, settings

CHUNKED = b"Transfer-Encoding: chunked"
END = b"0\r\n\r\n"


class RequestTests(HostileCase):
    """P1 to P23: what clients send."""

    def test_p1(self) -> None:
        """P1: Content-Length beside Transfer-Encoding is refused, in either order and any case."""
        for first, second in ((b"Content-Length: 4", CHUNKED), (b"content-length: 5", b"TRANSFER-ENCODING: Chunked")):
            self.refused(post(first, second, body=END), 400)
            self.refused(post(second, first, body=END), 400)

    def test_p2(self) -> None:
        """P2: two lengths are refused, equal or not, in two fields or one."""
        for fields in (
            (b"Content-Length: 5", b"Content-Length: 5"),
            (b"Content-Length: 5", b"X: y", b"content-length: 6"),
            (b"Content-Length: 5, 5",),
            (b"Content-Length: 5,6",),
            (b"Content-Length: 5", b"Content-Length:"),
        ):
            self.refused(post(*fields, body=b"hello"), 400)

    def test_p3(self) -> None:
        """P3: a length is digits and nothing else, and no number that wraps."""
        values = (
            b"+5", b"-1", b"1_0", b"0x5", b"", b"1 2", b"5 ;", b"5.0", b"1e1", b"\xef\xbc\x95", b"\x0b5",
            b"0" * 19 + b"5", b"18446744073709551621", b"9" * 20, b"9" * 5000,
        )  # fmt: skip
        for value in values:
            self.refused(post(b"Content-Length: " + value, body=b"hello"), 400)
        self.assertEqual(self.served(post(b"Content-Length: \t 005 ", body=b"hello")).values(b"content-length"), [b"5"])

    def test_p4(self) -> None:
        """P4: the one transfer coding is `chunked`, once."""
        values = (
            b"identity", b"gzip, chunked", b"chunked, chunked", b"chunked, identity", b"xchunked", b"chunkedx",
            b"\x0bchunked", b'"chunked"', b"chunked;q=1", b", chunked", b"chunked,", b"", b"chun ked", b"chunked\xa0",
        )  # fmt: skip
        for value in values:
            self.refused(post(b"Transfer-Encoding: " + value, body=END), 400, 501)
        self.refused(post(CHUNKED, CHUNKED, body=END), 400)
        self.refused(post(CHUNKED, b"Transfer-Encoding: identity", body=END), 400)
        self.assertEqual(
            self.served(post(b"transfer-encoding: CHUNKED", body=END)).values(b"transfer-encoding"), [b"chunked"]
        )

    def test_p5(self) -> None:
        """P5: HTTP/1.0 knows no transfer codings."""
        self.refused(post(CHUNKED, b"Connection: keep-alive", body=END, line=b"POST /public/x HTTP/1.0"), 400)

    def test_p6(self) -> None:
        """P6: a framing field in disguise is refused, and so is white space around a name."""
        for field in (
            b"Transfer-Encoding : chunked", b"Transfer_Encoding: chunked", b" Transfer-Encoding: chunked",
            b"\tTransfer-Encoding: chunked", b"Transfer-Encoding\t: chunked", b"TRANSFER_ENCODING: chunked",
            b"Content_Length: 5", b"Content-Length : 5", b"Transfer-Encoding\x00: chunked",
            b"Transfer\xadEncoding: chunked",
        ):  # fmt: skip
            self.refused(post(field, body=END), 400)
            self.refused(post(field, b"Content-Length: 5", body=END), 400)
            self.refused(b"POST /public/x HTTP/1.1\r\n" + field + b"\r\nHost: " + HOST + b"\r\n\r\n" + END, 400)

    def test_p7(self) -> None:
        """P7: a chunk size is up to sixteen hexadecimal digits and nothing else."""
        for size in (
            b"0x5",
            b"+5",
            b"-5",
            b"5 ",
            b" 5",
            b"\t5",
            b"",
            b"0_5",
            b"5h",
            b"10000000000000005",
            b"0" * 17 + b"5",
        ):
            self.refused(post(CHUNKED, body=size + b"\r\nhello\r\n" + END), 400)
            self.refused(post(CHUNKED, body=b"5\r\nhello\r\n" + size + b"\r\nhello\r\n" + END), 400)
        self.assertEqual(
            self.served(post(CHUNKED, body=b"05\r\nhello\r\nA\r\n0123456789\r\n000\r\n\r\n")).body, b"hello0123456789"
        )

    def test_p8(self) -> None:
        """P8: chunk extensions hold no controls, and are bounded one by one and in sum."""
        for extension in (b";\x01", b";a\rb", b";\x00", b";\x7f", b";a\nb", b";" + b"e" * 1100):
            self.refused(post(CHUNKED, body=b"5" + extension + b"\r\nhello\r\n" + END), 400, 413)
        self.refused(
            post(CHUNKED, body=b"".join(b"1;" + b"e" * 1000 + b"\r\na\r\n" for _ in range(20)) + END), 400, 413
        )
        self.assertEqual(self.served(post(CHUNKED, body=b'5;a=b;c="d e"\r\nhello\r\n0;x\r\n\r\n')).body, b"hello")

    def test_p9(self) -> None:
        """P9: CRLF stands behind a chunk's data, or the body is refused."""
        for behind in (b"XX", b"\n", b"\r\r", b"X\r\n", b"0\r\n", b"\n\n", b" \r\n"):
            self.refused(post(CHUNKED, body=b"5\r\nhello" + behind + END), 400)

    def test_p10(self) -> None:
        """P10: no line of a chunked body ends with a bare LF or CR."""
        for body in (
            b"5\nhello\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello\r\n0\n\r\n", b"5\r\nhello\r\n0\r\n\n",
            b"5\rhello\r\n0\r\n\r\n", b"0\r\nT: u\n\r\n", b"0\r\nT: u\rv\r\n\r\n", b"5;a\nhello\r\n0\r\n\r\n",
        ):  # fmt: skip
            self.refused(post(CHUNKED, body=body), 400)

    def test_p11(self) -> None:
        """P11: bare CR and LF end no line of a head and stand in no value."""
        for field in (
            b"X: a\rb",
            b"X: a\nb",
            b"X: a\r",
            b"X: \n",
            b"X: a\r\r",
            b"X: a\nContent-Length: 5",
            b"\nX: y",
            b"\rX: y",
        ):
            self.refused(get(field), 400)
        self.refused(get(b"X: y").replace(b"\r\n", b"\n"), 400)
        self.refused(get(b"X: y").replace(b"\r\n", b"\n", 1), 400)
        self.refused(get(b"X: y")[:-4] + b"\n\n", 400)
        for before in (b"\n", b"\r", b"\r\n\n", b"\r\n\r\n", b"\r\r\n", b"\n\r\n"):
            self.refused(before + get(), 400)
            self.refused(before + get(line=b"TRACE /public/x HTTP/1.1"), 400)
        self.served(b"\r\n" + get())
        self.refused(get(b"X: y")[:-4] + b"\r\n\n", 400)

    def test_p12(self) -> None:
        """P12: names are tokens, and neither names nor values hold controls."""
        fields = [b"X: a%cb" % code for code in (*range(9), *range(0x0B, 0x0D), *range(0x0E, 0x20), 0x7F)]
        fields += [b"X%cY: a" % code for code in (0, 1, 9, 0x20, 0x7F, 0x80, 0xFF, *b'"(),/;<=>?@[\\]{}')]
        fields += [b": a", b" : a", b"X", b"", b"X\xc3\xa9: a"]
        for field in fields:
            if field:
                self.refused(get(field), 400)
        self.assertEqual(
            self.served(get(b"X-!#$%&'*+.^_`|~9: \t caf\xe9 \t ")).values(b"x-!#$%&'*+.^_`|~9"), [b"caf\xe9"]
        )

    def test_p13(self) -> None:
        """P13: targets hold no blanks, controls, raw non-ASCII bytes or fragments."""
        for target in (
            b"/public/a b",
            b"/public/a\tb",
            b"/public/\x00",
            b"/public/\x7f",
            b"/public/\xc3\xa9",
            b"/public/x#y",
            b"#",
            b"",
        ):
            self.refused(get(target=target), 400)

    def test_p14(self) -> None:
        """P14: folded fields are refused, framing or not."""
        for fold in (b" ", b"\t", b"  \t"):
            self.refused(get(b"X: a\r\n" + fold + b"b"), 400)
            self.refused(post(b"Transfer-Encoding:\r\n" + fold + b"chunked", body=END), 400)
            self.refused(post(b"Content-Length: 5\r\n" + fold + b"0", body=b"hello"), 400)

    def test_p15(self) -> None:
        """P15: answers come in the order of their requests, however slow the first is; none is lost or doubled."""
        whole = Whole(respond=None)
        client = whole.client()
        client.send(b"".join(get(target=b"/public/%d" % number) for number in range(3)))
        whole.pump()
        self.assertEqual([len(app.reading.messages) for app in whole.apps], [1], "one after the other")
        whole.pass_time(20)
        whole.respond = lambda request, _: numbered(request, int(request.target[-1:]))
        whole.pump()
        answers = read_answers(client.got, [b"GET"])
        self.assertEqual([answer.values(b"x-seen") for answer in answers.messages], [[b"0"], [b"1"], [b"2"]])
        self.assertEqual(answers.rest, b"")

    def test_p16(self) -> None:
        """P16: there is one Host, and it is one."""
        self.refused(b"GET /public/x HTTP/1.1\r\n\r\n", 400)
        self.refused(get(b"Host: " + HOST), 400)
        self.refused(get(b"host: evil.example"), 400)
        for host in (
            b"a b",
            b"a/b",
            b"u@a",
            b"a:80x",
            b"a:99999",
            b"a?b",
            b"[::1",
            b"a\xc3\xa9",
            b"a#b",
            b"a\\b",
            b"a:80:80",
            b'"a"',
        ):
            self.refused(b"GET /public/x HTTP/1.1\r\nHost: " + host + b"\r\n\r\n", 400)

    def test_p17(self) -> None:
        """P17: an absolute target names the host that Host names; the app gets it in origin-form."""
        for target in (
            b"http://evil.example/public/x",
            b"http://app.example.com@evil.example/public/x",
            b"http:///public/x",
        ):
            self.refused(get(target=target), 400, 421)
        got = self.served(get(target=b"http://APP.example.com/public/x?y"))
        self.assertEqual(
            (got.start, [host.lower() for host in got.values(b"host")]), ((b"GET", b"/public/x?y"), [HOST])
        )

    def test_p18(self) -> None:
        """P18: no tunnels, no echo of credentials, and methods are tokens."""
        self.refused(get(line=b"CONNECT app.example.com:80 HTTP/1.1"), 400, 405, 501)
        self.refused(get(line=b"TRACE /public/x HTTP/1.1"), 405, 501)
        for method in (b"G T", b"GE\tT", b"G(T", b"", b"get", b"G\x00T", b"\xff"):
            self.refused(get(line=method + b" /public/x HTTP/1.1"), 400, 501)

    def test_p19(self) -> None:
        """P19: unknown expectations fail, and nobody is told to go on whose request is not allowed."""
        self.refused(post(b"Expect: foo", b"Content-Length: 5", body=b"hello"), 417)
        self.refused(post(b"Expect: 100-continue, foo", b"Content-Length: 5", body=b"hello"), 417)
        request = post(b"Expect: 100-continue", b"Content-Length: 5", line=b"POST /admin HTTP/1.1")
        whole = Whole()
        self.assertNotIn(b"100 Continue", whole.ask(request))
        self.assertTrue(whole.clients[0].ended)
        self.assertEqual(whole.apps, [])
        self.assertTrue(
            whole.ask(request.replace(b"/admin", b"/public/x")).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        )

    def test_p20(self) -> None:
        """P20: nobody gets to another protocol than WebSocket past us."""
        for protocol in (b"h2c", b"foo", b"websocket, h2c", b"h2c, websocket", b"TLS/1.0"):
            got = self.served(
                get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: " + protocol, b"HTTP2-Settings: AAMA")
            )
            for name in (b"upgrade", b"connection", b"http2-settings"):
                self.assertEqual(got.values(name), [], protocol)
        self.assertEqual(self.served(get(b"Upgrade: websocket")).values(b"upgrade"), [])

    def test_p21(self) -> None:
        """P21: trailers never become fields, and malformed ones are refused."""
        trailers = b"X-Forwarded-User: evil\r\nContent-Length: 50\r\nHost: evil\r\nX-Trailer: y\r\n"
        got = self.served(post(CHUNKED, b"Trailer: X-Forwarded-User", body=b"5\r\nhello\r\n0\r\n" + trailers + b"\r\n"))
        self.assertNotIn(b"evil", b"".join(value for _, value in got.fields))
        self.assertEqual((got.body, got.values(b"x-trailer"), got.values(b"trailer")), (b"hello", [], []))
        for trailer in (b"X", b" X: y", b"X : y", b": y", b"X: \x00", b"X: a\r\n b"):
            self.refused(post(CHUNKED, body=b"0\r\n" + trailer + b"\r\n\r\n"), 400)

    def test_p22(self) -> None:
        """P22: a head over its size, with too many fields or with too long a target is refused, complete or not."""
        loaded = settings("--head-size-limit=2048", "--header-count-limit=20", "--target-size-limit=1024")
        self.refused(get(b"X: " + b"y" * 3000), 431, loaded=loaded)
        self.refused(get(*[b"X: y"] * 30), 431, loaded=loaded)
        self.refused(get(*[b"X%d: y" % number for number in range(30)]), 431, loaded=loaded)
        self.refused(get(target=b"/public/" + b"x" * 1100), 414, loaded=loaded)
        self.refused(b"GET /public/" + b"x" * 3000, 414, loaded=loaded)
        self.served(get(b"X: " + b"y" * 1500), loaded)

    def test_p23(self) -> None:
        """P23: HTTP/1.0 and 1.1 are served, and nothing that calls itself otherwise."""
        for version in (b"HTTP/0.9", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/2", b"HTTP/1.10", b"HTTP/11", b"HTTP/1.1.1"):
            self.refused(get(line=b"GET /public/x " + version), 400, 505)
        for version in (b"http/1.1", b"HTTP/1,1", b"ICE/1.0", b"HTTP /1.1", b"HTTP/1.1 ", b"", b"HTTP/+1.1"):
            self.refused(get(line=b"GET /public/x " + version), 400, 505)
        self.refused(b"GET /public/x\r\n\r\n", 400)

    def test_no_http_2(self) -> None:
        """F16, D8: HTTP/2 is not spoken, neither at once nor by an upgrade."""
        self.refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 501, 505)
        upgraded = self.served(
            get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")
        )
        self.assertEqual([upgraded.values(name) for name in (b"upgrade", b"http2-settings")], [[], []])


class AnswerTests(HostileCase):
    """P24 and P25: what apps send."""

    def is_refused(self, data: bytes) -> None:
        """At once or byte by byte, it is 502 for the client and the end of the app's connection."""
        for cuts in ((), None):
            whole, client = self.answered(data, cuts=cuts)
            answers = read_answers(client.got, [b"GET"])
            self.assertEqual([answer.status for answer in answers.messages], [502], data)
            self.assertEqual((answers.rest, whole.apps[0].wire.aborted), (b"", True), data)
            self.assertIn(b"the app's answer 0", self.next_answer(whole))
            self.assertEqual(len(whole.apps), 2, "the connection is not used again")
        self.assertEqual(self.flushLoggedErrors(), [], data)

    def test_p24_heads(self) -> None:
        """P24: an answer that could be read in two ways is 502, and its connection is not used again."""
        ok = b"HTTP/1.1 200 OK\r\n"
        for data in (
            ok + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            ok + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            ok + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
            ok + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
            ok + b"Content-Length: 5, 5\r\n\r\nhello",
            ok + b"Content-Length: +5\r\n\r\nhello",
            ok + b"Content-Length:\r\n\r\nhello",
            ok + b"Content_Length: 5\r\n\r\nhello",
            ok + b"Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n",
            ok + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            ok + b"Transfer-Encoding: identity\r\n\r\nhello",
            ok + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            ok + b"Content-Length : 5\r\n\r\nhello",
            ok + b" Content-Length: 5\r\n\r\nhello",
            ok + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
            ok + b"X: a\rSet-Cookie: evil\r\nContent-Length: 0\r\n\r\n",
            ok + b"X: a\nSet-Cookie: evil\r\nContent-Length: 0\r\n\r\n",
            ok + b"X: a\x00b\r\nContent-Length: 0\r\n\r\n",
            ok + b"X\r\nContent-Length: 0\r\n\r\n",
            (ok + b"Content-Length: 5\r\n\r\n").replace(b"\r\n", b"\n") + b"hello",
            b"HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello",
            b"HTTP/1.1 200 O\x00K\r\nContent-Length: 5\r\n\r\nhello",
            b"HTTP/1.1 200 O\rK\r\nContent-Length: 5\r\n\r\nhello",
            b"HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 +20 OK\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
            b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 1000,
            b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
            BEHIND,
        ):
            self.is_refused(data)

    def test_p24_bodies(self) -> None:
        """P24: what comes behind an answer is nobody's, and what is missing of one can be seen."""
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
        for cuts in ((), None):
            whole, client = self.answered(head + b"helloHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", cuts=cuts)
            self.assertTrue(client.got.endswith(b"\r\n\r\nhello"))
            self.assertTrue(whole.apps[0].wire.aborted)
            client.send(BEHIND)
            self.assertNotIn(b"evil", self.next_answer(whole) + client.got)
            whole, client = self.answered(head + b"hell", cuts=cuts)
            whole.apps[0].wire.close()
            whole.pump()
            self.assertTrue(client.got.endswith(b"hell") and client.ended)
            self.assertIsNotNone(read_answers(client.got, [b"GET"], ended=client.closed).partial)

    def test_p24_chunks(self) -> None:
        """P24: an answer whose chunks break never ends as if it were complete."""
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        for behind in (
            b"0x5\r\n",
            b"5 \r\nhello\r\n",
            b"\r\n",
            b"5\nhello",
            b"5\r\nhelloXX",
            b"0\r\nX\r\n\r\n",
            b"g\r\n",
            b"f" * 17 + b"\r\n",
        ):
            for cuts in ((), None):
                whole, client = self.answered(head + behind, cuts=cuts)
                self.assertTrue(client.ended, behind)
                got = read_answers(client.got, [b"GET"], ended=client.closed)
                self.assertEqual((got.messages, got.complaint), ([], ""), behind)
                self.assertTrue(whole.apps[0].wire.aborted)

    def test_p25(self) -> None:
        """P25: body bytes where there can be no body end the app's connection, and are nobody's answer."""
        evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
        head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n"
        for request, status in (
            (BEFORE.replace(b"GET", b"HEAD"), b"200 OK"),
            (BEFORE, b"304 Not Modified"),
            (BEFORE, b"204 No Content"),
        ):
            for cuts in ((), None, (len(head % (status, len(evil))),)):
                whole, client = self.answered(head % (status, len(evil)) + evil, request=request, cuts=cuts)
                answers = read_answers(client.got, [request.partition(b" ")[0]])
                self.assertEqual([answer.body for answer in answers.messages], [b""])
                self.assertTrue(whole.apps[0].wire.aborted)
                self.assertNotIn(b"evil", client.got + self.next_answer(whole))

    def test_p25_later(self) -> None:
        """P25: an app that announces a body where there can be none is not asked again on that connection."""
        for request, status in (
            (BEFORE.replace(b"GET", b"HEAD"), b"200 OK"),
            (BEFORE, b"304 Not Modified"),
            (BEFORE, b"204 No Content"),
        ):
            for framing in (b"Content-Length: 5", b"Transfer-Encoding: chunked"):
                whole, _ = self.answered(b"HTTP/1.1 %s\r\n%s\r\n\r\n" % (status, framing), request=request)
                whole.ask(BEHIND)
                self.assertEqual(len(whole.apps), 2, (status, framing))
            whole, _ = self.answered(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % status, request=request)
            whole.ask(BEHIND)
            self.assertEqual(len(whole.apps), 1, status)
