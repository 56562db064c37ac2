"""Tests of the reverse proxy: what the app gets, what the client gets, and what happens when either fails."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource
from zope.interface.verify import verifyObject

from o2sidecar.http.exchange import Exchange
from o2sidecar.http.limits import UpstreamLimits
from o2sidecar.http.message.request_head import HeadRefused, RequestHead
from o2sidecar.identity import HeaderRule, HeaderSource, Identity, IdentityHeaders
from o2sidecar.proxy import ReverseProxyResource
from o2sidecar.session.session import Session
from tests.wire import App, Listening, Recorder, Wire

DATE = b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"


def identity(**changes: Any) -> Identity:
    """Alice's, in two fields for the app and one for the browser."""
    rules = tuple(
        HeaderRule(name=name, sources=(HeaderSource(claim=claim),), **changes)
        for name, claim in (("X-Forwarded-User", "user"), ("X-Forwarded-Email", "email"))
    )
    headers = IdentityHeaders(request_rules=rules, response_rules=(), auth_rules=())
    return headers.identify(Session(user="alice", email="a@example.com"))


class Proxied:
    """A client, our server with a proxy behind it, and the app behind that."""

    def __init__(self, who: Identity | None = None, accepts: bool = True, **options: Any) -> None:
        self.app = App(accepts)
        self.who = who
        limits = options.pop("limits", UpstreamLimits(head_time=30, connect_time=5))
        clock = Clock()
        self.proxy = ReverseProxyResource(
            "app", 8080, options.pop("path", b""), clock, endpoint=self.app, limits=limits, **options
        )
        self.listening = Listening(served=Recorder(self._serve))
        self.listening.clock = self.listening.server.clock = clock
        self.listening.server._sweep._clock = clock
        self.client = self.listening.client()

    def _serve(self, exchange: Exchange) -> None:
        exchange.identity = self.who
        self.proxy.serve(exchange)

    def head(self, *fields: bytes, line: bytes = b"GET /x HTTP/1.1") -> bytes:
        """What the app gets for a request with these fields, without Host."""
        self.client.send(b"\r\n".join([line, b"Host: h", *fields, b"", b""]))
        return self.app.wire.take() if self.app.wires else b""

    def lines(self, *fields: bytes) -> list[bytes]:
        """The fields that the app gets for a GET with these fields, without Host and X-Forwarded-For."""
        lines = self.head(*fields).split(b"\r\n")[2:-2]
        return [line for line in lines if not line.startswith(b"X-Forwarded-For: ")]

    def answer(self, *fields: bytes, body: bytes = b"", line: bytes = b"HTTP/1.1 200 OK") -> list[bytes]:
        """The field lines that the client gets for an app's answer, without framing."""
        self.head()
        self.app.wire.send(b"\r\n".join([line, b"Content-Length: %d" % len(body), *fields, b"", b""]) + body)
        lines = self.client.take().partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        return [line for line in lines if not line.startswith((b"Content-Length: ", b"Date: "))]


