"""The example of a Twisted application that guards its own resources, as a real process in a plain Site."""

from __future__ import annotations

import http.client
import sys
import time
from pathlib import Path

from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session
from tests.end_to_end.processes import ProcessCase, free_port

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "embedded.py"
SECRET = "0123456789abcdef"


class EmbeddedTests(ProcessCase):
    """`SessionGuard` before an application's own resources."""

    def setUp(self) -> None:
        """The example, with a provider that is not there: existing sessions need none."""
        self.port = free_port()
        command = [
            sys.executable,
            str(EXAMPLE),
            f"--http-address=127.0.0.1:{self.port}",
            "--provider=oidc",
            f"--oidc-issuer-url=http://127.0.0.1:{free_port()}",
            "--client-id=client",
            "--client-secret=secret",
            f"--cookie-secret={SECRET}",
            "--cookie-secure=false",
            "--email-domain=example.com",
            "--upstream=static://200",
        ]
        self.run_process(command).await_listening(self.port)

    def get(self, path: str, email: str = "", method: str = "GET", **fields: str) -> tuple[int, dict[str, str], str]:
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        if email:
            codec = SessionCodec(ring=KeyRing.from_texts([SECRET]), expire=0)
            session = Session(created_at=time.time(), user="u-1", email=email)
            headers["Cookie"] = "_oauth2_proxy=" + codec.encode("_oauth2_proxy", session)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self.addCleanup(connection.close)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()

    def test_signed_in(self) -> None:
        """The resource sees who is signed in."""
        status, _, body = self.get("/hello", "alice@example.com")
        self.assertEqual((status, "Hello, alice@example.com." in body), (200, True))

    def test_not_signed_in(self) -> None:
        """Nobody else sees the resource: a page offers to sign in, a script gets 401."""
        status, _, body = self.get("/hello")
        self.assertEqual((status, "Sign in with" in body, "Hello" in body), (403, True, False))
        self.assertEqual(self.get("/hello", Accept="application/json")[::2], (401, "{}"))

    def test_nobody_says_who_they_are(self) -> None:
        """Identity headers of a client never reach the resource, in any spelling."""
        spoofed = {"X-Forwarded-Email": "boss@example.com", "x-forwarded-EMAIL": "boss@example.com"}
        for name, value in spoofed.items():
            _, _, body = self.get("/hello", "alice@example.com", **{name.replace("-", "_"): value})
            self.assertIn("Hello, alice@example.com.", body)

    def test_not_admitted(self) -> None:
        """A session of somebody who may not pass is refused by name."""
        status, fields, body = self.get("/hello", "mallory@evil.example")
        self.assertEqual((status, "mallory@evil.example" in body), (403, True))
        self.assertIn("_oauth2_proxy=;", fields["Set-Cookie"])

    def test_own_endpoints(self) -> None:
        """Probes and the own endpoints stand beside the application."""
        self.assertEqual(self.get("/ping")[::2], (200, "OK"))
        self.assertEqual(self.get("/oauth2/auth", "alice@example.com")[0], 202)
        self.assertEqual(self.get("/oauth2/auth")[0], 401)
        self.assertEqual(self.get("/oauth2/userinfo", "alice@example.com")[0], 200)
        self.assertEqual(self.get("/oauth2/start")[0], 503)

    def test_absolute_form(self) -> None:
        """What was judged is what is served, also where the target is a whole URL (RFC 9112 §3.2.2)."""
        target = f"http://127.0.0.1:{self.port}/hello"
        status, _, body = self.get(target, "alice@example.com")
        self.assertEqual((status, "Hello, alice@example.com." in body), (200, True))
        self.assertEqual(self.get(target)[0], 403)

    def test_the_rest_of_the_tree(self) -> None:
        """The application answers for paths that it has not, and for HEAD."""
        self.assertEqual(self.get("/nothing", "alice@example.com")[0], 404)
        self.assertEqual(self.get("/hello", "alice@example.com", method="HEAD")[0], 200)
