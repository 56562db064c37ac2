"""Tests of routes that ask for a fresh sign-in, through the whole sidecar."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session
from o2sidecar.settings.load import Loaded, load
from tests.assembly.test_reloading import SWITCHED, UPGRADE
from tests.catalogue.strict import Message
from tests.catalogue.whole import Client, Respond, numbered
from tests.fakes import CLIENT_ID, CLIENT_SECRET
from tests.options.papers import PASSWORD
from tests.options.world import ADDRESS, World, parameters_of
from tests.signin.page_reader import PageReader

SECRET = "0123456789abcdef"
NAVIGATION = (b"Accept: text/html", b"Sec-Fetch-Mode: navigate", b"Sec-Fetch-Dest: document")
ROUTES = '["^/admin max_age=5m", "^/vault acr=urn:mfa acr=urn:key", "POST=^/pay max_age=1m"]'
SCRIPT = (b"Sec-Fetch-Mode: cors", b"Accept: */*")


class ReauthenticationCase(SynchronousTestCase):
    """A sidecar with such routes."""

    def world(self, routes: str = ROUTES, **variables: str) -> World:
        """One, with a provider of OpenID Connect."""
        return self.started(self.loaded(routes, **variables))

    def started(self, loaded: Loaded, respond: Respond | None = numbered) -> World:
        """A sidecar, with an app."""
        world = World(loaded, respond=respond)
        self.addCleanup(world.end)
        return world

    def loaded(self, routes: str, **variables: str) -> Loaded:
        """Its settings."""
        environment = {
            "OAUTH2_PROXY_PROVIDER": "oidc",
            "OAUTH2_PROXY_OIDC_ISSUER_URL": ADDRESS,
            "OAUTH2_PROXY_CLIENT_ID": CLIENT_ID,
            "OAUTH2_PROXY_CLIENT_SECRET": CLIENT_SECRET,
            "OAUTH2_PROXY_COOKIE_SECRET": SECRET,
            "OAUTH2_PROXY_COOKIE_SECURE": "false",
            "OAUTH2_PROXY_EMAIL_DOMAINS": "*",
            "OAUTH2_PROXY_UPSTREAMS": "http://127.0.0.1:8080/",
            "O2SIDECAR_DEFAULTS": "o2sidecar",
            **({"O2SIDECAR_REAUTH_ROUTES": routes} if routes else {}),
            **variables,
        }
        return load([], environment)

    def sign_in(self, world: World, wanted: str = "/", **claims: Any) -> Message:
        """The answer to coming back from the provider, whose ID token says this besides."""
        now = world.clock.seconds()
        world.provider.claims.update({"iat": int(now), "exp": int(now) + 3600, **claims})
        return world.sign_in(wanted)

    def session(self, world: World) -> Session:
        """What the browser's cookie holds."""
        codec = SessionCodec(ring=KeyRing.from_texts([SECRET]), expire=0)
        return codec.decode("_oauth2_proxy", world.jar[b"_oauth2_proxy"].decode(), world.clock.seconds())


