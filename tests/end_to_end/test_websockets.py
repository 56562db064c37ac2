"""WebSockets through the real process, between a client and an app that are not ours."""

from __future__ import annotations

import re
import select
import signal
import socket
import ssl
import threading
import time
from pathlib import Path

from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, RejectConnection, TextMessage

from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session
from tests.end_to_end.browsers import BrowserCase
from tests.end_to_end.processes import PATIENCE, Running, eventually, free_port
from tests.end_to_end.websocket_peers import App, Client, Guest
from tests.server_certificates import pair

SECRET = "0123456789abcdef"
LIFETIME = 3600.0
BIG = bytes(range(256)) * (16 << 12)
"""16 MiB."""
MUCH = 256 << 20
PIECE = 1 << 20
LEEWAY = 24 << 20
"""What a process may grow by while it passes much on: nothing that grows with how much it is."""

WATCHED = """
    const socket = new WebSocket("/"), heard = [];
    socket.onopen = () => socket.send("hello");
    socket.onmessage = event => heard.push(event.data);
    socket.onclose = event => window.said = [...heard, event.code, event.reason, event.wasClean];
"""
"""A page's script that opens a WebSocket, and notes what it hears until the end."""


class WebSocketCase(BrowserCase):
    """An app, a sidecar before it with oauth2-proxy's defaults, and Alice, who is signed in."""

    def setUp(self) -> None:
        """An app, and an address for the sidecar."""
        self.app = App()
        self.addCleanup(self.app.close)
        self.port = free_port()

    def start(self, *arguments: str, **changes: str) -> Running:
        """A sidecar that listens."""
        settings = {
            "PROVIDER": "oidc",
            "OIDC_ISSUER_URL": f"http://127.0.0.1:{free_port()}",
            "CLIENT_ID": "sidecar",
            "CLIENT_SECRET": "secret",
            "COOKIE_SECRET": SECRET,
            "COOKIE_EXPIRE": f"{LIFETIME:.0f}s",
            "EMAIL_DOMAINS": "*",
            "HTTP_ADDRESS": f"127.0.0.1:{self.port}",
            "UPSTREAMS": f"http://127.0.0.1:{self.app.port}",
            "SKIP_AUTH_ROUTES": "^/open/",
            "REQUEST_LOGGING_FORMAT": "{{.Username}} {{.StatusCode}} {{.Reason}}",
            **changes,
        }
        sidecar = self.run_sidecar(settings, "--provider-required-at-start=false", *arguments)
        sidecar.await_listening(self.port)
        return sidecar

    def cookie(self, left: float = LIFETIME) -> dict[str, str]:
        """Alice's session, which has so many seconds left, as a header."""
        codec = SessionCodec(ring=KeyRing.from_texts([SECRET]), expire=LIFETIME)
        session = Session(created_at=time.time() - LIFETIME + left, user="alice", email="alice@example.com")
        return {"Cookie": "_oauth2_proxy=" + codec.encode("_oauth2_proxy", session)}

    tls: ssl.SSLContext | None = None
    """Whom clients trust, where they speak TLS."""

    def client(self, path: str = "/", **headers: str) -> Client:
        """A client's WebSocket, which ends with the test."""
        client = Client(self.port, path, headers, self.tls)
        self.addCleanup(client.socket.close)
        return client

    def guest(self) -> Guest:
        """The one connection at the app."""
        (guest,) = self.app.guests
        return guest

    def ended(self, guest: Guest) -> CloseConnection:
        """What the app was told at the end, once that is there."""
        eventually("the end at the app", lambda: guest.gone)
        assert guest.close is not None
        return guest.close


