"""Where an app listens: TCP, TLS with verification, or a unix socket."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from attrs import frozen
from twisted.internet._sslverify import IOpenSSLTrustRoot
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.ssl import platformTrust
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from o2sidecar.http.client_tls import ClientTls, client_options

if TYPE_CHECKING:
    from o2sidecar.certificate import Certificate


@frozen(kw_only=True)
class Place:
    """An app's address: the endpoint that connects to it, and the Host that it goes by."""

    endpoint: IStreamClientEndpoint
    host: bytes


def place_of(
    reactor: Any,
    uri: str,
    *,
    connect_time: float,
    verify: bool = True,
    trust: IOpenSSLTrustRoot | None = None,
    certificate: Certificate | None = None,
) -> Place:
    """The address in an `http`, `https` or `unix` URI.

    `verify`: whether a TLS server must prove its name (RFC 9110 §4.3.4); `trust`: by whom, instead of the
    platform's authorities; `certificate`: ours, where it asks for one. Raises `ValueError` for other URIs.
    """
    parts = urlsplit(uri)
    if parts.scheme == "unix":
        return Place(endpoint=UNIXClientEndpoint(reactor, parts.path, timeout=connect_time), host=b"localhost")
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"not an upstream's address: {uri}")
    if not parts.netloc.isascii():
        raise ValueError(f"an upstream's host must be written in ASCII (xn--...): {uri}")
    port = parts.port or _PORTS[parts.scheme]
    endpoint = host_endpoint(reactor, parts.hostname, port, connect_time=connect_time)
    if parts.scheme == "https":
        options = client_options(trust=trust or platformTrust() if verify else None, certificate=certificate)
        endpoint = TlsEndpoint(endpoint, ClientTls(parts.hostname, options, verify=verify), reactor)
    return Place(
        endpoint=endpoint,
        host=parts.netloc.rpartition("@")[2].encode("ascii"),
    )


def host_endpoint(reactor: Any, host: str, port: int, *, connect_time: float) -> IStreamClientEndpoint:
    """An endpoint for a name or an address."""
    try:
        version = ip_address(host).version
    except ValueError:
        return HostnameEndpoint(reactor, host, port, timeout=connect_time)
    kind = TCP4ClientEndpoint if version == 4 else TCP6ClientEndpoint
    return kind(reactor, host, port, timeout=connect_time)


_PORTS = {"http": 80, "https": 443}


@implementer(IStreamClientEndpoint)
class TlsEndpoint:
    """TLS on top of another endpoint; Twisted's own wrapper would use the global reactor."""

    def __init__(
        self, below: IStreamClientEndpoint, creator: IOpenSSLClientConnectionCreator, clock: IReactorTime
    ) -> None:
        self._below = below
        self._creator = creator
        self._clock = clock

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect; fires when the connection below stands, and the handshake has begun."""
        wrapped = TLSMemoryBIOFactory(self._creator, True, protocolFactory, self._clock)
        connected: Deferred[Any] = self._below.connect(wrapped)
        return connected.addCallback(lambda wrapper: wrapper.wrappedProtocol)
