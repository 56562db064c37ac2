"""The app behind the sidecar in these tests: gives back what it received, as JSON.

As a program, `echo.py PORT`, it does so at all addresses until SIGTERM.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with path and fields, names in lower case."""
        fields = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps({"path": self.path, "headers": fields}).encode()
        self.server.seen.append(self.path)  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Take the body whole, and answer with its size."""
        body = json.dumps({"size": len(self.rfile.read(int(self.headers["Content-Length"])))}).encode()
        self.server.seen.append(self.path)  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, tls: ssl.SSLContext | None, host: str) -> None:
        super().__init__((host, port), _Handler)
        if tls is not None:
            # Hands are shaken by the thread that answers.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.seen: list[str] = []
        self.connections: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept, and remember the connection for the end."""
        connection, address = super().get_request()
        self.connections.append(connection)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or does not believe us, is no error; anything else is shown."""
        if not isinstance(sys.exception(), (ConnectionError, ssl.SSLError)):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """End the connections that clients keep for later."""
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Echo:
    """The app; `seen` are the paths that it was asked for, `connections` those that were made to it.

    `tls`: how it speaks TLS, if it does.
    """

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None, *, host: str = "127.0.0.1") -> None:
        self._server = _Server(port, tls, host)
        self.port: int = self._server.server_address[1]
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        self.seen = self._server.seen
        self.connections = self._server.connections
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        """Stop answering; more than once is harmless."""
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    echo = Echo(int(sys.argv[1]), host="0.0.0.0")
    signal.sigwait({signal.SIGTERM})
    echo.close()
