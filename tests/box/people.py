"""People with sessions who ask through the gateway again and again, and hold whatever is not served against it."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from http.client import HTTPException, HTTPSConnection

from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session
from tests.end_to_end.processes import eventually

COOKIE = "_oauth2_proxy"


def codec(secret: str) -> SessionCodec:
    """What opens cookies of a cookie secret, and of no other."""
    return SessionCodec(ring=KeyRing.from_texts([secret]), expire=3600)


def cookie(secret: str, user: str = "ada") -> str:
    """The value of somebody's cookie."""
    session = Session(created_at=time.time(), user=user, email=f"{user}@example.com", access_token="token")
    return codec(secret).encode(COOKIE, session)


class Gate(HTTPSConnection):
    """A connection to the gateway at its address, for a host that no resolver knows."""

    def __init__(self, host: str, address: str, authority: bytes) -> None:
        self._tls = ssl.create_default_context(cadata=authority.decode())
        super().__init__(host, context=self._tls, timeout=30)
        self._address = address

    def connect(self) -> None:
        """Be connected, and sure of whom to."""
        plain = socket.create_connection((self._address, 443), 30)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


class Person:
    """Asks with the newest cookie until `leave`; `wrong` is what was not served."""

    def __init__(self, gate: Gate, value: str) -> None:
        self.cookie = value
        self.answered = 0
        self.wrong: list[str] = []
        self._gate = gate
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def leave(self) -> None:
        """Ask no more; more than once is harmless."""
        self._over.set()
        self._thread.join()

    def await_more(self, count: int) -> None:
        """Wait until so many more requests are served, or one is not."""
        wanted = self.answered + count
        eventually(f"{count} more answers", lambda: self.wrong or self.answered >= wanted)

    def _work(self) -> None:
        while not self._over.wait(0.02):
            method, body = ("POST", b"x" * 100) if self.answered % 2 else ("GET", None)
            try:
                self._gate.request(method, "/x", body, {"Cookie": f"{COOKIE}={self.cookie}"})
                response = self._gate.getresponse()
                response.read()
            except (OSError, HTTPException) as error:
                self.wrong.append(f"{time.time():.3f} {error!r}")
                self._gate.close()
                continue
            if response.status != 200:
                self.wrong.append(f"{time.time():.3f} {response.status}")
            for value in response.headers.get_all("Set-Cookie") or []:
                if value.startswith(f"{COOKIE}=") and "Max-Age=0" not in value:
                    self.cookie = value.partition(";")[0].partition("=")[2]
            self.answered += 1
        self._gate.close()
