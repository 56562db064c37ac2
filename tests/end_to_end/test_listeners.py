"""Where requests come in, as clients and proxies in front meet it: unix sockets, TLS, the PROXY protocol."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import tempfile
from pathlib import Path
from typing import Any

from tests.end_to_end.echo import Echo
from tests.end_to_end.processes import ProcessCase, Running, eventually, free_port


class ListeningCase(ProcessCase):
    """A sidecar in front of an app, everything below /open being open to everybody."""

    def setUp(self) -> None:
        """An app that says what it got."""
        self.app = Echo()
        self.addCleanup(self.app.close)

    def sidecar(self, *arguments: str, **settings: str) -> Running:
        """A sidecar that was started; settings as `OAUTH2_PROXY_*` variables without that prefix."""
        usual = {
            "PROVIDER": "oidc",
            "OIDC_ISSUER_URL": f"http://127.0.0.1:{free_port()}",
            "CLIENT_ID": "sidecar",
            "CLIENT_SECRET": "secret",
            "COOKIE_SECRET": "0123456789abcdef0123456789abcdef",
            "EMAIL_DOMAINS": "*",
            "UPSTREAMS": self.app.url,
            "SKIP_AUTH_ROUTES": "^/open/",
        }
        return self.run_sidecar(usual | settings, "--defaults=o2sidecar", *arguments)

    def folder(self) -> Path:
        """A folder whose path is short enough for a socket in it."""
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        return Path(made.name)


def asked(connection: socket.socket, path: str = "/open/x") -> dict[str, Any]:
    """What the app got of a request that is sent on a connection, which ends with it."""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n".encode())
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), answer
    got: dict[str, Any] = json.loads(body)
    return got


class UnixSocketTests(ListeningCase):
    """A unix socket is there while somebody listens, and then it is not."""

    def setUp(self) -> None:
        """A path for the socket."""
        super().setUp()
        self.path = self.folder() / "s"

    def listening(self, address: str = "") -> Running:
        """A sidecar that listens on the socket."""
        sidecar = self.sidecar(HTTP_ADDRESS=address or f"unix://{self.path}")
        sidecar.await_line("listening on unix:")
        return sidecar

    def connected(self) -> socket.socket:
        """A connection to the socket."""
        made = socket.socket(socket.AF_UNIX)
        self.addCleanup(made.close)
        made.connect(str(self.path))
        return made

    def test_from_start_to_end(self) -> None:
        """Owner and group may connect; requests are served; at the end the file is gone."""
        sidecar = self.listening()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o660)
        self.assertNotIn("x-forwarded-for", asked(self.connected())["headers"])
        self.assertEqual(sidecar.stop(), 0, sidecar.output())
        self.assertFalse(self.path.exists())

    def test_mode(self) -> None:
        """Another mode may be given."""
        self.listening(f"unix://{self.path},mode=0600")
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_restart_after_a_kill(self) -> None:
        """The socket that a killed process left is no obstacle to the next one."""
        killed = self.listening()
        killed.kill()
        self.assertTrue(self.path.is_socket())
        self.listening()
        self.assertEqual(asked(self.connected())["path"], "/open/x")

    def test_two_at_once(self) -> None:
        """A second process ends with a sentence, and takes nothing away from the first."""
        self.listening()
        second = self.sidecar(HTTP_ADDRESS=f"unix://{self.path}")
        self.assertNotEqual(second.status(), 0)
        self.assertIn(f"cannot listen on unix:{self.path}", second.output())
        self.assertIn("another process listens there", second.output())
        self.assertNotIn("Traceback", second.output())
        self.assertEqual(asked(self.connected())["path"], "/open/x")

    def test_something_else(self) -> None:
        """A file that is no socket is left alone."""
        self.path.write_text("precious")
        refused = self.sidecar(HTTP_ADDRESS=f"unix://{self.path}")
        self.assertNotEqual(refused.status(), 0)
        self.assertIn("no socket", refused.output())
        self.assertEqual(self.path.read_text(), "precious")

    def test_a_socket_that_somebody_removed(self) -> None:
        """The process ends in order all the same."""
        sidecar = self.listening()
        os.unlink(self.path)
        sidecar.signal(signal.SIGTERM)
        self.assertEqual(sidecar.status(), 0, sidecar.output())
        self.assertNotIn("Traceback", sidecar.output())


class InheritedTests(ListeningCase):
    """A socket that the parent process opened."""

    def test_what_is_no_tcp_socket(self) -> None:
        """It is refused by a sentence."""
        refused = self.sidecar(HTTP_ADDRESS="fd:0")
        self.assertNotEqual(refused.status(), 0)
        self.assertIn("cannot listen on descriptor 0", refused.output())
        self.assertNotIn("Traceback", eventually("an output", refused.output))
