"""Tests that people sign in with one of several providers, and that none of them passes for another."""

from __future__ import annotations

import os
from base64 import b64encode
from urllib.parse import quote, urlencode, urlsplit

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session
from o2sidecar.settings.load import load
from tests.catalogue.strict import Message
from tests.fakes import CLIENT_ID, CLIENT_SECRET, silent
from tests.options.world import ADDRESS, OTHER_ISSUER, World, parameters_of
from tests.settings.loading import file_reader

SECRET = "0123456789abcdef"
NOWHERE = "http://127.0.0.1:9099"
OTHER_ADDRESS = f"http://127.0.0.1:{OTHER_ISSUER}"
FILE = f"""
server: {{bindAddress: "127.0.0.1:4180"}}
upstreamConfig: {{upstreams: [{{id: main, path: /, uri: "http://127.0.0.1:8080"}}]}}
providers:
- {{id: one, name: First, provider: oidc, clientID: {CLIENT_ID}, clientSecret: {CLIENT_SECRET},
   code_challenge_method: S256, oidcConfig: {{issuerURL: "{ADDRESS}", audienceClaims: [aud], emailClaim: email}},
   backendLogoutURL: "{ADDRESS}/bye"}}
- {{id: two, name: Second, provider: oidc, clientID: other-app, clientSecret: hush, code_challenge_method: S256,
   oidcConfig: {{issuerURL: "{OTHER_ADDRESS}", audienceClaims: [aud], emailClaim: email}}, backendLogoutURL:
   "{OTHER_ADDRESS}/bye", ALLOWED}}
"""


class SeveralCase(SynchronousTestCase):
    """A sidecar with two providers of OpenID Connect."""

    def world(self, second: str = "allowedGroups: []", *, first: str = "allowedGroups: []", **variables: str) -> World:
        """One; `second`, `first`: what each provider's entry says besides."""
        text = FILE.replace("ALLOWED", second).replace("name: First", f"name: First, {first}")
        environment = {
            "OAUTH2_PROXY_COOKIE_SECRET": SECRET,
            "OAUTH2_PROXY_EMAIL_DOMAINS": "example.com,userinfo.example.com,example.org",
            "O2SIDECAR_DEFAULTS": "o2sidecar",
            "OAUTH2_PROXY_COOKIE_SECURE": "false",
            **variables,
        }
        path = f"{self.mktemp()}.yaml"
        with open(path, "w") as file:
            file.write(text)
        world = World(load([f"--alpha-config={path}"], environment))
        self.addCleanup(world.end)
        return world

    def begin(self, world: World, query: str = "provider=two", path: str = "/page") -> Message:
        """The answer that sends the browser to the provider."""
        begun = world.get(f"/oauth2/start?rd={quote(path)}&{query}")
        world.keep(begun)
        return begun

    def come_back(self, world: World, begun: Message, *, callback: str = "", **fields: str) -> Message:
        """The answer to coming back from the provider that a login was begun with."""
        asked = parameters_of(begun)
        for provider in (world.provider, world.other):
            provider.claims["nonce"] = asked["nonce"]
        path = callback or urlsplit(asked["redirect_uri"]).path
        query = "&".join(
            f"{name}={quote(value)}" for name, value in {"code": "c", "state": asked["state"], **fields}.items()
        )
        done = world.get(f"{path}?{query}")
        world.keep(done)
        return done

    def session_of(self, world: World, provider: str, email: str = "alice@example.com") -> None:
        """Let the browser have a session of a provider, as any pod that shares the secret would make it."""
        session = Session(created_at=world.clock.seconds(), user="u", email=email, access_token="t", provider=provider)
        codec = SessionCodec(ring=KeyRing.from_texts([SECRET]), expire=0)
        world.jar[b"_oauth2_proxy"] = codec.encode("_oauth2_proxy", session).encode()


