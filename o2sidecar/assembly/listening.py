"""Assembles where requests come in: each listener's address, and what it takes to listen there."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from twisted.internet.interfaces import IListeningPort, IProtocolFactory

from o2sidecar.http.listener.unix_socket import make_room
from o2sidecar.service import Listener
from o2sidecar.settings import listeners

_BACKLOG = 1024
_OWNER_AND_GROUP = 0o660


def listener_of(where: listeners.Listener, server: IProtocolFactory, reactor: Any) -> Listener:
    """Where to listen, and how."""
    if where.path:
        return Listener(where=f"unix:{where.path}", listen=lambda: _listen_on_socket(where, server, reactor))
    if where.descriptor is not None:
        descriptor = where.descriptor
        return Listener(where=f"descriptor {descriptor}", listen=lambda: _adopt(descriptor, server, reactor))
    host = f"[{where.host}]" if ":" in where.host else where.host
    return Listener(
        where=f"http://{host}:{where.port}",
        listen=lambda: reactor.listenTCP(where.port, server, backlog=_BACKLOG, interface=where.host),
    )


def _listen_on_socket(where: listeners.Listener, server: IProtocolFactory, reactor: Any) -> IListeningPort:
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
