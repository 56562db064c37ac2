"""The bench, for a moment: that it still measures what it compares, not what it measures."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from bench.cases import RULER
from bench.contenders import CONTENDERS
from tests.end_to_end.processes import clean_environment

PROJECT = Path(__file__).resolve().parents[2]


class BenchTests(SynchronousTestCase):
    """A short run of some parts."""

    def measured(self, *arguments: str) -> str:
        """What a run of one round prints."""
        done = subprocess.run(
            [sys.executable, "-m", "bench", "--rounds=1", "--seconds=1", *arguments],
            cwd=PROJECT,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def cells(self, text: str, begin: str) -> list[str]:
        """The cells of a table's line that begins so, without the first."""
        line = next(line for line in text.splitlines() if line.startswith(f"| {begin}"))
        return [cell.strip() for cell in line.strip("|").split("|")][1:]

    def test_everybody(self) -> None:
        """Every proxy signs somebody in and has its figures, but for stock Twisted, which passes no WebSockets on.

        None of our requests fails; Apache closes connections that it kept when it likes, and the page says how often.
        """
        text = self.measured("--only=small,websocket,footprint")
        requests, messages = self.cells(text, "1 KiB answer, 32"), self.cells(text, "WebSocket")
        self.assertTrue(requests[0].startswith("1 = "), text)
        for name, request, message in zip(CONTENDERS, requests, messages, strict=True):
            self.assertEqual(message == "–", name == "stock", text)
            self.assertGreater(float(request.strip("*")) if name != RULER else 1, 0)
        self.assertEqual(len(self.cells(text, "o2sidecar")), 5)
        self.assertEqual([line for line in text.splitlines() if re.match("o2sidecar.* failed in a round", line)], [])

    def test_uploads_and_files(self) -> None:
        """Bodies go through whole, both ways; sessions that nobody has seen before are good, and so is /oauth2/auth."""
        text = self.measured("--servers=o2sidecar", "--only=small,medium,upload,connect,auth,fresh")
        for begin in ("64 KiB", "1 MiB upload", "a connection", "`/oauth2/auth`"):
            self.assertEqual(len(self.cells(text, begin)), 2, text)
        self.assertIn("A session's first request", text)
        self.assertNotIn("failed in a round", text)
