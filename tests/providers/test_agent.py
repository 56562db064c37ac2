"""Tests for `o2sidecar.providers.agent`: whom to trust on the way to a provider, shown by real TLS in memory."""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHostnameResolver
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.test import iosim
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site
from zope.interface import implementer

from o2sidecar.policy.peers import TrustedAddresses
from o2sidecar.policy.reachable import Reachable
from o2sidecar.provider_client import Answer, ProviderClient
from o2sidecar.providers.agent import provider_agent
from o2sidecar.refusals import ProviderUnavailable
from tests.fakes import FakeProvider

ADDRESS = "127.0.0.1"
_NOBODYS = ("169.254.", "fe80:", "fd00:ec2:", "64:ff9b::a9fe:")


@cache
def certificate(address: str = ADDRESS, *, days: int = 2, names: bool = True) -> tuple[bytes, bytes]:
    """A self-signed certificate for an address, valid for some days around now, and it with its key; both in PEM.

    `names`: whether the address is where it counts, or in the common name alone.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    # OpenSSL asks the machine's own clock.
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=2))
        .not_valid_after(now - datetime.timedelta(days=2) + datetime.timedelta(days=days * 2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    if names:
        addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        builder = builder.add_extension(addresses, critical=False)
    made = builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
    return made, made + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _set_variable(name: str, value: str | None) -> None:
    if value is None:
        del os.environ[name]
    else:
        os.environ[name] = value


@implementer(IHostnameResolver)
class _Names:
    """Every name has these addresses."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = addresses

    def resolveHostName(self, resolutionReceiver: Any, hostName: str, portNumber: int = 0, *more: Any) -> Any:
        """See `IHostnameResolver`."""
        resolutionReceiver.resolutionBegan(None)
        for address in self.addresses:
            kind = IPv6Address if ":" in address else IPv4Address
            resolutionReceiver.addressResolved(kind("TCP", address, portNumber))
        resolutionReceiver.resolutionComplete()