class PassingTests(WebSocketCase):
    """What passes, and who may open one."""

    def test_messages(self) -> None:
        """Messages whole and in parts, small and of 16 MiB, pings, and the close code pass both ways."""
        self.start()
        client = self.client(**self.cookie())
        self.assertIsInstance(client.opened, AcceptConnection)
        self.assertEqual(self.guest().headers["x-forwarded-email"], "alice@example.com")
        client.send(TextMessage(data="hello"))
        self.assertEqual(client.message(), "hello")
        client.send(BytesMessage(data=b"one ", message_finished=False), BytesMessage(data=b"two"))
        self.assertEqual(client.message(), b"one two")
        client.send(Ping(payload=b"are you there"))
        self.assertEqual(client.next(), Pong(payload=b"are you there"))
        client.send_aside(BytesMessage(data=BIG))
        self.assertTrue(client.message() == BIG)
        client.send(CloseConnection(code=4001, reason="enough"))
        self.assertEqual(client.next(), CloseConnection(code=4001, reason="enough"))
        client.ended()
        self.assertEqual(self.ended(self.guest()), CloseConnection(code=4001, reason="enough"))

    def test_behind_the_heads(self) -> None:
        """What the app sends right behind its 101 arrives, and so does what a client sends behind its request."""
        self.start()
        client = self.client("/open/begin/8105776f726c64")
        self.assertEqual(client.message(), "world")
        with socket.create_connection(("127.0.0.1", self.port), 30) as eager:
            head = (
                b"GET /open/ HTTP/1.1\r\nHost: app\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            eager.sendall(head + b"\x81\x85\0\0\0\0early")
            got = b""
            while not got.endswith(b"\x81\x05early"):
                piece = eager.recv(65536)
                self.assertTrue(piece, got)
                got += piece

    def test_memory(self) -> None:
        """A frame of any length passes as a stream, also to a client that reads slowly (security.md D11)."""
        sidecar = self.start()
        before = resident(sidecar)
        client = self.client("/open/begin/827f" + MUCH.to_bytes(8, "big").hex())
        guest = self.guest()
        sent = pour(guest.socket, MUCH, patience=1)
        self.assertLess(sent, MUCH, "somebody took all of it, and it was not the client")
        read = Drained(client.socket, MUCH)
        self.assertEqual(pour(guest.socket, MUCH - sent), MUCH - sent)
        read.join(PATIENCE)
        self.assertGreaterEqual(read.size, MUCH)
        self.assertLess(resident(sidecar) - before, LEEWAY)

    def test_who_may_not(self) -> None:
        """Without a session, and for pages of other sites, none is opened, and the app hears nothing of it."""
        self.start()
        own, evil = f"http://127.0.0.1:{self.port}", "https://evil.example"
        for headers, status in (
            ({}, 403),
            ({"Cookie": "_oauth2_proxy=forged|1|x"}, 403),
            ({**self.cookie(), "Origin": evil}, 403),
            ({**self.cookie(), "Origin": "null"}, 403),
            ({**self.cookie(), "Origin": f"http://127.0.0.1:{self.port + 1}"}, 403),
        ):
            refused = self.client(**headers).opened
            assert isinstance(refused, RejectConnection), headers
            self.assertEqual(refused.status_code, status, headers)
        self.assertEqual(self.app.guests, [])
        self.assertIsInstance(self.client(**self.cookie(), Origin=own).opened, AcceptConnection)

    def test_none(self) -> None:
        """With `proxy_websockets` off there are none."""
        self.start(PROXY_WEBSOCKETS="false")
        refused = self.client(**self.cookie()).opened
        assert isinstance(refused, RejectConnection)
        self.assertEqual((refused.status_code, self.app.guests), (501, []))


class EndingTests(WebSocketCase):
    """How we end them."""

    def test_session_ends(self) -> None:
        """When the session is over the client hears why, the app that the client has gone, and the log says so."""
        sidecar = self.start()
        client = self.client(**self.cookie(left=4))
        client.send(TextMessage(data="in time"))
        self.assertEqual(client.message(), "in time")
        said = client.closed()
        self.assertEqual((said.code, said.reason), (1008, "Your session has ended. Please sign in again."))
        self.assertEqual(self.ended(self.guest()).code, 1001)
        sidecar.await_line(r"^alice@example\.com 101 session_ended$")

    def test_what_a_browser_hears(self) -> None:
        """A page is told the code and the reason, and that nothing went wrong."""
        self.start()
        browser = self.start_browser()
        browser.get(f"http://127.0.0.1:{self.port}/robots.txt")
        name, _, value = self.cookie(left=5)["Cookie"].partition("=")
        browser.add_cookie({"name": name, "value": value})
        browser.execute_script(WATCHED)
        said = eventually("the end", lambda: browser.execute_script("return window.said"))
        self.assertEqual(said, ["hello", 1008, "Your session has ended. Please sign in again.", True])
        self.assertEqual(self.ended(self.guest()).code, 1001)

    def test_process_ends(self) -> None:
        """At `shutdown_timeout` each is told, whether it answers or not, in a frame or not; the process ends with 0."""
        sidecar = self.start("--shutdown-timeout=1s")
        polite, rude, within = self.client("/open/1"), self.client("/open/2"), self.client("/open/begin/827f00000000")
        polite.send(TextMessage(data="hello"))
        self.assertEqual(polite.message(), "hello")
        sidecar.signal(signal.SIGTERM)
        said = polite.closed()
        self.assertEqual((said.code, said.reason), (1012, "service restart"))
        self.assertEqual(rude.closed(answer=False).code, 1012)
        within.ended()
        self.assertEqual(sidecar.status(), 0, sidecar.output())
        self.assertNotIn("Traceback", sidecar.output())
        self.assertEqual(len(re.findall(r"^- 101 service_restart$", sidecar.output(), re.MULTILINE)), 3)
        for guest in self.app.guests:
            self.assertEqual(self.ended(guest).code, 1001)


class TlsTests(WebSocketCase):
    """TLS on both sides of the sidecar: it knows no end of one direction, and many end it without a word."""

    def setUp(self) -> None:
        """An app with a certificate, and a client that trusts the sidecar's."""
        super().setUp()
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        self.certificate, self.key = folder / "tls.crt", folder / "tls.key"
        self.certificate.write_bytes(pair().certificate)
        self.key.write_bytes(pair().key)
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        served.load_cert_chain(self.certificate, self.key)
        self.app = App(served)
        self.addCleanup(self.app.close)
        self.tls = ssl.create_default_context(cadata=pair().certificate.decode())

    def start(self, *arguments: str, **changes: str) -> Running:
        """A sidecar that serves https, before an app that does."""
        return super().start(
            *arguments,
            f"--upstream-ca-file={self.certificate}",
            HTTPS_ADDRESS=f"127.0.0.1:{self.port}",
            TLS_CERT_FILE=str(self.certificate),
            TLS_KEY_FILE=str(self.key),
            UPSTREAMS=f"https://127.0.0.1:{self.app.port}",
            **changes,
        )

    def test_left_without_a_word(self) -> None:
        """What a client sent before it just left arrives, also its Close frame; nothing is complained of."""
        sidecar = self.start()
        client = self.client("/open/")
        client.send(BytesMessage(data=BIG[:PIECE]))
        self.assertTrue(client.message() == BIG[:PIECE])
        client.send(CloseConnection(code=1001))
        client.socket.close()
        self.assertEqual(self.ended(self.guest()).code, 1001)
        self.assertEqual(sidecar.stop(), 0)
        self.assertNotIn("Traceback", sidecar.output())

    def test_process_ends(self) -> None:
        """Who answers and who does not, all are told, and the process ends with 0."""
        sidecar = self.start("--shutdown-timeout=1s")
        polite, rude = self.client("/open/1"), self.client("/open/2")
        sidecar.signal(signal.SIGTERM)
        self.assertEqual(polite.closed().code, 1012)
        self.assertEqual(rude.closed(answer=False).code, 1012)
        self.assertEqual(sidecar.status(), 0, sidecar.output())
        self.assertNotIn("Traceback", sidecar.output())
        for guest in self.app.guests:
            self.assertEqual(self.ended(guest).code, 1001)


class Drained(threading.Thread):
    """Reads so many bytes from a socket at least; `size`: those that came."""

    def __init__(self, source: socket.socket, size: int) -> None:
        super().__init__(daemon=True)
        self._source = source
        self._wanted = size
        self.size = 0
        self.start()

    def run(self) -> None:
        """Read."""
        while self.size < self._wanted and (piece := self._source.recv(PIECE)):
            self.size += len(piece)


def pour(target: socket.socket, size: int, patience: float = PATIENCE) -> int:
    """Send so many bytes, until for so many seconds nothing is taken; how many were."""
    sent, piece = 0, bytes(PIECE)
    while sent < size and select.select([], [target], [], patience)[1]:
        sent += target.send(piece[: size - sent], socket.MSG_DONTWAIT)
    return sent


def resident(process: Running) -> int:
    """The most bytes of memory that a process has had at a time."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (peak,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(peak) << 10
