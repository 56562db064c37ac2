"""A running sidecar before an app of the test: everything below /open/ is open, and alice has a session."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session
from tests.end_to_end.origin import PATIENCE, Origin, Script
from tests.end_to_end.processes import ProcessCase, Running, free_port

COOKIE_SECRET = "a-cookie-secret-nobody-may-see!!"


class SidecarCase(ProcessCase):
    """`start` a sidecar before an app that follows a script."""

    def start(self, script: Script, *arguments: str, receive_buffer: int = 0, **changes: str) -> Running:
        """A sidecar that listens on `port`, with an `origin` behind it. Settings without their prefix in `changes`."""
        self.origin = self.an_origin(script, receive_buffer=receive_buffer)
        self.port = free_port()
        return self.sidecar_on(self.port, *arguments, **changes)

    def an_origin(self, script: Script, *, receive_buffer: int = 0) -> Origin:
        """An app that ends with the test, which fails if its script did."""
        origin = Origin(script, receive_buffer=receive_buffer)
        self.addCleanup(lambda: self.assertEqual(origin.errors, []))
        self.addCleanup(origin.close)
        return origin

    def sidecar_on(self, port: int, *arguments: str, **changes: str) -> Running:
        """Another sidecar before the same app, or before another one that `UPSTREAMS` names."""
        if "UPSTREAMS" not in changes:
            changes["UPSTREAMS"] = self.origin.url
        settings = {
            "PROVIDER": "oidc",
            "OIDC_ISSUER_URL": "http://127.0.0.1:9",
            "CLIENT_ID": "sidecar",
            "CLIENT_SECRET": "a-client-secret-nobody-may-see",
            "COOKIE_SECRET": COOKIE_SECRET,
            "COOKIE_SECURE": "false",
            "EMAIL_DOMAINS": "*",
            "HTTP_ADDRESS": f"127.0.0.1:{port}",
            "SKIP_AUTH_ROUTES": "^/open/",
            **changes,
        }
        sidecar = self.run_sidecar(settings, "--defaults=o2sidecar", *arguments)
        sidecar.await_listening(port)
        return sidecar

    def connect(self, *, receive_buffer: int = 0) -> socket.socket:
        """A client's connection to the sidecar, closed with the test."""
        client = socket.socket()
        self.addCleanup(client.close)
        client.settimeout(PATIENCE)
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.connect(("127.0.0.1", self.port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client


def alice() -> str:
    """The pair of a Cookie field that holds alice's session."""
    codec = SessionCodec(ring=KeyRing.from_texts([COOKIE_SECRET]), expire=3600)
    session = Session(created_at=time.time(), user="alice", email="alice@example.com", access_token="token")
    return f"_oauth2_proxy={codec.encode('_oauth2_proxy', session)}"


def receive_until(client: socket.socket, mark: bytes) -> bytes:
    """What comes up to and with `mark`, and behind it what came along."""
    received = b""
    while mark not in received:
        piece = client.recv(1 << 16)
        if not piece:
            raise AssertionError(f"the connection ended before {mark!r}: {received[-300:]!r}")
        received += piece
    return received


def receive_all(client: socket.socket) -> bytes:
    """What comes until the end of the connection, however it ends."""
    received = b""
    try:
        while piece := client.recv(1 << 18):
            received += piece
    except ConnectionError:
        pass
    return received


def private_memory(running: Running) -> float:
    """The memory that a process holds for itself, in MiB: what it shares with others changes when those end."""
    for line in Path(f"/proc/{running.pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the kernel does not tell")
