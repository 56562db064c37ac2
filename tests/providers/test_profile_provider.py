"""Tests for `o2sidecar.providers.profile_provider`, by plain OAuth 2: profiles at sign-in and at refresh."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionRefusedError

from o2sidecar.oauth.claims import Person
from o2sidecar.providers import oauth2
from o2sidecar.refusals import ProviderFailed, ProviderUnavailable, Refusal
from o2sidecar.session.session import Session
from tests.fakes import CLIENT_ID, ISSUER, NOW, answering
from tests.provider_apis import Profiles
from tests.providers.case import ProfileTestCase

GOOD = {**ProfileTestCase.good, "profile_url": f"{ISSUER}/v1/me"}
ME: dict[str, Any] = {"id": 7, "email": "alice@example.com", "groups": ["dev", "ops"], "name": "Alice"}


class OAuth2TestCase(ProfileTestCase):
    """A provider that settings describe, over an in-memory wire."""

    module = oauth2
    good = GOOD

    def setUp(self) -> None:
        super().setUp()
        self.me = dict(ME)
        self.profiles = Profiles({"/v1/me": self.me})
        self.fake.apis["/v1/"] = self.profiles


class SignInTests(OAuth2TestCase):
    """`ProfileProvider.sign_in`."""

    def test_session(self) -> None:
        """The session has the tokens and whom the profile names."""
        self.assertEqual(
            self.session(),
            Session(
                created_at=NOW,
                expires_on=NOW + 3600,
                access_token="AT-1",
                refresh_token="RT-1",
                email="alice@example.com",
                user="7",
                groups=("dev", "ops"),
            ),
        )

    def test_request(self) -> None:
        """The secret goes in the form unless settings say otherwise, the access token to the profile."""
        self.session()
        asked = self.fake.asked[0]
        self.assertEqual((asked.form["client_id"], "client_secret" in asked.form), (CLIENT_ID, True))
        self.assertEqual(self.profiles.asked[0].headers["authorization"], "Bearer AT-1")
        self.session(token_endpoint_auth_method="client_secret_basic", resource="https://api/")
        [_, asked] = [asked for asked in self.fake.asked if asked.path == "/token"]
        self.assertEqual((asked.headers["authorization"][:6], asked.form["resource"]), ("Basic ", "https://api/"))

    def test_parameters(self) -> None:
        """The authorization request has what settings say, and no scope unless they name one."""
        self.assertEqual(dict(self.make().authorization_parameters()), {"approval_prompt": "force"})
        provider = self.make(scope="read", prompt="login", acr_values="x", resource="https://api/")
        self.assertEqual(
            dict(provider.authorization_parameters()),
            {"scope": "read", "prompt": "login", "acr_values": "x", "resource": "https://api/"},
        )
        self.assertEqual(self.wire.result(provider.authorization_endpoint()), f"{ISSUER}/authorize")

    def test_members(self) -> None:
        """Settings name the members that are user, email and groups, with dots into objects."""
        self.me |= {"sub": "u-1", "data": {"mail": "bob@example.com", "login": "bob", "roles": "boss"}}
        self.assertEqual(self.session().user, "u-1")
        session = self.session(
            oidc_email_claim="data.mail", oauth2_user_claim="data.login", oidc_groups_claim="data.roles"
        )
        self.assertEqual((session.email, session.user, session.groups), ("bob@example.com", "bob", ("boss",)))
        self.assertEqual(self.session(user_id_claim="data.mail").email, "bob@example.com")

    def test_unverified(self) -> None:
        """O18: an email that the profile calls unverified signs nobody in, unless settings believe all."""
        for verified in (False, "false", 0, "no"):
            self.me["email_verified"] = verified
            self.assert_not_permitted("email_unverified")
            self.assertTrue(self.session(insecure_oidc_allow_unverified_email=True))
        self.me["email_verified"] = True
        self.assertTrue(self.session())

    def test_no_email(self) -> None:
        """A profile without an email signs nobody in."""
        for email in (None, ""):
            self.me["email"] = email
            self.assertEqual(self.refusal().reason, "email_missing")

    def test_unusable(self) -> None:
        """Answers that cannot be used, and a profile that cannot be asked, sign nobody in."""
        for fault, kind in (
            (answering([]), ProviderFailed),
            (answering(b"<html>", content_type="text/html"), ProviderFailed),
            (answering({}, 401), ProviderFailed),
            (answering({}, 302, location="https://elsewhere/"), ProviderFailed),
            (answering({}, 500), ProviderUnavailable),
            (answering({**ME, "email": ["a@b"]}), ProviderFailed),
            (answering({**ME, "email": "a@b\nx"}), ProviderFailed),
            (answering({**ME, "id": {"x": 1}}), ProviderFailed),
        ):
            self.fake.instead["/v1/me"] = fault
            self.assertIs(type(self.refusal()), kind)

    def test_names_of_groups(self) -> None:
        """Names that would be read as other groups are left out."""
        self.me["groups"] = ["a,b", "c\nd", 7, None, "dev", {"x": 1}, "dev"]
        self.assertEqual(self.session().groups, ("dev",))
        self.me["groups"] = {"dev": True}
        self.assertEqual(self.session().groups, ())

    @given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists))
    def test_any_shape(self, value: Any) -> None:
        """Whatever the members are, there is a person or a refusal."""
        options = oauth2.Options(**GOOD)
        for member in ("user", "email", "verified", "groups", "preferred"):
            try:
                person = options.person(**{"user": "u", "email": "a@b", member: value})
            except Refusal:
                continue
            self.assertIsInstance(person, Person)

    def test_options(self) -> None:
        """URLs that are none are refused by their names, and the secret is not shown."""
        for option in ("login_url", "redeem_url", "profile_url"):
            with self.assertRaises(ValueError) as caught:
                self.make(**{option: "nowhere"})
            self.assertIn(option, str(caught.exception))
        shown = repr(oauth2.Options(**{**GOOD, "client_secret": "s3cret", "jwt_key": "s3cret"}))
        self.assertNotIn("s3cret", shown)

    def test_nothing_to_start(self) -> None:
        """It needs nothing before the first sign-in, and no issuer is agreed on."""
        provider = self.make()
        self.wire.result(provider.start())
        self.wire.result(provider.check_response_issuer("https://other/"))
        self.assertEqual((provider.trouble(), provider.display_name), ("", "OAuth 2"))


class RefreshTests(OAuth2TestCase):
    """`ProfileProvider.refresh`."""

    def before(self, **options: Any) -> Session:
        session = self.session(**options)
        self.wire.clock.advance(1000)
        self.fake.tokens |= {"access_token": "AT-2", "refresh_token": "RT-2"}
        self.profiles.token = "AT-2"
        return session

    def test_renewed(self) -> None:
        """New tokens are asked for, and with them who it is by now."""
        before = self.before()
        self.me |= {"groups": ["ops"], "email": "alice@new.example"}
        self.assertEqual(
            self.renewed(before),
            evolve(
                before,
                created_at=NOW + 1000,
                expires_on=NOW + 4600,
                access_token="AT-2",
                refresh_token="RT-2",
                groups=("ops",),
                email="alice@new.example",
            ),
        )

    def test_without_a_refresh_token(self) -> None:
        """The profile is asked with the token that there is; the session's end stays."""
        before = evolve(self.before(), refresh_token="", access_token="AT-2")
        self.assertEqual(self.renewed(before), evolve(before, created_at=NOW + 1000))
        self.assertEqual(len([path for path in self.fake.paths() if path == "/token"]), 1)
        self.assert_ended(evolve(before, expires_on=NOW + 1000))

    def test_taken_back(self) -> None:
        """A1: a grant, a token or a verified email that is taken back ends the session."""
        before = self.before()
        self.fake.instead["/token"] = answering({"error": "invalid_grant"}, 400)
        self.assert_ended(before)
        self.fake.instead = {"/v1/me": answering({}, 401)}
        self.assert_ended(before)
        self.fake.instead = {}
        self.me["email_verified"] = False
        self.assert_ended(before)

    def test_another_user(self) -> None:
        """A profile that has become somebody else's ends the session."""
        before = self.before()
        self.me["id"] = 8
        self.assert_ended(before)

    def test_outage(self) -> None:
        """While nobody can be asked, the session lives to the end that it had, with new tokens if there are some."""
        before = self.before()
        self.fake.instead["/v1/me"] = answering({}, 503)
        after = evolve(before, access_token="AT-2", refresh_token="RT-2")
        self.assertEqual(self.renewed(before), after)
        self.wire.cut(ConnectionRefusedError())
        self.assertIsNone(self.refreshed(before))
        self.assert_ended(evolve(before, expires_on=NOW + 1000))

    def test_token_endpoint_fails(self) -> None:
        """A token endpoint that fails leaves the old tokens to be tried, while they last."""
        before = self.before()
        self.profiles.token = "AT-1"
        for fault in (answering({}, 503), answering({"error": "temporarily_unavailable"}, 400), answering([])):
            self.fake.instead["/token"] = fault
            self.assertEqual(self.renewed(before), evolve(before, created_at=NOW + 1000))
            self.assert_ended(evolve(before, expires_on=NOW + 1000))

    def test_life(self) -> None:
        """Tokens without an end live as long as settings say."""
        self.fake.tokens["expires_in"] = None
        self.assertEqual(self.before().expires_on, NOW + 604800)
