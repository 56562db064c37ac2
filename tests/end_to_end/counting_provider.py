"""A provider that counts: it renews sessions with refresh tokens that are good once, and sees when one comes again."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


class CountingProvider:
    """Knows the refresh token RT-1. `go_on`: set while it answers; `leeway`: seconds in which a spent token that comes
    again is refused and no more; after that all tokens of its grant are void (RFC 9700 §4.14.2).
    """

    def __init__(self, *, leeway: float = 30) -> None:
        self.go_on = threading.Event()
        self.go_on.set()
        self.granted, self.refused, self.void = 0, 0, False
        self._leeway = leeway
        self._good = "RT-1"
        self._spent: dict[str, float] = {}
        self._lock = threading.Lock()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._say(200, {"keys": []} if self.path == "/jwks" else provider.document())

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                provider.go_on.wait(60)
                self._say(*provider.tokens(form["refresh_token"][0]))

            def _say(self, status: int, value: object) -> None:
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *told: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        """Be there no more."""
        self.go_on.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def asked(self) -> int:
        """How often it was asked for tokens."""
        return self.granted + self.refused

    def document(self) -> dict[str, Any]:
        """Its metadata."""
        names = {"authorization_endpoint": "in", "token_endpoint": "token", "jwks_uri": "jwks"}
        endpoints = {member: f"{self.issuer}/{path}" for member, path in names.items()}
        return {"issuer": self.issuer, "id_token_signing_alg_values_supported": ["RS256"], **endpoints}

    def tokens(self, token: str) -> tuple[int, dict[str, Any]]:
        """The answer to a refresh token."""
        with self._lock:
            if token == self._good and not self.void:
                self.granted += 1
                self._spent[token], self._good = time.monotonic(), f"RT-{self.granted + 1}"
                return 200, {
                    "access_token": f"AT-{self.granted + 1}",
                    "token_type": "Bearer",
                    "expires_in": 3600,
                    "refresh_token": self._good,
                }
            self.refused += 1
            self.void |= token in self._spent and time.monotonic() > self._spent[token] + self._leeway
            return 400, {"error": "invalid_grant"}
