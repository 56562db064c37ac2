"""Tests of TLS for listeners, with a client in memory."""

from __future__ import annotations

import os
import ssl
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from o2sidecar.certificate import Certificate
from o2sidecar.http.exchange import Tunnel
from o2sidecar.http.limits import Limits
from o2sidecar.http.listener.proxy_protocol import ProxyProtocol
from o2sidecar.http.listener.tls import NewestCertificate
from o2sidecar.settings.tls import Pem, Tls
from tests.http.listener.tls_client import TlsClient
from tests.server_certificates import Pair, pair
from tests.wire import Gathered, Listening, says

ASK = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class TlsCase(SynchronousTestCase):
    """A certificate in two files, and a server that speaks TLS with it."""

    def setUp(self) -> None:
        """Files, and the log's lines."""
        folder = Path(self.mktemp())
        folder.mkdir()
        self.certificate, self.key = folder / "tls.crt", folder / "tls.key"
        self.write(pair(1))
        self.clock = Clock()
        self.clock.advance(time.time())
        self.listening = Listening(says(b"hello"))
        self.said: list[str] = []

        def note(event: LogEvent) -> None:
            self.said.append(f"{event['log_level'].name} {formatEvent(event)}")

        globalLogPublisher.addObserver(note)  # type: ignore[arg-type]
        self.addCleanup(globalLogPublisher.removeObserver, note)  # type: ignore[arg-type]

    def write(self, given: Pair) -> None:
        """Put another pair in place of the present one, as a Kubernetes volume does."""
        for path, text in ((self.certificate, given.certificate), (self.key, given.key)):
            other = path.with_suffix(".new")
            other.write_bytes(text)
            os.replace(other, path)

    def load(self) -> Certificate:
        certificate, key = (Pem(name=path.name, path=str(path)) for path in (self.certificate, self.key))
        return Tls(certificate=certificate, key=key).load(lambda path: Path(path).read_bytes())

    def newest(self, **options: Any) -> NewestCertificate:
        """What begins TLS."""
        made = NewestCertificate(
            load=self.load,
            paths=[str(self.certificate), str(self.key)],
            name="tls_cert_file, tls_key_file",
            clock=self.clock,
            **options,
        )
        self.successResultOf(ensureDeferred(made.start()))
        self.addCleanup(made.stop)
        return made

    def client(self, newest: NewestCertificate, **offers: Any) -> TlsClient:
        """A client that has not said anything yet."""
        server = self.listening.server
        factory = TLSMemoryBIOFactory(newest, isClient=False, wrappedFactory=server, clock=self.listening.clock)
        return TlsClient(factory, self.listening.clock, **offers)

    def connected(self, newest: NewestCertificate, **offers: Any) -> TlsClient:
        """A client that may ask."""
        client = self.client(newest, **offers)
        client.shake_hands()
        return client


