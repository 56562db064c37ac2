"""Signing out with several real processes: a copied cookie is refused by all of them within the stated time."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session
from tests.end_to_end.processes import free_port
from tests.end_to_end.redis_servers import RedisCase, answers_ok, stored_for
from tests.end_to_end.sidecar_case import COOKIE_SECRET
from tests.end_to_end.visitor import Visitor

POLL = 2.0


class ThreeProcessesTests(RedisCase):
    """Three sidecars, of which one is told that a session is over."""

    def three(self, *arguments: str, **settings: str) -> list[int]:
        """Their ports."""
        self.origin = self.an_origin(answers_ok)
        ports = [free_port() for _ in range(3)]
        for port in ports:
            self.sidecar_on(port, *arguments, **settings)
        return ports

    def refused_after(self, ports: list[int], cookie: str, signing_out: str) -> float:
        """Seconds from the end of signing out at the first until all refuse the cookie."""
        visitor = Visitor()
        for port in ports:
            self.assertEqual(visitor.get(f"http://127.0.0.1:{port}/", {"Cookie": cookie}).text, "alice")
        visitor.get(f"http://127.0.0.1:{ports[0]}/oauth2/sign_out", {"Cookie": cookie})
        begun, waiting = time.monotonic(), list(ports)
        while waiting and time.monotonic() - begun < 30:
            waiting = [
                port for port in waiting if visitor.get(f"http://127.0.0.1:{port}/", {"Cookie": cookie}).text == "alice"
            ]
            time.sleep(0.05)
        took = time.monotonic() - begun
        sys.stdout.write(f"{signing_out}: refused by all three after {took:.2f} s\n")
        self.assertEqual(waiting, [])
        return took

    def test_by_the_list(self) -> None:
        """Sessions in cookies, a file that all share: within the interval, and what looking takes."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir(parents=True)
        ports = self.three(f"--revocation-list={folder / 'revoked'}", f"--revocation-poll-interval={POLL:g}s")
        codec = SessionCodec(ring=KeyRing.from_texts([COOKIE_SECRET]), expire=3600)
        session = Session(created_at=time.time(), user="alice", email="alice@example.com", nonce=b"n" * 16)
        cookie = f"_oauth2_proxy={codec.encode('_oauth2_proxy', session)}"
        self.assertLess(self.refused_after(ports, cookie, "sessions in cookies"), POLL + 1)

    def test_with_redis(self) -> None:
        """Sessions in Redis: within a second, and what looking takes."""
        _, redis = self.redis()
        ports = self.three(*self.with_redis(), f"--redis-connection-url=redis://127.0.0.1:{redis}")
        _, cookie = stored_for(redis)
        self.assertLess(self.refused_after(ports, cookie, "sessions in Redis"), 1.5)
