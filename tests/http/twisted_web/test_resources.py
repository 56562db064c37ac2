"""Tests of both bridges to twisted.web: a Site's requests as exchanges, and resources behind our channel."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

from klein import Klein
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPullProducer
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from twisted.web.static import Data, NoRangeStaticProducer
from zope.interface import implementer

from o2sidecar.http.exchange import Exchange
from o2sidecar.http.twisted_web.resources import TwistedResource, exchange_of
from o2sidecar.http.twisted_web.site_exchange import SiteExchange
from o2sidecar.identity import HeaderRule, HeaderSource, IdentityHeaders
from o2sidecar.proxy import ReverseProxyResource
from o2sidecar.session.session import Session
from tests.wire import App, Gathered, Listening, Recorder, Wire

HEADERS = IdentityHeaders(
    request_rules=(HeaderRule(name="X-Forwarded-User", sources=(HeaderSource(claim="user"),)),),
    response_rules=(),
    auth_rules=(),
)


def leaf(text: bytes) -> Data:
    """A resource that gives this text at any path."""
    data = Data(text, "text/plain")
    data.isLeaf = True
    return data


class Exchanging(Resource):
    """A resource that hands each request's exchange to a function."""

    isLeaf = True

    def __init__(self, act: Callable[[Exchange], None]) -> None:
        super().__init__()
        self._act = act

    def render(self, request: Request) -> int:
        self._act(exchange_of(request))
        return NOT_DONE_YET


