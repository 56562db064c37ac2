"""Tests of the addresses of apps, and of TLS to them, in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.test.iosim import FakeTransport, connect
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from o2sidecar.http.client_tls import Authorities
from o2sidecar.http.exchange import Exchange
from o2sidecar.http.upstream.endpoints import host_endpoint, place_of
from o2sidecar.proxy import ReverseProxyResource, plain_refusal
from o2sidecar.refusals import Refusal
from tests.private_authority import Authority, authority
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


class Answering(Protocol):
    """An app that answers every request."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@implementer(IOpenSSLServerConnectionCreator)
class Serving:
    """An app's side of TLS."""

    def __init__(self, context: SSL.Context) -> None:
        self._context = context

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        return SSL.Connection(self._context, None)


class TlsTests(SynchronousTestCase):
    """An app behind TLS must prove its name (RFC 9110 §4.3.4)."""

    def setUp(self) -> None:
        """The one authority that is trusted."""
        path = Path(self.mktemp())
        path.write_bytes(authority().pem)
        self.trust = Authorities.of([str(path)], setting="ca_files")
        self.refused: list[Refusal] = []

    def refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        self.refused.append(refusal)
        plain_refusal(exchange, refusal)

    def answer(self, name: str, by: Authority, verify: bool = True) -> bytes:
        """What a client gets from an app at 127.0.0.1 that has a certificate for `name`."""
        reactor = MemoryReactorClock()
        place = place_of(reactor, "https://127.0.0.1:8443", connect_time=5, verify=verify, trust=self.trust)
        proxy = ReverseProxyResource("127.0.0.1", 8443, b"", reactor, endpoint=place.endpoint, refuse=self.refuse)
        client = Listening(served=proxy).client()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        theirs: Any = reactor.tcpClients[0][2].buildProtocol(None)
        serving = Serving(by.certify(name).context())
        server = TLSMemoryBIOFactory(serving, False, Factory.forProtocol(Answering), reactor).buildProtocol(None)
        pump = connect(server, FakeTransport(server, True), theirs, FakeTransport(theirs, False))
        for _ in range(3):
            pump.flush()
            reactor.advance(0)
        return client.take()

    def test_proven(self) -> None:
        """A certificate of a trusted authority for the right name will do."""
        self.assertTrue(self.answer("127.0.0.1", authority()).endswith(b"ok"))

    def test_not_proven(self) -> None:
        """One for another name, or of an authority that nobody trusts, is a 502 whose reason the operator is told."""
        for name, by, why in (
            ("other.example", authority(), "the certificate is not for 127.0.0.1"),
            ("127.0.0.1", authority("others"), "the certificate of 127.0.0.1 is not trusted: unable to get issuer"),
        ):
            self.assertTrue(self.answer(name, by).startswith(b"HTTP/1.1 502 "))
            self.assertIn(why, self.refused.pop().detail)

    def test_unverified(self) -> None:
        """Where the operator wished it, any certificate will do."""
        self.assertTrue(self.answer("other.example", authority("others"), verify=False).endswith(b"ok"))
