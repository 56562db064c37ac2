"""A whole sidecar with all that is around it, in memory: browsers, apps, identity providers, time, and its log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.error import TimeoutError
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory
from twisted.logger import globalLogPublisher
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, IOPump, connect
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from zope.interface import implementer

from o2sidecar.assembly.log import LogOutput, standard_log_of
from o2sidecar.settings.load import Loaded
from tests.catalogue.strict import Message, read_answers
from tests.catalogue.whole import HOST, Client, Respond, Whole, numbered
from tests.fakes import FakeProvider, claims_of
from tests.options.redis_servers import REDIS_TLS, redis_servers
from tests.private_authority import authority
from tests.stores.memory import MemoryRedis, RedisProtocol
from tests.wire import Wire

PROVIDER, PROVIDER_OVER_TLS, PROVIDER_OF_SYSTEM, OTHER_ISSUER = 9000, 9443, 9444, 9001
"""Ports at which identity providers listen; the third one is certified by an authority of the system's."""
API_OF_GOOGLE = "admin.googleapis.com"
"""A name by which the provider is reached, too, whatever its address: at 443, certified by the system's."""
APPS, APP_OVER_TLS = (8080, 8081), 8443
"""Those of apps; at any other nobody is, and nobody says so."""
ADDRESS = f"http://127.0.0.1:{PROVIDER}"
CLAIMS: Mapping[str, Any] = {"upn": "alice.upn@example.com", "roles": ["boss"], "for": "app-2", "hd": "acme"}
"""What the provider says of Alice besides the usual."""


class World(Whole):
    """The sidecar, started. `provider` is the one that it asks; `listed`: ports that it connected to, in order.

    `prepare` changes the provider before it is asked for the first time.

    `standard`: the lines that it said of itself. `jar`: the browser's cookies.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        respond: Respond | None = numbered,
        early: bool = False,
        prepare: Callable[[FakeProvider], object] = lambda provider: None,
    ) -> None:
        self.loaded = loaded
        self.provider, self.other = FakeProvider(), FakeProvider()
        _introduce(self.provider, loaded.settings.oidc_issuer_url, loaded.settings.client_id)
        prepare(self.provider)
        _introduce(self.other, f"http://127.0.0.1:{OTHER_ISSUER}", "other-app")
        self.app_over_tls = AppOverTls()
        self.reached: list[int] = []
        self.redis: Mapping[int, MemoryRedis] = {}
        self.standard: list[bytes] = []
        self.jar: dict[bytes, bytes] = {}
        self._pumps: list[IOPump] = []
        self.observer = standard_log_of(loaded.settings, self.standard.append)
        globalLogPublisher.addObserver(self.observer)
        super().__init__(loaded, respond=respond, early=early)
        self.clock.hasRun = True
        self.service.startService()
        self.pump()

    def end(self) -> None:
        """Listen to its log no more."""
        globalLogPublisher.removeObserver(self.observer)

    def log_output(self, loaded: Loaded) -> LogOutput:
        self.clock.getThreadPool = _AtOnce  # type: ignore[attr-defined]
        self.clock.callFromThread = lambda call, *args, **named: call(*args, **named)  # type: ignore[attr-defined]
        self.log_file = Path(loaded.settings.logging_filename)
        return LogOutput.of(
            loaded.settings, standard_output=self.log.append, standard_error=self.standard.append, reactor=self.clock
        )

    # Who can be reached.

    def reach(self, host: str, port: int, factory: Any, timeout: float) -> bool:
        self.reached.append(port)
        if port in APPS:
            return super().reach(host, APPS[0], factory, timeout)
        server, known_to = self._behind(port)
        if server is None:
            self.clock.callLater(timeout, factory.clientConnectionFailed, None, Failure(TimeoutError()))
            return False
        if known_to:
            server = TLSMemoryBIOFactory(_Known(known_to), isClient=False, wrappedFactory=server, clock=self.clock)
            # Small writes wait for a moment of the clock; the agent's endpoint leaves no other way to name that.
            factory._wrappedFactory._clock = self.clock
        address = IPv4Address("TCP", host, port)
        near, far = factory.buildProtocol(address), server.buildProtocol(address)
        transports = FakeTransport(far, isServer=True), FakeTransport(near, isServer=False)
        self._pumps.append(connect(far, transports[0], near, transports[1], greet=False, clock=self.clock))
        return True

    def _behind(self, port: int) -> tuple[Any, str]:
        """Who listens at a port, if anybody does, and the authority that it is known to over TLS."""
        if not self.redis:
            self.redis = redis_servers(self.clock)
        if port in self.redis:
            return Factory.forProtocol(
                lambda: RedisProtocol(self.redis[port])
            ), "the tests" if port == REDIS_TLS else ""
        sites: dict[int, tuple[Resource, str]] = {
            PROVIDER: (self.provider, ""),
            PROVIDER_OVER_TLS: (self.provider, "the tests"),
            PROVIDER_OF_SYSTEM: (self.provider, "the system"),
            443: (self.provider, "the system"),
            OTHER_ISSUER: (self.other, ""),
            APP_OVER_TLS: (self.app_over_tls, "the tests"),
        }
        resource, known_to = sites.get(port, (None, ""))
        return resource and Site(resource, timeout=None, reactor=self.clock), known_to

    def _turn(self) -> bool:
        moved = [pump.pump() for pump in list(self._pumps)]
        return super()._turn() or any(moved)

    # What a browser does.

    def get(
        self, target: str, *fields: bytes, method: bytes = b"GET", body: bytes = b"", host: bytes = HOST
    ) -> Message:
        """The answer to a request with the cookies of the jar."""
        client = self.send(target, *fields, method=method, body=body, host=host)
        return self.answer_to(client, method)

    def send(
        self, target: str, *fields: bytes, method: bytes = b"GET", body: bytes = b"", host: bytes = HOST
    ) -> Client:
        """A connection on which this was asked."""
        line = b"%s %s HTTP/1.1" % (method, target.encode())
        cookies = [b"Cookie: " + b"; ".join(b"=".join(pair) for pair in self.jar.items())] if self.jar else []
        length = [b"Content-Length: %d" % len(body)] if body else []
        return self.raw(b"\r\n".join([line, b"Host: " + host, *cookies, *fields, *length, b"", body]))

    def raw(self, data: bytes) -> Client:
        """A connection on which these bytes were sent."""
        client = self.client()
        client.send(data)
        self.pump()
        return client

    def answer_to(self, client: Client, method: bytes = b"GET") -> Message:
        """The answer that came on a connection."""
        reading = read_answers(client.got, [method], ended=client.ended)
        answer = reading.messages[-1] if reading.messages else reading.partial
        assert answer is not None, client.got
        return answer

    def scrape(self) -> str:
        """The page of metrics."""
        return self.ask_metrics("/metrics").body.decode()

    def ask_metrics(self, target: str) -> Message:
        """The answer of the listener for metrics."""
        client = self.metrics_client(b"GET %s HTTP/1.1\r\nHost: metrics\r\n\r\n" % target.encode())
        while client.turn() or self._turn():
            pass
        return self.answer_to(client)

    def metrics_client(self, data: bytes) -> Client:
        """A connection to that listener, on which this is sent when it has its turn."""
        client = Client(Wire(self.clock.tcpServers[1][1].buildProtocol(IPv4Address("TCP", "192.0.2.2", 54321))))
        client.send(data)
        return client

    def keep(self, answer: Message) -> None:
        """Take an answer's cookies into the jar, and out of it."""
        for value in answer.values(b"set-cookie"):
            name, _, content = value.partition(b";")[0].partition(b"=")
            if b"Max-Age=0" in value:
                self.jar.pop(name, None)
            else:
                self.jar[name] = content

    def begin(self, wanted: str = "/") -> Message:
        """The answer that sends the browser to the provider."""
        begun = self.get(f"/oauth2/start?rd={quote(wanted)}")
        self.keep(begun)
        return begun

    def sign_in(self, wanted: str = "/") -> Message:
        """The answer to coming back from the provider, which says it is Alice; or to what ended the login before."""
        begun = self.begin(wanted)
        if begun.status != 302:
            return begun
        asked = parameters_of(begun)
        if "nonce" in asked:
            self.provider.claims["nonce"] = asked["nonce"]
        done = self.get(f"/oauth2/callback?code=c&state={quote(asked['state'])}")
        self.keep(done)
        return done

    # Time.

    def seconds_until(self, come: Callable[[], object], most: int = 400) -> int | None:
        """How many seconds pass until something has come about; `None` if it does not."""
        self.pump()
        for second in range(most):
            if come():
                return second
            self.pass_time(1)
        return None

    def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds * 2)):
            self.clock.advance(0.5)
            self.pump()


