"""Catalogue L and what is near it: a session that has ended is over for every copy of its cookies, on every sidecar."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar import revoke
from o2sidecar.settings.load import load
from o2sidecar.settings.table import BY_KEY
from tests.catalogue.strict import Message
from tests.catalogue.whole import NAME, NOW
from tests.fakes import CLIENT_ID, compact, signing_key
from tests.options.probes import SWITCHED, UPGRADE
from tests.options.row import BASE
from tests.options.world import ADDRESS, World

EVENT = "http://schemas.openid.net/event/backchannel-logout"
FORM = b"Content-Type: application/x-www-form-urlencoded"


def variables(**changes: str) -> dict[str, str]:
    """What a sidecar of these tests is set up with."""
    return {BY_KEY[key].variable: value for key, value in {**BASE, **changes}.items()}


def logout_token(header: dict[str, Any] | None = None, key: str = "", **changes: Any) -> str:
    """A good logout token of the provider's session s-1 but for these changes; `None` takes a claim away."""
    claims = {
        "iss": ADDRESS,
        "aud": CLIENT_ID,
        "iat": int(NOW),
        "exp": int(NOW) + 120,
        "jti": "j-1",
        "sid": "s-1",
        "events": {EVENT: {}},
        **changes,
    }
    kept = {name: value for name, value in claims.items() if value is not None}
    head = {"alg": "RS256", "typ": "logout+jwt", "kid": "main", **(header or {})}
    return compact(head, kept, signing_key(key) if key else signing_key())


class LogoutCase(SynchronousTestCase):
    """Sidecars in memory, with a provider that people sign in with."""

    def world(self, **changes: str) -> World:
        often = {"discovery_refresh_interval": "1s", "cookie_secure": "false"}
        world = World(load([], variables(**{"defaults": "o2sidecar", **often, **changes})))
        self.addCleanup(world.end)
        world.provider.claims["sid"] = "s-1"
        world.provider.discovery["end_session_endpoint"] = f"{ADDRESS}/logout"
        world.provider.discovery["revocation_endpoint"] = f"{ADDRESS}/revoke"
        world.provider.instead["/revoke"] = lambda request: b""
        world.pass_time(1)
        return world

    def signed_in(self, **changes: str) -> World:
        world = self.world(**changes)
        self.assertEqual(world.sign_in().status, 302)
        self.assertEqual(world.get("/").status, 200)
        return world

    def post(self, world: World, *tokens: str, more: bytes = b"") -> Message:
        """What the back channel answers to a form with these tokens."""
        body = b"&".join(b"logout_token=" + token.encode() for token in tokens) + more
        return world.get("/oauth2/backchannel_logout", FORM, method=b"POST", body=body)


