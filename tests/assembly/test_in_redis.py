"""Tests of routes that ask for a fresh sign-in, and of bearer tokens, where sessions are kept in Redis."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from o2sidecar.session.keys import KeyRing
from o2sidecar.session.revocations import Kind, RevocationKeys
from tests.assembly.test_reauthentication import NAVIGATION, ROUTES, SCRIPT
from tests.catalogue.test_logout import LogoutCase, logout_token
from tests.options.redis_servers import PLAIN, REDIS
from tests.options.row import BASE
from tests.options.world import ADDRESS, World

REVOCATIONS = b"_oauth2_proxy-revocations"
LOADING = "-LOADING it reads its file"


class InRedisCase(LogoutCase):
    """A sidecar with its sessions in a Redis in memory."""

    def kept(self, **changes: str) -> World:
        """The sidecar."""
        there = {"session_store_type": "redis", "redis_connection_url": REDIS, "email_domains": "*"}
        return self.world(**{**there, **changes})

    def sign_in(self, world: World, wanted: str = "/", **claims: Any) -> int:
        """The status at the end of a login whose ID token says this besides."""
        now = int(world.clock.seconds())
        world.provider.claims.update({"iat": now, "exp": now + 9000, **claims})
        return world.sign_in(wanted).status

    def statuses(self, world: World, *paths: str) -> list[int]:
        """What a script with the browser's cookies gets there."""
        return [world.get(path, *SCRIPT).status for path in paths]

    def revoke(self, world: World, kind: Kind, *parts: str) -> None:
        """End sessions that began until now, as another sidecar or `o2sidecar revoke` writes it."""
        keys = RevocationKeys(KeyRing.from_texts([BASE["cookie_secret"]]))
        redis = world.redis[PLAIN]
        line = keys.revocation(kind, parts, world.clock.seconds()).line
        redis.kept[REVOCATIONS] = ((redis.get(REVOCATIONS) or b"") + line + b"\n", None)

    def away(self, world: World) -> None:
        """Have Redis answer nothing that is of use."""
        for name in (b"GET", b"SET", b"EVAL", b"DEL", b"PING"):
            world.redis[PLAIN].instead[name] = lambda words: LOADING

    def back(self, world: World) -> None:
        """Have it be as it was."""
        world.redis[PLAIN].instead.clear()
        world.pass_time(10)


class ReauthenticationTests(InRedisCase):
    """`reauth_routes`."""

    def test_fresh(self) -> None:
        """What a login was is stored with the session: it opens the route as long as that says, and others longer."""
        world = self.kept(reauth_routes=ROUTES)
        self.assertEqual(self.sign_in(world, "/admin", auth_time=int(world.clock.seconds()), acr="urn:mfa"), 302)
        self.assertEqual(self.statuses(world, "/admin", "/vault", "/"), [200, 200, 200])
        world.pass_time(301)
        self.assertEqual(self.statuses(world, "/admin", "/vault", "/"), [401, 200, 200])

    def test_again(self) -> None:
        """Signing in again for a route ends the session from before, and the new one opens it."""
        world = self.kept(reauth_routes=ROUTES)
        self.sign_in(world)
        before = dict(world.jar)
        answer = world.get("/admin", *NAVIGATION)
        self.assertEqual((answer.status, answer.values(b"set-cookie")), (401, []))
        self.assertEqual(self.statuses(world, "/"), [200])
        self.assertEqual(self.sign_in(world, "/admin", auth_time=int(world.clock.seconds())), 302)
        self.assertEqual(self.statuses(world, "/admin"), [200])
        world.jar = before
        world.pass_time(1)
        self.assertEqual(self.statuses(world, "/admin", "/"), [401, 401])

    def test_refresh(self) -> None:
        """A renewal makes the authentication no younger, whatever the new token says."""
        world = self.kept(reauth_routes=ROUTES, cookie_refresh="1m", cookie_refresh_jitter="0")
        world.provider.tokens["refresh_token"] = "R-1"
        now = int(world.clock.seconds())
        self.sign_in(world, "/admin", auth_time=now)
        world.pass_time(310)
        world.provider.claims.update(iat=now + 310, exp=now + 4000, auth_time=now + 310, nonce=None)
        self.assertEqual(self.statuses(world, "/admin", "/", "/admin"), [401, 200, 401])
        self.assertIn("refresh_token", world.provider.asked[-1].form.values())

    def test_fallback(self) -> None:
        """A session that went into a cookie while Redis was away tells it as well."""
        world = self.kept(reauth_routes=ROUTES, redis_outage="cookie-fallback")
        self.away(world)
        self.assertEqual(self.sign_in(world, "/admin", auth_time=int(world.clock.seconds())), 302)
        self.assertEqual(self.statuses(world, "/admin", "/vault"), [200, 401])
        self.back(world)
        world.pass_time(301)
        self.assertEqual(self.statuses(world, "/admin", "/"), [401, 200])


