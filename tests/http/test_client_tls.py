"""Tests of TLS as a client, with real handshakes in memory: who is believed, and what is said to those who are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, connect
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from o2sidecar.certificate import Certificate
from o2sidecar.http.client_tls import Authorities, ClientTls, client_options, why_lost
from tests.private_authority import Authority, Certified, authority


class Side(Protocol):
    """One side: says something, and remembers what it heard and why it ended."""

    def __init__(self, says: bytes = b"") -> None:
        self.says = says
        self.heard = b""
        self.ended = ""

    def connectionMade(self) -> None:
        assert self.transport is not None
        if self.says:
            self.transport.write(self.says)

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        self.ended = why_lost(reason)


@implementer(IOpenSSLServerConnectionCreator)
class Serving:
    """A server's side of TLS; `asked_for` is the name that the client wants, `client` who that proves to be."""

    def __init__(self, context: SSL.Context) -> None:
        self._context = context
        self._connection: SSL.Connection | None = None
        self.asked_for: bytes | None = None
        context.set_tlsext_servername_callback(self._named)

    def _named(self, connection: SSL.Connection) -> None:
        self.asked_for = connection.get_servername()

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        return SSL.Connection(self._context, None)


class ClientCase(SynchronousTestCase):
    """Handshakes."""

    def setUp(self) -> None:
        """An authority that is trusted."""
        self.authority = authority()
        self.client, self.server = Side(b"who I am"), Side()

    def file(self, content: bytes) -> str:
        """A file with this content."""
        path = Path(self.mktemp())
        path.write_bytes(content)
        return str(path)

    def options(self, trusted: Authority | None = None, certificate: Certificate | None = None) -> CertificateOptions:
        """What a client has that trusts one authority."""
        pem = (trusted or self.authority).pem
        return client_options(trust=Authorities.of([self.file(pem)], setting="ca_files"), certificate=certificate)

    def shake(self, tls: ClientTls, context: SSL.Context | None) -> Serving:
        """Have both sides speak; without a context the server's side is plain."""
        serving, clock = Serving(context or SSL.Context(SSL.TLS_SERVER_METHOD)), Clock()
        factory = Factory.forProtocol(lambda: self.server)
        server: Any = self.server
        if context is not None:
            server = TLSMemoryBIOFactory(serving, False, factory, clock).buildProtocol(None)
        wrapped = Factory.forProtocol(lambda: self.client)
        client: Any = TLSMemoryBIOFactory(tls, True, wrapped, clock).buildProtocol(None)
        pump = connect(server, FakeTransport(server, True), client, FakeTransport(client, False))
        for _ in range(5):
            pump.flush()
            clock.advance(0)
        return serving

    def refusal(self, host: str, certified: Certified, trusted: Authority | None = None) -> str:
        """Why a server is not believed; it must not be, and must not hear a word."""
        self.setUp()
        self.shake(ClientTls(host, self.options(trusted)), certified.context())
        self.assertEqual(self.server.heard, b"", host)
        return self.client.ended

    def believed(self, tls: ClientTls, certified: Certified, clients: bytes = b"") -> Serving:
        """Check that a server is believed."""
        self.setUp()
        serving = self.shake(tls, certified.context(clients=clients))
        self.assertEqual((self.server.heard, self.client.ended), (b"who I am", ""))
        return serving


