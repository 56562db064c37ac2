"""Catalogue O10, X2, X7 and X8: what opens nothing, and what strangers get to see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from o2sidecar import __version__
from o2sidecar.settings.load import load
from o2sidecar.settings.table import BY_KEY
from tests.catalogue.hostile_case import HostileCase, get
from tests.catalogue.strict import Message
from tests.fakes import answering, compact, id_token, signing_key
from tests.options.row import BASE
from tests.options.world import ADDRESS, World

TOKEN_FIELD = b"Authorization: Bearer "
OWN = ("/oauth2/sign_in", "/oauth2/start", "/oauth2/callback", "/oauth2/auth", "/oauth2/userinfo", "/oauth2/nothing")
QUOTED = re.compile(rb'"[^"<>]*"')


class WorldCase(HostileCase):
    """Sidecars with a provider."""

    def world(self, options: Mapping[str, str] | None = None) -> World:
        given = {**BASE, **(options or {})}
        world = World(load([], {BY_KEY[key].variable: value for key, value in given.items()}))
        self.addCleanup(world.end)
        return world


class TokenTests(WorldCase):
    """Tokens that are none."""

    def test_o10(self) -> None:
        """O10: junk for a bearer token, or any token in a query, is no session, whether tokens are taken or not."""
        forged = id_token(signing_key("rogue"), iss=ADDRESS)
        unsigned = compact(
            {"alg": "none"}, {"iss": ADDRESS, "aud": "client-1", "sub": "x", "email": "x@example.com"}, None
        )
        good = id_token(iss=ADDRESS)
        for options in ({}, {"skip_jwt_bearer_tokens": "true"}):
            world = self.world(options)
            for junk in ("junk", "a.b.c", "..", forged, unsigned, f"{good[:-4]}AAAA", "", " ", "x" * 8000):
                self.assertEqual(world.get("/", TOKEN_FIELD + junk.encode()).status, 403, junk[:40])
            for name in ("access_token", "id_token", "token", "bearer_token", "jwt"):
                self.assertEqual(world.get(f"/?{name}={good}").status, 403, name)
                self.assertEqual(world.get(f"/oauth2/auth?{name}={good}").status, 401, name)
            body, form = f"access_token={good}".encode(), b"Content-Type: application/x-www-form-urlencoded"
            self.assertEqual(world.get("/", form, method=b"POST", body=body).status, 403)
            self.assertEqual(world.apps, [])
        self.assertEqual(
            self.world({"skip_jwt_bearer_tokens": "true"}).get("/", TOKEN_FIELD + good.encode()).status, 200
        )


class SightTests(WorldCase):
    """What pages and answers tell."""

    def answers(self) -> list[Message]:
        """One of every kind that we make, to strangers, to people, and about messages that are none."""
        world = self.world()
        world.sign_in()
        cookie = b"Cookie: " + b"; ".join(b"=".join(pair) for pair in world.jar.items())
        asked = [
            *(get(target=path.encode()) for path in (*OWN, "/", "/robots.txt", "/ping", "/ready")),
            get(b"Accept: application/json"),
            get(b"Authorization: Basic eDp5"),
            get(cookie, target=b"/oauth2/userinfo"),
            get(cookie, target=b"/oauth2/auth"),
            get(cookie, target=b"/"),
            get(line=b"GET /%zz HTTP/1.1"),
            get(line=b"BREW / HTTP/1.1"),
            b"nonsense\r\n\r\n",
            get(b"X: " + b"x" * 100_000),
        ]
        return [world.answer_to(world.raw(data)) for data in asked]

    def test_x7(self) -> None:
        """X7: no answer names a server in a field, or a version anywhere; an app's own fields are its business."""
        answers = self.answers()
        self.assertLessEqual({200, 302, 400, 401, 403, 431}, {answer.status for answer in answers})
        for answer in answers:
            names = {name.lower() for name, _ in answer.fields}
            self.assertTrue(names.isdisjoint({b"server", b"via", b"x-powered-by"}), answer.fields)
            for text in (__version__.encode(), b"twisted", b"klein", b"python"):
                self.assertNotIn(text, answer.body.lower().replace(b"_oauth2_proxy", b""), answer.body)

    def test_x8(self) -> None:
        """X8: what only operators are to know is on no page unless `show_debug_on_error` says so."""
        for option, shown in (("false", False), ("", False), ("true", True)):
            world = self.world({"show_debug_on_error": option} if option else None)
            world.provider.instead["/token"] = answering({"error": "invalid_grant"}, 400)
            body = world.sign_in().body
            self.assertEqual(b"invalid_grant" in body, shown, body)
            self.assertNotIn(b"Traceback", body)

    def test_x2(self) -> None:
        """X2: a destination of any text stays within the attribute that holds it."""
        for wanted in (
            '/"><script>alert(1)</script>',
            "/'><img src=x onerror=alert(1)>",
            '/" autofocus onfocus="alert(1)',
            "/</form><form action=//evil.example>",
            "/`${alert(1)}`",
            "/{{7777777*7}}{% raw %}",
            "/&quot;&gt;&lt;script&gt;",
            "/\u2028</script>",
            "javascript:alert(1)",
        ):
            world = self.world()
            for target in (f"/oauth2/sign_in?rd={quote(wanted)}", f"/oauth2/callback?error=x&state=s:{quote(wanted)}"):
                body = world.get(target).body
                for part in (b"<script", b"<img", b"onerror", b"onfocus", b"action=//evil"):
                    self.assertNotIn(part, QUOTED.sub(b"", body), target)
                self.assertNotIn(
                    b"54444439", re.sub(rb"<style.*?</style>", b"", QUOTED.sub(b"", body), flags=re.DOTALL)
                )
