"""Tests of the lean reactor, with a pair of sockets."""

from __future__ import annotations

import socket

from twisted.internet.interfaces import IReactorFDSet
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from o2sidecar.http.reactor import LeanReactor


class Reader:
    """Reads a socket, and may fail or remove another reader while it does."""

    def __init__(self, ours: socket.socket) -> None:
        self.ours = ours
        self.read = b""
        self.lost = False
        self.fails: Exception | None = None

    def fileno(self) -> int:
        return self.ours.fileno()

    def doRead(self) -> None:
        self.read += self.ours.recv(100)
        if self.fails:
            raise self.fails

    def connectionLost(self, reason: object) -> None:
        self.lost = True

    def logPrefix(self) -> str:
        raise AssertionError("no log context is made")


class LeanReactorTests(SynchronousTestCase):
    """Events reach their connections."""

    def setUp(self) -> None:
        """A reactor of its own, which is not installed."""
        self.reactor = LeanReactor()
        self.addCleanup(self.close)

    def close(self) -> None:
        """Free what the reactor holds."""
        for reader in list(self.reactor._internalReaders):
            self.reactor.removeReader(reader)
            reader.connectionLost(None)
        self.reactor._poller.close()

    def reader(self) -> tuple[Reader, socket.socket]:
        """A reader of one end, and the other end."""
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        reader = Reader(ours)
        self.reactor.addReader(reader)
        return reader, theirs

    def test_interface(self) -> None:
        """It is a reactor for descriptors."""
        verifyObject(IReactorFDSet, self.reactor)

    def test_event(self) -> None:
        """What is readable is read, and what is not is left alone."""
        reader, theirs = self.reader()
        other, _ = self.reader()
        theirs.send(b"hello")
        self.reactor.doIteration(0)
        self.assertEqual((reader.read, other.read), (b"hello", b""))
        self.reactor.doIteration(0)
        self.assertEqual(reader.read, b"hello")

    def test_failure(self) -> None:
        """A reader that fails is logged and lost; others are served."""
        reader, theirs = self.reader()
        other, others = self.reader()
        reader.fails = RuntimeError("broken")
        theirs.send(b"a")
        others.send(b"b")
        self.reactor.doIteration(0)
        self.assertEqual((reader.lost, other.read), (True, b"b"))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