class ToTheAppTests(SynchronousTestCase):
    """The request that the app gets."""

    def test_a_resource(self) -> None:
        """It is a twisted.web resource with Twisted's constructor."""
        verifyObject(IResource, ReverseProxyResource("h", 80, b"", Clock()))

    def test_ordinary(self) -> None:
        """Line, Host, fields in order with case and duplicates, the peer; nothing invented."""
        proxied = Proxied()
        self.assertEqual(
            proxied.head(b"B: 1", b"a: 2", b"b: 3", b"X-Custom_Under: u"),
            b"GET /x HTTP/1.1\r\nHost: h\r\nB: 1\r\na: 2\r\nb: 3\r\nX-Custom_Under: u\r\n"
            b"X-Forwarded-For: 192.0.2.1\r\n\r\n",
        )

    def test_target(self) -> None:
        """The target goes on as it came, behind the resource's own path."""
        line = b"GET /a%2Fb//c;d?x=%zz&y HTTP/1.1"
        self.assertTrue(Proxied().head(line=line).startswith(line + b"\r\n"))
        self.assertTrue(Proxied(path=b"/pre").head(line=line).startswith(b"GET /pre/a%2Fb//c;d?x=%zz&y HTTP/1.1\r\n"))

    def test_host(self) -> None:
        """The client's Host goes on, or the app's own, or the app's own where the client has none."""
        self.assertIn(b"\r\nHost: h\r\n", Proxied().head())
        self.assertIn(b"\r\nHost: app:8080\r\n", Proxied(pass_host_header=False).head())
        self.assertIn(b"\r\nHost: b\r\n", Proxied(pass_host_header=False, host_field=b"b").head())
        proxied = Proxied()
        proxied.client.send(b"GET / HTTP/1.0\r\n\r\n")
        self.assertIn(b"\r\nHost: app:8080\r\n", proxied.app.wire.take())

    def test_hop_by_hop(self) -> None:
        """What concerns the connection, and what Connection names, goes no further (F7)."""
        fields = (
            b"Connection: close, X-Secret",
            b"X-Secret: 1",
            b"Keep-Alive: timeout=5",
            b"Proxy-Connection: keep-alive",
            b"Proxy-Authorization: Basic x",
            b"TE: trailers",
            b"Trailer: X",
            b"Upgrade: foo",
            b"HTTP2-Settings: AAMA",
            b"Proxy: http://evil.example/",
            b"Y: 1",
        )
        self.assertEqual(Proxied().lines(*fields), [b"Y: 1"])

    def test_upgrade_to_others(self) -> None:
        """Nobody gets to HTTP/2 or anything else past us (P20)."""
        for protocol in (b"h2c", b"foo", b"websocket, h2c"):
            fields = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: " + protocol, b"HTTP2-Settings: AAMA")
            self.assertEqual(Proxied().lines(*fields), [])

    def test_upgrade_with_another_method(self) -> None:
        """A WebSocket is asked for with GET (RFC 6455 §4.1); whatever else asks for one is an ordinary request."""
        for method in (b"POST", b"HEAD", b"OPTIONS"):
            head = Proxied().head(b"Connection: Upgrade", b"Upgrade: websocket", line=method + b" /x HTTP/1.1")
            self.assertTrue(head.startswith(method))
            self.assertNotIn(b"pgrade", head)

    def test_identity_is_last(self) -> None:
        """No nomination removes Host, what we say about the sender, or the address (F5, CVE-2024-45410)."""
        proxied = Proxied(identity())
        nominations = b"Connection: close, X-Forwarded-User, X-Forwarded-Email, X-Forwarded-For, Host, Cookie"
        self.assertEqual(
            proxied.head(nominations, b"X-Forwarded-For: 9.9.9.9", b"Cookie: a=b", b"X-Forwarded-User: evil"),
            b"GET /x HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.1\r\n"
            b"X-Forwarded-User: alice\r\nX-Forwarded-Email: a@example.com\r\n\r\n",
        )

    def test_spoofed(self) -> None:
        """Names of the identity families never pass, in no spelling, signed in or not (F1, F2, F3, F4)."""
        spoofed = (
            b"X-Forwarded-User: evil",
            b"x-forwarded-EMAIL: evil",
            b"X_Forwarded_User: evil",
            b"X-Forwarded_Groups: evil",
            b"x_auth-request_user: evil",
            b"X-Auth-Request-Access-Token: evil",
            b"X-Forwarded-Id-Token: evil",
            b"GAP-Auth: evil",
            b"X-Forwarded-User:",
        )
        ours = [b"X-Forwarded-User: alice", b"X-Forwarded-Email: a@example.com"]
        self.assertEqual(Proxied().lines(*spoofed, b"A: b", *spoofed), [b"A: b"])
        self.assertEqual(Proxied(identity()).lines(*spoofed, *spoofed), ours)

    def test_spoofed_in_trailers(self) -> None:
        """Trailers do not reach the app (P21)."""
        proxied = Proxied()
        proxied.client.send(
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Forwarded-User: evil\r\n\r\n"
        )
        self.assertNotIn(b"evil", proxied.app.wire.take())

    def test_more_reserved_names(self) -> None:
        """What a rule sets is the client's no more (F15)."""
        proxied = Proxied(reserved=frozenset({b"authorization"}))
        self.assertEqual(proxied.lines(b"Authorization: Basic x", b"A: b"), [b"A: b"])

    def test_preserved(self) -> None:
        """A preserved value stays in front of ours; without one of ours it stays alone."""
        names = frozenset({b"x-forwarded-user"})
        proxied = Proxied(identity(), preserved=names, reserved=frozenset())
        self.assertEqual(
            proxied.lines(b"X_Forwarded-User: u", b"X-Forwarded-User: v"),
            [b"X-Forwarded-User: u,v,alice", b"X-Forwarded-Email: a@example.com"],
        )
        self.assertEqual(
            Proxied(preserved=names, reserved=frozenset()).lines(b"X-Forwarded-User: u"), [b"X-Forwarded-User: u"]
        )
        proxied = Proxied(identity(), preserved=names, reserved=frozenset())
        self.assertEqual(len(proxied.lines()), 2)

    def test_own_cookies(self) -> None:
        """Our own cookies are taken out, others stay byte for byte, an empty field goes (F11)."""
        strip = {b"s=1; a=b; c==": b"a=b; c==", b"s=1": b""}.__getitem__
        self.assertEqual(Proxied(strip_cookies=strip).lines(b"Cookie: s=1; a=b; c=="), [b"Cookie: a=b; c=="])
        self.assertEqual(
            Proxied(strip_cookies=strip).lines(b"Cookie: s=1", b"Cookie: s=1; a=b; c=="), [b"Cookie: a=b; c=="]
        )
        self.assertEqual(Proxied(strip_cookies=strip).lines(b"Cookie: s=1"), [])
        self.assertEqual(Proxied().lines(b"Cookie: s=1"), [b"Cookie: s=1"])

    def test_forwarded_for(self) -> None:
        """The peer is added to what came; other fields of that kind pass."""
        head = Proxied().head(b"X-Forwarded-For: 1.1.1.1", b"X-Forwarded-Proto: https", b"x-forwarded-for: 2.2.2.2")
        self.assertIn(b"X-Forwarded-For: 1.1.1.1, 2.2.2.2, 192.0.2.1\r\n", head)
        self.assertIn(b"X-Forwarded-Proto: https\r\n", head)
        self.assertEqual(head.lower().count(b"x-forwarded-for"), 1)

    def test_forwarded_of_strangers(self) -> None:
        """Nothing passes that a request which is not believed says about its way here (F8)."""
        spoofed = (
            b"X-Forwarded-For: 1.1.1.1", b"X-Forwarded-Proto: https", b"X_Forwarded_Host: evil", b"Forwarded: for=1",
            b"X-Real-IP: 1", b"X-Forwarded-Port: 1", b"X-Forwarded-Prefix: /x",
        )  # fmt: skip
        self.assertEqual(
            Proxied(believes=lambda exchange: False).head(*spoofed),
            b"GET /x HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n"
            b"X-Forwarded-Host: h\r\n\r\n",
        )
        self.assertEqual(Proxied(believes=lambda exchange: True).head(*spoofed), Proxied().head(*spoofed))

    def test_framing(self) -> None:
        """Framing is written from what was parsed, never copied."""
        proxied = Proxied()
        proxied.client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0005\r\n\r\nhello")
        self.assertTrue(proxied.app.wire.take().endswith(b"Content-Length: 5\r\n\r\nhello"))
        proxied = Proxied()
        proxied.client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
        self.assertIn(b"Content-Length: 0\r\n", proxied.app.wire.take())
        proxied = Proxied()
        proxied.client.send(
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\n"
        )
        self.assertTrue(proxied.app.wire.take().endswith(b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))

    def test_decoded_body_cannot_smuggle(self) -> None:
        """A chunk that looks like the end and a second request stays within its chunk."""
        inner = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
        proxied = Proxied()
        proxied.client.dribble(
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
            % (len(inner), inner)
        )
        body = proxied.app.wire.take().partition(b"\r\n\r\n")[2]
        self.assertEqual(body, b"".join(b"1\r\n%c\r\n" % byte for byte in inner) + b"0\r\n\r\n")


