"""Tests of what the bench needs: it says at once what is missing, by the packages' names."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bench.machine import described, is_here, missing


class MachineTests(SynchronousTestCase):
    """What the machine lacks, and what it is."""

    def test_missing(self) -> None:
        """All missing packages are named in one sentence."""
        said = missing([0, 1], lambda needed: False)
        for package in ("nginx-light", "wrk", "apache2", "util-linux", "libapache2-mod-auth-openidc"):
            self.assertIn(package, said)
        self.assertNotIn("wrk", missing([0, 1], lambda needed: needed == "wrk"))

    def test_cpus(self) -> None:
        """One CPU is too few: the proxy would share it with the load."""
        self.assertIn("two CPUs", missing([3], lambda needed: True))
        self.assertEqual(missing([3, 4], lambda needed: True), "")

    def test_here(self) -> None:
        """Programs are looked for where commands are, files where they are said to be."""
        self.assertEqual((is_here("sh"), is_here(__file__)), (True, True))
        self.assertEqual((is_here("no-such-program"), is_here("/no/such/file")), (False, False))

    def test_described(self) -> None:
        """The machine is described in facts that name versions, and no unknown is left empty."""
        facts = described()
        self.assertIn("Twisted", facts[-1])
        for fact in facts:
            self.assertNotIn(" ,", f" {fact}")
