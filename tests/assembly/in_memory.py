"""A whole sidecar in memory, from settings: its clients and its apps are wires."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.testing import MemoryReactorClock

from o2sidecar.assembly import make_sidecar
from tests.settings.loading import load_with
from tests.wire import Wire

OPEN = {"SKIP_AUTH_ROUTES": "^/", "HTTP_ADDRESS": "127.0.0.1:4180"}
"""Settings with which every path is open."""


class InMemory:
    """A sidecar that listens; `lines` is what its logs of requests and sign-ins say."""

    def __init__(
        self,
        *arguments: str,
        variables: Mapping[str, str] | None = None,
        files: Mapping[str, bytes | str] | None = None,
        without: tuple[str, ...] = (),
        descriptors: int = 4096,
    ) -> None:
        loaded = load_with(*arguments, variables={**OPEN, **(variables or {})}, files=files, without=without)
        self.reactor = MemoryReactorClock()
        self.lines: list[bytes] = []
        self.service = make_sidecar(loaded, reactor=self.reactor, write=self.lines.append, descriptors=descriptors)
        self.service.privilegedStartService()
        self._connected = 0

    def client(self) -> Wire:
        """A new connection to it."""
        factory: Any = self.reactor.tcpServers[0][1]
        return Wire(factory.buildProtocol(None))

    def app(self) -> Wire:
        """The next connection that it makes to an app."""
        factory: Any = self.reactor.tcpClients[self._connected][2]
        self._connected += 1
        return Wire(factory.buildProtocol(None))

    def ask(self, target: bytes, *fields: bytes, method: bytes = b"GET") -> bytes:
        """What a new client gets at once."""
        client = self.client()
        client.send(b"\r\n".join([b"%s %s HTTP/1.1" % (method, target), b"Host: app.example.com", *fields, b"", b""]))
        return client.take()
