"""Tests of other settings that take effect while the sidecar runs: whole, in memory, with all that is around it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import NOT_DONE_YET, Request

from o2sidecar.providers.registry import KnownProviders
from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.keys import KeyRing
from o2sidecar.settings.load import Loaded, load
from o2sidecar.settings.table import BY_KEY
from tests.catalogue.whole import NAME, Client, Respond, numbered
from tests.options.redis_servers import REDIS
from tests.options.row import BASE
from tests.options.world import ADDRESS, OTHER_ISSUER, World, parameters_of

UPGRADE = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13")
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
OTHER_SECRET = "fedcba9876543210"


def loaded_with(**options: str) -> Loaded:
    everything: Mapping[str, str] = {**BASE, "defaults": "o2sidecar", "cookie_secure": "false", **options}
    return load([], {BY_KEY[key].variable: value for key, value in everything.items()}, providers=KnownProviders())


def _has_answer(client: Client) -> bool:
    while client.turn():
        pass
    return client.got != b""


class ReloadingTests(SynchronousTestCase):
    """Between two requests another tree takes the place of the one before."""

    def started(self, respond: Respond | None = numbered, **options: str) -> World:
        world = World(loaded_with(**options), respond=respond)
        self.addCleanup(world.end)
        return world

    def reload(self, world: World, **options: str) -> str:
        """Have the settings be others, and give what the log says of that."""
        world.loaded = loaded_with(**options)
        world.standard.clear()
        assert world.service.reload is not None
        world.service.reload()
        world.pump()
        return b"".join(world.standard).decode()

    def test_another_rule(self) -> None:
        """Who may not pass any more is refused at the next request, on the same connection, who may passes."""
        world = self.started()
        world.sign_in()
        client = world.client()
        asking = b"GET / HTTP/1.1\r\nHost: app.example.com\r\nCookie: %s=%s\r\n\r\n" % (
            NAME.encode(),
            world.jar[NAME.encode()],
        )

        def status() -> bytes:
            client.got = b""
            client.send(asking)
            world.pump()
            return client.got.split(b" ", 2)[1]

        self.assertEqual(status(), b"200")
        said = self.reload(world, email_domains="example.org")
        self.assertIn("in force is what is new of: OAUTH2_PROXY_EMAIL_DOMAINS", said)
        self.assertEqual(status(), b"403")
        self.reload(world)
        self.assertEqual((status(), client.ended), (b"200", False))

    def test_groups(self) -> None:
        """A provider's rule about groups counts for sessions that stand, too."""
        world = self.started()
        world.provider.claims["groups"] = ["dev"]
        world.sign_in()
        for groups, status in (("ops", 403), ("dev", 200), ("ops,dev", 200)):
            self.reload(world, allowed_groups=groups)
            self.assertEqual(world.get("/").status, status, groups)

    def test_nobody_is_signed_out(self) -> None:
        """Sessions go on through any number of changes; pages and headers follow."""
        world = self.started()
        world.sign_in()
        for number in range(5):
            self.reload(world, banner=f"banner {number}", pass_user_headers="true" if number % 2 else "false")
            self.assertEqual(world.get("/").status, 200)
            told = bool(world.seen[-1].values(b"x-forwarded-email"))
            self.assertEqual(told, bool(number % 2) or bool(world.loaded.settings.pass_basic_auth))
            self.assertIn(f"banner {number}".encode(), world.get("/oauth2/sign_in").body)

    def test_a_login_under_way(self) -> None:
        """A login that was begun before the change is completed after it."""
        world = self.started()
        begun = world.begin("/wanted")
        self.reload(world, banner="new")
        asked = parameters_of(begun)
        world.provider.claims["nonce"] = asked["nonce"]
        done = world.get(f"/oauth2/callback?code=c&state={quote(asked['state'])}")
        self.assertEqual((done.status, done.values(b"location")), (302, [b"/wanted"]))

    def test_a_request_under_way(self) -> None:
        """A request that the app has not answered yet is answered as if nothing had changed."""
        world = self.started(respond=None)
        client = world.send("/open/")
        world.pump()
        self.reload(world, skip_auth_routes="^/other/", upstreams="http://127.0.0.1:8081/")
        self.assertEqual(client.got, b"")
        world.apps[0].wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        world.pump()
        self.assertTrue(client.got.endswith(b"\r\n\r\nok"))
        self.assertNotEqual(world.get("/open/").status, 200)

    def test_what_is_refused(self) -> None:
        """Settings that fit each other and cannot be made into a sidecar change nothing, and the log says why."""
        world = self.started()
        world.sign_in()
        folder = Path(self.mktemp())
        (folder / "robots.txt").mkdir(parents=True)
        said = self.reload(world, email_domains="example.org", custom_templates_dir=str(folder))
        self.assertIn("refused; what was in force stays", said)
        self.assertIn("not in force: custom_templates_dir: ", said)
        self.assertEqual(world.get("/").status, 200)

    def test_an_ended_session_stays_ended(self) -> None:
        """S: what signed out stays signed out through a change, also a copy of its cookie."""
        world = self.started()
        world.sign_in()
        copy = dict(world.jar)
        world.keep(world.get("/oauth2/sign_out"))
        self.reload(world, banner="new")
        world.jar = copy
        self.assertNotEqual(world.get("/").status, 200)

    def test_a_refresh_under_way(self) -> None:
        """A session that is being renewed when settings change is renewed once, and by the new settings' headers."""
        world = self.started(cookie_refresh="30s", cookie_refresh_jitter="0s")
        world.sign_in()
        world.pass_time(31)
        self.assertEqual(world.get("/").status, 200)
        # The browser comes again with its old cookie, after the change: what was renewed is known.
        self.reload(world, cookie_refresh="30s", cookie_refresh_jitter="0s", pass_user_headers="false")
        again = world.get("/")
        self.assertEqual((again.status, world.provider.paths().count("/token")), (200, 2))
        self.assertTrue(any(value.startswith(NAME.encode()) for value in again.values(b"set-cookie")))

    def test_while_the_provider_is_asked(self) -> None:
        """A change while a session is being renewed costs no second question, and its app is told by the new rules."""
        world = self.started(cookie_refresh="30s", cookie_refresh_jitter="0s")
        world.sign_in()
        world.pass_time(31)
        answers: list[Request] = []

        def wait(request: Request) -> int:
            answers.append(request)
            return NOT_DONE_YET

        world.provider.instead["/token"] = wait
        first = world.send("/")
        world.pump()
        self.reload(
            world, cookie_refresh="30s", cookie_refresh_jitter="0s", set_xauthrequest="true", pass_user_headers="true"
        )
        second = world.send("/")
        world.pump()
        self.assertEqual((first.got, second.got, len(answers)), (b"", b"", 1))
        del world.provider.instead["/token"]
        answers[0].setHeader(b"content-type", b"application/json")
        answers[0].write(json.dumps(world.provider._tokens()).encode())
        answers[0].finish()
        world.pump()
        self.assertEqual((world.answer_to(first).status, world.answer_to(second).status), (200, 200))
        self.assertEqual(world.provider.paths().count("/token"), 2)
        self.assertEqual(world.seen[-1].values(b"x-auth-request-email"), [b"alice@example.com"])

    def test_a_websocket(self) -> None:
        """A WebSocket of somebody who may not pass any more is closed, though it was opened before the change."""
        world = self.started(respond=None)
        world.sign_in()
        client = world.send("/", *UPGRADE)
        world.pump()
        world.apps[-1].wire.send(SWITCHED)
        world.pump()
        self.reload(world, banner="new")
        world.pass_time(5)
        self.assertFalse(client.ended)
        self.reload(world, email_domains="example.org")
        self.assertIsNotNone(world.seconds_until(lambda: client.ended, 10))

    def test_sessions_in_redis(self) -> None:
        """Tickets stay good, rules follow, and what signed out stays signed out."""
        redis = {"session_store_type": "redis", "redis_connection_url": REDIS}
        world = self.started(numbered, **redis)
        world.sign_in()
        copy = dict(world.jar)
        for domains, status in (("example.com,example.net", 200), ("example.org", 403), ("example.com", 200)):
            self.reload(world, email_domains=domains, **redis)
            world.jar = dict(copy)
            self.assertEqual(world.get("/").status, status, domains)
        said = self.reload(world, **{**redis, "redis_connection_url": "redis://127.0.0.1:6399"})
        self.assertIn("wait for a restart, what was in force stays: OAUTH2_PROXY_REDIS_CONNECTION_URL", said)
        self.assertEqual(world.get("/").status, 200)
        world.get("/oauth2/sign_out")
        self.reload(world, banner="new", **redis)
        self.assertNotEqual(world.get("/").status, 200)

    def test_another_cookie_secret(self) -> None:
        """A secret in the settings themselves is rotated as one in a file is: nobody is signed out."""
        world = self.started(cookie_secret_settle_time="10s")
        world.sign_in()
        said = self.reload(world, cookie_secret_settle_time="10s", cookie_secret=OTHER_SECRET)
        self.assertNotIn(OTHER_SECRET, said)
        self.assertEqual(world.get("/").status, 200)
        world.pass_time(11)
        answer = world.get("/")
        world.keep(answer)
        self.assertEqual(answer.status, 200)
        codec = SessionCodec(ring=KeyRing.from_texts([OTHER_SECRET]), expire=3600)
        value = world.jar[NAME.encode()].decode()
        self.assertEqual(codec.decode(NAME, value, world.clock.seconds()).email, "alice@example.com")

    def test_an_outage_of_the_provider(self) -> None:
        """What was fetched from the provider is known to the tree after, though nobody answers there any more."""
        world = self.started(skip_jwt_bearer_tokens="true")
        world.sign_in()
        world.provider.discovery = {}
        self.reload(world, skip_jwt_bearer_tokens="true", allowed_groups="")
        self.reload(world, skip_jwt_bearer_tokens="true", banner="new")
        begun = world.get("/oauth2/start")
        self.assertEqual(begun.status, 302)
        self.assertTrue(begun.values(b"location")[0].startswith(ADDRESS.encode()))

    def test_many_times(self) -> None:
        """Twenty changes leave no more behind than one: no job in the background, and nothing that waits."""
        world = self.started()
        world.sign_in()
        self.reload(world, banner="first")
        world.pass_time(400)
        jobs, calls = len(world.service._background), len(world.clock.getDelayedCalls())
        for number in range(20):
            self.reload(world, banner=str(number))
        world.pass_time(400)
        self.assertEqual((len(world.service._background), len(world.clock.getDelayedCalls())), (jobs, calls))
        self.assertEqual(world.get("/").status, 200)

    def test_limits_of_the_metrics_listener(self) -> None:
        """The listener for metrics, and the app's health checks that it passes on, go by new time-outs at once."""
        metrics = {"metrics_address": "127.0.0.1:9100", "probe_relays": "app/liveness=http://127.0.0.1:8082/"}
        world = self.started(respond=None, **metrics)
        for head, app in ((9, 5), (4, 12)):
            self.reload(world, head_timeout=f"{head}s", upstream_connect_timeout=f"{app}s", **metrics)
            for sent, seconds in ((b"GET /", head), (b"GET /probe/app/liveness HTTP/1.1\r\nHost: m\r\n\r\n", app)):
                client = world.metrics_client(sent)
                waited = world.seconds_until(partial(_has_answer, client))
                self.assertAlmostEqual(waited or 0, seconds, delta=1)

    def test_at_the_end(self) -> None:
        """Once the process is about to end nothing is put in force, whose jobs would not be begun any more."""
        world = self.started(drain_delay="10s", authenticated_emails_file=self.emails("alice@example.com"))
        world.sign_in()
        world.service.stopService()
        world.pump()
        said = self.reload(world, drain_delay="10s", authenticated_emails_file=self.emails("bob@example.com"))
        self.assertIn("not read again: the process is about to end", said)
        self.assertEqual(world.get("/").status, 200)
        world.pass_time(11)

    def emails(self, text: str) -> str:
        """The name of a file that lists addresses."""
        path = Path(self.mktemp())
        path.write_text(text, "utf-8")
        return str(path)

    def test_without_it(self) -> None:
        """With oauth2-proxy's defaults, and when it is switched off, nothing is read again."""
        self.assertIsNone(self.started(config_reload="false").service.reload)
        self.assertIsNone(self.started(defaults="oauth2-proxy").service.reload)

    def a_tunnel(self, world: World, token: str) -> Client:
        """A WebSocket of somebody who brought a bearer token."""
        world.jar.clear()
        client = world.send("/", *UPGRADE, b"Authorization: Bearer " + token.encode())
        world.pump()
        world.apps[-1].wire.send(SWITCHED)
        world.pump()
        self.assertIn(b" 101 ", client.got)
        return client

    def test_tunnels_of_bearer_tokens(self) -> None:
        """They go on while their tokens are good by the newer settings, and are closed when they are not."""
        bearer = {"skip_jwt_bearer_tokens": "true"}
        others = {**bearer, "extra_jwt_issuers": f"http://127.0.0.1:{OTHER_ISSUER}=other-app"}
        for options, issuer in ((bearer, "provider"), (others, "other")):
            world = self.started(respond=None, **options)
            provider = getattr(world, issuer)
            provider.claims |= {"exp": int(world.clock.seconds()) + 86400, "iat": int(world.clock.seconds())}
            client = self.a_tunnel(world, provider._tokens()["id_token"])
            self.reload(world, banner="new", **options)
            world.pass_time(5)
            self.assertFalse(client.ended)
            self.reload(world, **(bearer if issuer == "other" else {}))
            world.pass_time(5)
            self.assertTrue(client.ended, issuer)