class ChoiceTests(SeveralCase):
    """Who is asked."""

    def asked(self, begun: Message) -> str:
        """The host and port of the provider that a login goes to."""
        self.assertEqual(begun.status, 302, begun.body)
        return urlsplit(begun.values(b"location")[0].decode()).netloc

    def test_page(self) -> None:
        """The sign-in page has a button for each, which names it."""
        page = self.world().get("/page").body.decode()
        for id, name in (("one", "First"), ("two", "Second")):
            self.assertIn(f'name="provider" value="{id}"', page)
            self.assertIn(f"Sign in with {name}", page)

    def test_named(self) -> None:
        """`provider` names the one to ask; a name that nobody has is refused, and so are two of them."""
        world = self.world()
        self.assertEqual(self.asked(self.begin(world, "provider=one")), urlsplit(ADDRESS).netloc)
        self.assertEqual(self.asked(self.begin(world, "provider=two")), urlsplit(OTHER_ADDRESS).netloc)
        for query in ("provider=three", "provider=one&provider=two", "provider=%3Cscript%3E"):
            answer = self.begin(world, query)
            self.assertEqual((answer.status, answer.values(b"location")), (400, []), query)
            self.assertNotIn(b"<script", answer.body)

    def test_nothing_tells(self) -> None:
        """Where nothing tells whom to ask, the person is."""
        world = self.world(OAUTH2_PROXY_SKIP_PROVIDER_BUTTON="true")
        for target in ("/oauth2/start?rd=/page", "/page", "/oauth2/sign_in"):
            answer = world.get(target, b"Accept: text/html")
            self.assertIn(b"Sign in with Second", answer.body, target)

    def test_by_page(self) -> None:
        """A host or a path has a provider that is asked first, with or without the sign-in page."""
        second = "defaultFor: {hosts: [.two.example.com], paths: [^/git/]}"
        world = self.world(second, OAUTH2_PROXY_WHITELIST_DOMAINS=".example.com")
        for path, first in (("/git/x", True), ("https://a.two.example.com/", True), ("/page?x=/git/", False)):
            answer = self.begin(world, "", path)
            if first:
                self.assertEqual(self.asked(answer), urlsplit(OTHER_ADDRESS).netloc, path)
            else:
                self.assertEqual(answer.status, 200, path)
        world = self.world(second, OAUTH2_PROXY_SKIP_PROVIDER_BUTTON="true")
        self.assertEqual(self.asked(world.get("/git/x")), urlsplit(OTHER_ADDRESS).netloc)

    def test_address_asked_for(self) -> None:
        """The page asks for an address where that can tell the provider, and only there."""
        for second, there in (("emailDomains: [example.org]", True), ("scope: openid", False)):
            page = self.world(second).get("/page").body.decode()
            self.assertEqual('name="login_hint"' in page, there)

    def test_template_of_the_operator(self) -> None:
        """A template of oauth2-proxy's, which names nobody, leads to the page with all of them."""
        folder = self.mktemp()
        os.mkdir(folder)
        with open(f"{folder}/sign_in.html", "w") as file:
            file.write('<form action="{{.ProxyPrefix}}/start">my own page</form>')
        world = self.world(OAUTH2_PROXY_CUSTOM_TEMPLATES_DIR=folder)
        self.assertIn(b"my own page", world.get("/page").body)
        self.assertIn(b"Sign in with Second", self.begin(world, "").body)

    def test_by_address(self) -> None:
        """The domain of an address tells whom to ask, who is told the address."""
        world = self.world("emailDomains: [example.org]")
        begun = self.begin(world, "login_hint=bob%40example.org")
        self.assertEqual(self.asked(begun), urlsplit(OTHER_ADDRESS).netloc)
        self.assertEqual(parameters_of(begun)["login_hint"], "bob@example.org")
        for odd in ("bob%40example.com", "bob", "bob%0a%40example.org", "b%40example.org%40x", "%40example.org"):
            self.assertEqual(self.begin(world, f"login_hint={odd}").status, 200, odd)


