"""Tests of the bench's command line: what can be asked for, and what is refused."""

from __future__ import annotations

import contextlib
import io

from twisted.trial.unittest import SynchronousTestCase

from bench.contenders import CONTENDERS
from bench.run import PARTS, asked_for


class CommandLineTests(SynchronousTestCase):
    """What was asked for."""

    def refused(self, *arguments: str) -> str:
        """What is said of a command line that makes no sense."""
        with contextlib.redirect_stderr(io.StringIO()) as said:
            ended = self.assertRaises(SystemExit, asked_for, arguments)
        self.assertEqual(ended.code, 2)
        return said.getvalue()

    def test_defaults(self) -> None:
        """Without arguments everything is measured, and nothing is written."""
        given = asked_for([])
        self.assertEqual((given.rounds, given.only, given.servers), (3, PARTS, tuple(CONTENDERS)))
        self.assertFalse(given.write)

    def test_parts(self) -> None:
        """Parts come in the order of the tables, however they are asked for; nginx is always among the proxies."""
        given = asked_for(["--only=footprint,auth,small", "--servers=o2sidecar,apache"])
        self.assertEqual(given.only, ("small", "auth", "footprint"))
        self.assertEqual(given.servers, ("nginx", "apache", "o2sidecar"))

    def test_first_requests(self) -> None:
        """A session's first request is told by what it takes more than others, so these are measured with it."""
        self.assertEqual(asked_for(["--only=fresh"]).only, ("small", "fresh"))

    def test_unknown(self) -> None:
        """A part or proxy that there is not is named, with those that there are."""
        self.assertIn("no such thing: tiny; there are small,", self.refused("--only=small,tiny"))
        self.assertIn("no such thing: caddy; there are nginx,", self.refused("--servers=caddy"))

    def test_numbers(self) -> None:
        """Rounds and seconds are 1 or more."""
        for arguments in ("--rounds=0", "--seconds=-1", "--rounds=x"):
            self.assertIn(arguments.partition("=")[0], self.refused(arguments))

    def test_write(self) -> None:
        """The page is written from a whole run only."""
        for arguments in ("--only=small", "--servers=nginx"):
            self.assertIn("whole run", self.refused("--write", arguments))
