"""A TLS client in memory, at a server's factory; Python's own TLS, so that both sides are not one library's."""

from __future__ import annotations

import ssl
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import Clock

from tests.wire import Wire


class TlsClient:
    """A client that trusts every certificate. `version` and `protocols` are what it offers."""

    def __init__(
        self,
        factory: IProtocolFactory,
        clock: Clock,
        *,
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        protocols: tuple[str, ...] = (),
        ciphers: str = "",
    ) -> None:
        self._clock = clock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        if protocols:
            context.set_alpn_protocols(protocols)
        if ciphers:
            context.set_ciphers(ciphers)
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        self.wire = Wire(factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 54321)))

    def shake_hands(self) -> None:
        """Raises `ssl.SSLError` if the server refuses."""
        for _ in range(10):
            try:
                self._tls.do_handshake()
                self._pump()
                return
            except ssl.SSLWantReadError:
                self._pump()
        raise AssertionError("no end of the handshake")

    def send(self, data: bytes) -> None:
        """Send bytes through TLS."""
        self._tls.write(data)
        self._pump()

    def take(self) -> bytes:
        """What the server has said since the last time."""
        self._pump()
        data = b""
        while True:
            try:
                piece = self._tls.read(65536)
            except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
                return data
            if not piece:
                return data
            data += piece

    def goodbye(self) -> bool:
        """Whether the server has said that it will send no more (RFC 8446 §6.1)."""
        self._pump()
        try:
            return self._tls.read(1) == b""
        except ssl.SSLZeroReturnError:
            return True
        except ssl.SSLWantReadError:
            return False

    @property
    def serial(self) -> int:
        """The serial number of the server's certificate."""
        from cryptography import x509

        shown = self._tls.getpeercert(binary_form=True)
        assert shown is not None
        return x509.load_der_x509_certificate(shown).serial_number

    @property
    def facts(self) -> Any:
        """Version and application protocol."""
        return self._tls.version(), self._tls.selected_alpn_protocol()

    def _pump(self) -> None:
        self._clock.advance(0)
        while (sent := self._outgoing.read()) or self.wire.value():
            if sent:
                self.wire.send(sent)
            self._clock.advance(0)
            self._incoming.write(self.wire.take())
