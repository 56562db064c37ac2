"""The connections to identity providers: whom to trust, and how long to keep one."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import CertificateOptions
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IAgent, IPolicyForHTTPS
from zope.interface import implementer

from o2sidecar.http.client_tls import Authorities, ClientTls, client_options

CONNECT_TIMEOUT = 5.0

# A sign-in asks several things in a row; anything longer risks a connection that the provider closes meanwhile, and a
# token request cannot be sent twice.
_IDLE = 3


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
    trust = None if insecure else Authorities.of(ca_files, setting="provider_ca_files", system=use_system_trust_store)
    policy = _Policy(client_options(trust=trust), verify=not insecure)
    pool = HTTPConnectionPool(reactor)
    pool.cachedConnectionTimeout = _IDLE
    return Agent(reactor, contextFactory=policy, connectTimeout=connect_timeout, pool=pool)


@implementer(IPolicyForHTTPS)
class _Policy:
    """Providers prove the host asked by a certificate of a trusted authority, unless the operator wishes otherwise."""

    def __init__(self, options: CertificateOptions, *, verify: bool) -> None:
        self._options = options
        self._verify = verify

    def creatorForNetloc(self, hostname: bytes, port: int) -> IOpenSSLClientConnectionCreator:
        try:
            return ClientTls(hostname.decode("ascii"), self._options, verify=self._verify)
        except ValueError:
            raise DNSLookupError("this is no name that a host could have") from None