class SignOutTests(LogoutCase):
    """Signing out."""

    def test_l1(self) -> None:
        """L1: what another site asks for ends nothing; a form of our own does."""
        world = self.signed_in()
        from_elsewhere = (b"Sec-Fetch-Site: cross-site", b"Sec-Fetch-Mode: no-cors", b"Sec-Fetch-Dest: image")
        refused = world.get("/oauth2/sign_out", *from_elsewhere)
        self.assertEqual((refused.status, refused.values(b"set-cookie")), (403, []))
        self.assertEqual(world.get("/").status, 200)
        self.assertEqual(world.get("/oauth2/sign_out", b"Sec-Fetch-Site: same-origin", method=b"POST").status, 302)
        self.assertNotEqual(world.get("/").status, 200)

    def test_l7(self) -> None:
        """L7: a copy of the cookie is worth nothing once its session was signed out."""
        world = self.signed_in()
        copy = dict(world.jar)
        world.keep(world.get("/oauth2/sign_out"))
        self.assertNotIn(NAME.encode(), world.jar)
        world.jar.update(copy)
        self.assertEqual(world.get("/").status, 403)
        world.jar.clear()
        world.sign_in()
        self.assertEqual(world.get("/").status, 200)

    def test_l7_renewed(self) -> None:
        """L7: nor is a copy that is older than the cookie that was signed out."""
        world = self.signed_in(cookie_refresh="60s")
        world.provider.tokens["refresh_token"] = "R"
        world.jar.clear()
        world.sign_in()
        copy = dict(world.jar)
        world.pass_time(70)
        world.keep(world.get("/"))
        self.assertNotEqual(world.jar, copy)
        world.keep(world.get("/oauth2/sign_out"))
        world.jar.update(copy)
        self.assertEqual(world.get("/").status, 403)

    def test_l2(self) -> None:
        """L2: every part of a session's cookies is deleted, as it was set."""
        world = self.signed_in(cookie_domains="example.com")
        world.jar[f"{NAME}_0".encode()] = world.jar[f"{NAME}_1".encode()] = b"x"
        deleted = [value for value in world.get("/oauth2/sign_out").values(b"set-cookie") if b"Max-Age=0" in value]
        names = {value.partition(b"=")[0].decode() for value in deleted}
        self.assertEqual({NAME, f"{NAME}_0", f"{NAME}_1"} - names, set())
        self.assertTrue(all(b"Path=/;" in value and b"Domain=example.com" in value for value in deleted), deleted)

    def test_l3(self) -> None:
        """L3: the provider's logout is told whose session it is, and only its answer to this browser leads on."""
        world = self.signed_in(provider_logout="true")
        begun = world.get("/oauth2/sign_out?rd=/bye")
        [location] = begun.values(b"location")
        asked = parse_qs(urlsplit(location.decode()).query)
        self.assertTrue(location.startswith(f"{ADDRESS}/logout?".encode()))
        self.assertEqual(asked["post_logout_redirect_uri"], ["http://app.example.com/oauth2/signed_out"])
        self.assertEqual(asked["id_token_hint"][0].count("."), 2)
        world.keep(begun)
        landed = world.get(f"/oauth2/signed_out?state={quote(asked['state'][0])}")
        self.assertEqual(landed.status, 200)
        self.assertIn(b"/bye", landed.body)
        self.assertIn(b"signed out", landed.body.lower())
        self.assertNotIn(b"/bye", world.get("/oauth2/signed_out?state=another").body)
        world.keep(landed)
        self.assertNotIn(b"/bye", world.get(f"/oauth2/signed_out?state={quote(asked['state'][0])}").body)
        self.assertEqual(world.get("/oauth2/signed_out?state=a&state=b").status, 400)

    def test_l3_without_hint(self) -> None:
        """L3: where no ID token was kept, the provider is told which client asks."""
        world = self.signed_in(provider_logout="true", session_cookie_minimal="true")
        # A minimal session keeps no tokens at all, and nothing tells that a provider began it.
        [location] = world.get("/oauth2/sign_out").values(b"location")
        self.assertEqual(parse_qs(urlsplit(location.decode()).query)["client_id"], [CLIENT_ID])

    def test_l3_foreign_place(self) -> None:
        """L3: nobody is led to a place that is not ours."""
        world = self.signed_in(provider_logout="true")
        begun = world.get("/oauth2/sign_out?rd=https://evil.example/")
        [location] = begun.values(b"location")
        world.keep(begun)
        state = parse_qs(urlsplit(location.decode()).query)["state"][0]
        self.assertNotIn(b"evil.example", world.get(f"/oauth2/signed_out?state={state}").body)

    def test_l6(self) -> None:
        """L6: the provider is asked to take the refresh token back, and whatever it says the person is signed out."""
        for answer in (b"", 503):
            world = self.world()
            world.provider.tokens["refresh_token"] = "R-1"
            world.provider.instead["/revoke"] = lambda request, answer=answer: answer  # type: ignore[misc]
            world.sign_in()
            self.assertEqual(world.get("/oauth2/sign_out").status, 302)
            [asked] = [asked.form for asked in world.provider.asked if asked.path == "/revoke"]
            self.assertEqual((asked["token"], asked["token_type_hint"]), ("R-1", "refresh_token"))
            self.assertNotEqual(world.get("/").status, 200)

    def test_l6_silent(self) -> None:
        """L6: a provider that does not answer keeps nobody for long."""
        world = self.signed_in()
        world.provider.instead["/revoke"] = lambda request: 1  # NOT_DONE_YET
        client = world.send("/oauth2/sign_out")
        world.pass_time(4)
        self.assertEqual(world.answer_to(client).status, 302)


class StreamTests(LogoutCase):
    """What goes on after its request was judged."""

    def test_l5(self) -> None:
        """L5: a WebSocket and an event stream end when their session does, others' go on."""
        events = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n"
        for answer, fields in ((SWITCHED, UPGRADE), (events, ())):
            world = self.world()
            world.respond = lambda request, number, answer=answer: answer
            world.sign_in()
            theirs = world.send("/events", *fields)
            world.jar.clear()
            public = world.send("/open/events", *fields)
            world.pass_time(5)
            self.assertEqual((theirs.ended, public.ended), (False, False), theirs.got)
            self.post(world, logout_token())
            world.pass_time(10)
            self.assertEqual((theirs.ended, public.ended), (True, False), fields)


