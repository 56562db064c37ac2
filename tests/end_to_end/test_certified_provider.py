"""Sign-in through npm's certified OpenID provider, with real processes all the way."""

from __future__ import annotations

import json
from urllib.parse import urljoin

from tests.end_to_end.certified_case import CertifiedCase
from tests.end_to_end.processes import eventually
from tests.end_to_end.visitor import Answer, Visitor


class CertifiedProviderTests(CertifiedCase):
    """What a person and an operator see with a provider that keeps to the standard."""

    def test_sign_in(self) -> None:
        """With PKCE and a nonce one signs in, lands on the URL that was asked for, and the app knows who it is."""
        self.start_provider()
        self.start_sidecar()
        begun = self.visitor.get(f"{self.base}/oauth2/start?rd=/")
        self.assertIn("code_challenge_method=S256", begun.header("location") or "")
        self.assertIn("nonce=", begun.header("location") or "")
        answer = self.sign_in("/reports%3Fweek%3D47")
        self.assertEqual(answer.url, f"{self.base}/reports?week=47")
        found = self.seen(answer)
        self.assertEqual(found["path"], "/reports?week=47")
        headers = found["headers"]
        self.assertEqual(headers["x-forwarded-email"], "ada@example.com")
        self.assertEqual(headers["x-forwarded-groups"], "team,engineers")
        self.assertEqual(headers["x-forwarded-preferred-username"], "ada")
        self.assertNotIn("_oauth2_proxy", headers.get("cookie", ""))

    def test_client_cannot_say_who_it_is(self) -> None:
        """Identity headers of the browser's own never reach the app."""
        self.start_provider()
        self.start_sidecar()
        self.sign_in()
        forged = {"X-Forwarded-Email": "boss@example.com", "x_forwarded_user": "boss", "X-Auth-Request-Email": "boss"}
        found = self.seen(self.visitor.get(f"{self.base}/", forged))["headers"]
        self.assertEqual(found["x-forwarded-email"], "ada@example.com")
        self.assertNotIn("boss", json.dumps(found))

    def test_wrong_group(self) -> None:
        """Somebody outside the group gets a page with 403 that says so, no session, and the app is not asked."""
        self.start_provider()
        sidecar = self.start_sidecar(ALLOWED_GROUPS="team")
        answer = self.sign_in(account="mallory")
        self.assertEqual(answer.status, 403)
        self.assertIn("<html", answer.text)
        self.assertNotIn("_oauth2_proxy", self.visitor.jar(self.base))
        self.assertEqual(self.visitor.get(f"{self.base}/oauth2/auth").status, 401)
        self.assertEqual(self.app.seen, [])
        sidecar.await_line("mallory@example.com")

    def test_right_group(self) -> None:
        """Somebody in the group passes."""
        self.start_provider()
        self.start_sidecar(ALLOWED_GROUPS="team")
        self.assertEqual(self.seen(self.sign_in("/in"))["path"], "/in")

    def test_refresh(self) -> None:
        """A session that is due for refresh is renewed with the refresh token while one works on."""
        self.start_provider()
        self.start_sidecar(COOKIE_REFRESH="1s", SCOPE="openid email profile groups offline_access")
        self.sign_in()
        before = dict(self.visitor.jar(self.base))

        def renewed() -> bool:
            self.seen(self.visitor.get(f"{self.base}/again"))
            return self.visitor.jar(self.base) != before

        eventually("a refreshed cookie", renewed)
        found = self.seen(self.visitor.get(f"{self.base}/later"))
        self.assertEqual(found["headers"]["x-forwarded-email"], "ada@example.com")

    def test_sign_out(self) -> None:
        """After signing out nothing is left of the session."""
        self.start_provider()
        self.start_sidecar()
        self.sign_in()
        self.assertEqual(self.visitor.get(f"{self.base}/oauth2/auth").status, 202)
        answer = self.visitor.get(f"{self.base}/oauth2/sign_out?rd=%2F")
        self.assertEqual((answer.status, answer.header("location")), (302, "/"))
        self.assertEqual(self.visitor.jar(self.base), {})
        self.assertEqual(self.visitor.get(f"{self.base}/oauth2/auth").status, 401)

    def test_restart(self) -> None:
        """A restarted sidecar knows the people whom the last one signed in."""
        self.start_provider()
        first = self.start_sidecar()
        self.sign_in()
        self.assertEqual(first.stop(), 0, first.output())
        self.start_sidecar()
        found = self.seen(self.visitor.get(f"{self.base}/still"))
        self.assertEqual(found["headers"]["x-forwarded-email"], "ada@example.com")

    def test_restart_in_the_middle_of_a_sign_in(self) -> None:
        """A sign-in that was begun at one process is completed at the next."""
        self.start_provider()
        first = self.start_sidecar()
        begun = self.visitor.get(f"{self.base}/oauth2/start?rd=/wanted")
        first.stop()
        self.start_sidecar()
        answer = self.visitor.follow(begun.header("location") or "")
        self.assertEqual(self.seen(answer)["path"], "/wanted")

    def test_provider_down_at_start(self) -> None:
        """Without its provider a sidecar starts, serves sessions and says so; people sign in once it is back."""
        provider = self.start_provider()
        first = self.start_sidecar()
        self.sign_in()
        first.stop()
        provider.stop()
        sidecar = self.start_sidecar()
        self.assertEqual(self.seen(self.visitor.get(f"{self.base}/mine"))["path"], "/mine")
        ready = eventually("a word about the provider on /ready", lambda: self.ready(b"sign in"))
        self.assertEqual(ready.status, 200)
        stranger = Visitor().get(f"{self.base}/oauth2/start?rd=/")
        self.assertEqual(stranger.status, 503)
        self.assertIn("<html", stranger.text)
        sidecar.await_line(f"127.0.0.1:{self.provider_port}")
        self.start_provider()
        self.visitor = Visitor()
        eventually("a sign-in", lambda: self.sign_in("/back").status == 200)
        self.assertEqual(self.visitor.get(f"{self.base}/ready").text, "OK")

    def ready(self, word: bytes) -> Answer | None:
        """The answer of /ready, if it has that word."""
        answer = Visitor().get(f"{self.base}/ready")
        return answer if word in answer.body else None

    def test_provider_dies(self) -> None:
        """Sessions outlive their provider, even when they are due for refresh, while their tokens are valid."""
        provider = self.start_provider()
        sidecar = self.start_sidecar(COOKIE_REFRESH="1s", SCOPE="openid email profile groups offline_access")
        self.sign_in()
        provider.kill()
        seen = len(sidecar.output())

        def tried_in_vain() -> bool:
            self.seen(self.visitor.get(f"{self.base}/on"))
            return "refresh" in sidecar.output()[seen:].lower()

        eventually("an attempt to refresh", tried_in_vain)
        found = self.seen(self.visitor.get(f"{self.base}/and-on"))
        self.assertEqual(found["headers"]["x-forwarded-email"], "ada@example.com")
        self.start_provider()
        self.assertEqual(self.seen(self.sign_in("/back"))["path"], "/back")

    def test_stale_callback(self) -> None:
        """A callback that comes twice shows no error to somebody who is signed in already, or offers a fresh start."""
        self.start_provider()
        self.start_sidecar()
        begun = self.visitor.get(f"{self.base}/oauth2/start?rd=/wanted")
        url = begun.header("location") or ""
        callback = ""
        while not callback:
            url = self._next(url)
            callback = url if "/oauth2/callback" in url else ""
        self.assertEqual(self.seen(self.visitor.follow(callback))["path"], "/wanted")
        again = self.visitor.follow(callback)
        self.assertNotEqual(again.status, 500)
        self.assertEqual(self.visitor.get(f"{self.base}/oauth2/auth").status, 202, "the session is still there")

    def _next(self, url: str) -> str:
        return urljoin(url, self.visitor.get(url).header("location") or "")