class LoginTests(SeveralCase):
    """How a login goes."""

    def test_both(self) -> None:
        """Each redeems its own codes with its own credentials, and its sessions say so."""
        world = self.world()
        for id, provider, idle in (("one", world.provider, world.other), ("two", world.other, world.provider)):
            before = len(idle.asked)
            done = self.come_back(world, self.begin(world, f"provider={id}"))
            self.assertEqual((done.status, done.values(b"location")), (302, [b"/page"]), done.body)
            self.assertIn("/token", [asked.path for asked in provider.asked])
            self.assertEqual(len(idle.asked), before)
            codec = SessionCodec(ring=KeyRing.from_texts([SECRET]), expire=0)
            session = codec.decode("_oauth2_proxy", world.jar[b"_oauth2_proxy"].decode(), world.clock.seconds())
            self.assertEqual(session.provider, id)
            self.assertEqual(world.get("/page").status, 200)

    def test_callbacks(self) -> None:
        """The first keeps the usual callback, each other has one of its own; all other paths are the app's."""
        world = self.world()
        first, second = (parameters_of(self.begin(world, f"provider={id}")) for id in ("one", "two"))
        self.assertEqual(urlsplit(first["redirect_uri"]).path, "/oauth2/callback")
        self.assertEqual(urlsplit(second["redirect_uri"]).path, "/oauth2/callback/two")
        for path in ("/oauth2/callback/three", "/oauth2/callback/two/x", "/oauth2/callback/"):
            self.assertIn(b"Sign in with First", world.get(f"{path}?code=c&state=s").body, path)

    def test_mixed_up(self) -> None:
        """O6: what comes to another provider's callback, or names another issuer, is spent nowhere."""
        for id, callback in (("one", "/oauth2/callback/two"), ("two", "/oauth2/callback")):
            world = self.world()
            answer = self.come_back(world, self.begin(world, f"provider={id}"), callback=callback)
            self.assertEqual(answer.status, 403)
            self.assertNotIn("/token", [asked.path for asked in (*world.provider.asked, *world.other.asked)])
        world = self.world()
        answer = self.come_back(world, self.begin(world), iss=ADDRESS)
        self.assertEqual(answer.status, 403)
        self.assertNotIn("/token", [asked.path for asked in (*world.provider.asked, *world.other.asked)])

    def test_groups_and_addresses(self) -> None:
        """O17: what one provider says of a person counts by its own rules alone."""
        world = self.world("allowedGroups: [boss]")
        self.assertEqual(self.come_back(world, self.begin(world, "provider=one")).status, 302)
        self.assertEqual(self.come_back(world, self.begin(world, "provider=two")).status, 403)
        world = self.world("emailDomains: [example.com]")
        self.assertEqual(self.come_back(world, self.begin(world, "provider=two")).status, 302)
        self.assertEqual(self.come_back(world, self.begin(world, "provider=one")).status, 403)

    def test_addresses_of_entries_alone(self) -> None:
        """O17: where only entries say whose addresses may pass, that opens no other entry and nobody's session."""
        entries = {"first": "emailDomains: [example.org]", "second": "emailDomains: [example.com]"}
        variables = {"OAUTH2_PROXY_EMAIL_DOMAINS": "", "O2SIDECAR_ACCEPTED_PROVIDERS": "one,two,elsewhere"}
        for address, passing in (("a@example.com", "two"), ("a@example.org", "one"), ("a@evil.example", "")):
            world = self.world(**entries, **variables)
            for provider in ("one", "two", "elsewhere", ""):
                self.session_of(world, provider, address)
                self.assertEqual(world.get("/page").status == 200, provider != "" and provider == passing, provider)
        path = self.mktemp()
        with open(path, "w"):
            pass
        variables["OAUTH2_PROXY_AUTHENTICATED_EMAILS_FILE"] = path
        for wide in ("example.com", "'*'"):
            world = self.world(f"emailDomains: [{wide}]", **variables)
            for provider, status in (("two", 200), ("one", 403), ("elsewhere", 403)):
                self.session_of(world, provider)
                self.assertEqual(world.get("/page").status, status, (wide, provider))

    def test_signing_out(self) -> None:
        """The provider that signed the person in is told that they are gone, and no other."""
        world = self.world()
        self.come_back(world, self.begin(world))
        world.keep(world.get("/oauth2/sign_out"))
        self.assertIn("/bye", [asked.path for asked in world.other.asked])
        self.assertNotIn("/bye", [asked.path for asked in world.provider.asked])


