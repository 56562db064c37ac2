"""Tests of what scripts are told of a session, and of the page that tells them of a new one."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.guard.current import CurrentSession
from o2sidecar.guard.sessions import Sessions
from o2sidecar.identity import IdentityHeaders
from o2sidecar.policy.admission import Admission
from o2sidecar.session.session import Session
from o2sidecar.signin.session_life import SessionLife
from tests.signin.house import ALICE, COOKIE, NOW, Asked, House, house, now_of, session_pair


class SessionLifeTests(SynchronousTestCase):
    """The session endpoint."""

    def setUp(self) -> None:
        """A house whose sessions last an hour and are renewed after ten minutes."""
        self.home = house()
        self.life = self.of(self.home)

    def of(self, home: House, lifetime: float = 3600, refresh_period: float = 600) -> SessionLife:
        sessions = Sessions(
            cookie=COOKIE,
            headers=IdentityHeaders(request_rules=(), response_rules=(), auth_rules=()),
            provider=home.provider,
            forwarding=home.forwarding,
            now=home.clock.seconds,
            lifetime=lifetime,
            revoked=home.revoked,
            refresh_period=refresh_period,
        )
        current = CurrentSession(sessions=sessions, admission=home.admission)
        return SessionLife(look=current.look, renew=current.identity, now=home.clock.seconds, login_url="/oauth2/start")

    def told(self, cookie: bytes = b"", method: str = "GET", life: SessionLife | None = None) -> dict[str, Any]:
        self.asked = Asked("/oauth2/session", method=method, fields=[(b"Cookie", cookie)] if cookie else [])
        now_of((life or self.life).answer(self.asked))  # type: ignore[arg-type]
        self.assertEqual((self.asked.status, self.asked.sent(b"content-type")), (200, [b"application/json"]))
        found: dict[str, Any] = json.loads(self.asked.text)
        return found

    def test_how_long(self) -> None:
        """Seconds until the session ends and until it is renewed, and who it is; never a token (security.md X5)."""
        self.home.clock.advance(100)
        self.assertEqual(
            self.told(session_pair()),
            {
                "authenticated": True,
                "user": "u-1",
                "email": "alice@example.com",
                "expires_in": 3500,
                "expires_at": int(NOW) + 3600,
                "refresh_in": 500,
                "preferred_username": "alice",
                "groups": ["dev", "ops"],
            },
        )
        for token in (ALICE.access_token, ALICE.id_token, ALICE.refresh_token):
            self.assertNotIn(f'"{token}"', self.asked.text)

    def test_nobody(self) -> None:
        """No session, a damaged one, one that is over and one that may not pass are nobody's; no cookie is taken."""
        nobody = {"authenticated": False, "login_url": "/oauth2/start"}
        self.assertEqual(self.told(), nobody)
        self.assertEqual(self.told(session_pair()[:-4]), nobody)
        strict = self.of(house(admission=Admission(email_domains=("corp.example",))))
        self.assertEqual(self.told(session_pair(), life=strict), nobody)
        self.home.clock.advance(3600)
        self.assertEqual(self.told(session_pair()), nobody)
        self.assertEqual(self.asked.also, [])

    def test_looking_renews_nothing(self) -> None:
        """A page that asks all day keeps no session alive; who wants it renewed says so with POST."""
        self.home.provider.refreshed = Session(user="u-1", email="alice@example.com", created_at=NOW + 700)
        self.home.clock.advance(700)
        self.assertEqual(self.told(session_pair())["refresh_in"], 0)
        self.assertEqual(self.asked.also, [])
        self.assertEqual(self.told(session_pair(), "POST")["refresh_in"], 600)
        self.assertTrue(self.asked.set_cookies)

    def test_without_end(self) -> None:
        """A session that ends with the browser and is never renewed has no seconds."""
        told = self.told(session_pair(), life=self.of(self.home, lifetime=0, refresh_period=0))
        self.assertEqual((told["expires_in"], told["expires_at"], told["refresh_in"]), (None, None, None))

    def test_methods(self) -> None:
        """Others than GET, HEAD and POST are refused."""
        asked = Asked("/oauth2/session", method="DELETE")
        now_of(self.life.answer(asked))  # type: ignore[arg-type]
        self.assertEqual((asked.status, asked.sent(b"allow")), (405, [b"GET, HEAD, POST"]))

    def test_claims_of_any_kind(self) -> None:
        """Names are JSON strings, whatever they hold."""
        odd = evolve(ALICE, email='a"</script>\u2028@example.com')
        self.assertEqual(self.told(session_pair(odd))["email"], odd.email)
        self.assertTrue(self.asked.text.isascii())


class RenewedPageTests(SynchronousTestCase):
    """The page at the end of a login in a popup."""

    def test_its_script_is_the_only_one(self) -> None:
        """The policy allows the script that is in the page, by its hash, and nothing else; nobody frames it."""
        for authenticated in (True, False):
            page = house().pages().renewed(authenticated, "/")
            text = page.body.decode()
            script = text.partition("<script>")[2].partition("</script>")[0]
            policy = dict(page.fields)[b"Content-Security-Policy"].decode()
            digest = b64encode(sha256(script.encode()).digest()).decode()
            self.assertIn("default-src 'none';", policy)
            self.assertTrue(policy.endswith(f"; script-src 'sha256-{digest}'"), policy)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertEqual(text.count("<script"), 1)
            self.assertIn(f'data-authenticated="{str(authenticated).lower()}"', text)

    def test_it_tells_its_own_origin_only(self) -> None:
        """No message goes to `*`."""
        self.assertIn(b"postMessage(told, location.origin)", house().pages().renewed(True, "/").body)
        self.assertNotIn(b"'*'", house().pages().renewed(True, "/").body)
