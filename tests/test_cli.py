"""Tests of the command line."""

from __future__ import annotations

import io
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar import __version__, cli, healthcheck


class CommandTests(SynchronousTestCase):
    """`o2sidecar` finds its sub-commands."""

    def setUp(self) -> None:
        """Collect what is printed."""
        self.out, self.err = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.out)
        self.patch(sys, "stderr", self.err)

    def test_version(self) -> None:
        """`--version` prints one line."""
        self.assertEqual(cli.main(["--version"]), 0)
        self.assertEqual(self.out.getvalue(), f"o2sidecar {__version__}\n")

    def test_help(self) -> None:
        """`--help` names every command."""
        self.assertEqual(cli.main(["--help"]), 0)
        for name in cli.COMMANDS:
            self.assertIn(name, self.out.getvalue())

    def test_unknown(self) -> None:
        """An unknown command or flag is named, and the status is 2."""
        for given, kind in (("nosuch", "command"), ("--no-such-flag=1", "flag")):
            self.assertEqual(cli.main([given]), 2)
            self.assertIn(f"unknown {kind}: {given}", self.err.getvalue())

    def test_nothing(self) -> None:
        """Without a command the usage is shown and the status is 2."""
        self.assertEqual(cli.main([]), 2)
        self.assertIn("Usage", self.out.getvalue())


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/ping" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class HealthcheckTests(SynchronousTestCase):
    """`o2sidecar healthcheck` asks a sidecar whether it answers."""

    def setUp(self) -> None:
        """A server on a free port that answers /ping."""
        self.err = io.StringIO()
        self.patch(sys, "stderr", self.err)
        self.server = HTTPServer(("127.0.0.1", 0), _Answer)
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.port = self.server.server_address[1]

    def test_it_answers(self) -> None:
        """An answer of 200 is status 0, also where the sidecar listens on all addresses."""
        self.assertEqual(healthcheck.main([f"127.0.0.1:{self.port}"], {}), 0)
        self.assertEqual(healthcheck.main([], {"OAUTH2_PROXY_HTTP_ADDRESS": f"http://0.0.0.0:{self.port}"}), 0)
        self.assertEqual(healthcheck.main([f":{self.port}"], {}), 0)

    def test_another_answer(self) -> None:
        """Any other status is failure, and is named."""
        environment = {"OAUTH2_PROXY_PING_PATH": "/other"}
        self.assertEqual(healthcheck.main([f"127.0.0.1:{self.port}"], environment), 1)
        self.assertIn("404", self.err.getvalue())

    def test_no_answer(self) -> None:
        """Nobody listening is failure, in a sentence."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.assertEqual(healthcheck.main([f"127.0.0.1:{free.getsockname()[1]}"], {}), 1)
        self.assertIn("does not answer", self.err.getvalue())

    def test_nonsense(self) -> None:
        """An address that is none is failure, a flag that is none is misuse."""
        self.assertEqual(healthcheck.main(["nonsense"], {}), 1)
        self.assertEqual(healthcheck.main(["--what"], {}), 2)
        self.assertEqual(healthcheck.main(["a:1", "b:2"], {}), 2)