class ServerTests(ClientCase):
    """The server proves its name."""

    def test_interface(self) -> None:
        """It is what Twisted asks for connections."""
        verifyObject(IOpenSSLClientConnectionCreator, ClientTls("a", self.options()))

    def test_believed(self) -> None:
        """A certificate of a trusted authority for the name or address, among others or by a wildcard, will do."""
        for host, names in (
            ("app.example", ["app.example"]),
            ("app.corp.example", ["other.example", "127.0.0.1", "*.corp.example"]),
            ("app.example.", ["app.example"]),
            ("APP.example", ["app.EXAMPLE"]),
            ("127.0.0.1", ["127.0.0.1"]),
            ("::1", ["::1"]),
        ):
            self.believed(ClientTls(host, self.options()), self.authority.certify(*names))

    def test_name_is_told(self) -> None:
        """The server is told which name is wanted, but no address (RFC 6066 §3)."""
        certified = self.authority.certify("app.example", "127.0.0.1")
        for host, told in (("app.example", b"app.example"), ("app.example.", b"app.example"), ("127.0.0.1", None)):
            for verify in (True, False):
                tls = ClientTls(host, self.options(), verify=verify)
                self.assertEqual(self.believed(tls, certified).asked_for, told)

    def test_other_names(self) -> None:
        """A certificate for other names will not, and hears nothing of what we had to say."""
        for host, names in (
            ("app.example", ["other.example"]),
            ("app.example", ["example"]),
            ("app.example", ["*.app.example"]),
            ("a.b.corp.example", ["*.corp.example"]),
            ("127.0.0.1", ["127.0.0.2"]),
            ("127.0.0.1", [x509.DNSName("127.0.0.1")]),
            ("app.example", ["app.example.evil.example"]),
        ):
            why = self.refusal(host, self.authority.certify(*names))
            self.assertTrue(why.startswith(f"the certificate is not for {host}"), why)

    def test_no_names(self) -> None:
        """One that names nobody, or in a way that makes no sense, will not either; Twisted's own check lets it."""
        for names in (
            (),
            (x509.RFC822Name("app.example"),),
            (x509.DNSName("*"),),
            (x509.DNSName("a..b"), x509.DNSName("**")),
            (x509.UniformResourceIdentifier("https://app.example/"),),
        ):
            why = self.refusal("app.example", self.authority.certify(*names, common_name="app.example"))
            self.assertIn("the certificate is not for app.example", why, names)

    def test_other_authorities(self) -> None:
        """One of an authority that nobody trusts will not."""
        why = self.refusal("app.example", authority("others").certify("app.example"))
        self.assertEqual(why, "the certificate of app.example is not trusted: unable to get issuer cert locally")

    def test_expired(self) -> None:
        """One that is over will not."""
        why = self.refusal("app.example", self.authority.certify("app.example", days=-1))
        self.assertEqual(why, "the certificate of app.example is not trusted: cert has expired")

    def test_intermediate(self) -> None:
        """An authority between is believed if it comes along, and only then."""
        between = Authority("between", above=self.authority)
        self.believed(ClientTls("app.example", self.options()), between.certify("app.example"))
        certified = between.certify("app.example")
        alone = Certified(chain=certified.chain.removesuffix(between.pem), key=certified.key)
        self.assertIn("is not trusted", self.refusal("app.example", alone))

    def test_unverified(self) -> None:
        """Where the operator wishes it, whoever answers is believed."""
        tls = ClientTls("app.example", client_options(), verify=False)
        self.believed(tls, authority("others").certify("other.example", days=-1))

    def test_no_tls(self) -> None:
        """A server that speaks no TLS is told apart."""
        self.server = Side(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.shake(ClientTls("app.example", self.options()), None)
        self.assertEqual(self.client.ended, "TLS: wrong version number")
        self.assertNotIn(b"who I am", self.server.heard)

    def test_no_host(self) -> None:
        """What no host can be called is refused at once."""
        for host in ("", "a b", "a!b", "ä", "."):
            self.assertRaises(ValueError, ClientTls, host, self.options())


class OwnCertificateTests(ClientCase):
    """What we prove ourselves with."""

    def certificate(self, certified: Certified) -> Certificate:
        """Ours."""
        return Certificate.parse(certified.chain, certified.key)

    def test_shown(self) -> None:
        """Our certificate, and what certifies it, are given to a server that asks; also to one that we do not check."""
        server, between = self.authority.certify("app.example"), Authority("between", above=authority("clients"))
        own = self.certificate(between.certify("sidecar"))
        for tls in (
            ClientTls("app.example", self.options(certificate=own)),
            ClientTls("app.example", client_options(certificate=own), verify=False),
        ):
            self.believed(tls, server, clients=authority("clients").pem)

    def test_missing(self) -> None:
        """Without one, such a server ends the connection, and the reason is told."""
        server = self.authority.certify("app.example")
        tls = ClientTls("app.example", self.options())
        self.shake(tls, server.context(clients=authority("clients").pem))
        self.assertEqual(self.server.heard, b"")
        self.assertRegex(self.client.ended, "^TLS: .*alert certificate required")


class AuthoritiesTests(ClientCase):
    """Files of authorities."""

    def test_bundle(self) -> None:
        """A file may hold several among other text, and there may be several files."""
        others = authority("others")
        bundle = self.file(b"one\n" + others.pem + b"two\n" + self.authority.pem)
        for names in ([bundle], [self.file(others.pem), self.file(self.authority.pem)]):
            options = client_options(trust=Authorities.of(names, setting="ca_files"))
            self.believed(ClientTls("app.example", options), self.authority.certify("app.example"))
            self.believed(ClientTls("app.example", options), others.certify("app.example"))

    def test_refused(self) -> None:
        """A file that is missing, empty, or holds something else is named, with the setting."""
        broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        for name in (self.mktemp(), self.file(b""), self.file(b"junk"), self.file(broken)):
            with self.assertRaises(ValueError) as caught:
                Authorities.of([name], setting="some_ca_files")
            self.assertIn(f"some_ca_files: {name} ", str(caught.exception))


class WhyTests(SynchronousTestCase):
    """Why a connection ended."""

    def test_words(self) -> None:
        """OpenSSL's lists become words; what is none stays."""
        error = SSL.Error([("SSL routines", "", "one"), ("SSL routines", "", "two")])
        self.assertEqual(why_lost(Failure(error)), "TLS: one; two")
        self.assertEqual(why_lost(Failure(SSL.Error())), "")
        self.assertEqual(why_lost(Failure(ConnectionDone("x"))), "Connection was closed cleanly: x.")