class RouteTests(ReauthenticationCase):
    """What people and scripts meet at a route."""

    def test_fresh(self) -> None:
        """Somebody who has just signed in passes, for as long as the route says, and elsewhere for longer."""
        world = self.world()
        self.assertEqual(self.sign_in(world, "/admin", auth_time=int(world.clock.seconds())).status, 302)
        self.assertEqual(world.get("/admin/x", *NAVIGATION).status, 200)
        world.pass_time(299)
        self.assertEqual(world.get("/admin/x", *NAVIGATION).status, 200)
        world.pass_time(2)
        self.assertEqual(world.get("/admin/x", *NAVIGATION).status, 401)
        self.assertEqual(world.get("/elsewhere", *NAVIGATION).status, 200)

    def test_page(self) -> None:
        """Too old: a page offers to sign in again, nobody is sent anywhere, and the session stays."""
        for variables in ({}, {"OAUTH2_PROXY_SKIP_PROVIDER_BUTTON": "true"}):
            world = self.world(**variables)
            self.sign_in(world)
            seen = len(world.seen)
            answer = world.get("/admin/x?y=1", *NAVIGATION)
            self.assertEqual((answer.status, answer.values(b"location"), answer.values(b"set-cookie")), (401, [], []))
            self.assertIn(b"sign in again", answer.body)
            self.assertIn(b'value="/admin/x?y=1"', answer.body)
            self.assertEqual(len(world.seen), seen)
            self.assertEqual(world.get("/", *NAVIGATION).status, 200)

    def test_script(self) -> None:
        """A script gets what RFC 9470 says, and where to sign in again."""
        world = self.world()
        self.sign_in(world)
        for accept in (b"Accept: */*", b"Accept: application/json"):
            answer = world.get("/admin/x?y=1", b"Sec-Fetch-Mode: cors", accept)
            [challenge] = answer.values(b"www-authenticate")
            self.assertEqual(answer.status, 401)
            self.assertIn(b'error="insufficient_user_authentication", max_age="300"', challenge)
            told = json.loads(answer.body)
            self.assertEqual((told["reason"], told["max_age"]), ("insufficient_user_authentication", "300"))
            self.assertEqual(told["login_url"], "/oauth2/start?rd=/oauth2/renewed%3Ffor%3D/admin/x")
        [challenge] = world.get("/vault", *SCRIPT).values(b"www-authenticate")
        self.assertIn(b'acr_values="urn:mfa urn:key"', challenge)
        begun = world.get(told["login_url"])
        self.assertEqual(parameters_of(begun)["max_age"], "300")

    def post(self, world: World, *fields: bytes, body: bytes = b"to=eve") -> Message:
        """The answer to a form that a person posts."""
        kind = b"Content-Type: application/x-www-form-urlencoded"
        return world.get("/pay?x=1", kind, *NAVIGATION, *fields, method=b"POST", body=body)

    def test_posted_form(self) -> None:
        """A form that a person posts does not arrive; it is given back, and the login beside it will do for it."""
        world = self.world()
        self.sign_in(world)
        seen = len(world.seen)
        answer = self.post(world, b"Sec-Fetch-Site: same-origin")
        self.assertEqual((answer.status, len(world.seen), answer.values(b"set-cookie")), (401, seen, []))
        self.assertIn(b"insufficient_user_authentication", answer.values(b"www-authenticate")[0])
        page = PageReader(answer.body.decode())
        self.assertIn("did not arrive", page.text)
        self.assertIn("to make sure that it is you. What you filled in is still here", page.text)
        first, second = page.forms
        self.assertEqual((second.method, second.action, second.inputs), ("post", "/pay?x=1", [("to", "eve")]))
        [(_, leads_to)] = first.inputs
        self.assertEqual(leads_to, "/oauth2/renewed?for=/pay")
        self.assertEqual(parameters_of(world.begin(leads_to))["max_age"], "60")
        self.assertEqual(world.get("/elsewhere").status, 200)

    def test_posted_form_that_is_lost(self) -> None:
        """A form that may not be given back is not; the page says so, and offers the sign-in that will do."""
        world = self.world()
        self.sign_in(world)
        for site, body in ((b"cross-site", b"to=eve"), (b"same-origin", b"to=eve&password=x")):
            answer = self.post(world, b"Sec-Fetch-Site: " + site, body=body)
            self.assertEqual(answer.status, 401)
            self.assertIn(b"did not arrive", answer.body)
            self.assertNotIn(b"eve", answer.body)
            self.assertIn(b'value="/pay?x=1"', answer.body)
        self.assertEqual(parameters_of(world.begin("/pay"))["max_age"], "60")
        self.assertEqual(world.get("/pay").status, 200)

    def test_popup(self) -> None:
        """A window of its own that meets nobody signed in offers a login that is asked for the same, for any path."""
        world = self.world()
        for asked, leads_to in (
            ("?for=/admin", "/oauth2/renewed?for=/admin"),
            ("?for=%2Fadmin&x=%22%3E", "/oauth2/renewed?for=%2Fadmin&x=%22%3E"),
            ("", "/oauth2/renewed"),
            ("?for=/" + "a" * 4000, "/oauth2/renewed"),
        ):
            page = PageReader(world.get("/oauth2/renewed" + asked).body.decode())
            self.assertEqual([form.inputs for form in page.forms], [[("rd", leads_to)]])
            begun = world.get("/oauth2/start?rd=" + quote(leads_to))
            self.assertEqual(parameters_of(begun).get("max_age"), "300" if "admin" in asked else None)

    def test_websocket(self) -> None:
        """A WebSocket is answered 401, and no tunnel comes about."""
        world = self.world()
        self.sign_in(world)
        answer = world.get(
            "/admin/ws", b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )  # fmt: skip
        self.assertEqual(answer.status, 401)

    def test_nobody(self) -> None:
        """Who is not signed in is offered what everybody is."""
        self.assertEqual(self.world().get("/admin", *NAVIGATION).status, 403)

    def test_open_paths(self) -> None:
        """What is open to everybody is open to people with a session, too."""
        world = self.world(OAUTH2_PROXY_SKIP_AUTH_ROUTES="^/admin/open$")
        self.assertEqual(world.get("/admin/open").status, 200)
        self.sign_in(world)
        self.assertEqual(world.get("/admin/open").status, 200)
        self.assertEqual(world.get("/admin/open/x").status, 401)

    def test_other_writings(self) -> None:
        """No other writing of the path gets round the route."""
        world = self.world()
        self.sign_in(world)
        seen = len(world.seen)
        for path in ("/%61dmin", "/ADMIN", "/x/..%2fadmin", "//admin", "/x/../admin", "/admin;a=b", "/%2561dmin"):
            self.assertIn(world.get(path, *SCRIPT).status, {400, 401}, path)
        self.assertEqual(len(world.seen), seen)

    def test_audit(self) -> None:
        """The refusal is a line in the authentication log that names who, and what was asked for."""
        world = self.world()
        self.sign_in(world)
        world.get("/admin", *SCRIPT)
        world.pass_time(2)
        self.assertIn(b"asked to sign in again", b"".join(world.log))


