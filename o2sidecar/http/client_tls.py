"""TLS as a client: who must prove what before we believe it, and what we prove ourselves with.

Twisted's own client options (26.10) believe a certificate that names nobody: only a name that differs makes their check
fail, while one that is missing or malformed is logged and let pass. Here every failure of the proof is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from OpenSSL import SSL, crypto
from service_identity import VerificationError
from service_identity.hazmat import DNS_ID, IPAddress_ID, ServiceID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet._sslverify import IOpenSSLTrustRoot
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import CertificateOptions, platformTrust
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

if TYPE_CHECKING:
    from o2sidecar.certificate import Certificate

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_CHAIN_ERRORS = {value: name for name, value in vars(SSL.X509VerificationCodes).items() if isinstance(value, int)}


class CertificateRefused(Exception):
    """The other side is not who it should be, as far as anybody we trust knows; the text says why, for the log."""


@implementer(IOpenSSLTrustRoot)
class Authorities:
    """Certificates of authorities to trust, and perhaps the system's beside them."""

    def __init__(self, certificates: Sequence[crypto.X509], beside: IOpenSSLTrustRoot | None = None) -> None:
        self._certificates = certificates
        self._beside = beside

    @classmethod
    def of(cls, ca_files: Sequence[str], *, setting: str, system: bool = False) -> IOpenSSLTrustRoot:
        """The authorities in PEM bundles; `system`: and the system's, which count alone where there is no bundle.

        `setting`: what names the bundles. Raises `ValueError` that says which of them holds no certificate.
        """
        systems: IOpenSSLTrustRoot = platformTrust()
        if not ca_files:
            return systems
        found = [certificate for name in ca_files for certificate in _certificates(name, setting)]
        return cls(found, systems if system else None)

    def _addCACertsToContext(self, context: SSL.Context) -> None:
        if self._beside is not None:
            self._beside._addCACertsToContext(context)
        store = context.get_cert_store()
        assert store is not None
        for certificate in self._certificates:
            store.add_cert(certificate)


def _certificates(name: str, setting: str) -> list[crypto.X509]:
    try:
        texts = _PEM.findall(Path(name).read_bytes())
        found = [crypto.load_certificate(crypto.FILETYPE_PEM, text) for text in texts]
    except OSError as error:
        raise ValueError(f"{setting}: {name} cannot be read: {error.strerror}") from None
    except (crypto.Error, ValueError):
        raise ValueError(f"{setting}: {name} holds a certificate that cannot be read") from None
    if not found:
        raise ValueError(f"{setting}: {name} holds no certificate in PEM")
    return found


@implementer(IOpenSSLClientConnectionCreator)
class ClientTls:
    """Makes TLS connections to one host.

    `options`: of all connections like these (`client_options`). `verify`: whether the host must prove its name
    (RFC 9110 §4.3.4); if not, whoever answers is believed, as the operator wished.
    """

    def __init__(self, host: str, options: CertificateOptions, *, verify: bool = True) -> None:
        self._options = options
        self._verify = verify
        self._host = host.rstrip(".")
        self._identity: ServiceID
        self._server_name = b""
        try:
            ip_address(self._host)
        except ValueError:
            self._identity = DNS_ID(self._host)
            # RFC 6066 §3: a name without its trailing dot, and no literal address.
            self._server_name = self._host.encode("ascii")
        else:
            self._identity = IPAddress_ID(self._host)

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """A connection that is about to shake hands."""
        connection = SSL.Connection(self._options.getContext(), None)
        if self._server_name:
            connection.set_tlsext_host_name(self._server_name)
        if self._verify:
            connection.set_verify(SSL.VERIFY_PEER, self._judge(tlsProtocol))
        return connection

    def _judge(self, protocol: TLSMemoryBIOProtocol) -> Callable[[Any, crypto.X509, int, int, int], bool]:
        """What OpenSSL asks about each certificate of the chain; `protocol` is told why it is none of ours."""

        def judge(connection: object, certificate: crypto.X509, error: int, depth: int, ok: int) -> bool:
            why = self._complaint(certificate, error, depth, bool(ok))
            if why:
                protocol.failVerification(Failure(CertificateRefused(why)))
            return not why

        return judge

    def _complaint(self, certificate: crypto.X509, error: int, depth: int, ok: bool) -> str:
        if not ok:
            reason = _CHAIN_ERRORS.get(error, f"error {error}").removeprefix("ERR_").replace("_", " ").lower()
            return f"the certificate of {self._host} is not trusted: {reason}"
        if depth:
            return ""
        try:
            # RFC 9525 §6: the names that the certificate is for, among them the one that was wanted.
            verify_service_identity(extract_patterns(certificate), [self._identity], [])
        except VerificationError:
            return f"the certificate is not for {self._host}"
        except Exception as malformed:
            # Of whatever kind: somebody else chose the bytes.
            return f"the certificate is not for {self._host}: {malformed}"
        return ""


def client_options(
    *, trust: IOpenSSLTrustRoot | None = None, certificate: Certificate | None = None
) -> CertificateOptions:
    """What TLS connections to others have in common.

    `trust`: by whom others must be known; without it, who they are is not asked. `certificate`: ours, if they ask.
    """
    options: dict[str, Any] = {} if trust is None else {"trustRoot": trust}
    if certificate is not None:
        own, *others = map(crypto.X509.from_cryptography, certificate.chain)
        key = crypto.PKey.from_cryptography_key(certificate.key)
        options |= {"certificate": own, "privateKey": key, "extraCertChain": others}
    return CertificateOptions(**options)


def why_lost(failure: Failure) -> str:
    """Why a connection ended, in words; OpenSSL's own are a list of places in its source."""
    error = failure.value
    if isinstance(error, SSL.Error) and error.args and isinstance(error.args[0], list):
        return "TLS: " + "; ".join(str(reason) for _, _, reason in error.args[0])
    return failure.getErrorMessage()
