"""Tests of the addresses of apps, and of TLS to them, in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import crypto
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import Certificate, CertificateOptions, trustRootFromCertificates
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.test.iosim import FakeTransport, connect
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.limits import UpstreamLimits
from o2sidecar.http.upstream.endpoints import host_endpoint, place_of
from o2sidecar.proxy import ReverseProxyResource
from tests.wire import Listening


class PlaceTests(SynchronousTestCase):
    """URIs to endpoints."""

    def test_tcp(self) -> None:
        """Http names a host and a port, and the Host that the app goes by."""
        for uri, address, host in (
            ("http://127.0.0.1:8080/", ("127.0.0.1", 8080), b"127.0.0.1:8080"),
            ("http://127.0.0.1", ("127.0.0.1", 80), b"127.0.0.1"),
            ("http://[::1]:81/x/", ("::1", 81), b"[::1]:81"),
        ):
            reactor = MemoryReactorClock()
            place = place_of(reactor, uri, connect_time=7)
            self.assertEqual(place.host, host)
            place.endpoint.connect(Factory.forProtocol(Protocol))
            self.assertEqual(reactor.tcpClients[0][:2], address)
            self.assertEqual(reactor.tcpClients[0][3], 7)

    def test_unix(self) -> None:
        """Unix names a path."""
        reactor = MemoryReactorClock()
        place_of(reactor, "unix:///run/app.sock", connect_time=7).endpoint.connect(Factory.forProtocol(Protocol))
        self.assertEqual(reactor.unixClients[0][0], "/run/app.sock")

    def test_refused(self) -> None:
        """Other URIs are refused with the URI in the message."""
        for uri in ("ftp://x", "http://", "app:8080", "http://h\xe4/", "http://h:x/"):
            with self.assertRaises(ValueError, msg=uri):
                place_of(MemoryReactorClock(), uri, connect_time=1)

    def test_names_are_looked_up(self) -> None:
        """A name goes through the resolver, an address does not."""
        self.assertEqual(
            type(host_endpoint(MemoryReactorClock(), "app", 80, connect_time=1)).__name__, "HostnameEndpoint"
        )


def certificate(name: str) -> tuple[Certificate, CertificateOptions]:
    """A certificate that vouches for itself, and a server's options with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name[0].isdigit():
        names = [x509.IPAddress(ip_address(name))]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    options = CertificateOptions(
        privateKey=crypto.load_privatekey(crypto.FILETYPE_PEM, pem), certificate=crypto.X509.from_cryptography(made)
    )
    return Certificate.loadPEM(made.public_bytes(serialization.Encoding.PEM)), options


class Answering(Protocol):
    """An app that answers every request."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


class TlsTests(SynchronousTestCase):
    """An app behind TLS must prove its name (RFC 9110 §4.3.4)."""

    def answer(self, name: str, verify: bool, trusted: bool = True) -> bytes:
        """What a client gets from an app at 127.0.0.1 that has a certificate for `name`."""
        own, options = certificate(name)
        reactor = MemoryReactorClock()
        root = trustRootFromCertificates([own]) if trusted else trustRootFromCertificates([])
        place = place_of(reactor, "https://127.0.0.1:8443", connect_time=5, verify=verify, trust_root=root)
        limits = UpstreamLimits()
        proxy = ReverseProxyResource("127.0.0.1", 8443, b"", reactor, endpoint=place.endpoint, limits=limits)
        listening = Listening(served=proxy)
        client = listening.client()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        theirs: Any = reactor.tcpClients[0][2].buildProtocol(None)
        server = TLSMemoryBIOFactory(options, False, Factory.forProtocol(Answering), reactor).buildProtocol(None)
        pump = connect(server, FakeTransport(server, True), theirs, FakeTransport(theirs, False))
        for _ in range(3):
            pump.flush()
            reactor.advance(0)
        return client.take()

    def test_proven(self) -> None:
        """A certificate of a trusted root for the right name will do."""
        self.assertTrue(self.answer("127.0.0.1", verify=True).endswith(b"ok"))

    def test_wrong_name(self) -> None:
        """One for another name is a 502."""
        self.assertTrue(self.answer("other.example", verify=True).startswith(b"HTTP/1.1 502 "))

    def test_untrusted(self) -> None:
        """One of a root that nobody trusts is a 502."""
        self.assertTrue(self.answer("127.0.0.1", verify=True, trusted=False).startswith(b"HTTP/1.1 502 "))

    def test_unverified(self) -> None:
        """Where the operator wished it, any certificate will do."""
        self.assertTrue(self.answer("other.example", verify=False, trusted=False).endswith(b"ok"))