class SessionTests(SeveralCase):
    """Whose sessions may pass."""

    def test_foreign(self) -> None:
        """A session of a provider that is none here is refused with the right ones offered, and is good elsewhere."""
        world = self.world()
        self.session_of(world, "three")
        answer = world.get("/page", b"Accept: text/html")
        self.assertEqual((answer.status, answer.values(b"set-cookie")), (403, []))
        self.assertIn(b"Sign in another way", answer.body)
        self.assertIn(b"You signed in as <strong>alice@example.com", answer.body)
        script = world.get("/page", b"Accept: */*", b"Sec-Fetch-Mode: cors")
        self.assertEqual((script.status, script.values(b"set-cookie")), (403, []))
        self.assertIn(b"other_provider", script.body)

    def test_untagged(self) -> None:
        """A session that does not say who began it is as good as the first one's, since oauth2-proxy has but one."""
        world = self.world("allowedGroups: [boss]")
        self.session_of(world, "")
        self.assertEqual(world.get("/page").status, 200)
        self.session_of(world, "two")
        self.assertEqual(world.get("/page").status, 403)

    def test_accepted(self) -> None:
        """An app may accept only some, those configured elsewhere among them."""
        world = self.world(O2SIDECAR_ACCEPTED_PROVIDERS="one,two,elsewhere")
        for provider, status in (("one", 200), ("elsewhere", 200), ("third", 403), ("", 403)):
            self.session_of(world, provider)
            self.assertEqual(world.get("/page").status, status, provider)
        self.session_of(world, "elsewhere", "eve@evil.example")
        self.assertEqual(world.get("/page").status, 403)

    def test_bearer_tokens(self) -> None:
        """A provider's tokens are judged by its own rules, and those of other issuers by what holds for all."""
        world = self.world("allowedGroups: [boss]", OAUTH2_PROXY_SKIP_JWT_BEARER_TOKENS="true")
        for provider, status in ((world.provider, 200), (world.other, 403)):
            token = provider.make_id_token(**provider.claims)
            self.assertEqual(world.get("/page", b"Authorization: Bearer " + token.encode()).status, status)

    def test_renewal(self) -> None:
        """A session is renewed by the provider that began it, and by nobody if that is none here."""
        world = self.world(OAUTH2_PROXY_COOKIE_REFRESH="60s")
        world.other.tokens = {"refresh_token": "RT"}
        self.come_back(world, self.begin(world))
        world.pass_time(70)
        mine, others = len(world.other.asked), len(world.provider.asked)
        answer = world.get("/page")
        world.keep(answer)
        self.assertEqual(answer.status, 200)
        self.assertGreater(len(world.other.asked), mine)
        self.assertEqual(len(world.provider.asked), others)
        self.session_of(world, "three")
        world.pass_time(70)
        answer = world.get("/page")
        self.assertEqual((answer.status, answer.values(b"set-cookie")), (403, []))


class ReadinessTests(SeveralCase):
    """Whether people can sign in."""

    def test_one_of_two(self) -> None:
        """While one provider is there, people can sign in; without any, nobody can, and all are named."""
        world = self.world()
        self.assertEqual(world.get("/ready").body, b"OK")
        lost = load(
            ["--alpha-config=a.yaml", "--provider-required-at-start=false"],
            {
                "OAUTH2_PROXY_COOKIE_SECRET": SECRET,
                "OAUTH2_PROXY_EMAIL_DOMAINS": "*",
            },
            read_file=file_reader({"a.yaml": FILE.replace("ALLOWED", "scope: openid").replace(OTHER_ADDRESS, NOWHERE)}),
        )
        half = World(lost)
        self.addCleanup(half.end)
        half.pass_time(40)
        self.assertEqual(half.get("/ready").body, b"OK")
        waiting = half.send("/oauth2/start?provider=two")
        half.pass_time(40)
        self.assertEqual(half.answer_to(waiting).status, 503)
        self.assertEqual(self.begin(half, "provider=one").status, 302)

    def test_all_silent(self) -> None:
        """When none answers any more people cannot sign in, though each was there before; one is enough again."""
        world = self.world()
        for provider in (world.provider, world.other):
            provider.instead |= {"/.well-known/openid-configuration": silent, "/token": silent}
        world.pass_time(3620)
        self.assertIn(b"Nobody can sign in just now", world.get("/ready").body)
        world.other.instead.clear()
        world.pass_time(120)
        self.assertEqual(world.get("/ready").body, b"OK")