def parameters_of(answer: Message) -> dict[str, str]:
    """The query of where an answer sends the browser."""
    [location] = answer.values(b"location")
    return dict(parse_qsl(urlsplit(location.decode()).query))


def _introduce(provider: FakeProvider, issuer: str, client_id: str) -> None:
    """Let a provider be the issuer that the sidecar looks for."""
    names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
    endpoints = {member: f"{issuer}/{path}" for member, path in {**names, "userinfo_endpoint": "userinfo"}.items()}
    provider.discovery = {"issuer": issuer, **endpoints}
    provider.claims = {"iss": issuer, "aud": client_id, **CLAIMS}
    provider.user_info = {**claims_of(), "email": "alice@userinfo.example.com"}
    provider.github.collaborators = ["octo"]
    provider.github.repo = {"private": False, "permissions": {"push": True}}


@implementer(IOpenSSLServerConnectionCreator)
class _Known:
    """Serves TLS with a certificate of some authority, and takes whatever the client shows."""

    def __init__(self, to: str) -> None:
        self._context = authority(to).certify("127.0.0.1", API_OF_GOOGLE).context()
        self._context.set_verify(SSL.VERIFY_PEER, lambda *told: True)

    def serverConnectionForTLS(self, tlsProtocol: object) -> SSL.Connection:
        return SSL.Connection(self._context, None)


class AppOverTls(Resource):
    """An app; `shown`: the names in the certificates that it was shown."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []

    def render(self, request: Request) -> bytes:
        transport: Any = request.transport
        certificate = transport.getPeerCertificate()
        self.shown.append(certificate.get_subject().CN if certificate else "")
        return b"over TLS"


class _AtOnce:
    """A pool of threads that does everything at once, in this one."""

    def callInThreadWithCallback(self, on_result: Any, call: Any, *args: Any, **named: Any) -> None:
        try:
            result = call(*args, **named)
        except Exception:
            on_result(False, Failure())
        else:
            on_result(True, result)