class ToTheClientTests(SynchronousTestCase):
    """The answer that the client gets."""

    def test_ordinary(self) -> None:
        """Status, reason, fields and body come in one write, with Date added if it is missing."""
        proxied = Proxied()
        proxied.head()
        proxied.app.wire.send(b"HTTP/1.1 201 Made it\r\nB: 1\r\na: 2\r\nb: 3\r\nContent-Length: 2\r\n\r\nok")
        self.assertEqual(
            proxied.client.take(),
            b"HTTP/1.1 201 Made it\r\nB: 1\r\na: 2\r\nb: 3\r\nContent-Length: 2\r\n" + DATE + b"\r\nok",
        )
        self.assertEqual(proxied.listening.exchanges[0].upstream, "app:8080")
        self.assertEqual(Proxied(name="main").proxy._name, "main")

    def test_nothing_invented(self) -> None:
        """The app's Date stays, and no field is added."""
        proxied = Proxied()
        proxied.head()
        proxied.app.wire.send(b"HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n")
        self.assertEqual(proxied.client.take(), b"HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n")

    def test_hop_by_hop(self) -> None:
        """What concerns the connection to the app stays there."""
        fields = (b"Connection: X-Hop", b"X-Hop: 1", b"Keep-Alive: timeout=9", b"Upgrade: h2c", b"Trailer: X", b"X: 1")
        self.assertEqual(Proxied().answer(*fields), [b"X: 1"])

    def test_identity(self) -> None:
        """What we tell the browser is ours alone; an app cannot say it (F14)."""
        fields = (b"GAP-Auth: evil", b"x_auth_request_user: evil", b"X-Auth-Request-Email: evil", b"X: 1")
        self.assertEqual(Proxied(identity()).answer(*fields), [b"X: 1", b"GAP-Auth: a@example.com"])
        self.assertEqual(Proxied().answer(*fields), [b"X: 1"])

    def test_cookies(self) -> None:
        """Several Set-Cookie stay several and in order; our own names are not the app's to set (F11)."""
        cookies = (b"Set-Cookie: a=1; Path=/", b"X: 1", b"set-cookie: s=evil", b"Set-Cookie: a=2")
        self.assertEqual(Proxied().answer(*cookies), list(cookies))
        own = Proxied(own_cookie=lambda value: value.startswith(b"s="))
        self.assertEqual(own.answer(*cookies), [cookies[0], cookies[1], cookies[3]])

    def test_also(self) -> None:
        """A refreshed session's cookie goes with the app's answer."""
        proxied = Proxied()
        proxied.head()
        proxied.listening.exchanges[0].also.append((b"Set-Cookie", b"s=2"))
        proxied.app.wire.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        self.assertIn(b"Set-Cookie: s=2\r\n", proxied.client.take())

    def test_streams(self) -> None:
        """Each event passes when it comes, the head included; nothing waits for more."""
        proxied = Proxied()
        proxied.head()
        app, client = proxied.app.wire, proxied.client
        app.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.assertTrue(client.take().endswith(b"\r\n\r\n"))
        app.send(b"5\r\nfirst")
        self.assertEqual(client.take(), b"5\r\nfirst\r\n")
        app.send(b"\r\n6\r\nse")
        self.assertEqual(client.take(), b"2\r\nse\r\n")
        app.send(b"cond\r\n0\r\n\r\n")
        self.assertEqual(client.take(), b"4\r\ncond\r\n0\r\n\r\n")

    def test_byte_by_byte(self) -> None:
        """An answer that comes one byte at a time is the same answer."""
        proxied = Proxied()
        proxied.head()
        proxied.app.wire.dribble(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        self.assertTrue(proxied.client.take().endswith(b"Content-Length: 5\r\n" + DATE + b"\r\nhello"))

    def test_backpressure(self) -> None:
        """A slow client pauses the app, a slow app the client."""
        proxied = Proxied()
        proxied.head()
        proxied.app.wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        proxied.client.stall()
        self.assertTrue(proxied.app.wire.paused)
        proxied.client.drain()
        self.assertFalse(proxied.app.wire.paused)
        proxied = Proxied()
        proxied.client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nx")
        proxied.app.wire.stall()
        proxied.client.send(b"y")
        self.assertTrue(proxied.client.paused)
        proxied.app.wire.drain()
        self.assertFalse(proxied.client.paused)
        self.assertTrue(proxied.app.wire.take().endswith(b"\r\n\r\nxy"))


class FailureTests(SynchronousTestCase):
    """Apps that fail, and clients that leave."""

    def refused(self, proxied: Proxied, status: int = 502, reason: str = "") -> None:
        """The client got this status once, and the log says why."""
        answer = proxied.client.take()
        self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), answer)
        self.assertEqual(answer.count(b"HTTP/1.1 "), 1)
        if reason:
            self.assertEqual(proxied.listening.exchanges[0].reason, reason)

    def test_unreachable(self) -> None:
        """Nobody there: 502, with the identity's fields, and the connection goes on."""
        proxied = Proxied(identity(), accepts=False)
        proxied.head()
        proxied.app.refuse()
        answer = proxied.client.take()
        self.assertTrue(answer.startswith(b"HTTP/1.1 502 "))
        self.assertIn(b"GAP-Auth: a@example.com\r\n", answer)
        self.assertFalse(proxied.client.ended)

    def test_refusal_is_injected(self) -> None:
        """Whoever renders refusals is given the failure, with a detail for the log."""
        seen = []
        proxied = Proxied(accepts=False, refuse=lambda exchange, failure: seen.append(failure))
        proxied.head()
        proxied.app.refuse()
        self.assertEqual((seen[0].status, seen[0].reason), (502, "upstream_unreachable"))
        self.assertIn("refused", seen[0].detail)

    def test_too_slow(self) -> None:
        """No head in time: 502 as oauth2-proxy has it, or 504 on request; the app's connection is reset."""
        for proxied, status in ((Proxied(), 502), (Proxied(timeout_status=504), 504)):
            proxied.head()
            proxied.listening.pass_time(31)
            self.refused(proxied, status, "upstream_timeout")
            self.assertTrue(proxied.app.wire.aborted)

    def test_time_begins_when_the_request_ends(self) -> None:
        """A long upload does not count against the app."""
        proxied = Proxied()
        proxied.client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\n")
        for _ in range(50):
            proxied.listening.pass_time(10)
            proxied.client.send(b"x")
        proxied.listening.pass_time(25)
        self.assertEqual(proxied.client.take(), b"")
        proxied.listening.pass_time(10)
        self.refused(proxied, 502, "upstream_timeout")

    def test_app_that_does_not_read(self) -> None:
        """An app that takes nothing of a body is given up."""
        proxied = Proxied()
        proxied.client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\nx")
        proxied.app.wire.stall()
        proxied.listening.pass_time(50)
        proxied.app.wire.drain()
        self.assertFalse(proxied.app.wire.aborted)
        proxied.app.wire.stall()
        proxied.listening.pass_time(61)
        self.assertTrue(proxied.app.wire.aborted)
        self.refused(proxied)

    def test_no_http(self) -> None:
        """What is no answer, or could be read in two ways, is 502 and the end of its connection (P24)."""
        for answer in (
            b"SSH-2.0-x\r\n",
            b"HTTP/1.1 20 OK\r\n\r\n",
            b"HTTP/2.0 200 OK\r\n\r\n",
            b"HTTP/1.1 999 OK\r\n\r\n",
            b"HTTP/1.1 200 O\x01K\r\n\r\n",
            b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
            b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 6\r\n\r\nokPOIS",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000,
            b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 20,
        ):
            proxied = Proxied()
            proxied.head()
            proxied.app.wire.send(answer)
            self.refused(proxied, 502, "upstream_invalid")
            self.assertTrue(proxied.app.wire.aborted, answer)
            self.assertIsNone(proxied.proxy.pool.take())

    def test_interim(self) -> None:
        """Interim answers are passed over (RFC 9110 §15.2)."""
        proxied = Proxied()
        proxied.head()
        proxied.app.wire.dribble(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n"
        )
        self.assertTrue(proxied.client.take().startswith(b"HTTP/1.1 204 No\r\n"))

    def test_cut_off(self) -> None:
        """An answer that breaks off shows at the client: no end of the body, and the end of the connection."""
        for head, body in ((b"Content-Length: 100", b"hello"), (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n")):
            for end in (Wire.close, Wire.vanish, Wire.reset):
                proxied = Proxied()
                proxied.head()
                proxied.app.wire.send(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body)
                end(proxied.app.wire)
                self.assertTrue(proxied.client.take().endswith(body))
                self.assertTrue(proxied.client.closing)

    def test_broken_within_the_body(self) -> None:
        """So does one whose chunks break."""
        proxied = Proxied()
        proxied.head()
        proxied.app.wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        proxied.app.wire.send(b"0x5\r\n")
        self.assertFalse(proxied.client.take().endswith(b"0\r\n\r\n"))
        self.assertTrue(proxied.client.closing)
        self.assertTrue(proxied.app.wire.aborted)

    def test_stalled_answer(self) -> None:
        """An app that stops within its answer is given up in the end."""
        proxied = Proxied(limits=UpstreamLimits(idle_time=100))
        proxied.head()
        proxied.app.wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
        proxied.listening.pass_time(90)
        self.assertFalse(proxied.client.ended)
        proxied.app.wire.send(b"l")
        proxied.client.stall()
        proxied.client.drain()
        proxied.listening.pass_time(101)
        self.assertTrue(proxied.client.closing)

    def test_to_the_end(self) -> None:
        """An answer without framing ends with its connection; the client gets it framed."""
        proxied = Proxied()
        proxied.head()
        proxied.app.wire.send(b"HTTP/1.0 200 OK\r\n\r\nuntil")
        proxied.app.wire.send(b" close")
        proxied.app.wire.close()
        self.assertTrue(proxied.client.take().endswith(b"5\r\nuntil\r\n6\r\n close\r\n0\r\n\r\n"))
        proxied = Proxied()
        proxied.head()
        proxied.app.wire.send(b"HTTP/1.0 200 OK\r\n\r\nuntil")
        proxied.app.wire.reset()
        self.assertFalse(proxied.client.take().endswith(b"0\r\n\r\n"))

    def test_client_gone(self) -> None:
        """When the client leaves, the app's exchange ends at once, whatever stage it is in."""
        answers = (b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhe")
        for answer in answers:
            proxied = Proxied()
            proxied.head()
            proxied.app.wire.send(answer)
            proxied.client.vanish()
            self.assertTrue(proxied.app.wire.aborted, answer)
            proxied.app.wire.vanish()
            self.assertIsNone(proxied.proxy.pool.take())

    def test_client_gone_while_connecting(self) -> None:
        """A connection that is being made for a client that left is given up."""
        proxied = Proxied(accepts=False)
        proxied.head()
        proxied.client.vanish()
        self.assertEqual(proxied.app.cancelled, 1)

    def test_client_gone_within_its_body(self) -> None:
        """A body that breaks off never ends at the app."""
        for framing in (b"Content-Length: 10\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"):
            proxied = Proxied()
            proxied.client.send(b"POST / HTTP/1.1\r\nHost: h\r\n" + framing)
            proxied.client.close()
            self.assertTrue(proxied.app.wire.aborted)
            self.assertFalse(proxied.app.wire.take().endswith(b"0\r\n\r\n"))

    def test_gone_before_it_is_served(self) -> None:
        """A request whose client left before it was decided on never reaches the app."""
        proxied = Proxied()
        proxied.listening.served._act = None
        proxied.head()
        proxied.client.vanish()
        proxied.proxy.serve(proxied.listening.exchanges[0])
        self.assertEqual(proxied.app.wires, [])


class BodyTests(SynchronousTestCase):
    """Requests with bodies, and their early answers."""

    POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n%s\r\n"

    def test_streamed(self) -> None:
        """The head goes out at once, each piece when it comes."""
        proxied = Proxied()
        proxied.client.send(self.POST % b"")
        self.assertTrue(proxied.app.wire.take().endswith(b"Content-Length: 5\r\n\r\n"))
        for byte in (b"h", b"e", b"l", b"l", b"o"):
            proxied.client.send(byte)
            self.assertEqual(proxied.app.wire.take(), byte)
        proxied.app.wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        self.assertFalse(proxied.client.ended)
        self.assertIsNotNone(proxied.proxy.pool.take())

    def test_expect(self) -> None:
        """The client is told to go on when the app says so, and its body is not waited for before that (P19)."""
        proxied = Proxied()
        proxied.client.send(self.POST % b"Expect: 100-continue\r\n")
        self.assertIn(b"Expect: 100-continue\r\n", proxied.app.wire.take())
        self.assertEqual(proxied.client.take(), b"")
        proxied.app.wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.assertEqual(proxied.client.take(), b"HTTP/1.1 100 Continue\r\n\r\n")
        proxied.client.send(b"hello")
        self.assertEqual(proxied.app.wire.take(), b"hello")
        proxied.app.wire.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        self.assertTrue(proxied.client.take().startswith(b"HTTP/1.1 204 "))
        self.assertFalse(proxied.client.ended)

    def test_expect_refused(self) -> None:
        """An app that refuses instead is heard, and the connection ends: what follows might be the body."""
        proxied = Proxied()
        proxied.client.send(self.POST % b"Expect: 100-continue\r\n")
        proxied.app.wire.send(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")
        self.assertIn(b"Connection: close\r\n", proxied.client.take())
        self.assertTrue(proxied.app.wire.aborted)
        proxied.client.send(b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertEqual(len(proxied.listening.exchanges), 1)

    def test_expect_unheard(self) -> None:
        """An app that says nothing about it gets the body all the same; then its time begins."""
        proxied = Proxied()
        proxied.client.send(self.POST % b"Expect: 100-continue\r\n")
        proxied.listening.pass_time(1)
        self.assertEqual(proxied.client.take(), b"HTTP/1.1 100 Continue\r\n\r\n")
        proxied.client.send(b"hello")
        proxied.listening.pass_time(29)
        self.assertEqual(proxied.client.take(), b"")
        proxied.listening.pass_time(2)
        self.assertTrue(proxied.client.take().startswith(b"HTTP/1.1 502 "))

    def test_early_answer(self) -> None:
        """An answer before the body's end goes through, and neither connection is used again."""
        proxied = Proxied()
        proxied.client.send(self.POST % b"" + b"he")
        proxied.app.wire.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nearly")
        answer = proxied.client.take()
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 ") and answer.endswith(b"early"))
        self.assertIn(b"Connection: close\r\n", answer)
        self.assertTrue(proxied.client.half_closed)
        self.assertTrue(proxied.app.wire.aborted)
        self.assertIsNone(proxied.proxy.pool.take())

    def test_both_ways(self) -> None:
        """Body and answer flow at the same time."""
        proxied = Proxied()
        client, app = proxied.client, proxied.app.wire if proxied.app.wires else None
        client.send(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        app = proxied.app.wire
        app.take()
        app.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.take()
        for _ in range(3):
            client.send(b"1\r\na\r\n")
            self.assertEqual(app.take(), b"1\r\na\r\n")
            app.send(b"1\r\nb\r\n")
            self.assertEqual(client.take(), b"1\r\nb\r\n")
        client.send(b"0\r\n\r\n")
        self.assertEqual(app.take(), b"0\r\n\r\n")
        app.send(b"0\r\n\r\n")
        self.assertEqual(client.take(), b"0\r\n\r\n")

    def test_connecting_takes_time(self) -> None:
        """A body waits with its sender until there is somebody to give it to."""
        proxied = Proxied(accepts=False)
        proxied.client.send(self.POST % b"" + b"he")
        self.assertTrue(proxied.client.paused)
        wire = proxied.app.accept()
        self.assertTrue(wire.take().endswith(b"\r\n\r\nhe"))
        proxied.client.send(b"llo")
        self.assertEqual(wire.take(), b"llo")


class ReuseTests(SynchronousTestCase):
    """Connections to the app are used again, with care."""

    OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def used(self, **options: Any) -> Proxied:
        """A proxy with one connection to the app that was used once."""
        proxied = Proxied(**options)
        proxied.head()
        proxied.app.wire.send(self.OK)
        proxied.client.take()
        return proxied

    def test_kept(self) -> None:
        """The next request goes out on the same connection."""
        proxied = self.used()
        self.assertTrue(proxied.head().startswith(b"GET /x "))
        self.assertEqual(len(proxied.app.wires), 1)
        proxied.app.wire.send(self.OK)
        self.assertTrue(proxied.client.take().endswith(b"ok"))

    def test_not_kept(self) -> None:
        """A connection is not used again when its answer left doubts, or said so (P25)."""
        for answer in (
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
            self.OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nPOISON",
            b"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\nPOISON",
            b"HTTP/1.1 304 Not Modified\r\n\r\nPOISON",
        ):
            proxied = Proxied()
            proxied.head()
            proxied.app.wire.send(answer)
            self.assertTrue(proxied.app.wire.aborted, answer)
            self.assertNotIn(b"POISON", proxied.client.take())
            proxied.head()
            self.assertEqual(len(proxied.app.wires), 2)

    def test_head_request(self) -> None:
        """An answer to HEAD has a length and no body, and the connection stays in step."""
        proxied = Proxied()
        proxied.head(line=b"HEAD / HTTP/1.1")
        proxied.app.wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
        self.assertIn(b"Content-Length: 1234\r\n", proxied.client.take())
        proxied.head()
        proxied.app.wire.send(self.OK)
        self.assertTrue(proxied.client.take().endswith(b"ok"))

    def test_bodies_that_may_still_come(self) -> None:
        """An app that announces a body where there can be none gets no second request on that connection (P25)."""
        for line, answer, connections in (
            (b"HEAD / HTTP/1.1", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", 2),
            (b"HEAD / HTTP/1.1", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 2),
            (b"GET / HTTP/1.1", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n", 2),
            (b"GET / HTTP/1.1", b"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\n", 2),
            (b"GET / HTTP/1.1", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 1),
            (b"HEAD / HTTP/1.1", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1),
            (b"HEAD / HTTP/1.1", b"HTTP/1.1 200 OK\r\n\r\n", 1),
        ):
            proxied = Proxied()
            proxied.head(line=line)
            proxied.app.wire.send(answer)
            proxied.head()
            self.assertEqual(len(proxied.app.wires), connections, (line, answer))

    def test_unasked_bytes(self) -> None:
        """Bytes or an end on an unused connection take it out of use."""
        for event in (lambda wire: wire.send(self.OK), Wire.close, Wire.vanish):
            proxied = self.used()
            event(proxied.app.wire)
            proxied.head()
            self.assertEqual(len(proxied.app.wires), 2)
            self.assertEqual(proxied.client.take(), b"")

    def test_unused_too_long(self) -> None:
        """An unused connection is closed before the app closes it."""
        proxied = self.used(limits=UpstreamLimits(pool_time=4))
        proxied.listening.pass_time(3)
        self.assertFalse(proxied.app.wire.ended)
        proxied.listening.pass_time(2)
        self.assertTrue(proxied.app.wire.aborted)

    def test_bounded(self) -> None:
        """Only so many unused connections are kept; the newest is used first."""
        proxied = Proxied(limits=UpstreamLimits(pool_size=2))
        clients = [proxied.listening.client() for _ in range(4)]
        for client in clients:
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        for wire in proxied.app.wires:
            wire.send(self.OK)
        self.assertEqual([wire.aborted for wire in proxied.app.wires], [True, True, False, False])
        self.assertIs(proxied.proxy.pool.take(), proxied.app.wires[3].protocol)

    def test_stale(self) -> None:
        """A request that can be repeated is sent once more when a kept connection ends without a byte."""
        for method in (b"GET", b"HEAD", b"DELETE"):
            proxied = self.used()
            proxied.head(line=method + b" /x HTTP/1.1")
            proxied.app.wire.vanish()
            self.assertEqual(len(proxied.app.wires), 2)
            self.assertTrue(proxied.app.wire.take().startswith(method + b" /x "))
            proxied.app.wire.vanish()
            self.assertEqual(len(proxied.app.wires), 2, "and no more than once")
            self.assertTrue(proxied.client.take().startswith(b"HTTP/1.1 502 "))

    def test_not_repeated(self) -> None:
        """Nothing is repeated that was seen, may have had effects, has a body, or went out on a new connection."""
        post = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
        put = b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"
        get = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
        for proxied, request, seen in (
            (self.used(), post, b""),
            (self.used(), put, b""),
            (self.used(), get, b"HTTP/1.1 200 OK\r\nContent-Le"),
            (Proxied(), get, b""),
        ):
            proxied.client.send(request)
            count = len(proxied.app.wires)
            proxied.app.wire.send(seen)
            proxied.app.wire.vanish()
            self.assertEqual(len(proxied.app.wires), count, request)
            self.assertTrue(proxied.client.take().startswith(b"HTTP/1.1 502 "))

    def test_identities_do_not_cross(self) -> None:
        """Each request carries its own identity on a connection that others used before."""
        proxied = self.used()
        proxied.who = identity()
        self.assertIn(b"X-Forwarded-User: alice", proxied.head())
        proxied.app.wire.send(self.OK)
        proxied.who = None
        self.assertNotIn(b"alice", proxied.head())


class WebSocketTests(SynchronousTestCase):
    """Upgrades become tunnels after the app's own 101."""

    ASK = (
        b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
        b"Sec-WebSocket-Key: k\r\n\r\n"
    )
    SWITCH = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: a\r\n\r\n"
    )

    def opened(self, behind_request: bytes = b"", behind_answer: bytes = b"") -> Proxied:
        """A tunnel."""
        proxied = Proxied(identity())
        proxied.client.send(self.ASK + behind_request)
        proxied.head_seen = proxied.app.wire.take()  # type: ignore[attr-defined]
        proxied.app.wire.send(self.SWITCH + behind_answer)
        return proxied

    def test_tunnel(self) -> None:
        """The app gets the upgrade and the identity, the client the app's 101; then bytes pass both ways."""
        proxied = self.opened()
        head = proxied.head_seen  # type: ignore[attr-defined]
        self.assertIn(b"Connection: Upgrade\r\nUpgrade: websocket\r\n", head)
        self.assertIn(b"Sec-WebSocket-Key: k\r\n", head)
        self.assertIn(b"X-Forwarded-User: alice\r\n", head)
        answer = proxied.client.take()
        self.assertTrue(
            answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
        )
        self.assertIn(b"Sec-WebSocket-Accept: a\r\n", answer)
        proxied.client.send(b"ping")
        self.assertEqual(proxied.app.wire.take(), b"ping")
        proxied.app.wire.send(b"pong")
        self.assertEqual(proxied.client.take(), b"pong")

    def test_bytes_behind_the_heads(self) -> None:
        """What either side sent behind its head is not lost."""
        proxied = self.opened(b"early", b"bird")
        self.assertEqual(proxied.app.wire.take(), b"early")
        self.assertTrue(proxied.client.take().endswith(b"\r\n\r\nbird"))

    def test_half_close(self) -> None:
        """Each direction ends by itself; when both have ended so does the connection."""
        proxied = self.opened()
        proxied.client.close()
        self.assertTrue(proxied.app.wire.half_closed)
        proxied.app.wire.send(b"still")
        self.assertTrue(proxied.client.take().endswith(b"still"))
        proxied.app.wire.close()
        self.assertTrue(proxied.client.closing)
        self.assertTrue(proxied.app.wire.closing)

    def test_lost(self) -> None:
        """When one side is lost, so is the other, and the exchange is logged."""
        for one in ("client", "app"):
            proxied = self.opened()
            proxied.app.wire.send(b"12345")
            sides = {"client": proxied.client, "app": proxied.app.wire}
            sides.pop(one).reset()
            other = sides.popitem()[1]
            self.assertTrue(other.closing)
            other.settle()
            self.assertEqual(proxied.listening.log, [(b"/ws", 101, 5)])

    def test_backpressure(self) -> None:
        """A slow side pauses the other."""
        proxied = self.opened()
        proxied.app.wire.stall()
        proxied.client.send(b"a")
        proxied.client.send(b"b")
        self.assertTrue(proxied.client.paused)
        proxied.app.wire.drain()
        self.assertEqual(proxied.app.wire.take()[-2:], b"ab")
        self.assertFalse(proxied.client.paused)

    def test_silence(self) -> None:
        """A tunnel through which nothing passes for an hour is ended."""
        proxied = self.opened()
        proxied.listening.pass_time(3500)
        proxied.app.wire.send(b"x")
        proxied.listening.pass_time(3500)
        self.assertFalse(proxied.client.ended)
        proxied.listening.pass_time(103)
        self.assertTrue(proxied.client.aborted)

    def test_refused_by_the_app(self) -> None:
        """An app that refuses leaves HTTP as it was: the next request is a request (F12)."""
        proxied = Proxied()
        proxied.client.send(self.ASK)
        proxied.app.wire.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        self.assertTrue(proxied.client.take().endswith(b"no"))
        proxied.who = identity()
        self.assertIn(b"X-Forwarded-User: alice", proxied.head())

    def test_switched_to_another(self) -> None:
        """A 101 to another protocol than was asked for is no answer (P24)."""
        for upgrade in (b"Upgrade: h2c\r\n", b""):
            proxied = Proxied()
            proxied.client.send(self.ASK)
            proxied.app.wire.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n" + upgrade + b"\r\n")
            self.assertTrue(proxied.client.take().startswith(b"HTTP/1.1 502 "))
            self.assertTrue(proxied.app.wire.aborted)

    def test_off(self) -> None:
        """Where WebSockets are off they are refused, and the app hears nothing."""
        proxied = Proxied(proxy_websockets=False)
        proxied.client.send(self.ASK)
        self.assertTrue(proxied.client.take().startswith(b"HTTP/1.1 501 "))
        self.assertEqual(proxied.app.wires, [])

    def test_origin(self) -> None:
        """A page that may not open one is refused, and the app hears nothing; others are let through."""
        for allowed in (True, False):
            proxied = Proxied(identity(), allows_origin=lambda exchange, allowed=allowed: allowed)
            proxied.client.send(self.ASK)
            self.assertEqual(len(proxied.app.wires), int(allowed))
            if not allowed:
                self.assertTrue(proxied.client.take().startswith(b"HTTP/1.1 403 "))

    def test_cut(self) -> None:
        """Draining lets tunnels live; then one that is no WebSocket is cut."""
        proxied = self.opened(b"no frame")
        drained = proxied.listening.server.drain(within=10)
        self.assertFalse(proxied.client.ended)
        proxied.listening.pass_time(10)
        self.assertTrue(proxied.client.aborted)
        proxied.client.settle()
        self.successResultOf(drained)


VALID = (
    b"GET /a?b HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: u\r\n\r\n",
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"GET http://h/ HTTP/1.1\r\nHost: h\r\nConnection: X-A, close\r\nX-A: 1\r\n\r\n",
)
PIECES = (
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b";", b"chunked", b"Content-Length: 5\r\n", b"0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Host: evil\r\n", b"GET / HTTP/1.1\r\n", b"\xff", b"_", b"-1", b"+", b"0x",
    b"HTTP/1.1", b"X-Forwarded-User: evil\r\n", b"Expect: 100-continue\r\n", b"/../", b"%2e", b"#", b"http://evil/",
)  # fmt: skip


def mutations() -> st.SearchStrategy[bytes]:
    """Valid messages with pieces put in, taken out or doubled."""

    @st.composite
    def mutated(draw: st.DrawFn) -> bytes:
        message = draw(st.sampled_from(VALID))
        for _ in range(draw(st.integers(min_value=0, max_value=4))):
            start = draw(st.integers(min_value=0, max_value=len(message)))
            end = start + draw(st.integers(min_value=0, max_value=6))
            piece = draw(st.sampled_from((b"", *PIECES, message[start:end] * 2)))
            message = message[:start] + piece + message[end:]
        return message

    return mutated()


class MutationTests(SynchronousTestCase):
    """Whatever is sent, the app gets well-formed requests or nothing."""

    def outcome(self, data: bytes, step: int) -> tuple[bytes, bytes, bool]:
        """What the app and the client get for these bytes, in pieces, and whether the connection ended."""
        proxied = Proxied(identity())
        for start in range(0, len(data), step):
            proxied.client.send(data[start : start + step])
        to_app = b"".join(wire.take() for wire in proxied.app.wires)
        return to_app, proxied.client.take(), proxied.client.ended

    @settings(deadline=None, max_examples=400)
    @given(mutations())
    def test_requests(self, data: bytes) -> None:
        """Mutations of valid requests end in a well-formed request at the app, or a refusal and the end."""
        to_app, to_client, ended = self.outcome(data, len(data) or 1)
        if to_app:
            head, _, body = to_app.partition(b"\r\n\r\n")
            read = RequestHead()
            try:
                read.read(head + b"\r\n\r\n", Listening().server.limits)
            except HeadRefused as refused:
                self.fail(f"{data!r} became {to_app!r}: {refused.reason}")
            self.assertEqual(head.lower().count(b"\r\nx-forwarded-user:"), 1)
            self.assertIn(b"\r\nX-Forwarded-User: alice\r\n", head)
            self.assertEqual(head.lower().count(b"\r\nhost:"), 1)
            if read.content_length is not None:
                self.assertLessEqual(len(body), read.content_length)
        elif to_client:
            self.assertRegex(to_client, rb"^HTTP/1\.1 (4\d\d|501|505|204|100) ")
            if not to_client.startswith((b"HTTP/1.1 204", b"HTTP/1.1 100")):
                self.assertTrue(ended)

    @settings(deadline=None, max_examples=150)
    @given(mutations())
    def test_cutting_makes_no_difference(self, data: bytes) -> None:
        """The same bytes one by one mean the same head to the app, or the same refusal."""
        whole, whole_client, _ = self.outcome(data, len(data) or 1)
        cut, cut_client, _ = self.outcome(data, 1)
        if whole or not whole_client.startswith(b"HTTP/1.1 4"):
            # A body that comes with its head may be refused before the head goes on.
            self.assertEqual(whole.partition(b"\r\n\r\n")[0], cut.partition(b"\r\n\r\n")[0])
        # Where a head is wrong in two ways, the first that is seen names the status.
        self.assertEqual(whole_client[:9], cut_client[:9])
        self.assertEqual(whole_client[9:10] in b"45", cut_client[9:10] in b"45")

    @settings(deadline=None, max_examples=300)
    @given(
        st.sampled_from(
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                b"HTTP/1.0 200 OK\r\n\r\nhello",
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n",
            )
        ),
        st.integers(min_value=0, max_value=60),
        st.integers(min_value=0, max_value=6),
        st.sampled_from((b"", *PIECES)),
        st.booleans(),
    )
    def test_answers(self, answer: bytes, start: int, length: int, piece: bytes, dribbles: bool) -> None:
        """Mutations of valid answers end in one well-formed answer, a 502, or a visible end."""
        answer = answer[:start] + piece + answer[start + length :]
        proxied = Proxied()
        proxied.head()
        if dribbles:
            proxied.app.wire.dribble(answer)
        else:
            proxied.app.wire.send(answer)
        proxied.app.wire.close()
        got = proxied.client.take()
        head, _, body = got.partition(b"\r\n\r\n")
        self.assertRegex(head, rb"^HTTP/1\.1 [1-5]\d\d ")
        self.assertLessEqual(
            head.lower().count(b"\r\ncontent-length:") + head.lower().count(b"\r\ntransfer-encoding:"), 1
        )
        for line in head.split(b"\r\n")[1:]:
            self.assertRegex(line, rb"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [^\x00-\x08\x0a-\x1f\x7f]*$")
        if b"\r\nTransfer-Encoding: " in head and not body.endswith(b"0\r\n\r\n"):
            self.assertTrue(proxied.client.ended)