class LoginTests(ReauthenticationCase):
    """The login that a route asks for."""

    def test_asked(self) -> None:
        """The provider is asked by where the login leads, and else as before."""
        world = self.world(OAUTH2_PROXY_ACR_VALUES="urn:any", O2SIDECAR_REDIRECT_LENGTH_LIMIT="4096")
        for wanted, max_age, acr in (
            ("/", None, "urn:any"), ("/admin", "300", "urn:any"), ("/vault?x", None, "urn:mfa urn:key"),
            ("/oauth2/renewed?for=/pay", "60", "urn:any"), ("/oauth2/renewed", None, "urn:any"),
            ("/oauth2/renewed?for=//[", "60", "urn:mfa urn:key"), ("/%2561dmin", "60", "urn:mfa urn:key"),
        ):  # fmt: skip
            asked = parameters_of(world.begin(wanted))
            self.assertEqual((asked.get("max_age"), asked.get("acr_values")), (max_age, acr), wanted)

    def refused(self, wanted: str, **claims: Any) -> Message:
        """The page at the end of a login that will not do; the session from before stays."""
        world = self.world()
        self.sign_in(world)
        before = world.jar[b"_oauth2_proxy"]
        answer = self.sign_in(world, wanted, **claims)
        self.assertEqual(world.jar[b"_oauth2_proxy"], before)
        self.assertEqual(answer.values(b"location"), [])
        return answer

    def test_not_fresh(self) -> None:
        """A provider that did not ask the person again ends in a page that says so, and in no circle."""
        now = int(self.world().clock.seconds())
        answer = self.refused("/admin", auth_time=now - 301)
        self.assertEqual(answer.status, 403)
        self.assertIn(b"did not ask you to sign in again", answer.body)

    def test_no_time(self) -> None:
        """A token without auth_time, or with one that is none, will not do where max_age was asked for."""
        now = int(self.world().clock.seconds())
        for said in (None, str(now), True, now + 1000, -5, [now]):
            self.assertIn(b"did not tell", self.refused("/admin", auth_time=said).body, said)

    def test_other_class(self) -> None:
        """Another class than one of those asked for will not do."""
        for said in (None, "urn:pwd", "urn:MFA", "urn:mfa urn:key", ["urn:mfa"], 1):
            self.assertIn(b"another kind of sign-in", self.refused("/vault", acr=said).body, said)

    def test_class(self) -> None:
        """One of those asked for opens the route; that of an ordinary login counts just as well."""
        for acr in ("urn:mfa", "urn:key"):
            world = self.world()
            self.sign_in(world, "/", acr=acr)
            self.assertEqual(world.get("/vault", *NAVIGATION).status, 200)

    def test_changed_state(self) -> None:
        """A state whose destination was changed on the way is refused, or gets elsewhere, and opens no route."""
        for defaults in ("o2sidecar", "oauth2-proxy"):
            world = self.world(O2SIDECAR_DEFAULTS=defaults)
            now = int(world.clock.seconds())
            asked = parameters_of(world.begin("/admin"))
            world.provider.claims.update(nonce=asked.get("nonce"), iat=now, exp=now + 3600, auth_time=now - 4000)
            state = asked["state"].replace("/admin", "/other").replace("%2Fadmin", "%2Fother")
            self.assertNotEqual(state, asked["state"])
            done = world.get(f"/oauth2/callback?code=c&state={quote(state)}")
            world.keep(done)
            self.assertIn(done.values(b"location"), [[], [b"/other"]])
            self.assertEqual(world.get("/admin", *SCRIPT).status, 401)

    def test_clocks_differ(self) -> None:
        """A provider whose clock is four minutes behind can still have people sign in afresh, for the whole time."""
        world = self.world()
        now = int(world.clock.seconds())
        self.assertEqual(self.sign_in(world, "/admin", iat=now - 240, auth_time=now - 240).status, 302)
        world.pass_time(200)
        self.assertEqual(world.get("/admin").status, 200)

    def test_refresh(self) -> None:
        """A refresh does not make the authentication any younger, whatever the new token says."""
        world = self.world(OAUTH2_PROXY_COOKIE_REFRESH="1m", O2SIDECAR_COOKIE_REFRESH_JITTER="0")
        now = int(world.clock.seconds())
        self.sign_in(world, "/admin", auth_time=now)
        world.pass_time(310)
        world.provider.claims.update(iat=now + 310, exp=now + 4000, auth_time=now + 310, nonce=None)
        self.assertEqual(world.get("/admin", *SCRIPT).status, 401)
        self.assertEqual(world.get("/").status, 200)
        self.assertEqual(world.get("/admin", *SCRIPT).status, 401)

    def test_other_sessions(self) -> None:
        """A session from before the option, or of oauth2-proxy, tells nothing and has to sign in again."""
        world = self.world()
        session = Session(created_at=world.clock.seconds(), user="u", email="alice@example.com", access_token="t")
        codec = SessionCodec(ring=KeyRing.from_texts([SECRET]), expire=0)
        world.jar[b"_oauth2_proxy"] = codec.encode("_oauth2_proxy", session).encode()
        self.assertEqual(world.get("/").status, 200)
        for path in ("/admin", "/vault"):
            self.assertEqual(world.get(path, *SCRIPT).status, 401)

    def test_without_the_option(self) -> None:
        """Nobody else's cookies hold anything of it, even if the provider tells."""
        world = self.world(routes="")
        self.sign_in(world, auth_time=int(world.clock.seconds()), acr="urn:mfa")
        session = self.session(world)
        self.assertEqual((session.authenticated_at, session.acr), (None, ""))


