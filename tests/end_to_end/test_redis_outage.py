"""What people see while Redis is away or slow, and how fast sidecars that share it agree."""

from __future__ import annotations

import http.server
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.end_to_end.processes import Running, eventually, free_port
from tests.end_to_end.redis_servers import RedisCase, ask_redis, stored_for
from tests.end_to_end.visitor import Visitor

MOST = 3.0
"""Seconds that a request may take with time-outs of one second each for connection and answer; it is a busy machine."""


class OutageTests(RedisCase):
    """The operator's rule holds, and nothing hangs."""

    def setUp(self) -> None:
        super().setUp()
        self.port_of_redis = free_port()
        self.server, _ = self.redis(port=self.port_of_redis)
        self.there = f"--redis-connection-url=redis://127.0.0.1:{self.port_of_redis}"

    def timed(self, path: str, pair: str = "", accept: str = "application/json") -> tuple[int, str]:
        began = time.monotonic()
        answer = self.fetch(path, pair, accept=accept)
        self.assertLess(time.monotonic() - began, MOST)
        return answer.status, answer.text

    def ready(self) -> tuple[int, str]:
        """Status, and what is said of sessions; that the provider is away is said besides."""
        status, text = self.timed("/ready", accept="*/*")
        return status, "".join(line for line in text.splitlines() if line.startswith("Sessions"))

    def is_ready(self) -> bool:
        return self.ready() == (200, "")

    def refused(self, pair: str) -> tuple[int, str]:
        """The first refusal: what was found before is believed for a moment."""

        def attempt() -> tuple[int, str] | None:
            status, text = self.timed("/", pair)
            return None if status == 200 else (status, text)

        return eventually("the refusal", attempt)

    def back(self) -> None:
        self.server, _ = self.redis(port=self.port_of_redis)

    def test_reject(self) -> None:
        """Without Redis, sessions are refused with a reason for people and scripts, public paths and probes are not."""
        sidecar = self.guarded(self.there)
        _, pair = stored_for(self.port_of_redis)
        self.assertEqual(self.who(pair), (200, "alice"))
        self.assertTrue(self.is_ready())
        self.server.stop()
        status, text = self.refused(pair)
        self.assertEqual((status, json.loads(text)["reason"]), (503, "session_store_unavailable"))
        status, text = self.timed("/", pair, accept="text/html")
        self.assertEqual(status, 503)
        self.assertIn("Nobody&#39;s session can be looked up just now", text)
        self.assertEqual(self.timed("/oauth2/auth", pair)[0], 503)
        self.assertEqual(self.timed("/open/page", pair), (200, "nobody"))
        self.assertEqual(self.timed("/", "a=1")[0], 401)
        self.assertEqual(self.ready()[0], 503)
        self.assertNotIn(str(self.port_of_redis), self.ready()[1])
        self.assertEqual(self.timed("/ping")[0], 200)
        answer = Visitor().post(self.url("/oauth2/sign_in"), {"username": "alice", "password": "secret"})
        self.assertEqual(answer.status, 503)
        self.back()
        eventually("readiness", self.is_ready)
        self.assertEqual(self.who(pair)[0], 401, "this Redis forgets what it knew")
        self.works()
        self.assertIn("the session store cannot be reached", sidecar.output())
        self.assertIn("the session store can be reached again", sidecar.output())
        self.assertNotIn("Traceback", sidecar.output())

    def test_cookie_fallback(self) -> None:
        """With the fallback people sign in anew, into a cookie, which goes on when Redis is back."""
        self.guarded(self.there, "--redis-outage=cookie-fallback")
        before = self.sign_in()
        self.assertEqual(before.get(self.url()).text, "alice")
        self.server.stop()
        status, _ = self.refused(cookies(before))
        self.assertEqual(status, 401)
        visitor = self.sign_in()
        self.assertEqual(visitor.get(self.url()).text, "alice")
        status, text = self.ready()
        self.assertEqual(status, 200)
        self.assertIn("new ones are kept in cookies", text)
        self.back()
        eventually("readiness", self.is_ready)
        self.assertEqual(visitor.get(self.url()).text, "alice")
        self.works()

    def test_signed_out_meanwhile(self) -> None:
        """Who signs out during an outage is told, and has no session when it is over."""
        folder = self.folder()
        self.server.stop()
        self.server, _ = self.redis(
            "--appendonly", "yes", "--appendfsync", "always", port=self.port_of_redis, folder=folder
        )
        self.guarded(self.there)
        visitor = self.sign_in()
        pair = cookies(visitor)
        self.server.stop()
        answer = visitor.get(self.url("/oauth2/sign_out"))
        self.assertEqual(answer.status, 503)
        self.assertIn("You are signed out in this browser", answer.text)
        self.assertEqual(cookies(visitor), "")
        self.server, _ = self.redis("--appendonly", "yes", port=self.port_of_redis, folder=folder)
        eventually("its removal", lambda: ask_redis(self.port_of_redis, "DBSIZE") == 0)
        self.assertEqual(self.who(pair)[0], 401)

    def test_slow(self) -> None:
        """A server that stands still is as good as none: requests wait for a bounded time, all at once."""
        self.guarded(self.there)
        _, pair = stored_for(self.port_of_redis)
        self.assertEqual(self.who(pair), (200, "alice"))
        with self.server.standing_still():
            time.sleep(0.6)  # what was found is believed for so long
            began = time.monotonic()
            with ThreadPoolExecutor(20) as pool:
                found = list(pool.map(lambda _: self.timed("/", pair)[0], range(40)))
            self.assertEqual(set(found), {503})
            self.assertLess(time.monotonic() - began, 2 * MOST)
            self.assertEqual(self.timed("/open/page", "a=1"), (200, "nobody"))
        eventually("its return", lambda: self.who(pair) == (200, "alice"))

    def test_asked_first(self) -> None:
        """`--config-test` tries Redis out, leaves nothing there, and ends with 1 and a sentence if it does not do."""
        settings = ["--config-test", self.there, *self.with_redis()]
        good = self.not_waited_for(*settings)
        self.assertEqual(good.status(), 0, good.output())
        self.assertEqual(ask_redis(self.port_of_redis, "DBSIZE"), 0)
        self.server.stop()
        bad = self.not_waited_for(*settings)
        self.assertEqual(bad.status(), 1)
        self.assertIn(
            "--redis-connection-url (redis_connection_url): sessions cannot be kept there: Redis", bad.output()
        )
        self.assertNotIn("Traceback", bad.output())

    def not_waited_for(self, *arguments: str) -> Running:
        """A sidecar that may end before it listens."""
        return self.run_sidecar(
            {
                "PROVIDER": "oidc",
                "OIDC_ISSUER_URL": "http://127.0.0.1:9",
                "CLIENT_ID": "sidecar",
                "CLIENT_SECRET": "a-client-secret-nobody-may-see",
                "COOKIE_SECRET": "a-cookie-secret-nobody-may-see!!",
                "EMAIL_DOMAINS": "*",
                "UPSTREAMS": "http://127.0.0.1:9",
            },
            *arguments,
        )

    def test_at_the_start(self) -> None:
        """Without Redis at the start the process ends with 1 where oauth2-proxy's defaults rule, and else goes on."""
        self.server.stop()
        sidecar = self.guarded(self.there)
        sidecar.await_line("the session store cannot be reached")
        self.assertEqual(self.ready()[0], 503)
        self.back()
        eventually("readiness", self.is_ready)
        self.works()
        self.server.stop()
        address = f"--http-address=127.0.0.1:{free_port()}"
        needed = ("--defaults=o2sidecar", "--redis-required-at-start")
        ending = self.not_waited_for(*self.with_redis(), self.there, address, *needed)
        self.assertEqual(ending.status(), 1)
        self.assertIn("redis_required_at_start: the process ends", ending.output())