class SiteExchangeTests(SynchronousTestCase):
    """A plain Site's request as an exchange."""

    def served(self, resource: Resource, data: bytes) -> tuple[Wire, list[Exchange]]:
        """A client of a plain Site with this resource, after it sent `data`."""
        reactor = MemoryReactorClock()
        site = Site(resource, reactor=reactor)
        site.startFactory()
        self.addCleanup(site.stopFactory)
        channel = site.buildProtocol(None)
        wire = Wire(channel)
        wire.send(data)
        return wire, []

    def ask(self, data: bytes, act: Callable[[Exchange], None] = lambda exchange: None) -> tuple[Wire, list[Exchange]]:
        exchanges: list[Exchange] = []

        def both(exchange: Exchange) -> None:
            exchanges.append(exchange)
            act(exchange)

        wire, _ = self.served(Exchanging(both), data)
        return wire, exchanges

    def test_request(self) -> None:
        """The exchange tells the request's parts; its body is there."""
        _, exchanges = self.ask(
            b"POST /a%2Fb?c HTTP/1.1\r\nHost: h:1\r\nA: 1\r\nA: 2\r\nContent-Length: 5\r\n\r\nhello"
        )
        exchange = exchanges[0]
        self.assertEqual((exchange.method, exchange.target, exchange.path), (b"POST", b"/a%2Fb?c", b"/a%2Fb"))
        self.assertEqual((exchange.host, exchange.peer, exchange.secure), (b"h:1", "192.0.2.1", False))
        self.assertEqual(
            (exchange.header(b"a"), exchange.values(b"a"), exchange.values(b"b")), (b"1", [b"1", b"2"], [])
        )
        self.assertEqual(exchange.values(b"a"), [b"1", b"2"])
        self.assertEqual((exchange.content_length, exchange.has_body, exchange.wants_upgrade), (5, True, b""))
        self.assertEqual(self.successResultOf(exchange.read_body(5)), b"hello")
        self.failureResultOf(exchange.read_body(4))
        sink = Gathered()
        flow = exchange.stream_body(sink)
        flow.pause()
        self.assertFalse(sink.ended)
        flow.resume()
        flow.resume()
        self.assertEqual((sink.data, sink.ended), (b"hello", True))
        self.assertTrue(exchange.request_id)

    def test_chunked_request(self) -> None:
        """A chunked body is a body with a length here."""
        _, exchanges = self.ask(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")
        self.assertEqual((exchanges[0].content_length, exchanges[0].chunked), (2, False))

    def test_answer(self) -> None:
        """The answer goes out as it is given: no server, no type is invented."""
        wire, _ = self.ask(
            b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            lambda exchange: exchange.answer(201, [(b"X", b"1"), (b"X", b"2")], b"ok"),
        )
        answer = wire.take()
        self.assertTrue(answer.startswith(b"HTTP/1.1 201 Created\r\n"))
        self.assertIn(b"X: 1\r\nX: 2\r\n", answer)
        self.assertNotIn(b"Server", answer)
        self.assertNotIn(b"Content-Type", answer)
        self.assertTrue(answer.endswith(b"\r\n\r\nok"))

    def test_stream(self) -> None:
        """An answer may be streamed, with what the exchange carries beside it."""

        def act(exchange: Exchange) -> None:
            exchange.also.append((b"Set-Cookie", b"a=1"))
            exchange.begin_lines(200, b"OK", b"X: 1\r\n", None, False)
            exchange.flush()
            exchange.write(b"a")
            exchange.finish(b"b")
            exchange.finish(b"c")

        wire, exchanges = self.ask(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", act)
        answer = wire.take()
        self.assertIn(b"Set-Cookie: a=1\r\n", answer)
        self.assertTrue(answer.endswith(b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"))
        self.assertTrue(exchanges[0].begun and exchanges[0].done)

    def test_checked(self) -> None:
        """What our own channel refuses is refused here too (security.md §2)."""
        for data in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
            b"GET http://evil/ HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET foo HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n",
        ):
            wire, exchanges = self.ask(data, lambda exchange: exchange.answer(200, [], b"never"))
            answer = wire.take()
            self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), (data, answer))
            self.assertNotIn(b"never", answer)
            self.assertTrue(exchanges[0].done)

    def test_throttle_and_gone(self) -> None:
        """A slow client pauses the flow; one that leaves is told of once."""
        calls: list[str] = []

        class Flowing:
            def pause(self) -> None:
                calls.append("pause")

            def resume(self) -> None:
                calls.append("resume")

        wire, exchanges = self.ask(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        exchanges[0].on_gone(lambda: calls.append("gone"))
        exchanges[0].throttle(Flowing())
        exchanges[0].begin(200, b"OK", [], None)
        exchanges[0].write(b"x")
        wire.stall()
        wire.drain()
        wire.vanish()
        self.assertEqual(calls, ["pause", "resume", "gone"])
        exchanges[0].answer(200, [])
        exchanges[0].throttle(None)

    def test_abort(self) -> None:
        """Aborting resets the connection."""
        wire, exchanges = self.ask(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        exchanges[0].abort()
        self.assertTrue(wire.aborted)

    def test_no_tunnel(self) -> None:
        """There are no tunnels through a plain Site."""
        _, exchanges = self.ask(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        self.assertEqual(exchanges[0].wants_upgrade, b"")
        with self.assertRaises(NotImplementedError):
            exchanges[0].switch_protocols([])

    def test_proxy_in_a_site(self) -> None:
        """The reverse proxy works as a child of a plain Site: the app gets the path below it, as it came."""
        app = App()
        root = Resource()
        root.putChild(b"app", ReverseProxyResource("app", 80, b"/pre", MemoryReactorClock(), endpoint=app))
        wire, _ = self.served(root, b"GET /app/a%2Fb//c?x=/y HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertTrue(app.wire.take().startswith(b"GET /pre/a%2Fb//c?x=/y HTTP/1.1\r\nHost: h\r\n"))
        app.wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        self.assertTrue(wire.take().endswith(b"\r\n\r\nok"))

    def test_proxy_with_a_body_in_a_site(self) -> None:
        """A de-chunked body goes on with its length, and cannot be read as a second request."""
        app = App()
        proxy = ReverseProxyResource("app", 80, b"", MemoryReactorClock(), endpoint=app)
        self.served(
            proxy, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n"
        )
        self.assertTrue(app.wire.take().endswith(b"Content-Length: 5\r\n\r\n0\r\n\r\n"))


class TwistedResourceTests(SynchronousTestCase):
    """Unchanged resources behind our channel."""

    def listening(self, resource: Any, who: str = "", **options: Any) -> Listening:
        """A server of this resource, for this user."""
        bridge = TwistedResource(resource, **options)

        def serve(exchange: Exchange) -> None:
            if who:
                exchange.identity = HEADERS.identify(Session(user=who))
            bridge.serve(exchange)

        return Listening(served=Recorder(serve))

    def test_resource(self) -> None:
        """A resource answers on our channel, which frames and keeps the connection."""
        listening = self.listening(leaf(b"hello"))
        client = listening.client()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
        answers = client.take()
        self.assertEqual(answers.count(b"\r\n\r\nhello"), 2)
        self.assertIn(b"Content-Length: 5\r\n", answers)
        self.assertNotIn(b"Server:", answers)
        self.assertEqual(answers.count(b"Date:"), 2)

    def test_head(self) -> None:
        """HEAD is answered without a body."""
        answer = self.listening(leaf(b"hello")).ask(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(answer.endswith(b"\r\n\r\n"))
        self.assertIn(b"Content-Length: 5\r\n", answer)

    def test_tree(self) -> None:
        """The tree below is walked as ever, and what is not there is 404."""
        root = Resource()
        root.putChild(b"a", Data(b"A", "text/plain"))
        listening = self.listening(root)
        self.assertTrue(listening.ask(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").endswith(b"\r\n\r\nA"))
        self.assertTrue(listening.ask(b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 404 "))

    def test_klein(self) -> None:
        """Klein routes work, with coroutines, forms, and the exchange that was served."""
        app = Klein()
        waiting: Deferred[None] = Deferred()
        seen: list[Exchange] = []

        @app.route("/form", methods=["POST"])
        async def form(request: Request) -> bytes:
            seen.append(exchange_of(request))
            await waiting
            assert request.args is not None
            return bytes(request.args[b"name"][0])

        listening = self.listening(app.resource())
        client = listening.client()
        client.send(
            b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: 10\r\n\r\n"
            b"name=al%20"
        )
        self.assertEqual(client.take(), b"")
        waiting.callback(None)
        self.assertTrue(client.take().endswith(b"\r\n3\r\nal \r\n0\r\n\r\n"))
        self.assertIs(seen[0], listening.exchanges[0])

    def test_body_limit(self) -> None:
        """A body over the limit is 413, and the resource hears nothing."""
        listening = self.listening(leaf(b"never"), limit=3)
        answer = listening.ask(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd")
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "))

    def test_broken_form(self) -> None:
        """A body that twisted.web cannot read is 400."""
        listening = self.listening(leaf(b"never"))
        answer = listening.ask(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data\r\nContent-Length: 1\r\n\r\nx"
        )
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)

    def test_fault(self) -> None:
        """An exception in a resource is a 500 without its text (X10)."""

        class Broken(Resource):
            isLeaf = True

            def render(self, request: Request) -> bytes:
                raise RuntimeError("secret")

        answer = self.listening(Broken()).ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 500 "))
        self.assertNotIn(b"secret", answer)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_identity(self) -> None:
        """The resource gets identity fields from us alone, and answers carry what the exchange carries (F1, F2)."""

        class Shows(Resource):
            isLeaf = True

            def render(self, request: Request) -> bytes:
                names = (b"x-forwarded-user", b"x_forwarded_user", b"x-forwarded-email", b"a")
                return repr([request.requestHeaders.getRawHeaders(name) for name in names]).encode()

        request = (
            b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-User: evil\r\nX_Forwarded_User: evil\r\n"
            b"X-Forwarded-Email: evil\r\nA: b\r\n\r\n"
        )
        self.assertTrue(self.listening(Shows()).ask(request).endswith(b"[None, None, None, [b'b']]"))
        self.assertTrue(self.listening(Shows(), who="alice").ask(request).endswith(b"[[b'alice'], None, None, [b'b']]"))

    def test_client_gone(self) -> None:
        """A resource is told when its client leaves, and its late answer harms nobody."""
        requests: list[Request] = []

        class Waits(Resource):
            isLeaf = True

            def render(self, request: Request) -> int:
                requests.append(request)
                return NOT_DONE_YET

        listening = self.listening(Waits())
        client = listening.client()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        gone = requests[0].notifyFinish()
        client.vanish()
        self.failureResultOf(gone)

    def test_producers(self) -> None:
        """Producers of both kinds are paused with the client."""

        @implementer(IPullProducer)
        class Counting:
            def __init__(self, request: Request) -> None:
                self.request = request
                self.asked = 0

            def resumeProducing(self) -> None:
                self.asked += 1
                self.request.write(b"x")
                if self.asked == 3:
                    client.stall()
                if self.asked == 5:
                    self.request.unregisterProducer()
                    self.request.finish()

            def stopProducing(self) -> None:
                """Nothing."""

        class Pulls(Resource):
            isLeaf = True

            def render(self, request: Request) -> int:
                request.setHeader(b"content-length", b"5")
                producers.append(Counting(request))
                request.registerProducer(producers[-1], False)
                return NOT_DONE_YET

        producers: list[Counting] = []
        client = self.listening(Pulls()).client()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(producers[0].asked, 3)
        client.drain()
        self.assertTrue(client.take().endswith(b"\r\n\r\nxxxxx"))

    def test_static_producer(self) -> None:
        """A file's own producer works."""

        class File(Resource):
            isLeaf = True

            def render(self, request: Request) -> int:
                NoRangeStaticProducer(request, BytesIO(b"z" * 200_000)).start()
                return NOT_DONE_YET

        answer = self.listening(File()).ask(b"GET / HTTP/1.0\r\n\r\n")
        self.assertEqual(answer.count(b"z"), 200_000)

    def test_inside_a_site(self) -> None:
        """In a plain Site the resource answers the Site's own request, identity and cookies included."""
        bridge = TwistedResource(leaf(b"hello"))

        def act(exchange: Exchange) -> None:
            self.assertIsInstance(exchange, SiteExchange)
            exchange.identity = HEADERS.identify(Session(user="alice"))
            exchange.also.append((b"Set-Cookie", b"a=1"))
            bridge.serve(exchange)

        site = Site(Exchanging(act), reactor=MemoryReactorClock())
        site.startFactory()
        self.addCleanup(site.stopFactory)
        wire = Wire(site.buildProtocol(None))
        wire.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-User: evil\r\n\r\n")
        answer = wire.take()
        self.assertIn(b"Set-Cookie: a=1\r\n", answer)
        self.assertTrue(answer.endswith(b"\r\n\r\nhello"))