class ProviderAgentTests(SynchronousTestCase):
    """`provider_agent`."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.provider = FakeProvider()

    def file(self, content: bytes) -> str:
        path = Path(self.mktemp())
        path.write_bytes(content)
        return str(path)

    def asked(self, server: bytes, host: str = ADDRESS, **trust: Any) -> Answer | BaseException:
        """What comes of asking a server that shows this certificate (PEM, with its key)."""
        url = f"https://{host}/jwks"
        agent = provider_agent(self.reactor, reachable=Reachable(named_hosts=[urlsplit(url).hostname or ""]), **trust)
        client = ProviderClient(agent=agent, clock=self.reactor)
        outcomes: list[Any] = []
        asking = Deferred.fromCoroutine(client.get(url))
        asking.addCallbacks(outcomes.append, lambda failure: outcomes.append(failure.value))
        self.reactor.advance(0)
        factory: Any = self.reactor.tcpClients[-1][2]
        options = PrivateCertificate.loadPEM(server).options()
        site = TLSMemoryBIOFactory(options, False, Site(self.provider, reactor=self.reactor), clock=self.reactor)
        # Small writes wait for a moment of the clock; the client's endpoint leaves no other way to name that.
        factory._wrappedFactory._clock = self.reactor
        server_side = site.buildProtocol(IPv4Address("TCP", ADDRESS, 1))
        client_side = factory.buildProtocol(IPv4Address("TCP", ADDRESS, 443))
        pump = iosim.connect(
            server_side,
            iosim.FakeTransport(server_side, isServer=True),
            client_side,
            iosim.FakeTransport(client_side, isServer=False),
        )
        for _ in range(20):
            pump.flush()
            self.reactor.advance(0)
        assert outcomes, "nothing came of it"
        outcome: Answer | BaseException = outcomes[0]
        return outcome

    def test_own_authority(self) -> None:
        """A provider of an authority that settings name is believed, also beside the system's."""
        shown, server = certificate()
        bundle = self.file(b"a bundle\n" + certificate("127.0.0.2")[0] + shown)
        for system in (False, True):
            outcome = self.asked(server, ca_files=[bundle], use_system_trust_store=system)
            self.assertIsInstance(outcome, Answer, outcome)

    def test_unknown_authority(self) -> None:
        """A provider of any other authority is not, whatever the choice of trust."""
        _, server = certificate()
        other = self.file(certificate("127.0.0.2")[0])
        for trust in ({}, {"ca_files": [other]}, {"ca_files": [other], "use_system_trust_store": True}):
            self.assertIsInstance(self.asked(server, **trust), ProviderUnavailable)

    def test_system_authorities(self) -> None:
        """The system's authorities count alone, or beside others if settings say so, and not instead of them."""
        shown, server = certificate()
        other = self.file(certificate("127.0.0.2")[0])
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = self.file(shown)
        self.addCleanup(_set_variable, "SSL_CERT_FILE", before)
        self.assertIsInstance(self.asked(server), Answer)
        self.assertIsInstance(self.asked(server, ca_files=[other], use_system_trust_store=True), Answer)
        self.assertIsInstance(self.asked(server, ca_files=[other]), ProviderUnavailable)

    def test_other_address(self) -> None:
        """A certificate of a trusted authority for another host is not believed."""
        shown, server = certificate("127.0.0.2")
        self.assertIsInstance(self.asked(server, ca_files=[self.file(shown)]), ProviderUnavailable)

    def test_ipv6(self) -> None:
        """An address in brackets is connected to, proves itself, and stands in the Host field as it was written."""
        shown, server = certificate("::1")
        self.reactor.installNameResolver(_Names(["::1"]))
        for host, port in (("[::1]:9400", 9400), ("[::1]", 443)):
            outcome = self.asked(server, host, ca_files=[self.file(shown)])
            self.assertIsInstance(outcome, Answer, outcome)
            self.assertEqual(self.reactor.tcpClients[-1][:2], ("::1", port))
            self.assertEqual(self.provider.asked[-1].headers["host"], host)
        self.assertIsInstance(self.asked(server, "[::2]", ca_files=[self.file(shown)]), ProviderUnavailable)

    def test_nobody(self) -> None:
        """Nor is one that names nobody, which Twisted's own check would let pass."""
        shown, server = certificate(names=False)
        self.assertIsInstance(self.asked(server, ca_files=[self.file(shown)]), ProviderUnavailable)

    def test_what_is_no_host(self) -> None:
        """A host that cannot be is as good as one that does not answer."""
        client = ProviderClient(agent=provider_agent(self.reactor, reachable=Reachable()), clock=self.reactor)
        self.failureResultOf(Deferred.fromCoroutine(client.get("https://a!b/")), ProviderUnavailable)

    def test_expired(self) -> None:
        """A certificate that is over is not believed."""
        shown, server = certificate(days=0)
        self.assertIsInstance(self.asked(server, ca_files=[self.file(shown)]), ProviderUnavailable)

    def test_insecure(self) -> None:
        """With `ssl_insecure_skip_verify` anybody is believed."""
        for server in (certificate()[1], certificate("127.0.0.2")[1], certificate(days=0)[1]):
            self.assertIsInstance(self.asked(server, insecure=True), Answer)

    def tried(self, url: str, *addresses: str, **rule: Any) -> list[str]:
        """To which addresses a connection is begun where these are the host's."""
        reactor = MemoryReactorClock()
        reactor.installNameResolver(_Names(addresses))
        agent = provider_agent(reactor, reachable=Reachable(**rule))
        asking = Deferred.fromCoroutine(ProviderClient(agent=agent, clock=reactor).get(url))
        reactor.advance(1)
        tried = [client[0] for client in reactor.tcpClients]
        if not tried:
            detail = self.failureResultOf(asking, ProviderUnavailable).value.detail
            self.assertIn("metadata" if addresses[0].startswith(_NOBODYS) else "a private address", detail)
        else:
            asking.addErrback(lambda _: None)
            asking.cancel()
        return tried

    def test_inside(self) -> None:
        """X9: a name that only a document knows leads to no private address, be it named or resolved so just now."""
        for scheme in ("http", "https"):
            url = f"{scheme}://keys.example/jwks"
            self.assertEqual(self.tried(url, "10.0.0.8"), [])
            self.assertEqual(self.tried(url, "::1"), [])
            self.assertEqual(self.tried(url, "169.254.169.254"), [])
            self.assertEqual(self.tried(url, "10.0.0.8", "93.184.215.14"), ["93.184.215.14"])
            self.assertEqual(self.tried(url, "10.0.0.8", named_hosts=["keys.example"]), ["10.0.0.8"])
            private = TrustedAddresses.parse(["10.0.0.0/8"])
            self.assertEqual(self.tried(url, "10.0.0.8", "192.168.0.1", private=private), ["10.0.0.8"])

    def test_numbers_for_names(self) -> None:
        """X9: a decimal, octal or mapped form of an address is what it resolves to."""
        for host in ("2130706433", "0177.0.0.1", "127.1", "0x7f000001"):
            self.assertEqual(self.tried(f"http://{host}/", "127.0.0.1", named_hosts=["idp.example"]), [])

    def test_addresses_in_brackets(self) -> None:
        """X9: an IPv6 address that a provider's document names is judged as what a name means."""
        for address in ("::1", "fd00::1", "fe80::1", "::ffff:127.0.0.1", "64:ff9b::a9fe:a9fe", "fd00:ec2::254"):
            self.assertEqual(self.tried(f"http://[{address}]/", address, named_hosts=["idp.example"]), [], address)
        self.assertEqual(self.tried("http://[fd00:ec2::254]/", "fd00:ec2::254", named_hosts=["[fd00:ec2::254]"]), [])
        self.assertEqual(self.tried("http://[fd00::1]/", "fd00::1", named_hosts=["[fd00::1]"]), ["fd00::1"])
        self.assertEqual(self.tried("http://[2a00::1]/", "2a00::1"), ["2a00::1"])

    def test_rebinding(self) -> None:
        """X9: a name that had a public address is judged anew by the address that it has now."""
        names = _Names(["93.184.215.14"])
        self.reactor.installNameResolver(names)
        agent = provider_agent(self.reactor, reachable=Reachable())
        client = ProviderClient(agent=agent, clock=self.reactor)
        asking = Deferred.fromCoroutine(client.get("http://keys.example/"))
        self.reactor.advance(10)
        self.failureResultOf(asking, ProviderUnavailable)
        self.assertEqual(len(self.reactor.tcpClients), 1)
        names.addresses = ["127.0.0.1"]
        again = Deferred.fromCoroutine(client.get("http://keys.example/"))
        self.reactor.advance(1)
        self.assertIn("127.0.0.1 is a private address", self.failureResultOf(again, ProviderUnavailable).value.detail)
        self.assertEqual(len(self.reactor.tcpClients), 1)

    def test_files_that_are_none(self) -> None:
        """A file that is missing, empty, or holds something else is refused by its name."""
        broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        for name in (self.mktemp(), self.file(b""), self.file(b"junk"), self.file(broken)):
            with self.assertRaises(ValueError) as caught:
                provider_agent(self.reactor, reachable=Reachable(), ca_files=[name])
            self.assertIn(name, str(caught.exception))
            self.assertIn("provider_ca_files", str(caught.exception))

    def test_connecting_takes_no_longer(self) -> None:
        """A connection that does not come about is given up after the time for connecting."""
        agent = provider_agent(self.reactor, reachable=Reachable(named_hosts=[ADDRESS]), connect_timeout=3.0)
        client = ProviderClient(agent=agent, clock=self.reactor)
        asking = Deferred.fromCoroutine(client.get(f"https://{ADDRESS}/jwks"))
        self.assertEqual(self.reactor.tcpClients[-1][3], 3.0)
        self.reactor.advance(10)
        self.assertIn("10 seconds", self.failureResultOf(asking, ProviderUnavailable).value.detail)