class BackChannelTests(LogoutCase):
    """The provider's word, from server to server."""

    def test_l4_good(self) -> None:
        """L4: a good token ends the provider's session or all of a person's, and nobody else's."""
        for named in ({"sid": "s-1"}, {"sid": None, "sub": "user-1"}, {"sub": "user-1"}):
            world = self.signed_in()
            other = self.post(world, logout_token(jti="j-0", sid="s-2"))
            self.assertEqual((other.status, other.values(b"cache-control")), (200, [b"no-store"]))
            self.assertEqual(world.get("/").status, 200)
            self.assertEqual(self.post(world, logout_token(**named)).status, 200)
            self.assertEqual(world.get("/").status, 403)
            world.jar.clear()
            world.provider.claims["sid"] = "s-3"
            world.pass_time(61)
            world.sign_in()
            self.assertEqual(world.get("/").status, 200)

    def test_l4_refused(self) -> None:
        """L4: whatever is wrong with a token, it is answered 400, is not to be kept, and ends nothing."""
        world = self.signed_in()
        good = logout_token()
        wrong = {
            "no iss": [logout_token(iss=None)],
            "foreign iss": [logout_token(iss="https://evil.example")],
            "no aud": [logout_token(aud=None)],
            "foreign aud": [logout_token(aud=["other"])],
            "no iat": [logout_token(iat=None)],
            "iat ahead": [logout_token(iat=int(NOW) + 1000)],
            "no exp": [logout_token(exp=None)],
            "expired": [logout_token(exp=int(NOW) - 1000)],
            "no jti": [logout_token(jti=None)],
            "no events": [logout_token(events=None)],
            "other events": [logout_token(events={"http://other": {}})],
            "events as text": [logout_token(events={EVENT: "x"})],
            "nonce": [logout_token(nonce="n")],
            "nobody": [logout_token(sid=None)],
            "sid as number": [logout_token(sid=5)],
            "id token": [logout_token({"typ": "at+jwt"})],
            "none": [compact({"alg": "none"}, {"iss": ADDRESS}, None)],
            "shared secret": [logout_token({"alg": "HS256"})],
            "another key": [logout_token(key="other")],
            "altered": [good[:-4] + ("AAAA" if not good.endswith("AAAA") else "BBBB")],
            "empty": [""],
            "nonsense": ["a.b.c"],
            "two tokens": [good, good],
            "none at all": [],
            "1 MiB": ["a" * (1 << 20)],
        }
        for name, tokens in wrong.items():
            answer = self.post(world, *tokens)
            self.assertEqual((answer.status, answer.values(b"cache-control")), (400, [b"no-store"]), name)
            self.assertEqual(json.loads(answer.body)["error"], "invalid_request", name)
        for target, *rest in (
            (f"/oauth2/backchannel_logout?logout_token={good}",),
            ("/oauth2/backchannel_logout", b"Content-Type: text/plain"),
        ):
            self.assertEqual(world.get(target).status, 400)
            self.assertEqual(world.get(target, *rest, method=b"POST", body=good.encode()).status, 400)
        self.assertEqual(world.get("/").status, 200)

    def test_l4_replayed(self) -> None:
        """L4: a token counts once."""
        world = self.signed_in()
        self.assertEqual(self.post(world, logout_token()).status, 200)
        again = self.post(world, logout_token())
        self.assertEqual((again.status, b"jti" in again.body), (400, True))

    def test_l4_minimal(self) -> None:
        """L4: sessions that kept no ID token end by their subject."""
        world = self.signed_in(session_cookie_minimal="true")
        self.assertEqual(self.post(world, logout_token(sid=None, sub="user-1")).status, 200)
        self.assertEqual(world.get("/").status, 403)


class FrontChannelTests(LogoutCase):
    """The provider's word, by a frame in the browser."""

    def test_known_session(self) -> None:
        """Who knows issuer and sid of the browser's session ends it, in a frame of that issuer's."""
        world = self.signed_in()
        copy = dict(world.jar)
        for query in ("", f"?iss={ADDRESS}", f"?iss={ADDRESS}&sid=s-1&sid=s-1"):
            self.assertEqual(world.get(f"/oauth2/frontchannel_logout{query}").status, 400)
        for query in (f"iss={ADDRESS}&sid=s-2", "iss=https://evil.example&sid=s-1"):
            self.assertEqual(world.get(f"/oauth2/frontchannel_logout?{query}").status, 200)
        self.assertEqual(world.get("/").status, 200)
        answer = world.get(f"/oauth2/frontchannel_logout?iss={quote(ADDRESS)}&sid=s-1")
        [policy] = answer.values(b"content-security-policy")
        self.assertIn(f"frame-ancestors {ADDRESS}".encode(), policy)
        self.assertEqual((answer.status, answer.values(b"cache-control")), (200, [b"no-store"]))
        self.assertEqual(answer.values(b"x-frame-options"), [])
        world.jar.update(copy)
        self.assertEqual(world.get("/").status, 403)

    def test_foreign_frame(self) -> None:
        """An issuer that nobody signs in with may not show it in a frame."""
        answer = self.world().get("/oauth2/frontchannel_logout?iss=https://evil.example&sid=s")
        self.assertIn(b"frame-ancestors 'none'", answer.values(b"content-security-policy")[0])


