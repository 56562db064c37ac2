"""Tests of ending sessions that are kept in Redis, whole: what the list beside them says counts whatever goes on."""

from __future__ import annotations

import json
from collections.abc import Iterable

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import NOT_DONE_YET, Request

from o2sidecar.session.keys import KeyRing
from o2sidecar.session.revocations import Kind, RevocationKeys
from tests.assembly.test_reloading import SWITCHED, UPGRADE, loaded_with
from tests.options.redis_servers import PLAIN, REDIS
from tests.options.row import BASE
from tests.options.world import World

IN_REDIS = {"session_store_type": "redis", "redis_connection_url": REDIS}
KEYS = RevocationKeys(KeyRing.from_texts([BASE["cookie_secret"]]))
LIST = b"_oauth2_proxy-revocations"


class RevokingCase(SynchronousTestCase):
    """Somebody else writes the list, as `o2sidecar revoke` does."""

    def signed_in(self, **options: str) -> World:
        world = World(loaded_with(**{**IN_REDIS, **options}))
        self.addCleanup(world.end)
        self.assertEqual(world.sign_in().status, 302)
        self.assertEqual(world.get("/").status, 200)
        return world

    def revoke(self, world: World, kind: Kind = "all", parts: Iterable[str] = (), key: bytes = LIST) -> None:
        """End sessions that began before now."""
        kept = world.redis[PLAIN].kept
        known, _ = kept.get(key, (b"", None))
        kept[key] = (known + KEYS.revocation(kind, parts, world.clock.seconds()).line + b"\n", None)


class WhileRenewingTests(RevokingCase):
    """A session is being renewed."""

    def setUp(self) -> None:
        self.world = self.signed_in(cookie_refresh="30s", cookie_refresh_jitter="0s")
        self.answers: list[Request] = []
        self.world.pass_time(31)

    def wait(self, request: Request) -> int:
        self.answers.append(request)
        return NOT_DONE_YET

    def answer(self) -> None:
        """The provider answers at last."""
        [request] = self.answers
        request.setHeader(b"content-type", b"application/json")
        request.write(json.dumps(self.world.provider._tokens()).encode())
        request.finish()
        self.world.pump()

    def test_revoked_meanwhile(self) -> None:
        """Who is revoked while the provider is asked is refused, then and later; who signs in again is not."""
        world = self.world
        world.provider.instead["/token"] = self.wait
        client = world.send("/")
        world.pass_time(1)
        self.assertEqual(len(self.answers), 1)
        self.revoke(world)
        world.pass_time(1)
        self.answer()
        self.assertEqual(world.answer_to(client).status, 403)
        world.pass_time(2)
        self.assertEqual(world.get("/").status, 403)
        del world.provider.instead["/token"]
        world.jar.clear()
        world.sign_in()
        self.assertEqual(world.get("/").status, 200)

    def test_renewed_since(self) -> None:
        """A session that was renewed after the revocation, by who had not heard of it, began before it all the same."""
        world = self.world
        world.pass_time(1)
        moment = world.clock.seconds()
        world.pass_time(1)
        self.assertEqual(world.get("/").status, 200)
        world.redis[PLAIN].kept[LIST] = (KEYS.revocation("all", [], moment).line + b"\n", None)
        world.pass_time(1)
        self.assertEqual(world.get("/").status, 403)


class ReloadedTests(RevokingCase):
    """Other settings come while the list is in use."""

    def reload(self, world: World, **options: str) -> None:
        world.loaded = loaded_with(**{**IN_REDIS, **options})
        assert world.service.reload is not None
        world.service.reload()
        world.pump()

    def test_another_cookie_name(self) -> None:
        """Another name of the cookie waits for a restart, as the list is named by it, which goes on to count."""
        world = self.signed_in()
        self.reload(world, cookie_name="other", banner="new")
        self.assertEqual(world.get("/").status, 200)
        self.revoke(world)
        world.pass_time(1)
        self.assertEqual(world.get("/").status, 403)

    def test_another_lifetime(self) -> None:
        """With longer sessions the list is kept for longer, what is in it already and what comes."""
        world = self.signed_in(cookie_expire="1h", cookie_refresh="0")
        redis = world.redis[PLAIN]
        self.revoke(world, "user", ["bob@example.com"])
        written, _ = redis.kept[LIST]
        redis.kept[LIST] = (written, world.clock.seconds() + 3600)
        self.reload(world, cookie_expire="168h", cookie_refresh="0")
        world.pass_time(1)
        self.assertEqual(world.get("/").status, 200)
        kept, ends = redis.kept[LIST]
        self.assertEqual(kept, written)
        self.assertGreater(ends or 0, world.clock.seconds() + 167 * 3600)
        world.pass_time(3600)
        self.revoke(world)
        world.pass_time(1)
        self.assertEqual(world.get("/").status, 403)


class LookedAtTests(RevokingCase):
    """Own pages and endpoints only look whether there is a session."""

    def test_revoked(self) -> None:
        """They say that nobody is signed in any more, and one that was opened in a popup does not say it worked."""
        world = self.signed_in()
        self.assertIn(b'"authenticated":true', world.get("/oauth2/session").body.replace(b" ", b""))
        renewed = world.get("/oauth2/renewed").body
        self.revoke(world)
        world.pass_time(1)
        self.assertIn(b'"authenticated":false', world.get("/oauth2/session").body.replace(b" ", b""))
        self.assertNotEqual(world.get("/oauth2/renewed").body, renewed)

    def test_round_and_round(self) -> None:
        """Whose session ends as soon as it began is not sent to the provider and back without end."""
        world = self.signed_in(skip_provider_button="true")
        # Whoever wrote this has a clock that is fast.
        world.redis[PLAIN].kept[LIST] = (KEYS.revocation("all", [], world.clock.seconds() + 300).line, None)
        world.pass_time(1)
        answer = world.get("/")
        self.assertEqual(answer.status, 400)
        self.assertIn(b"round in circles", answer.body)


class WithoutRequestsTests(RevokingCase):
    """What goes on while nobody asks for anything."""

    def test_a_tunnel_of_a_bearer_token(self) -> None:
        """The WebSocket of a token is closed within two seconds after the token was revoked, without a request."""
        world = World(loaded_with(**IN_REDIS, skip_jwt_bearer_tokens="true"), respond=None)
        self.addCleanup(world.end)
        world.provider.claims |= {"exp": int(world.clock.seconds()) + 3600, "iat": int(world.clock.seconds())}
        token = world.provider._tokens()["id_token"]
        client = world.send("/", *UPGRADE, b"Authorization: Bearer " + token.encode())
        world.pump()
        world.apps[-1].wire.send(SWITCHED)
        world.pump()
        world.pass_time(5)
        self.assertFalse(client.ended)
        self.revoke(world)
        world.pass_time(2)
        self.assertIn(b"Your session has ended", client.got)
