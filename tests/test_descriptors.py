"""Tests of how many files and connections the process may have open."""

from __future__ import annotations

import resource
import sys

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.assembly.announcement import scarce
from o2sidecar.descriptors import bearable, raise_limit
from tests.assembly.in_memory import InMemory


class RaiseLimitTests(SynchronousTestCase):
    """The process takes what it may have."""

    def test_to_the_hard_limit(self) -> None:
        """The soft limit becomes the hard one, and that is the number."""
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        hard = before[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        self.assertEqual(raise_limit(), sys.maxsize if hard == resource.RLIM_INFINITY else hard)
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), (hard, hard))


class BearableTests(SynchronousTestCase):
    """Clients are let in as far as each can have a connection to the app."""

    def test_two_each(self) -> None:
        """Two descriptors a client, and some for everything else."""
        self.assertEqual(bearable(20256), 10000)
        self.assertEqual(bearable(1024), 384)
        for descriptors in range(8, 2000):
            self.assertLess(2 * bearable(descriptors), descriptors)

    def test_few(self) -> None:
        """However few there are, a client is let in."""
        self.assertEqual([bearable(0), bearable(3)], [1, 1])

    def test_warning(self) -> None:
        """Whoever allows more clients than fit is told the setting and the number; nobody else is told anything."""
        (warning,) = scarce(10000, 384)
        self.assertIn("max_connections: 10000 ", warning)
        self.assertIn("At most 384 ", warning)
        self.assertEqual([*scarce(384, 384), *scarce(0, 384)], [])

    def test_clients(self) -> None:
        """Clients beyond that are refused, whatever `max_connections` says; it still counts where it is less."""
        for arguments, most in (
            (("--max-connections=100",), 6),
            (("--max-connections=0",), 6),
            (("--max-connections=2",), 2),
        ):
            sidecar = InMemory(*arguments, descriptors=16)
            refused = [sidecar.client().take().startswith(b"HTTP/1.1 503 ") for _ in range(most + 1)]
            self.assertEqual(refused, [False] * most + [True])