class AskerTests(ReauthenticationCase):
    """What a proxy in front is told that asks."""

    def ask(self, world: World, *fields: bytes) -> Message:
        """The answer of the auth endpoint."""
        return world.get("/oauth2/auth", *fields)

    def asked_by_proxy(self) -> World:
        """A sidecar that believes the proxy, and a session that is not fresh."""
        world = self.world(OAUTH2_PROXY_REVERSE_PROXY="true", OAUTH2_PROXY_TRUSTED_PROXY_IPS="0.0.0.0/0")
        self.sign_in(world)
        return world

    def test_by_the_uri(self) -> None:
        """The route is that of X-Forwarded-Uri, whatever the method was."""
        world = self.asked_by_proxy()
        self.assertEqual(self.ask(world, b"X-Forwarded-Uri: /x").status, 202)
        for uri in (b"/admin", b"/pay?x=1", b"/%2561dmin"):
            answer = self.ask(world, b"X-Forwarded-Uri: " + uri)
            self.assertEqual(answer.status, 401, uri)
            self.assertIn(b"insufficient_user_authentication", answer.values(b"www-authenticate")[0])

    def test_not_told(self) -> None:
        """Where nobody says which path it is about, or a client does that nobody trusts, it may be any: 403."""
        world = self.asked_by_proxy()
        for fields in ((), (b"X-Forwarded-Uri: /x", b"X-Forwarded-Uri: /y"), (b"X-Forwarded-Uri: ",)):
            self.assertEqual(self.ask(world, *fields).status, 403, fields)
        stranger = self.world()
        self.sign_in(stranger)
        self.assertEqual(self.ask(stranger, b"X-Forwarded-Uri: /x").status, 403)

    def test_fresh(self) -> None:
        """A session that is fresh and of the class that is asked for will do anywhere."""
        world = self.world()
        self.sign_in(world, auth_time=int(world.clock.seconds()), acr="urn:key")
        self.assertEqual(self.ask(world).status, 202)


