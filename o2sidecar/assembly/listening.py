"""Assembles where requests come in: each listener's address, and what it takes to listen there."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.protocols.tls import TLSMemoryBIOFactory

from o2sidecar.assembly.checked import checked
from o2sidecar.assembly.guarded import Guarded
from o2sidecar.http.listener.proxy_protocol import ProxyProtocol
from o2sidecar.http.listener.server import HttpServer
from o2sidecar.http.listener.tls import NewestCertificate
from o2sidecar.http.listener.unix_socket import make_room
from o2sidecar.service import Listener
from o2sidecar.settings.listeners import Address
from o2sidecar.settings.options import Settings
from o2sidecar.settings.structure import Structure
from o2sidecar.settings.tls import Tls

_BACKLOG = 1024
_OWNER_AND_GROUP = 0o660


def _stays(settings: Settings, guarded: Guarded) -> None:
    """Whatever there is to follow, somebody else does."""


@frozen(kw_only=True)
class Listening:
    """Where requests come in, and what must run beside it. `turn_to`: goes by other settings from now on."""

    listeners: tuple[Listener, ...]
    background: tuple[NewestCertificate, ...]
    turn_to: Callable[[Settings, Guarded], None] = _stays

    @classmethod
    def of(
        cls, settings: Settings, structure: Structure, server: HttpServer, is_proxy: Callable[[str], bool], reactor: Any
    ) -> Listening:
        """From settings: what proxies say comes first on a connection, then TLS, then requests.

        `is_proxy`: whether a proxy is at an address that may say whose a connection is.
        """
        factories, certificates = secured(server, structure.tls, reactor)
        if settings.proxy_protocol:
            for secure, factory in factories.items():
                factories[secure] = ProxyProtocol(factory, trusts=is_proxy, clock=reactor, limits=lambda: server.limits)
        return cls(
            listeners=tuple(listener_of(where, factories[where.secure], reactor) for where in structure.listeners),
            background=certificates,
        )


def secured(
    server: HttpServer, tls: Tls | None, reactor: Any
) -> tuple[dict[bool, IProtocolFactory], tuple[NewestCertificate, ...]]:
    """What takes connections, by whether they are secure, and what must run beside it."""
    if tls is None:
        return {False: server}, ()
    certificate = _certificate_of(tls, reactor)
    secure = TLSMemoryBIOFactory(certificate, isClient=False, wrappedFactory=server, clock=reactor)
    return {False: server, True: secure}, (certificate,)


def _certificate_of(tls: Tls, reactor: Any) -> NewestCertificate:
    return checked(
        tls.name,
        lambda: NewestCertificate(
            load=lambda: tls.load(lambda path: Path(path).read_bytes()),
            paths=tls.paths,
            name=tls.name,
            clock=reactor,
            only_1_3=tls.only_1_3,
            ciphers=tls.ciphers,
        ),
    )


def listener_of(where: Address, server: IProtocolFactory, reactor: Any) -> Listener:
    """What listens at an address."""
    if where.path:
        return Listener(where=f"unix:{where.path}", listen=lambda: _listen_on_socket(where, server, reactor))
    if where.descriptor is not None:
        descriptor = where.descriptor
        return Listener(where=f"descriptor {descriptor}", listen=lambda: _adopt(descriptor, server, reactor))
    host = f"[{where.host}]" if ":" in where.host else where.host
    scheme = "https" if where.secure else "http"
    return Listener(
        where=f"{scheme}://{host}:{where.port}",
        listen=lambda: reactor.listenTCP(where.port, server, backlog=_BACKLOG, interface=where.host),
    )


def _listen_on_socket(where: Address, server: IProtocolFactory, reactor: Any) -> IListeningPort:
    make_room(where.path)
    mode = _OWNER_AND_GROUP if where.mode is None else where.mode
    port: IListeningPort = reactor.listenUNIX(where.path, server, backlog=_BACKLOG, mode=mode, wantPID=False)
    return port


def _adopt(descriptor: int, server: IProtocolFactory, reactor: Any) -> IListeningPort:
    with socket.socket(fileno=os.dup(descriptor)) as inherited:
        family = inherited.family
    if family not in {socket.AF_INET, socket.AF_INET6}:
        # Twisted would take a unix socket's file for its own, and remove it at the end.
        raise OSError(errno.EAFNOSUPPORT, "it is no TCP socket")
    port: IListeningPort = reactor.adoptStreamPort(descriptor, family, server)
    return port
