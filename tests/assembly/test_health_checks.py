"""Tests of the health checks at the metrics listener: of the sidecar itself, and of the app behind it."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.assembly.in_memory import InMemory
from tests.wire import Wire

RELAYS = (
    "--probe-relay=app/liveness=http://127.0.0.1:8080/healthz?full=1",
    "--probe-relay=app/readiness=http://127.0.0.1:8081/",
)


class HealthChecksTests(SynchronousTestCase):
    """They are answered where the app's own paths are not."""

    def setUp(self) -> None:
        self.sidecar = InMemory("--metrics-address=127.0.0.1:9100", "--ping-path=", "--ready-path=/fit", *RELAYS)

    def ask(self, target: bytes, method: bytes = b"GET") -> Wire:
        """A connection to the metrics listener on which this was asked."""
        factory: Any = self.sidecar.reactor.tcpServers[1][1]
        client = Wire(factory.buildProtocol(None))
        client.send(b"%s %s HTTP/1.1\r\nHost: 10.0.0.7:44180\r\nX-Check: k8s\r\n" % (method, target))
        client.send(b"X-Forwarded-User: boss\r\n\r\n")
        return client

    def test_of_the_sidecar(self) -> None:
        """`/ping` and `/ready` are answered there, whatever the public listener calls them."""
        for path in (b"/ping", b"/ready"):
            answer = self.ask(path).take()
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
            self.assertTrue(answer.endswith(b"\r\n\r\nOK"), answer)

    def test_about_to_end(self) -> None:
        """A process that is about to end is not ready any more, and alive."""
        self.sidecar.service.startService()
        self.sidecar.service.stopService()
        self.assertIn(b" 503 ", self.ask(b"/ready").take().partition(b"\r\n")[0])
        self.assertIn(b" 200 ", self.ask(b"/ping").take().partition(b"\r\n")[0])

    def test_of_the_app(self) -> None:
        """A check is passed on to its place with its fields and no identity, and the app's status comes back."""
        client, app = self.ask(b"/probe/app/liveness?x=/admin"), self.sidecar.app()
        asked = app.take()
        self.assertTrue(asked.startswith(b"GET /healthz?full=1 HTTP/1.1\r\n"), asked)
        self.assertIn(b"\r\nX-Check: k8s\r\n", asked)
        self.assertNotIn(b"boss", asked)
        app.send(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy")
        self.assertIn(b" 503 ", client.take().partition(b"\r\n")[0])

    def test_nobody_asks(self) -> None:
        """What a check says of a person or of its way, and our own cookies, do not reach the app."""
        alpha = """
            upstreamConfig: {upstreams: [{id: app, path: /, uri: "http://127.0.0.1:8080"}]}
            injectRequestHeaders: [{name: X-Person, values: [{claimSource: {claim: email}}]}]
            providers: [{id: a, provider: oidc, clientID: a, clientSecret: b, oidcConfig: {issuerURL: "http://i"}}]
            server: {bindAddress: "127.0.0.1:4180"}
            metricsServer: {bindAddress: "127.0.0.1:9100"}
        """
        without = ("PROVIDER", "OIDC_ISSUER_URL", "CLIENT_ID", "CLIENT_SECRET", "UPSTREAMS", "HTTP_ADDRESS")
        self.sidecar = InMemory("--alpha-config=a.yaml", *RELAYS, files={"a.yaml": alpha}, without=without)
        for fields in (
            b"X-Person: boss@example.com",
            b"X-Forwarded-Email: boss@example.com",
            b"X-Forwarded-For: 198.51.100.66",
            b"X-Real-IP: 198.51.100.66",
            b"Cookie: _oauth2_proxy=198.51.100.66",
        ):
            factory: Any = self.sidecar.reactor.tcpServers[1][1]
            client = Wire(factory.buildProtocol(None))
            client.send(b"GET /probe/app/liveness HTTP/1.1\r\nHost: a\r\n%s\r\nX-Check: 1\r\n\r\n" % fields)
            asked = self.sidecar.app().take()
            self.assertIn(b"X-Check: 1", asked)
            for forged in (b"boss", b"198.51.100.66"):
                self.assertNotIn(forged, asked, fields)

    def test_each_its_own_place(self) -> None:
        """Two checks may lead to two ports."""
        self.ask(b"/probe/app/readiness")
        self.assertEqual([client[:2] for client in self.sidecar.reactor.tcpClients], [("127.0.0.1", 8081)])

    def test_a_new_connection_each_time(self) -> None:
        """A connection from before tells nothing about now, so none is kept."""
        for _ in range(2):
            client, app = self.ask(b"/probe/app/liveness"), self.sidecar.app()
            app.take()
            app.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
            self.assertIn(b" 200 ", client.take().partition(b"\r\n")[0])
        self.assertEqual(len(self.sidecar.reactor.tcpClients), 2)

    def test_nothing_else_of_the_app(self) -> None:
        """Other methods, and paths around it, do not reach the app."""
        self.assertIn(b" 405 ", self.ask(b"/probe/app/liveness", b"POST").take().partition(b"\r\n")[0])
        for path in (
            b"/probe/app/liveness/",
            b"/probe/app/liveness/../../admin",
            b"/probe/app/%6civeness",
            b"/probe/app",
        ):
            self.ask(path)
        self.assertEqual(self.sidecar.reactor.tcpClients, [])

    def test_not_at_the_public_listener(self) -> None:
        """There the path is the app's."""
        client = self.sidecar.client()
        client.send(b"GET /probe/app/liveness HTTP/1.1\r\nHost: app.example.com\r\n\r\n")
        self.assertTrue(self.sidecar.app().take().startswith(b"GET /probe/app/liveness HTTP/1.1\r\n"))
