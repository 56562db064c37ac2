"""TLS for listeners: each new connection gets the newest certificate, which is read again when its files change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IReactorTime
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions, TLSVersion
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from o2sidecar.certificate import Certificate
from o2sidecar.watched_files import WatchedFiles

_GOOD_CIPHERS = ("ECDHE+AESGCM", "ECDHE+CHACHA20")
"""RFC 9325 §4.2: forward secrecy and authenticated encryption, or TLS 1.3."""


@implementer(IOpenSSLServerConnectionCreator)
class NewestCertificate(WatchedFiles):
    """Begins TLS on connections. The last good pair stays in force when a new one cannot be used, and the log says so.

    `load`: reads certificate and key; raises `ValueError` with a sentence. `paths`: the files that they are in. `name`:
    the settings that name them. `only_1_3`: whether nothing older than TLS 1.3 is spoken. `ciphers`: OpenSSL's names
    of the suites for TLS 1.2; empty: the good ones.

    Raises `ValueError` with a sentence if the first pair cannot be used.
    """

    _log = Logger()

    def __init__(
        self,
        *,
        load: Callable[[], Certificate],
        paths: Sequence[str],
        name: str,
        clock: IReactorTime,
        only_1_3: bool = False,
        ciphers: Sequence[str] = (),
        period: float = 1.0,
    ) -> None:
        super().__init__(paths, clock=clock, period=period)
        self._load = load
        self._name = name
        self._clock = clock
        self._minimum = TLSVersion.TLSv1_3 if only_1_3 else TLSVersion.TLSv1_2
        self._ciphers = AcceptableCiphers.fromOpenSSLCipherString(":".join(ciphers or _GOOD_CIPHERS))
        self.note()
        self.read_anew()

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """TLS for one connection."""
        return SSL.Connection(self._context, None)

    def read_anew(self) -> None:
        """Take over the pair."""
        self._context = self._made(self._load())

    def complain(self, error: Exception) -> None:
        """Say that the last good pair stays."""
        self._log.warn(
            "{name}: the new certificate cannot be used, the last good one stays in force: {error}",
            name=self._name,
            error=error,
        )

    def _made(self, certificate: Certificate) -> SSL.Context:
        own, *authorities = map(crypto.X509.from_cryptography, certificate.chain)
        options = CertificateOptions(
            certificate=own,
            privateKey=crypto.PKey.from_cryptography_key(certificate.key),
            extraCertChain=authorities,
            raiseMinimumTo=self._minimum,
            acceptableCiphers=self._ciphers,
            acceptableProtocols=[b"http/1.1"],
        )
        try:
            context: SSL.Context = options.getContext()
        except SSL.Error as error:
            raise ValueError(f"the certificate cannot be served with: {_reason(error)}") from None
        # RFC 9325 §3.5: whoever renegotiates costs us much and gains nothing.
        context.set_options(SSL.OP_NO_RENEGOTIATION)
        self._say(certificate)
        return context

    def _say(self, certificate: Certificate) -> None:
        now = self._clock.seconds()
        times = {"since": f"{certificate.since:%Y-%m-%d %H:%M}", "until": f"{certificate.until:%Y-%m-%d %H:%M}"}
        if certificate.since.timestamp() <= now <= certificate.until.timestamp():
            self._log.info("{name}: the certificate is good until {until} UTC", name=self._name, **times)
        else:
            self._log.warn("{name}: the certificate is good from {since} to {until} UTC only", name=self._name, **times)


def _reason(error: SSL.Error) -> str:
    return "; ".join(reason for _, _, reason in error.args[0]) if error.args else str(error)