class FleetTests(RedisCase):
    """Three sidecars share a Redis."""

    def setUp(self) -> None:
        super().setUp()
        _, self.port_of_redis = self.redis()
        self.provider = TokenEndpoint()
        self.addCleanup(self.provider.close)

    def fleet(self, *arguments: str) -> list[int]:
        """The ports of three sidecars that renew sessions after a minute, with the test's provider."""
        common = [
            f"--redis-connection-url=redis://127.0.0.1:{self.port_of_redis}",
            "--cookie-refresh=1m",
            "--skip-oidc-discovery",
            f"--login-url={self.provider.url}/authorize",
            f"--redeem-url={self.provider.url}/token",
            f"--oidc-jwks-url={self.provider.url}/jwks",
            *arguments,
        ]
        self.guarded(*common)
        others = [free_port(), free_port()]
        for port in others:
            self.sidecar_on(port, *self.with_redis(), *common)
        return [self.port, *others]

    def test_renewed_once(self) -> None:
        """A session that is due costs the provider one question, however many requests come wherever."""
        ports = self.fleet()
        self.provider.takes = 3.0  # longer than a lock lasts
        _, pair = stored_for(self.port_of_redis, age=90)
        with ThreadPoolExecutor(60) as pool:
            found = list(pool.map(lambda number: self.who(pair, ports[number % 3]), range(180)))
        self.assertEqual(set(found), {(200, "alice")})
        self.assertEqual(self.provider.asked, ["RT-1"])
        self.assertEqual(ask_redis(self.port_of_redis, "DBSIZE"), 1, "no lock is left")
        answer = self.fetch("/", pair, ports[2])
        self.assertIn("_oauth2_proxy=", answer.header("set-cookie") or "", "the ticket is signed anew")

    def test_ended_everywhere(self) -> None:
        """A session that is ended at one sidecar is nobody's at the others within a second."""
        ports = self.fleet()
        _, pair = stored_for(self.port_of_redis)
        for port in ports:
            self.assertEqual(self.who(pair, port), (200, "alice"))
        self.assertEqual(self.fetch("/oauth2/sign_out", pair, ports[0]).status, 302)
        ended = time.monotonic()
        for port in ports:
            eventually("the end", lambda: self.who(pair, port)[0] == 401, 5)  # noqa: B023
        took = time.monotonic() - ended
        print(f"a session was over everywhere {took:.2f} s after its end")
        self.assertLess(took, 1.5)


def cookies(visitor: Visitor) -> str:
    """What a visitor has, as a Cookie field."""
    return "; ".join(f"{name}={value}" for jar in visitor.cookies.values() for name, value in jar.items())


class TokenEndpoint:
    """A provider that renews tokens, each refresh token once. `takes`: how long, in seconds."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.takes = 0.0
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                endpoint.asked.append(body.partition("refresh_token=RT")[2] and "RT-1")
                time.sleep(endpoint.takes)
                spent = len(endpoint.asked) > 1
                told: dict[str, Any] = {"access_token": "AT-2", "token_type": "Bearer", "refresh_token": "RT-2"}
                data = json.dumps({"error": "invalid_grant"} if spent else {**told, "expires_in": 3600}).encode()
                self.send_response(400 if spent else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *told: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
