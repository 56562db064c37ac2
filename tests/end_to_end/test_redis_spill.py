"""Sessions in cookies of which the large ones go to a real Redis server."""

from __future__ import annotations

from functools import partial

from tests.end_to_end.processes import eventually, free_port
from tests.end_to_end.redis_servers import RedisCase, ask_redis
from tests.end_to_end.visitor import Visitor

TINY = "--session-cookie-budget=100"
"""A budget that is too small for any session."""


class SpillTests(RedisCase):
    """One sidecar's sessions are all too large, the other's fit into cookies; both know them all."""

    def setUp(self) -> None:
        super().setUp()
        self.server, self.redis_port = self.redis()
        url = f"--redis-connection-url=redis://127.0.0.1:{self.redis_port}"
        self.guarded(url, TINY)
        self.other = free_port()
        self.sidecar_on(self.other, *self.with_redis(), url)

    def with_redis(self) -> list[str]:
        """The arguments of every sidecar here."""
        given = super().with_redis()
        given.remove("--session-store-type=redis")
        return [*given, "--session-spill=redis"]

    def pair(self, visitor: Visitor, port: int) -> str:
        [(name, value)] = visitor.jar(self.url(port=port)).items()
        return f"{name}={value}"

    def test_both_kinds(self) -> None:
        """Each kind is known to both sidecars, and to none within a second of signing out, at either."""
        for here, there, stored in ((self.port, self.other, 1), (self.other, self.port, 0)):
            visitor = self.sign_in(port=here)
            pair = self.pair(visitor, here)
            self.assertEqual(pair.startswith("_oauth2_proxy=djIu"), bool(stored))
            self.assertEqual(ask_redis(self.redis_port, "EXISTS", *self.keys()) if self.keys() else 0, stored)
            for port in (here, there):
                self.assertEqual(self.who(pair, port), (200, "alice"))
            signed_out = self.fetch("/oauth2/sign_out", pair, there)
            self.assertEqual(signed_out.status, 302)
            for port in (here, there):
                eventually("its end", partial(self.is_answered, 401, pair, port), 3)

    def is_answered(self, status: int, pair: str, port: int) -> bool:
        return self.who(pair, port)[0] == status

    def keys(self) -> list[bytes]:
        """The tickets there."""
        found: list[bytes] = ask_redis(self.redis_port, "KEYS", "_oauth2_proxy-????????????????????????????????")
        return found

    def test_without_the_server(self) -> None:
        """When the server ends, sessions in cookies go on, and who has a ticket is told to wait."""
        ticket = self.pair(self.sign_in(), self.port)
        cookie = self.pair(self.sign_in(port=self.other), self.other)
        self.server.stop()
        for port in (self.port, self.other):
            self.assertEqual(self.who(cookie, port), (200, "alice"))
            eventually("the outage", partial(self.is_answered, 503, ticket, port), 5)
            self.assertEqual(self.fetch("/ready", "", port).status, 200)
        pair = self.pair(self.sign_in(port=self.other), self.other)
        self.assertEqual(self.who(pair, self.other), (200, "alice"))
        refused = Visitor().post(self.url("/oauth2/sign_in"), {"username": "alice", "password": "secret"})
        self.assertEqual(refused.status, 503)