class CredentialsTests(ReauthenticationCase):
    """Sessions that no login began."""

    def bearer(self, world: World, **claims: Any) -> Callable[[str], int]:
        """Asks with a token that says this."""
        now = int(world.clock.seconds())
        named = {**world.provider.claims, "iat": now, "exp": now + 9000, **claims}
        field = b"Authorization: Bearer " + world.provider.make_id_token(**named).encode()
        return lambda path: world.get(path, *SCRIPT, field).status

    def test_bearer(self) -> None:
        """A token that tells when and how the person signed in counts by that; one that does not passes no route."""
        world = self.world(OAUTH2_PROXY_SKIP_JWT_BEARER_TOKENS="true")
        now = int(world.clock.seconds())
        ask = self.bearer(world, auth_time=now - 100, acr="urn:mfa")
        self.assertEqual([ask(path) for path in ("/", "/admin", "/vault", "/pay")], [200, 200, 200, 200])
        world.pass_time(201)
        self.assertEqual([ask(path) for path in ("/", "/admin", "/vault")], [200, 401, 200])
        for claims in ({}, {"auth_time": now + 1000}, {"auth_time": "now", "acr": ["urn:mfa"]}):
            ask = self.bearer(world, **claims)
            self.assertEqual([ask(path) for path in ("/", "/admin", "/vault")], [200, 401, 401], claims)

    def test_local_users(self) -> None:
        """A password at the form is a fresh sign-in; Basic credentials, which browsers repeat, tell nothing."""
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("bob:{SHA}" + base64.b64encode(_sha(PASSWORD)).decode() + "\n")
        world = self.world(OAUTH2_PROXY_HTPASSWD_FILE=path)
        basic = b"Authorization: Basic " + base64.b64encode(f"bob:{PASSWORD}".encode())
        self.assertEqual([world.get(path, *SCRIPT, basic).status for path in ("/", "/admin")], [200, 401])
        form = f"username=bob&password={quote(PASSWORD)}&rd=/admin".encode()
        fields = (b"Content-Type: application/x-www-form-urlencoded",)
        world.keep(world.get("/oauth2/sign_in", *fields, method=b"POST", body=form))
        self.assertEqual([world.get(path, *SCRIPT).status for path in ("/admin", "/vault")], [200, 401])
        world.pass_time(301)
        self.assertEqual(world.get("/admin", *SCRIPT).status, 401)


def _sha(text: str) -> bytes:
    from hashlib import sha1

    return sha1(text.encode()).digest()


class TunnelTests(ReauthenticationCase):
    """What goes on after its request was judged."""

    def tunnel(self, routes: str) -> tuple[World, Client]:
        """A WebSocket of somebody who signed in just now, and its sidecar."""
        world = self.started(self.loaded(routes), respond=None)
        self.sign_in(world, auth_time=int(world.clock.seconds()))
        client = world.send("/admin/socket", *UPGRADE)
        world.pump()
        world.apps[-1].wire.send(SWITCHED)
        world.pump()
        self.assertIn(b" 101 ", client.got)
        return world, client

    def test_as_long_as_the_sign_in_is_fresh(self) -> None:
        """A WebSocket of a route that wants a fresh sign-in is closed when the sign-in is fresh no more."""
        world, client = self.tunnel(ROUTES)
        world.pass_time(290)
        self.assertFalse(client.ended)
        world.pass_time(15)
        self.assertTrue(client.ended)

    def test_a_route_that_comes_later(self) -> None:
        """So is one that was opened before the route wanted that, and not before."""
        world, client = self.tunnel("")
        world.pass_time(305)
        self.assertFalse(client.ended)
        world.loaded = self.loaded(ROUTES)
        assert world.service.reload is not None
        world.service.reload()
        world.pass_time(5)
        self.assertTrue(client.ended)
