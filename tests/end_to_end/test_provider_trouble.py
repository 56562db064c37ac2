"""A provider's bad days, between real processes: it hangs, lies, goes away and comes back."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from twisted.trial.unittest import SkipTest

from tests.end_to_end.origin import Conversation
from tests.end_to_end.processes import Running, eventually, free_port
from tests.end_to_end.sidecar_case import SidecarCase, alice
from tests.fakes import compact, public_jwk, signing_key

AUDIENCE = "sidecar"


class MoodyProvider:
    """OpenID Connect at a port of its own. `mood`: good, hanging or lying; a code is the nonce of its ID token."""

    def __init__(self, port: int, address: str = "127.0.0.1") -> None:
        self.port = port
        self.address = address
        self.url = f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
        self.mood = "good"
        self.asked: list[str] = []
        self.released = threading.Event()
        self._server: ThreadingHTTPServer | None = None

    def open(self) -> None:
        """Listen."""
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                form = parse_qs(self.rfile.read(length).decode())
                if provider.mood == "hanging":
                    provider.released.wait(60)
                    return
                said = "maintenance" if provider.mood == "lying" else provider.answer(self.path, form)
                body = json.dumps(said).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            allow_reuse_address = True
            address_family = socket.AF_INET6 if ":" in self.address else socket.AF_INET

        self._server = Server((self.address, self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Listen no more, and let go of whoever waits."""
        self.released.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def token(self, **claims: Any) -> str:
        """An ID token of Bob."""
        now = int(time.time())
        about = {"iss": self.url, "aud": AUDIENCE, "sub": "bob", "email": "bob@example.com", "email_verified": True}
        return compact({"alg": "RS256", "kid": "k"}, {**about, "iat": now, "exp": now + 600, **claims}, signing_key())

    def answer(self, path: str, form: dict[str, list[str]]) -> Any:
        """What it says on good days."""
        if path == "/jwks":
            return {"keys": [public_jwk(signing_key(), kid="k", alg="RS256")]}
        if path == "/token":
            token = self.token(nonce=form["code"][0])
            return {"access_token": "AT", "token_type": "Bearer", "expires_in": 600, "id_token": token}
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        return {"issuer": self.url, **{member: f"{self.url}/{end}" for member, end in ends.items()}}


def the_app(request: Conversation) -> None:
    """An app that says so."""
    request.send(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nthe app")


class ProviderTroubleTests(SidecarCase):
    """A sidecar whose provider has moods."""

    def setUp(self) -> None:
        self.provider = MoodyProvider(free_port())
        self.provider.open()
        self.addCleanup(self.provider.close)
        self.settings = {"OIDC_ISSUER_URL": self.provider.url, "SKIP_JWT_BEARER_TOKENS": "true"}
        self.flags = {"provider-timeout": "2s", "provider-cache-dir": str(Path(self.mktemp()).resolve())}

    def begin(self, port: int = 0) -> Running:
        """A sidecar before an app, at a port that it had before if there is one."""
        flags = [f"--{name}={value}" for name, value in self.flags.items()]
        if not port:
            return self.start(the_app, *flags, receive_buffer=0, **self.settings)
        return self.sidecar_on(port, *flags, **self.settings)

    def ask(self, target: str, **fields: str) -> tuple[int, dict[str, str], bytes]:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            client.request("GET", target, headers={"Accept": "text/html", **fields})
            answer = client.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            client.close()

    def login(self) -> tuple[int, dict[str, str], bytes]:
        """The answer to a whole login, or to its beginning if that fails."""
        begun = self.ask("/oauth2/start?rd=/page")
        if begun[0] != 302:
            return begun
        sent = parse_qs(urlsplit(begun[1]["location"]).query)
        cookie = begun[1]["set-cookie"].partition(";")[0]
        return self.ask(
            f"/oauth2/callback?code={quote(sent['nonce'][0])}&state={quote(sent['state'][0])}", Cookie=cookie
        )

    def bearer(self) -> int:
        """The status of a request with a token of Bob's."""
        return self.ask("/page", Authorization=f"Bearer {self.provider.token()}")[0]

    def readiness(self) -> dict[str, Any]:
        status, _, body = self.ask("/ready?verbose")
        self.assertEqual(status, 200)
        told: dict[str, Any] = json.loads(body)
        return told

    def test_hangs_and_comes_back(self) -> None:
        """A provider that hangs costs the logins, which are told to try again, and nobody else; then they work."""
        self.begin()
        self.assertEqual(self.login()[0], 302)
        self.assertTrue(self.readiness()["signs_in"])
        self.provider.mood = "hanging"
        with ThreadPoolExecutor(8) as logins:
            began = time.monotonic()
            waiting = [logins.submit(self.login) for _ in range(8)]
            eventually("the questions", lambda: self.provider.asked.count("/token") == 9)
            for _ in range(20):
                self.assertEqual(self.ask("/page", Cookie=alice())[0], 200)
            self.assertFalse(any(login.done() for login in waiting), "sessions are served while logins wait")
            for login in waiting:
                status, fields, body = login.result()
                self.assertEqual((status, fields.get("retry-after")), (503, "10"))
                self.assertIn(b"try again", body)
            self.assertLess(time.monotonic() - began, 20)
        told = self.readiness()
        self.assertEqual((told["serves_sessions"], told["signs_in"]), (True, False))
        self.assertIn("2 seconds", told["trouble"])
        self.provider.mood = "good"
        self.provider.released.set()
        self.assertEqual(self.login()[1]["location"], "/page")
        self.assertTrue(self.readiness()["signs_in"])

    def test_ipv6(self) -> None:
        """A provider that is named by an IPv6 address signs people in."""
        try:
            self.provider = MoodyProvider(free_port(), "::1")
            self.provider.open()
        except OSError:
            raise SkipTest("this machine has no IPv6") from None
        self.addCleanup(self.provider.close)
        self.settings["OIDC_ISSUER_URL"] = self.provider.url
        self.begin()
        self.assertEqual((self.login()[1]["location"], self.bearer()), ("/page", 200))

    def test_lies_and_comes_back(self) -> None:
        """A provider that answers with something else signs nobody in, and does so again when it is well."""
        self.begin()
        self.assertEqual(self.login()[0], 302)
        self.provider.mood = "lying"
        self.assertEqual(self.login()[0], 500)
        self.assertEqual(self.ask("/page", Cookie=alice())[0], 200)
        self.provider.mood = "good"
        self.assertEqual(self.login()[0], 302)

    def test_starts_while_it_is_away(self) -> None:
        """A sidecar that starts while the provider is away verifies tokens, sends people there, and signs in later."""
        before = self.begin()
        self.assertEqual((self.login()[0], self.bearer()), (302, 200))
        self.assertEqual(before.stop(), 0)
        self.provider.close()
        after = self.begin(self.port)
        self.assertEqual(self.ask("/oauth2/start?rd=/page")[0], 302)
        self.assertEqual((self.bearer(), self.login()[0]), (200, 503))
        self.assertFalse(self.readiness()["signs_in"])
        self.provider.open()
        self.assertEqual(self.login()[0], 302)
        self.assertEqual(after.stop(), 0)

    def test_starts_with_nothing_kept(self) -> None:
        """Without what was kept people are told to try again, and can as soon as the provider is there."""
        self.provider.close()
        self.flags.pop("provider-cache-dir")
        self.begin()
        status, fields, _ = self.login()
        self.assertEqual((status, fields.get("retry-after")), (503, "10"))
        self.assertEqual((self.bearer(), self.ask("/page", Cookie=alice())[0]), (403, 200))
        self.provider.open()
        self.assertEqual(self.login()[0], 302)
