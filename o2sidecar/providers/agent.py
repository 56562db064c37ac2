"""The connections to identity providers: whom to trust, and how long to keep one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from OpenSSL.SSL import Connection, Context
from twisted.internet._sslverify import IOpenSSLTrustRoot
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import Certificate, CertificateOptions, optionsForClientTLS, platformTrust
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IAgent, IPolicyForHTTPS
from zope.interface import implementer

CONNECT_TIMEOUT = 5.0

# A sign-in asks several things in a row; anything longer risks a connection that the provider closes meanwhile, and a
# token request cannot be sent twice.
_IDLE = 3

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def provider_agent(
    reactor: object,
    *,
    ca_files: Sequence[str] = (),
    use_system_trust_store: bool = False,
    insecure: bool = False,
    connect_timeout: float = CONNECT_TIMEOUT,
) -> IAgent:
    """An agent for `ProviderClient`.

    `ca_files`: PEM bundles whose authorities are trusted instead of the system's, or with `use_system_trust_store`
    beside them. `insecure`: believe any certificate. `connect_timeout` in seconds.

    Raises `ValueError` naming a file that cannot be read or holds no certificate.
    """
    policy = _BelieveAnybody() if insecure else _TrustPolicy(_trust(ca_files, use_system_trust_store))
    pool = HTTPConnectionPool(reactor)
    pool.cachedConnectionTimeout = _IDLE
    return Agent(reactor, contextFactory=policy, connectTimeout=connect_timeout, pool=pool)


def _trust(ca_files: Sequence[str], system: bool) -> IOpenSSLTrustRoot:
    authorities = [certificate for name in ca_files for certificate in _certificates(name)]
    systems: IOpenSSLTrustRoot = platformTrust()
    if not authorities:
        return systems
    return _Authorities(authorities, systems if system else None)


def _certificates(name: str) -> list[Certificate]:
    try:
        found = [Certificate.loadPEM(pem) for pem in _PEM.findall(Path(name).read_bytes())]
    except OSError as error:
        raise ValueError(f"provider_ca_files: {name} cannot be read: {error.strerror}") from None
    except Exception:
        # pyOpenSSL raises its own kind of error, whose text is a list of numbers.
        raise ValueError(f"provider_ca_files: {name} holds a certificate that cannot be read") from None
    if not found:
        raise ValueError(f"provider_ca_files: {name} holds no certificate in PEM")
    return found


@implementer(IOpenSSLTrustRoot)
class _Authorities:
    """Certificates to trust, and perhaps the system's beside them."""

    def __init__(self, authorities: Sequence[Certificate], beside: IOpenSSLTrustRoot | None) -> None:
        self._authorities = authorities
        self._beside = beside

    def _addCACertsToContext(self, context: Context) -> None:
        if self._beside is not None:
            self._beside._addCACertsToContext(context)
        store = context.get_cert_store()
        assert store is not None
        for authority in self._authorities:
            store.add_cert(authority.original)


@implementer(IPolicyForHTTPS)
class _TrustPolicy:
    """Certificates must be of a trusted authority, and for the host asked."""

    def __init__(self, trust: IOpenSSLTrustRoot) -> None:
        self._trust = trust

    def creatorForNetloc(self, hostname: bytes, port: int) -> IOpenSSLClientConnectionCreator:
        return optionsForClientTLS(hostname.decode("ascii"), trustRoot=self._trust)


@implementer(IPolicyForHTTPS)
class _BelieveAnybody:
    """`ssl_insecure_skip_verify`: encryption to whoever answers."""

    def creatorForNetloc(self, hostname: bytes, port: int) -> IOpenSSLClientConnectionCreator:
        return _Unverified(hostname)


@implementer(IOpenSSLClientConnectionCreator)
class _Unverified:
    def __init__(self, hostname: bytes) -> None:
        self._hostname = hostname
        self._context = CertificateOptions(verify=False).getContext()

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> Connection:
        connection = Connection(self._context, None)
        connection.set_tlsext_host_name(self._hostname)
        return connection
