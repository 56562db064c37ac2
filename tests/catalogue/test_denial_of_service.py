"""Catalogue D, as far as it concerns the wire: what one client can cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from tests.catalogue.hostile_case import BEFORE, HostileCase, get, post
from tests.catalogue.strict import read_answers
from tests.catalogue.whole import ALICE, HOST, NAME, Whole, pair, settings

CHUNKED = b"Transfer-Encoding: chunked"
OWN = (b"sign_in", b"sign_out", b"start", b"callback", b"userinfo", b"auth", b"static/x", b"nothing", b"")


def growth(work: Callable[[int], object], size: int) -> float:
    """By what factor the work grows when its size is four times as much; the least of three tries."""

    def seconds(amount: int) -> float:
        begun = time.process_time()
        work(amount)
        return time.process_time() - begun

    work(size)
    return min(seconds(4 * size) / max(seconds(size), 1e-4) for _ in range(3))


class SlowTests(HostileCase):
    """D1: those who take their time."""

    def test_d1(self) -> None:
        """D1: heads, bodies and readers that do not get on are ended, and others are served meanwhile."""
        whole = Whole()
        slow = [whole.client() for _ in range(200)]
        beginnings = (
            b"",
            b"GET /public/",
            get()[:-2],
            post(b"Content-Length: 5", body=b"h"),
            post(CHUNKED, body=b"5\r\nh"),
        )
        for index, client in enumerate(slow):
            client.send(beginnings[index % len(beginnings)])
        whole.pump()
        self.assertIn(b"the app's answer", whole.ask(BEFORE))
        for _ in range(30):
            whole.pass_time(5)
            for client in slow[1::5]:
                if not client.ended:
                    client.send(b"x")
        self.assertEqual([client for client in slow if not client.ended], [])
        self.assertEqual([app for app in whole.apps if app.reading.rest and not app.wire.lost], [])
        self.assertIn(b"the app's answer", whole.ask(BEFORE))

    def test_d1_reader(self) -> None:
        """D1: who does not read is not written to without end."""
        whole, client = self.answered(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 1000)
        client.wire.stall()
        self.assertTrue(whole.apps[0].wire.paused)
        whole.pass_time(100)
        self.assertTrue(client.ended and whole.apps[0].wire.aborted)


class SizeTests(HostileCase):
    """D2 and D3: those who send much."""

    def test_d2(self) -> None:
        """D2: a body over its limit is refused with 413, announced or not, and the app never has a whole one."""
        loaded = settings("--body-size-limit=1000")
        self.refused(post(b"Content-Length: 1001", body=b"x" * 1001), 413, loaded=loaded)
        self.refused(post(b"Content-Length: 999999999999999", body=b"x"), 413, loaded=loaded)
        self.refused(post(CHUNKED, body=b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"), 413, loaded=loaded)
        self.refused(post(CHUNKED, body=b"1f4\r\n" + b"x" * 500 + b"\r\n1f5\r\n"), 413, loaded=loaded)
        self.assertEqual(len(self.served(post(b"Content-Length: 1000", body=b"x" * 1000), loaded).body), 1000)

    def test_d2_trailers(self) -> None:
        """D2: so are trailers."""
        self.refused(post(CHUNKED, body=b"0\r\n" + b"X: y\r\n" * 2000), 431)
        self.refused(post(CHUNKED, body=b"0\r\nX: " + b"y" * 9000), 431)

    def test_d3(self) -> None:
        """D3: the smallest chunks cost time in proportion, with extensions or not, in large pieces or small ones."""
        for chunk in (b"1\r\na\r\n", b"1;e\r\na\r\n"):
            for piece in (16384, 5):
                self.assertLess(growth(partial(self.upload, chunk, piece), 1000), 10, (chunk, piece))

    @staticmethod
    def upload(chunk: bytes, piece: int, count: int) -> None:
        """A body of so many chunks, in pieces of this size."""
        whole = Whole(respond=None)
        wire = whole.client().wire
        wire.send(post(CHUNKED))
        body = chunk * count
        for start in range(0, len(body), piece):
            wire.send(body[start : start + piece])
            whole.apps[0].wire.take()

    def test_d3_heads(self) -> None:
        """D3: many requests at once cost time in proportion."""
        self.assertLess(growth(lambda count: Whole().client().wire.send(get(target=b"/ping") * count), 200), 10)


class CookieTests(HostileCase):
    """D6: those who send cookies."""

    def test_d6(self) -> None:
        """D6: a field full of cookies of our name is looked through once; a good one among a few still counts."""
        name = NAME.encode()
        for junk in (
            b"; ".join(b"%s_%d=x" % (name, number) for number in range(2000)),
            b"; ".join(b"%s=x|1|y" % name for _ in range(2000)),
            b"%s_999999999999999999999999=x" % name,
            b"; ".join(b"%s_%d=%s" % (name, number, b"x" * 500) for number in range(100)),
            b"=" * 3000 + b";" * 3000,
        ):
            self.denied(get(b"Cookie: " + junk, target=b"/admin"))
        whole = Whole()
        whole.ask(get(b"Cookie: %s=x; a=b; %s" % (name, pair(ALICE)), target=b"/admin"))
        self.assertEqual(len(whole.seen), 1)


class OwnEndpointTests(HostileCase):
    """D9: those who send oddities to the own endpoints."""

    def test_d9(self) -> None:
        """D9: whatever comes to an own endpoint is answered, by no fault of ours and by no app."""
        forms = (
            (b"", b""),
            (b"application/x-www-form-urlencoded", b"%"),
            (b"application/x-www-form-urlencoded; charset=\xff", b"rd=%ff&rd=%zz&rd"),
            (b"multipart/form-data", b"x"),
            (b'multipart/form-data; boundary=""', b"--\r\n"),
            (
                b"multipart/form-data; boundary=x",
                b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nv\r\n--x--\r\n',
            ),
            (b"multipart/form-data; boundary=" + b"b" * 300, b"--x--"),
            (b"\xff;;", b"\0" * 100),
        )
        for path in OWN:
            for method in (b"POST", b"PUT", b"DELETE", b"PROPFIND", b"OPTIONS"):
                for kind, body in forms:
                    line = b"%s /oauth2/%s HTTP/1.1" % (method, path)
                    length = b"Content-Length: %d" % len(body)
                    whole = Whole()
                    answer = whole.ask(post(b"Content-Type: " + kind, length, body=body, line=line))
                    self.assertEqual(whole.apps, [], line)
                    # The beginning of a login waits for the provider, which nobody plays here.
                    if path != b"start":
                        self.assertIn(answer[9:10], (b"2", b"3", b"4"), (line, kind, answer))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_d9_too_large(self) -> None:
        """D9: a body that is too large for an own endpoint is 413, announced or not."""
        for path in (b"sign_in", b"sign_out", b"callback"):
            line = b"POST /oauth2/%s HTTP/1.1" % path
            for data in (
                post(b"Content-Length: 70000", body=b"x" * 70000, line=line),
                post(CHUNKED, body=b"11170\r\n" + b"x" * 70000 + b"\r\n0\r\n\r\n", line=line),
            ):
                whole = Whole()
                [answer] = read_answers(whole.ask(data), [b"POST"]).messages
                self.assertEqual((answer.status, whole.seen), (413, []), path)


class TunnelTests(HostileCase):
    """D11: those who send much through a tunnel."""

    def test_d11(self) -> None:
        """D11: a frame of a gibibyte passes as it comes; nothing of it is held, and a slow side slows the other."""
        upgrade = get(b"Connection: Upgrade", b"Upgrade: websocket", b"Origin: http://" + HOST)
        switched = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        whole, client = self.answered(switched, request=upgrade)
        app = whole.apps[0].wire
        app.take()
        client.wire.send(b"\x82\xff\x00\x00\x00\x00\x40\x00\x00\x00mask")
        for _ in range(100):
            client.wire.send(b"x" * 65536)
        self.assertEqual(len(app.take()), 14 + 100 * 65536)
        app.stall()
        client.wire.send(b"x")
        client.wire.send(b"x")
        self.assertTrue(client.wire.paused)
        app.drain()
        self.assertFalse(client.wire.paused)
        self.assertEqual(app.take(), b"xx")
