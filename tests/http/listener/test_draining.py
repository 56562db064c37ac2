"""Tests of how a server ends its connections, with real sockets where it asks the kernel about them."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.tcp import Connection
from twisted.trial.unittest import SynchronousTestCase

from tests.http.test_outlet import StillReactor
from tests.wire import Listening, says


class Accepted(Connection):
    """A connection as a listener on a unix socket has it."""

    def setTcpNoDelay(self, enabled: object) -> None:
        """Nothing."""


class UnreadTests(SynchronousTestCase):
    """Connections that are idle as far as is known."""

    def setUp(self) -> None:
        """A server."""
        self.listening = Listening(says(b"ok"))

    def connected(self) -> tuple[Any, socket.socket]:
        """The server's transport of a new connection, and the client's end."""
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        self.addCleanup(ours.close)
        theirs.settimeout(5)
        channel = self.listening.server.buildProtocol(None)
        transport: Any = Accepted(ours, channel, StillReactor())  # type: ignore[arg-type]
        transport.connected = True
        channel.makeConnection(transport)
        return transport, theirs

    def test_a_request_that_is_here(self) -> None:
        """A connection on which a request has come, though nobody has read it, is not idle: it is served."""
        idle, _ = self.connected()
        asked, client = self.connected()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.listening.server.drain()
        self.assertEqual((idle.disconnecting, asked.disconnecting), (True, False))
        asked.doRead()
        answer = client.recv(1 << 16)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
        self.assertIn(b"Connection: close\r\n", answer)
        self.assertTrue(asked.disconnecting)
