"""What a client gets for bytes that are no request which can be served: a page for people, JSON for scripts."""

from __future__ import annotations

import json
import re
import socket

from tests.end_to_end.processes import Running, free_port
from tests.end_to_end.test_listeners import ListeningCase
from tests.signin.page_reader import PageReader

HTML = b"Accept: text/html,*/*;q=0.8\r\n"
JSON = b"Accept: application/json\r\n"


class RefusalTests(ListeningCase):
    """Refusals of the wire look like all others, and say no more than they must."""

    def setUp(self) -> None:
        """A port for the sidecar."""
        super().setUp()
        self.port = free_port()

    def serving(self, *arguments: str, **settings: str) -> Running:
        """A sidecar that listens."""
        sidecar = self.sidecar(*arguments, HTTP_ADDRESS=f"127.0.0.1:{self.port}", **settings)
        sidecar.await_listening(self.port)
        return sidecar

    def connected(self) -> socket.socket:
        """A connection."""
        made = socket.create_connection(("127.0.0.1", self.port), 30)
        self.addCleanup(made.close)
        return made

    def told(self, data: bytes, connection: socket.socket | None = None) -> tuple[int, str, str]:
        """Status, head and body of the one answer to these bytes, behind which the connection ends."""
        client = connection or self.connected()
        client.sendall(data)
        answer = b""
        while piece := client.recv(65536):
            answer += piece
        head, _, body = answer.decode().partition("\r\n\r\n")
        self.assertEqual(int(re.findall("Content-Length: ([0-9]+)", head)[0]), len(body.encode()))
        return int(head.split(" ")[1]), head, body

    def test_pages(self) -> None:
        """People get a page with a reference that is in the log, and a policy that lets nothing run."""
        sidecar = self.serving("--body-size-limit=10")
        for data, status in (
            (b"GET / HTTP/1.1\r\n" + HTML + b"\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: <script>\r\n" + HTML + b"\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n" + HTML + b"\r\n", 413),
            (b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\nHost: a\r\n" + HTML + b"\r\n", 414),
            (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n" + HTML + b"\r\n", 417),
            (b"BREW / HTTP/1.1\r\nHost: a\r\n" + HTML + b"\r\n", 501),
            (b"GET / HTTP/3.0\r\nHost: a\r\n" + HTML + b"\r\n", 505),
        ):
            found, head, body = self.told(data)
            self.assertEqual(found, status, data)
            self.assertIn("Content-Type: text/html; charset=utf-8", head)
            self.assertIn("Content-Security-Policy: default-src 'none'", head)
            page = PageReader(body)
            self.assertIn(str(status), page.text)
            self.assertNotIn("script", page.tags)
            (reference,) = re.findall("Reference ?([0-9a-f-]{36})", page.text)
            sidecar.await_line(f"{reference} .* {status} ")

    def test_scripts(self) -> None:
        """Scripts get JSON with the same fields as for other refusals."""
        self.serving()
        status, head, body = self.told(b"GET / HTTP/1.1\r\nX-Request-Id: r-7\r\n" + JSON + b"\r\n")
        self.assertEqual(status, 400)
        self.assertIn("Content-Type: application/json", head)
        found = json.loads(body)
        self.assertEqual(set(found), {"error", "reason", "message", "request_id"})
        self.assertEqual((found["reason"], found["request_id"]), ("host_is_missing", "r-7"))

    def test_too_many_cookies(self) -> None:
        """Who has too many cookies loses ours, and gets in again."""
        self.serving(COOKIE_DOMAINS=".example.com")
        ours = b"_oauth2_proxy_0=x; _oauth2_proxy_1=y; _oauth2_proxy_csrf=z"
        cookies = b"Host: app.example.com\r\n" + HTML + b"Cookie: " + ours + b"; other=" + b"x" * 70000
        status, head, body = self.told(b"GET / HTTP/1.1\r\n" + cookies + b"\r\n\r\n")
        self.assertEqual(status, 431)
        deleted = re.findall(r"Set-Cookie: (\S+)=; Path=/; Domain=example\.com; .*Max-Age=0", head)
        self.assertEqual(deleted, ["_oauth2_proxy_0", "_oauth2_proxy_1", "_oauth2_proxy_csrf"])
        self.assertIn("too many cookies", PageReader(body).text)

    def test_slow_heads(self) -> None:
        """A head that does not come in time is answered by 408."""
        self.serving("--head-timeout=1s")
        status, _, body = self.told(b"GET / HTTP/1.1\r\nHost: a\r\n" + JSON)
        self.assertEqual((status, json.loads(body)["reason"]), (408, "the_request_took_too_long"))

    def test_no_room(self) -> None:
        """A connection too many gets a page that says so."""
        self.serving("--max-connections=2")
        kept = [self.connected() for _ in range(2)]
        status, _, body = self.told(b"")
        self.assertEqual(status, 503)
        self.assertIn("busy", PageReader(body).text)
        self.assertEqual(len(kept), 2)

    def test_forced_json(self) -> None:
        """Where everything is JSON, so are these."""
        self.serving("--force-json-errors")
        self.assertEqual(json.loads(self.told(b"nonsense\r\n\r\n")[2])["error"], "Bad Request")