class BadDayTests(SeveralCase):
    """What goes wrong between providers."""

    def test_listed_address_of_another(self) -> None:
        """O17: an address in the file of emails is the provider's whose domain it is of, and no other's."""
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("alice@example.com\n")
        world = self.world("emailDomains: [example.com]", OAUTH2_PROXY_AUTHENTICATED_EMAILS_FILE=path)
        for provider, status in (("one", 403), ("two", 200)):
            self.session_of(world, provider)
            self.assertEqual(world.get("/page").status, status, provider)

    def test_no_state_begins_nothing(self) -> None:
        """An answer without a state never begins a login anew: nobody could count the rounds."""
        world = self.world()
        navigating = (b"Accept: text/html", b"Sec-Fetch-Mode: navigate", b"Sec-Fetch-Dest: document")
        for query in ("error=invalid_request", "error=invalid_request&state=hash:/", "code=c&state=hash:/"):
            answer = world.get(f"/oauth2/callback?{query}", *navigating)
            self.assertEqual((answer.status, answer.values(b"location")), (403, []), query)

    def test_refused_and_again(self) -> None:
        """Whoever may not pass, or opens the sign-in page, begins another login at once: that is no circle."""
        world = self.world("allowedGroups: [boss]")
        self.come_back(world, self.begin(world, "provider=one"))
        world.keep(world.get("/oauth2/sign_in"))
        self.assertNotIn(b"_oauth2_proxy", world.jar)
        self.assertEqual(self.begin(world, "provider=two").status, 302)
        world = self.world()
        self.come_back(world, self.begin(world, "provider=one"))
        self.session_of(world, "three")
        self.assertEqual(self.begin(world, "provider=two").status, 302)

    def test_removed_provider(self) -> None:
        """A session of a provider that is gone ends with its tokens."""
        world = self.world(OAUTH2_PROXY_COOKIE_REFRESH="60s", O2SIDECAR_ACCEPTED_PROVIDERS="one,two,gone")
        self.session_of(world, "gone")
        world.pass_time(70)
        self.assertEqual(world.get("/page").status, 200)

    def test_local_users_where_providers_are_named(self) -> None:
        """A session without tokens is no local user's for that alone."""
        folder = self.mktemp()
        with open(folder, "w") as file:
            file.write("bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")
        world = self.world(OAUTH2_PROXY_HTPASSWD_FILE=folder, O2SIDECAR_ACCEPTED_PROVIDERS="one,two")
        codec = SessionCodec(ring=KeyRing.from_texts([SECRET]), expire=0)
        session = Session(created_at=world.clock.seconds(), user="eve", email="alice@example.com")
        world.jar[b"_oauth2_proxy"] = codec.encode("_oauth2_proxy", session).encode()
        self.assertEqual(world.get("/page").status, 403)
        world.jar.clear()
        basic = b"Authorization: Basic " + b64encode(b"bob:password")
        self.assertEqual(world.get("/page", basic).status, 200)

    def test_form_of_a_sibling(self) -> None:
        """Login CSRF: a page of a sibling host cannot have somebody's password form sent (O13)."""
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")
        world = self.world(OAUTH2_PROXY_HTPASSWD_FILE=path)
        form = b"username=bob&password=password"
        kind = b"Content-Type: application/x-www-form-urlencoded"
        for fields, status in (
            ((b"Sec-Fetch-Site: same-site",), 403),
            ((b"Sec-Fetch-Site: cross-site",), 403),
            ((b"Origin: http://evil.example",), 403),
            ((b"Sec-Fetch-Site: same-origin",), 302),
            ((), 302),
        ):
            answer = world.get("/oauth2/sign_in", kind, *fields, method=b"POST", body=form)
            self.assertEqual(answer.status, status, fields)

    def test_form_post_of_the_second(self) -> None:
        """The login's cookie comes back with a posted answer, whichever entry asks for one."""
        world = self.world("authRequestResponseMode: form_post", OAUTH2_PROXY_COOKIE_SECURE="true")
        [cookie] = self.begin(world).values(b"set-cookie")
        self.assertIn(b"SameSite=None", cookie)

    def test_posted_error(self) -> None:
        """An error that is posted across sites is told as text, and nobody asks for tokens; the next login works."""
        world = self.world("authRequestResponseMode: form_post", OAUTH2_PROXY_COOKIE_SECURE="true")
        asked = parameters_of(self.begin(world))
        path = urlsplit(asked["redirect_uri"]).path
        told = {"error": "access_denied", "error_description": "<b>no</b>", "state": asked["state"]}
        fields = (b"Content-Type: application/x-www-form-urlencoded", b"Accept: text/html", b"Sec-Fetch-Mode: navigate")
        form = urlencode(told).encode()
        answer = world.get(path, *fields, b"Sec-Fetch-Site: cross-site", method=b"POST", body=form)
        self.assertEqual((answer.status, answer.values(b"location")), (403, []))
        self.assertIn(b"access_denied", answer.body)
        self.assertNotIn(b"<b>no", answer.body)
        self.assertNotIn("/token", [each.path for each in world.other.asked])
        both = world.get(path, *fields, method=b"POST", body=form + b"&code=c")
        self.assertEqual(both.status, 400)
        self.assertEqual(self.come_back(world, self.begin(world)).status, 302)
