"""Renewing a session that many requests wait for, in one process and in three, with Redis and without."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from attrs import evolve

from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session
from tests.end_to_end.counting_provider import CountingProvider
from tests.end_to_end.origin import PATIENCE
from tests.end_to_end.processes import eventually, free_port
from tests.end_to_end.redis_servers import ALICE, RedisCase, answers_ok, stored_for
from tests.end_to_end.sidecar_case import COOKIE_SECRET, receive_until
from tests.end_to_end.visitor import Visitor

NAME = "_oauth2_proxy"


def sealed(session: Session = ALICE, *, age: float) -> str:
    """The pair of a Cookie field with a session that began so many seconds ago."""
    codec = SessionCodec(ring=KeyRing.from_texts([COOKIE_SECRET]), expire=168 * 3600)
    return f"{NAME}={codec.encode(NAME, evolve(session, created_at=time.time() - age))}"


class RefreshTests(RedisCase):
    """A provider that counts, and whose refresh tokens are good once."""

    def setUp(self) -> None:
        """The provider."""
        self.provider = CountingProvider()
        self.addCleanup(self.provider.close)

    def pods(self, count: int, *flags: str) -> list[int]:
        """So many sidecars; their ports."""
        self.origin = self.an_origin(answers_ok)
        ports = [free_port() for _ in range(count)]
        for port in ports:
            self.sidecar_on(port, *flags, OIDC_ISSUER_URL=self.provider.issuer)
        self.port = ports[0]
        return ports

    def crowd(self, ports: Sequence[int], pair: str, count: int = 1000) -> int:
        """How many of so many requests are served that all come before the provider answers."""
        self.provider.go_on.clear()
        request = f"GET / HTTP/1.1\r\nHost: app\r\nCookie: {pair}\r\n\r\n".encode()
        clients = []
        for number in range(count):
            client = socket.create_connection(("127.0.0.1", ports[number % len(ports)]), PATIENCE)
            self.addCleanup(client.close)
            client.sendall(request)
            clients.append(client)
        for port in ports:
            self.assertEqual(Visitor().get(self.url("/ping", port)).status, 200)
        self.provider.go_on.set()
        return sum(b" 200 OK\r\n" in receive_until(client, b"\r\n\r\n")[:20] for client in clients)

    def test_one_process(self) -> None:
        """A thousand requests at once with a session that is due cost the provider one question."""
        served = self.crowd(self.pods(1, "--cookie-refresh=1h"), sealed(age=7200))
        print(f"\n1,000 requests, one process: {served} served, {self.provider.asked} token calls")
        self.assertEqual((served, self.provider.asked), (1000, 1))

    def test_three_processes_with_redis(self) -> None:
        """So they do when they come to three processes that share a Redis."""
        _, redis = self.redis()
        _, pair = stored_for(redis, age=7200)
        url = f"--redis-connection-url=redis://127.0.0.1:{redis}"
        served = self.crowd(self.pods(3, "--cookie-refresh=1h", *self.with_redis(), url), pair)
        print(f"\n1,000 requests, three processes with Redis: {served} served, {self.provider.asked} token calls")
        self.assertEqual((served, self.provider.asked), (1000, 1))

    def test_three_processes_without_redis(self) -> None:
        """Without one, no request of a browser fails, and its session is renewed again and again."""
        ports = self.pods(3, "--cookie-refresh=1s")
        self.pair = sealed(age=2)
        statuses: list[int] = []
        with ThreadPoolExecutor(12) as pool:
            for turn in range(6):
                due = time.time() + 1.1
                statuses += pool.map(self.browse, [ports[number % 3] for number in range(36)])
                self.assertGreater(self.provider.granted, turn)
                eventually("the next time that it is due", lambda due=due: time.time() > due)  # type: ignore[misc]
        print(
            f"\n{len(statuses)} requests, three processes without Redis: {statuses.count(200)} served, "
            f"{self.provider.granted} times renewed, {self.provider.refused} times a spent token came again"
        )
        self.assertEqual(set(statuses), {200})

    def browse(self, port: int) -> int:
        """The status of a browser's request to a sidecar; it keeps the cookie that comes last."""
        answer = self.fetch("/", self.pair, port)
        for name, value in answer.headers:
            if name.lower() == "set-cookie" and value.startswith(f"{NAME}=") and "Max-Age=0" not in value:
                self.pair = value.partition(";")[0]
        return answer.status
