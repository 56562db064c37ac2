"""Tests of what the kernel is asked about a connection, with real sockets."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.kernel import not_taken, unread


class KernelTests(SynchronousTestCase):
    """Bytes that are on their way, or here and not read."""

    def setUp(self) -> None:
        """Two ends of a connection, and a transport over one of them."""
        ours, self.theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(self.theirs.close)
        self.transport: Any = Connection(ours, Protocol(), None)

    def test_unread(self) -> None:
        """Bytes that came are noticed, and stay there to be read."""
        self.assertFalse(unread(self.transport))
        self.theirs.send(b"a")
        self.assertEqual([unread(self.transport), unread(self.transport)], [True, True])
        self.assertEqual(self.transport.getHandle().recv(10), b"a")
        self.assertFalse(unread(self.transport))

    def test_end(self) -> None:
        """So is the end, in order or not."""
        self.theirs.close()
        self.assertTrue(unread(self.transport))

    def test_nothing_to_say(self) -> None:
        """Of TLS and of what is no socket nothing is known."""
        self.theirs.send(b"a record of TLS itself")
        self.transport.TLS = True
        self.assertFalse(unread(self.transport))
        self.assertFalse(unread(StringTransport()))
        self.assertEqual(not_taken(StringTransport()), 0)

    def test_not_taken(self) -> None:
        """What the other side has not read counts until it has."""
        self.assertEqual(not_taken(self.transport), 0)
        self.transport.getHandle().send(b"abc")
        self.assertGreater(not_taken(self.transport), 0)
        self.theirs.recv(10)
        self.assertEqual(not_taken(self.transport), 0)