class HandshakeTests(TlsCase):
    """What is offered, and what is refused."""

    def test_interface(self) -> None:
        """It begins TLS on connections."""
        verifyObject(IOpenSSLServerConnectionCreator, self.newest())

    def test_versions(self) -> None:
        """TLS 1.2 and 1.3 are spoken, with either kind of key; nothing older is."""
        for kind in ("ec", "rsa"):
            self.write(pair(kind=kind))
            newest = self.newest()
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                client = self.connected(newest, version=version)
                client.send(ASK)
                self.assertTrue(client.take().endswith(b"\r\n\r\nhello"))
            old = self.client(newest, version=ssl.TLSVersion.TLSv1_1, ciphers="ALL:@SECLEVEL=0")
            self.assertRaises(ssl.SSLError, old.shake_hands)

    def test_a_higher_minimum(self) -> None:
        """With TLS 1.3 as the minimum, 1.2 is refused."""
        newest = self.newest(only_1_3=True)
        self.assertEqual(self.connected(newest).facts[0], "TLSv1.3")
        self.assertRaises(ssl.SSLError, self.client(newest, version=ssl.TLSVersion.TLSv1_2).shake_hands)

    def test_ciphers(self) -> None:
        """Only the suites that were named are taken; without names, only those with forward secrecy."""
        named = self.newest(ciphers=["ECDHE-ECDSA-CHACHA20-POLY1305"])
        version = ssl.TLSVersion.TLSv1_2
        self.connected(named, version=version, ciphers="ECDHE-ECDSA-CHACHA20-POLY1305")
        other = self.client(named, version=version, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")
        self.assertRaises(ssl.SSLError, other.shake_hands)
        self.write(pair(kind="rsa"))
        unnamed = self.client(self.newest(), version=version, ciphers="AES128-GCM-SHA256")
        self.assertRaises(ssl.SSLError, unnamed.shake_hands)

    def test_application_protocol(self) -> None:
        """HTTP/1.1 is agreed on where it is offered (RFC 7301); clients that offer only others are refused."""
        newest = self.newest()
        self.assertEqual(self.connected(newest, protocols=("h2", "http/1.1")).facts[1], "http/1.1")
        self.assertEqual(self.connected(newest).facts[1], None)
        self.assertRaises(ssl.SSLError, self.client(newest, protocols=("h2",)).shake_hands)

    def test_no_tls_at_all(self) -> None:
        """Plain HTTP is no handshake: the connection ends, and nothing is served."""
        client = self.client(self.newest())
        client.wire.send(ASK)
        self.assertTrue(client.wire.ended)
        self.assertEqual(self.listening.exchanges, [])

    def test_a_handshake_that_never_ends(self) -> None:
        """It gets as much time as the head of a request, and then nothing is left of it."""
        client = self.client(self.newest())
        client.wire.send(b"\x16\x03\x01")
        self.listening.pass_time(self.listening.server.limits.head_time)
        self.assertTrue(client.wire.aborted)


class ServingTests(TlsCase):
    """Requests through TLS."""

    def test_requests(self) -> None:
        """Each request is answered, and knows that it came through TLS."""
        client = self.connected(self.newest())
        for _ in range(2):
            client.send(ASK)
            self.assertTrue(client.take().endswith(b"\r\n\r\nhello"))
        self.assertTrue(all(exchange.secure for exchange in self.listening.exchanges))
        self.assertEqual({exchange.peer for exchange in self.listening.exchanges}, {"192.0.2.1"})

    def test_behind_the_proxy_protocol(self) -> None:
        """TLS begins behind the preamble, whose client is the one that is served."""
        clock = self.listening.clock
        tls = TLSMemoryBIOFactory(self.newest(), isClient=False, wrappedFactory=self.listening.server, clock=clock)
        client = TlsClient(ProxyProtocol(tls, trusts=lambda peer: True, clock=clock, limits=Limits), clock)
        client.wire.send(b"PROXY TCP4 203.0.113.7 10.0.0.1 54321 443\r\n")
        client.shake_hands()
        client.send(ASK)
        self.assertTrue(client.take().endswith(b"hello"))
        exchange = self.listening.exchanges[0]
        self.assertEqual((exchange.peer, exchange.secure), ("203.0.113.7", True))

    def test_nothing_is_sent_in_the_clear(self) -> None:
        """The answer is nowhere among the bytes on the wire."""
        client = self.connected(self.newest())
        seen: list[bytes] = []
        take = client.wire.take

        def watched() -> bytes:
            seen.append(take())
            return seen[-1]

        client.wire.take = watched  # type: ignore[method-assign]
        client.send(ASK)
        self.assertTrue(client.take().endswith(b"hello"))
        self.assertTrue(seen)
        self.assertNotIn(b"hello", b"".join(seen))

    def test_large_answers(self) -> None:
        """An answer of many records arrives whole."""
        body = bytes(range(256)) * 4096
        self.listening = Listening(says(body))
        client = self.connected(self.newest())
        client.send(ASK)
        self.assertTrue(client.take().endswith(b"\r\n\r\n" + body))

    def test_the_end(self) -> None:
        """Behind the last answer comes our goodbye, and the connection ends without waiting for the client's."""
        client = self.connected(self.newest())
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.assertTrue(client.take().endswith(b"hello"))
        self.assertTrue(client.goodbye())
        self.assertTrue(client.wire.closing)

    def test_too_many(self) -> None:
        """A connection too many is told so, once TLS stands."""
        self.listening = Listening(says(b"hello"), connections=1)
        newest = self.newest()
        self.connected(newest)
        self.assertTrue(self.connected(newest).take().startswith(b"HTTP/1.1 503 "))

    def test_half_closed_tunnels(self) -> None:
        """The app's end of a tunnel is a goodbye to the client, whose bytes still arrive until its own."""
        taken: list[Tunnel] = []
        self.listening = Listening(lambda exchange: taken.append(exchange.switch_protocols([])))
        client = self.connected(self.newest())
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
        sink = Gathered()
        taken[0].connect(sink).resume()
        taken[0].write(b"last words")
        taken[0].end()
        self.assertTrue(client.take().endswith(b"\r\n\r\nlast words"))
        self.assertTrue(client.goodbye())
        client.send(b"an answer")
        self.assertEqual(sink.data, b"an answer")
        self.assertFalse(client.wire.ended)

    def test_refusals(self) -> None:
        """What is no request is refused through TLS, and the connection ends in order."""
        client = self.connected(self.newest())
        client.send(b"nonsense\r\n\r\n")
        self.assertTrue(client.take().startswith(b"HTTP/1.1 400 "))
        self.assertTrue(client.goodbye())
        self.listening.pass_time(self.listening.server.limits.linger_time)
        self.assertTrue(client.wire.ended)


class RenewalTests(TlsCase):
    """A new pair takes effect; a bad one does not."""

    def test_a_new_pair(self) -> None:
        """Connections that begin after the change get the new certificate; those from before go on."""
        newest = self.newest()
        before = self.connected(newest)
        self.assertEqual(before.serial, 1)
        self.write(pair(2))
        self.clock.advance(1)
        self.assertEqual(self.connected(newest).serial, 2)
        before.send(ASK)
        self.assertTrue(before.take().endswith(b"hello"))

    def test_a_bad_pair(self) -> None:
        """It is not used: the last good one stays, and one warning names the settings and what is wrong."""
        newest = self.newest()
        for bad in (b"", b"no certificate", pair(3).certificate):
            self.said.clear()
            self.certificate.write_bytes(bad)
            self.clock.pump([1] * 5)
            self.assertEqual(self.connected(newest).serial, 1)
            warnings = [line for line in self.said if line.startswith("warn tls_cert_file, tls_key_file: ")]
            self.assertEqual(len(warnings), 1, self.said)
            self.assertIn("the last good one stays in force", warnings[0])

    def test_files_that_are_gone(self) -> None:
        """So it is with files that cannot be read any more; when they are back they count."""
        newest = self.newest()
        self.key.unlink()
        self.certificate.unlink()
        self.clock.advance(1)
        self.assertEqual(self.connected(newest).serial, 1)
        self.write(pair(2))
        self.clock.advance(1)
        self.assertEqual(self.connected(newest).serial, 2)

    def test_one_after_the_other(self) -> None:
        """A pair whose files are written one after the other is used once both are there."""
        newest = self.newest()
        self.certificate.write_bytes(pair(2).certificate)
        self.clock.advance(1)
        self.assertEqual(self.connected(newest).serial, 1)
        self.key.write_bytes(pair(2).key)
        self.clock.advance(1)
        self.assertEqual(self.connected(newest).serial, 2)

    def test_no_change(self) -> None:
        """Files that stay as they are are not read again."""
        newest = self.newest()
        self.load = self.fail  # type: ignore[method-assign]
        self.clock.pump([1] * 3)
        self.assertEqual(self.connected(newest).serial, 1)

    def test_validity(self) -> None:
        """The log says until when it is good, and warns of one that is not good now."""
        self.newest()
        self.assertIn("info tls_cert_file, tls_key_file: the certificate is good until", self.said[0])
        self.write(pair(4, days=-1))
        self.said.clear()
        self.newest()
        self.assertIn("warn tls_cert_file, tls_key_file: the certificate is good from", self.said[0])


class UnusableTests(TlsCase):
    """What cannot be served with is refused at the start."""

    def test_weak_keys(self) -> None:
        """A key that OpenSSL thinks too short is refused by a sentence."""
        self.write(pair(kind="weak"))
        self.assertIn("too small", str(self.assertRaises(ValueError, self.newest)))

    def test_unreadable(self) -> None:
        """A first pair that cannot be read is refused."""
        self.certificate.write_bytes(b"")
        self.assertRaises(ValueError, self.newest)