class BearerTests(InRedisCase):
    """Bearer tokens beside tickets."""

    def taking(self, **changes: str) -> World:
        """A sidecar that takes them."""
        return self.kept(skip_jwt_bearer_tokens="true", **changes)

    def bearer(self, world: World, **claims: Any) -> bytes:
        """A field with Alice's token, made just now unless it says otherwise."""
        now = int(world.clock.seconds())
        told = {**world.provider.claims, "iat": now, "exp": now + 9000, **claims}
        return b"Authorization: Bearer " + world.provider.make_id_token(**told).encode()

    def test_revoked(self) -> None:
        """L7: a token whose person, session or everybody was ended elsewhere opens nothing within half a second."""
        named: tuple[tuple[Kind, tuple[str, ...]], ...] = (
            ("user", ("alice@example.com",)), ("subject", (ADDRESS, "user-1")), ("sid", (ADDRESS, "s-1")), ("all", ()),
        )  # fmt: skip
        for kind, parts in named:
            world = self.taking()
            field = self.bearer(world)
            self.assertEqual(world.get("/", field).status, 200)
            self.revoke(world, kind, *parts)
            world.pass_time(0.5)
            self.assertNotEqual(world.get("/", field).status, 200, kind)
            if kind != "sid":
                world.pass_time(1)
                self.assertEqual(world.get("/", self.bearer(world)).status, 200, kind)

    def test_others(self) -> None:
        """What was ended of somebody else ends nothing."""
        world = self.taking()
        field = self.bearer(world)
        self.revoke(world, "user", "carol@example.com")
        self.assertEqual(world.get("/", field).status, 200)

    def test_at_once(self) -> None:
        """L7: of several requests that come at once, after a pause, with a token that was ended, none gets in."""
        world = self.taking()
        field = self.bearer(world)
        self.assertEqual(world.get("/", field).status, 200)
        self.revoke(world, "user", "alice@example.com")
        world.pass_time(30)
        clients = [world.client() for _ in range(3)]
        for client in clients:
            client.send(b"GET / HTTP/1.1\r\nHost: app.example.com\r\n" + field + b"\r\n\r\n")
        world.pump()
        self.assertNotIn(200, [world.answer_to(client).status for client in clients])

    def test_back_channel(self) -> None:
        """L4: the provider's word ends the token, and the ticket's session, here and for all who read the key."""
        world = self.taking()
        self.sign_in(world)
        field = self.bearer(world)
        self.assertEqual(world.get("/", field).status, 200)
        self.assertEqual(self.statuses(world, "/"), [200])
        self.assertEqual(self.post(world, logout_token(sid=None, sub="user-1")).status, 200)
        self.assertIn(b" subject ", world.redis[PLAIN].get(REVOCATIONS) or b"")
        self.assertEqual(self.statuses(world, "/"), [401])
        world.jar.clear()
        self.assertNotEqual(world.get("/", field).status, 200)

    def test_away(self) -> None:
        """While Redis is away tokens are taken, by what was known of ended ones; then the list counts again."""
        world = self.taking()
        field, other = self.bearer(world), self.bearer(world, email="bob@example.com", sub="user-2", sid="s-2")
        self.revoke(world, "user", "bob@example.com")
        self.assertEqual([world.get("/", each).status for each in (field, other)], [200, 403])
        self.away(world)
        world.pass_time(2)
        self.assertEqual([world.get("/", each).status for each in (field, other)], [200, 403])
        self.revoke(world, "user", "alice@example.com")
        self.back(world)
        self.assertNotEqual(world.get("/", field).status, 200)

    def test_fresh_routes(self) -> None:
        """A token counts on routes by what it tells of the sign-in, as it does without Redis."""
        world = self.taking(reauth_routes=ROUTES)
        now = int(world.clock.seconds())
        told, silent = self.bearer(world, auth_time=now - 100, acr="urn:mfa"), self.bearer(world)
        asked = [[world.get(path, *SCRIPT, field).status for path in ("/", "/admin")] for field in (told, silent)]
        self.assertEqual(asked, [[200, 200], [200, 401]])


class FallbackTests(InRedisCase):
    """Sessions that went into cookies while Redis was away."""

    def test_ended_meanwhile(self) -> None:
        """L7: once Redis is back, its list is looked at before the first request with such a session is judged."""
        world = self.kept(redis_outage="cookie-fallback")
        self.away(world)
        self.assertEqual(self.sign_in(world), 302)
        self.assertEqual(world.get("/").status, 200)
        self.back(world)
        self.assertEqual(world.get("/").status, 200)
        self.revoke(world, "user", "alice@example.com")
        world.pass_time(30)
        self.assertNotEqual(world.get("/").status, 200)

    def test_signed_out(self) -> None:
        """L7: a copy of such a cookie is worth nothing once its session was signed out."""
        world = self.kept(redis_outage="cookie-fallback")
        self.away(world)
        self.sign_in(world)
        self.back(world)
        copy = dict(world.jar)
        world.keep(world.get(f"/oauth2/sign_out?rd={quote('/bye')}"))
        world.jar.update(copy)
        self.assertNotEqual(world.get("/").status, 200)
