"""Tests of what becomes of people whose cookies are more or larger than somebody takes: a page, and never a circle."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.providers.registry import KnownProviders
from o2sidecar.settings.load import load
from o2sidecar.settings.table import BY_KEY
from tests.catalogue.strict import Message
from tests.catalogue.whole import NAME
from tests.options.row import BASE
from tests.options.world import World

PAGE = (b"Accept: text/html", b"Sec-Fetch-Mode: navigate")
SESSION = NAME.encode()
MANY_GROUPS = [f"group-{number:04}-{number * 7919:x}" for number in range(600)]


class Dropping(World):
    """A browser that keeps no cookie above `most` bytes, and says nothing about it."""

    most = 600

    def keep(self, answer: Message) -> None:
        super().keep(answer)
        self.jar = {name: value for name, value in self.jar.items() if len(name) + len(value) <= self.most}


class CookieLimitsTests(SynchronousTestCase):
    """Limits of browsers, and our own."""

    def world(self, made: type[World] = World, /, **options: str) -> World:
        given = {**BASE, "defaults": "o2sidecar", **options}
        world = made(
            load([], {BY_KEY[key].variable: value for key, value in given.items()}, providers=KnownProviders())
        )
        self.addCleanup(world.end)
        return world

    def test_a_browser_that_drops_it(self) -> None:
        """A session whose cookie the browser drops for its size ends after two logins, at a page that says so."""
        world = self.world(Dropping, skip_provider_button="true", cookie_secure="false")
        world.jar[b"other"] = b"1"
        self.assertEqual(world.sign_in().status, 302)
        self.assertNotIn(SESSION, world.jar)
        again = world.get("/", *PAGE)
        world.keep(again)
        if again.status == 302:
            again = world.get(again.values(b"location")[0].decode().partition("example.com")[2] or "/", *PAGE)
        self.assertEqual(again.status, 400)
        self.assertIn(b"cookie_too_large", b"".join(world.log) + again.body)
        self.assertIn(b"The cookie is larger than your browser keeps", again.body)
        self.assertEqual(world.provider.paths().count("/token"), 1, "the provider was not asked again")

    def test_more_than_a_head(self) -> None:
        """A jar above the limit of a head is answered by a page that empties it of ours; the next try is served."""
        world = self.world()
        world.sign_in()
        world.jar |= {b"%s_%d" % (SESSION, number): b"x" * 700 for number in range(95)}
        world.jar |= {b"of-others": b"1"}
        refused = world.get("/", *PAGE)
        self.assertEqual(refused.status, 431)
        self.assertIn(b"please try again", refused.body)
        world.keep(refused)
        self.assertEqual(list(world.jar), [b"of-others"])
        world.sign_in()
        self.assertEqual(world.get("/", *PAGE).status, 200)

    def test_signing_out(self) -> None:
        """Signing out takes all of ours, however many there are, and leaves those of others."""
        world = self.world()
        world.sign_in()
        world.jar |= {b"%s_%d" % (SESSION, number): b"x" * 500 for number in range(100)}
        world.jar |= {b"%s_of_others" % SESSION: b"1"}
        world.keep(world.get("/oauth2/sign_out", *PAGE))
        self.assertEqual(set(world.jar) - {b"%s_csrf" % SESSION}, {b"%s_of_others" % SESSION})

    def test_parts_take_over(self) -> None:
        """Where a login brings more parts than one cookie, that goes, but not with oauth2-proxy's defaults."""
        for defaults, stays in (("o2sidecar", False), ("oauth2-proxy", True)):
            world = self.world(defaults=defaults)
            world.sign_in()
            self.assertIn(SESSION, world.jar)
            world.provider.claims["groups"] = MANY_GROUPS
            world.keep(world.sign_in())
            self.assertIn(SESSION + b"_1", world.jar)
            self.assertEqual(SESSION in world.jar, stays)
            self.assertEqual(world.get("/", *PAGE).status, 200)
            world.provider.claims["groups"] = ["dev"]
            world.keep(world.sign_in())
            self.assertEqual(
                [name for name in world.jar if name.startswith(SESSION + b"_") and name[-1:].isdigit()], []
            )

    def test_groups_that_nobody_needs(self) -> None:
        """They are left out at the login and at each renewal; rules see no difference, and other groups are unknown."""
        options = {"pass_basic_auth": "false", "pass_user_headers": "false", "cookie_refresh": "60s"}
        world = self.world(session_groups="needed", allowed_groups="dev", **options)
        world.provider.claims["groups"] = ["dev", *MANY_GROUPS]
        world.keep(world.sign_in())
        for pause in (0, 120):
            world.pass_time(pause)
            answer = world.get("/", *PAGE)
            world.keep(answer)
            self.assertEqual(answer.status, 200)
            self.assertEqual(json.loads(world.get("/oauth2/userinfo").body)["groups"], ["dev"])
            self.assertEqual(world.get("/oauth2/auth?allowed_groups=dev").status, 202)
            self.assertEqual(world.get(f"/oauth2/auth?allowed_groups={MANY_GROUPS[0]}").status, 403)
        world.provider.claims["groups"] = MANY_GROUPS
        world.pass_time(120)
        self.assertEqual(world.get("/", *PAGE).status, 403)

    def test_groups_that_headers_pass_on(self) -> None:
        """Where a header tells the app of groups all are kept, and the log says at the start that this is so."""
        world = self.world(session_groups="needed", allowed_groups="dev")
        world.provider.claims["groups"] = ["dev", "ops"]
        world.keep(world.sign_in())
        world.get("/")
        self.assertEqual(world.seen[-1].values(b"x-forwarded-groups"), [b"dev,ops"])
        self.assertTrue(any(b"session_groups: with needed, all groups are kept" in line for line in world.standard))
