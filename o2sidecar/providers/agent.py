"""The connections to identity providers: whom to trust, where they may lead, and how long to keep one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IStreamClientEndpoint
from twisted.internet.ssl import CertificateOptions
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.error import SchemeNotSupported
from twisted.web.iweb import IAgent, IAgentEndpointFactory, IPolicyForHTTPS
from zope.interface import directlyProvides, implementer, providedBy

from o2sidecar.http.client_tls import Authorities, ClientTls, client_options
from o2sidecar.policy.reachable import Reachable

CONNECT_TIMEOUT = 5.0

# A sign-in asks several things in a row; anything longer risks a connection that the provider closes meanwhile, and a
# token request cannot be sent twice.
_IDLE = 3


def provider_agent(
    reactor: object,
    *,
    reachable: Reachable,
    ca_files: Sequence[str] = (),
    use_system_trust_store: bool = False,
    insecure: bool = False,
    connect_timeout: float = CONNECT_TIMEOUT,
) -> IAgent:
    """An agent for `ProviderClient`.

    `reachable`: which addresses may be connected to.
    `ca_files`: PEM bundles whose authorities are trusted instead of the system's, or with `use_system_trust_store`
    beside them. `insecure`: believe any certificate. `connect_timeout` in seconds.

    Raises `ValueError` naming a file that cannot be read or holds no certificate.
    """
    trust = None if insecure else Authorities.of(ca_files, setting="provider_ca_files", system=use_system_trust_store)
    policy = _Policy(client_options(trust=trust), verify=not insecure)
    pool = HTTPConnectionPool(reactor)
    pool.cachedConnectionTimeout = _IDLE
    endpoints = _Endpoints(reactor, policy=policy, reachable=reachable, connect_timeout=connect_timeout)
    agent: IAgent = Agent.usingEndpointFactory(reactor, endpoints, pool=pool)
    return agent


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """Connects as Twisted's agents do, but to reachable addresses only."""

    def __init__(self, reactor: Any, *, policy: _Policy, reachable: Reachable, connect_timeout: float) -> None:
        self._reactor = reactor
        self._policy = policy
        self._reachable = reachable
        self._connect_timeout = connect_timeout

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        host = uri.host.decode("ascii").strip("[]")
        fenced = _Fenced(self._reactor, partial(self._reachable.require, host))
        endpoint = HostnameEndpoint(fenced, host, uri.port, timeout=self._connect_timeout)
        if uri.scheme == b"http":
            return endpoint
        if uri.scheme != b"https":
            raise SchemeNotSupported(f"Unsupported scheme: {uri.scheme!r}")
        return wrapClientTLS(self._policy.creatorForNetloc(uri.host, uri.port), endpoint)


class _Fenced:
    """A reactor that connects only to addresses of which `require` raises nothing.

    An endpoint has resolved its host's name by then, so there is no time for the name to mean something else.
    """

    def __init__(self, reactor: Any, require: Callable[[str], None]) -> None:
        self._reactor = reactor
        self._require = require
        directlyProvides(self, providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def connectTCP(self, host: str, port: int, factory: object, timeout: float = 30, bindAddress: Any = None) -> Any:
        """See `IReactorTCP`; the host is an address."""
        self._require(host)
        return self._reactor.connectTCP(host, port, factory, timeout, bindAddress)


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