class ListTests(LogoutCase):
    """The list that sidecars share."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "revoked"
        self.shared = {"revocation_list": str(self.path)}

    def elsewhere(self, world: World) -> World:
        """Another sidecar, with a copy of the cookies."""
        other = self.world(**self.shared)
        other.jar.update(world.jar)
        self.assertEqual(other.get("/").status, 200)
        return other

    def test_everywhere(self) -> None:
        """L7: who signs out at one sidecar is refused at the others once they have looked at the list."""
        world = self.signed_in(**self.shared)
        other = self.elsewhere(world)
        world.get("/oauth2/sign_out")
        other.pass_time(10)
        self.assertEqual(other.get("/").status, 403)

    def test_command(self) -> None:
        """`o2sidecar revoke` ends a person's sessions, a single one, or all; nobody can read whose."""
        for kind in ("user", "session", "all-before"):
            world = self.signed_in(**self.shared)
            cookie = Path(self.path.parent / "cookie")
            cookie.write_bytes(b"Cookie: " + NAME.encode() + b"=" + world.jar[NAME.encode()])
            value = {"user": "Alice@example.com", "session": str(cookie), "all-before": "2030-01-31T00:00:00Z"}[kind]
            arguments = [f"--{kind}", value, f"--revocation-list={self.path}"]
            status = revoke.main(arguments, variables(), now=lambda: NOW + 2)
            self.assertEqual(status, 0)
            self.assertNotIn(b"alice", self.path.read_bytes().lower())
            world.pass_time(10)
            self.assertEqual(world.get("/").status, 403, kind)
            self.path.write_bytes(b"")

    def test_misused(self) -> None:
        """Arguments that make no sense are 2, what cannot be written is 1."""
        for arguments in ([], ["--user"], ["--user", "a", "--user", "b"], ["--all-before", "soon"], ["--config=x"]):
            self.assertEqual(revoke.main(arguments, variables()), 2, arguments)
        self.assertEqual(revoke.main(["--user", "a"], variables()), 1)
        self.assertEqual(revoke.main(["--user", "a"], variables(revocation_list="/nowhere/at/all")), 1)

    def test_forged(self) -> None:
        """Lines that nobody wrote who has the cookie secret end nothing."""
        world = self.signed_in(**self.shared)
        self.path.write_bytes(b"1 all " + b"A" * 22 + b" 9999999999999 " + b"A" * 22 + b"\nnonsense\n\xff\n")
        world.pass_time(10)
        self.assertEqual(world.get("/").status, 200)

    def test_served(self) -> None:
        """A sidecar serves the list that it knows, which tells nobody whose sessions are over."""
        world = self.signed_in(**self.shared)
        world.get("/oauth2/sign_out")
        served = world.get("/oauth2/revocations")
        self.assertEqual(served.body, self.path.read_bytes())
        self.assertEqual(served.status, 200)

    def test_unavailable(self) -> None:
        """While the list cannot be had, sessions count or are refused, as the operator says."""
        missing = str(self.path / "not" / "there")
        for rule, status in (("allow", 200), ("reject", 503)):
            world = self.world(revocation_list=missing, revocation_unavailable=rule)
            world.sign_in()
            self.assertEqual(world.get("/").status, status, rule)
            self.assertEqual(world.get("/open/x").status, 200)

    def test_unavailable_for_a_while(self) -> None:
        """With `reject`, what was known counts for three intervals; then nobody's session does until it is back."""
        world = self.signed_in(**self.shared, revocation_unavailable="reject")
        self.path.unlink()
        self.path.mkdir()
        world.pass_time(20)
        self.assertEqual(world.get("/").status, 200)
        world.pass_time(20)
        self.assertEqual(world.get("/").status, 503)
        self.path.rmdir()
        world.pass_time(10)
        self.assertEqual(world.get("/").status, 200)
