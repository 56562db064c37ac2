"""Tests for `o2sidecar.providers.oidc`: sign-in and refresh with a provider that speaks OpenID Connect."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.error import ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.providers.oidc import Options, build
from o2sidecar.providers.oidc_provider import OidcProvider
from o2sidecar.refusals import (
    GrantSpent,
    LoginFailed,
    NotPermitted,
    ProviderFailed,
    ProviderUnavailable,
    Refusal,
    SessionEnded,
)
from o2sidecar.session.session import Session
from tests.fakes import (
    CLIENT_ID,
    CLIENT_SECRET,
    ISSUER,
    NOW,
    Wire,
    answering,
    claims_of,
    compact,
    id_token,
    public_jwk,
    signing_key,
    silent,
    stalling,
)

REDIRECT_URI = "https://app.example/oauth2/callback"
DOCUMENT = "/.well-known/openid-configuration"
GOOD: dict[str, Any] = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "oidc_issuer_url": ISSUER}


class OidcTestCase(SynchronousTestCase):
    """A provider over an in-memory wire."""

    def setUp(self) -> None:
        self.wire = Wire()
        self.fake = self.wire.provider
        self.provider = self.make()

    def make(self, **options: Any) -> OidcProvider:
        provider = build(Options(**{**GOOD, **options}), self.wire.surroundings)
        self.addCleanup(provider.stop)
        return provider

    def signed_in(self, **how: Any) -> Session | BaseException:
        asked: dict[str, Any] = {"code": "C-1", "redirect_uri": REDIRECT_URI, "code_verifier": None, "nonce": None}
        return self.wire.outcome(self.provider.sign_in(**{**asked, **how}))

    def session(self, **how: Any) -> Session:
        session = self.signed_in(**how)
        assert isinstance(session, Session), session
        return session

    def refusal(self, **how: Any) -> Refusal:
        refusal = self.signed_in(**how)
        assert isinstance(refusal, Refusal), refusal
        return refusal

    def refreshed(self, session: Session) -> Session | BaseException | None:
        return self.wire.outcome(self.provider.refresh(session))


class SignInTests(OidcTestCase):
    """`OidcProvider.sign_in`."""

    def test_session(self) -> None:
        """The session holds tokens, times and the person; the nonce is the login's own business."""
        self.assertEqual(
            self.session(nonce=None),
            Session(
                created_at=NOW,
                expires_on=NOW + 3600,
                access_token="AT-1",
                id_token=id_token(),
                refresh_token="RT-1",
                email="alice@example.com",
                user="user-1",
                groups=("dev", "ops"),
                preferred_username="alice",
            ),
        )
        self.assertEqual(self.fake.paths(), [DOCUMENT, "/token", "/jwks"])

    def test_token_request(self) -> None:
        """The code goes to the token endpoint, with the callback's URI and the client's credentials by Basic."""
        self.session()
        asked = self.fake.asked[1]
        self.assertEqual(
            (asked.method, dict(asked.form)),
            ("POST", {"grant_type": "authorization_code", "code": "C-1", "redirect_uri": REDIRECT_URI}),
        )
        credentials = base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode()
        self.assertEqual(credentials, f"{CLIENT_ID}:{CLIENT_SECRET}")

    def test_code_verifier(self) -> None:
        """O4: the PKCE verifier goes with the code."""
        self.session(code_verifier="v" * 43)
        self.assertEqual(self.fake.asked[1].form["code_verifier"], "v" * 43)

    def test_client_secret_post(self) -> None:
        """A provider that knows only the form's fields gets them, and no Basic."""
        self.fake.discovery["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
        self.session()
        asked = self.fake.asked[1]
        self.assertEqual((asked.form["client_id"], asked.form["client_secret"]), (CLIENT_ID, CLIENT_SECRET))
        self.assertNotIn("authorization", asked.headers)

    def test_basic_goes_first(self) -> None:
        """A provider that knows both, or says nothing usable, gets Basic."""
        for methods in (["client_secret_post", "client_secret_basic"], ["private_key_jwt"], [], "client_secret_post"):
            self.fake.discovery["token_endpoint_auth_methods_supported"] = methods
            self.provider = self.make()
            self.session()
            asked = next(asked for asked in reversed(self.fake.asked) if asked.path == "/token")
            self.assertNotIn("client_secret", asked.form)

    def test_no_id_token(self) -> None:
        """Without an ID token nobody is signed in, and the detail says so."""
        self.fake.tokens["id_token"] = None
        self.assertIn("id_token", self.refusal().detail)

    def test_token_endpoint_refuses(self) -> None:
        """Errors of the token endpoint are told to the operator by their code; they are no outage."""
        for status, error in ((400, "invalid_grant"), (401, "invalid_client"), (500, "server_error"), (200, "odd")):
            self.fake.instead["/token"] = answering({"error": error, "error_description": "because"}, status)
            refusal = self.refusal()
            self.assertEqual((type(refusal), refusal.status), (ProviderFailed, 500))
            self.assertIn(error, refusal.detail)
            self.assertNotIn(error, refusal.sentence)

    def test_token_endpoint_is_hostile(self) -> None:
        """O12, D4: redirects, pages, endless and malformed answers of the token endpoint sign nobody in."""
        for fault in (
            answering(None, 302, location="https://evil.example/"),
            answering(None, 307, location="https://evil.example/"),
            answering(b"<html>", 200, "text/html"),
            answering(b"a" * (2 << 20)),
            answering([]),
            answering(b'{"access_token":"a","access_token":"b"}'),
            answering({"access_token": "a\r\nX: y"}),
        ):
            self.fake.instead["/token"] = fault
            self.assertIsInstance(self.refusal(), ProviderFailed)
        self.assertEqual({asked.path for asked in self.fake.asked}, {DOCUMENT, "/token"})

    def test_token_endpoint_is_slow(self) -> None:
        """A token endpoint that stalls is given up in time, as an outage."""
        for fault in (silent, stalling):
            self.fake.instead["/token"] = fault
            waiting = self.wire.begin(
                self.provider.sign_in(code="C-1", redirect_uri=REDIRECT_URI, code_verifier=None, nonce=None)
            )
            self.assertNoResult(waiting)
            self.wire.clock.advance(10)
            self.failureResultOf(waiting, ProviderUnavailable)

    def test_bad_id_tokens(self) -> None:
        """O8: every rule about ID tokens is asked; the detail names what is wrong."""
        for make, word in (
            (lambda: id_token(signing_key("rogue")), "verify"),
            (lambda: compact({"alg": "none"}, claims_of(), None), "algorithm"),
            (lambda: id_token(aud="someone-else"), "audience"),
            (lambda: id_token(iss="https://other.example"), "iss"),
            (lambda: id_token(exp=NOW - 60), "expired"),
            (lambda: id_token(sub=None), "sub"),
            (lambda: "junk", "id_token"),
        ):
            self.fake.tokens["id_token"] = make()
            refusal = self.refusal()
            self.assertEqual((type(refusal), refusal.status), (ProviderFailed, 500))
            self.assertIn(word, refusal.detail)

    def test_user_info_only_after_the_id_token(self) -> None:
        """A token that is refused is not followed by a request with the access token."""
        self.fake.tokens["id_token"] = id_token(signing_key("rogue"), email=None)
        self.refusal()
        self.assertNotIn("/userinfo", self.fake.paths())

    def test_nonce(self) -> None:
        """O5: the nonce sent must come back; another, or none, means another login."""
        self.fake.claims["nonce"] = "n-1"
        self.assertTrue(self.session(nonce="n-1"))
        for fault in ("n-2", None):
            self.fake.claims["nonce"] = fault
            refusal = self.refusal(nonce="n-1")
            self.assertEqual((type(refusal), refusal.reason), (LoginFailed, "nonce_mismatch"))

    def test_key_rotation(self) -> None:
        """A new key is believed at once when it has a new id, and within the minute when it has the old one's."""
        self.session()
        self.fake.jwks = [public_jwk(signing_key("other"), kid="new")]
        self.fake.tokens["id_token"] = id_token(signing_key("other"), kid="new")
        self.wire.clock.advance(60)
        self.assertTrue(self.session())
        self.fake.jwks = [public_jwk(signing_key(), kid="new")]
        self.fake.tokens["id_token"] = id_token(kid="new")
        self.assertIsInstance(self.refusal(), ProviderFailed)
        self.wire.clock.advance(60)
        self.assertTrue(self.session())

    def test_forged_tokens_fetch_no_keys(self) -> None:
        """J8: many bad signatures cost one fetch of keys at once, and then no more than one a minute."""
        self.session()
        self.fake.tokens["id_token"] = id_token(signing_key("rogue"))
        for fetches in (2, 3):
            for _ in range(20):
                self.refusal()
            self.assertEqual(self.fake.paths().count("/jwks"), fetches)
            self.wire.clock.advance(60)

    def test_key_without_id(self) -> None:
        """A token that names no key is tried with all that suit it, odd ones passed over."""
        odd = [{"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}, None, {"kty": "oct", "k": "AA"}]
        self.fake.jwks = [*odd, public_jwk(signing_key("other"), kid="a"), public_jwk(signing_key(), kid="b")]
        self.fake.tokens["id_token"] = compact({"alg": "RS256"}, claims_of(), signing_key())
        self.assertTrue(self.session())

    def test_advertised_algorithms(self) -> None:
        """J3: only what both settings and the provider name is believed."""
        self.fake.discovery["id_token_signing_alg_values_supported"] = ["ES256"]
        self.assertEqual(self.refusal().reason, "token_algorithm")
        self.fake.discovery["id_token_signing_alg_values_supported"] = ["RS256", "ES256"]
        self.provider = self.make(oidc_enabled_signing_algs=["ES256"])
        self.assertEqual(self.refusal().reason, "token_algorithm")
        self.provider = self.make(oidc_enabled_signing_algs=["RS256"])
        self.assertTrue(self.session())

    def test_no_expires_in(self) -> None:
        """A provider that says nothing about the tokens' life makes a session without an end of its own."""
        self.fake.tokens["expires_in"] = None
        self.assertIsNone(self.session().expires_on)

    def test_skip_issuer_verification(self) -> None:
        """The option takes any issuer, in the document and in the token."""
        self.fake.discovery["issuer"] = "https://other.example"
        self.fake.claims["iss"] = "https://other.example"
        self.assertIsInstance(self.refusal(), ProviderUnavailable)
        self.provider = self.make(insecure_oidc_skip_issuer_verification=True)
        self.assertTrue(self.session())

    def test_secrets_do_not_show(self) -> None:
        """X4: no refusal holds the code, a token or the secret."""
        faults: tuple[dict[str, Any], ...] = (
            {"id_token": None, "access_token": "s3cret-token"},
            {"id_token": "s3cret-token.a.b"},
            {"access_token": "s3cret token"},
        )
        for fault in faults:
            self.fake.tokens = fault
            self.assertNotIn("s3cret", repr(self.refusal(code="s3cret-code", code_verifier="s3cret-verifier")))
        self.assertNotIn("s3cret", repr(Options(**{**GOOD, "client_secret": "s3cret"})))


class UserInfoTests(OidcTestCase):
    """Claims that the ID token leaves out."""

    def setUp(self) -> None:
        super().setUp()
        self.fake.claims["email"] = None

    def test_fetched(self) -> None:
        """A missing email is asked for with the access token."""
        self.fake.user_info = {"sub": "user-1", "email": "from@example.com", "email_verified": True}
        self.assertEqual(self.session().email, "from@example.com")
        self.assertEqual(self.fake.asked[-1].headers["authorization"], "Bearer AT-1")

    def test_not_needed(self) -> None:
        """An ID token with everything is not followed by a request."""
        self.fake.claims["email"] = "a@example.com"
        self.session()
        self.assertNotIn("/userinfo", self.fake.paths())

    def test_skipped(self) -> None:
        """The option asks nothing, and without an email nobody is signed in."""
        self.fake.user_info = {"email": "from@example.com"}
        self.provider = self.make(skip_claims_from_profile_url=True)
        self.assertIn("email", self.refusal().detail)
        self.assertNotIn("/userinfo", self.fake.paths())

    def test_no_endpoint(self) -> None:
        """A provider without the endpoint is not asked."""
        self.fake.discovery["userinfo_endpoint"] = None
        self.assertEqual(self.refusal().reason, "email_missing")

    def test_no_email_anywhere(self) -> None:
        """Nobody is signed in without an email; the detail says that it is missing."""
        refusal = self.refusal()
        self.assertEqual((refusal.reason, refusal.status), ("email_missing", 500))
        self.assertIn("email", refusal.detail)

    def test_other_subject(self) -> None:
        """O8: user info of somebody else is refused; without a subject it is taken."""
        for subject in ("user-2", "", 1, None):
            self.fake.user_info = {"sub": subject, "email": "b@example.com"}
            self.assertEqual(self.refusal().reason, "user_info_subject")
        self.fake.user_info = {"email": "b@example.com"}
        self.assertEqual(self.session().email, "b@example.com")

    def test_unverified(self) -> None:
        """O17: an email that user info calls unverified is refused, unless the option allows it."""
        self.fake.user_info = {"sub": "user-1", "email": "b@example.com", "email_verified": False}
        refusal = self.refusal()
        self.assertEqual((type(refusal), refusal.status), (NotPermitted, 403))
        self.provider = self.make(insecure_oidc_allow_unverified_email=True)
        self.assertEqual(self.session().email, "b@example.com")

    def test_fails_with_the_email(self) -> None:
        """When the email depends on it, a failing endpoint ends the login."""
        for fault, kind in (
            (answering({}, 500), ProviderUnavailable),
            (answering({}, 401), ProviderFailed),
            (answering([]), ProviderFailed),
            (answering(None, 302, location="https://evil.example/"), ProviderFailed),
        ):
            self.fake.instead["/userinfo"] = fault
            self.assertIs(type(self.refusal()), kind)

    def test_fails_without_need(self) -> None:
        """When only groups depend on it, people come in without them."""
        self.fake.claims.update(email="a@example.com", groups=None)
        self.fake.instead["/userinfo"] = answering({}, 500)
        self.assertEqual(self.session().groups, ())
        self.fake.instead.clear()
        self.fake.user_info = {"sub": "user-2", "groups": ["admins"]}
        self.assertEqual(self.refusal().reason, "user_info_subject")


class RefreshTests(OidcTestCase):
    """`OidcProvider.refresh`."""

    def setUp(self) -> None:
        super().setUp()
        self.before = self.session()
        self.wire.clock.advance(1000)
        self.fake.asked.clear()

    def test_renewed(self) -> None:
        """Tokens, times and the person are those of the new answer; the nonce stays."""
        self.fake.tokens = {"access_token": "AT-2", "refresh_token": "RT-2"}
        self.fake.claims = {"email": "new@example.com", "groups": ["dev"], "iat": NOW + 1000}
        before = evolve(self.before, nonce=b"n")
        self.assertEqual(
            self.refreshed(before),
            evolve(
                before,
                created_at=NOW + 1000,
                expires_on=NOW + 4600,
                access_token="AT-2",
                refresh_token="RT-2",
                id_token=id_token(email="new@example.com", groups=["dev"], iat=NOW + 1000),
                email="new@example.com",
                groups=("dev",),
            ),
        )
        self.assertEqual(dict(self.fake.asked[0].form), {"grant_type": "refresh_token", "refresh_token": "RT-1"})

    def test_no_new_refresh_token(self) -> None:
        """The old refresh token is kept where no new one came."""
        self.fake.tokens = {"refresh_token": None}
        renewed = self.refreshed(self.before)
        assert isinstance(renewed, Session)
        self.assertEqual(renewed.refresh_token, "RT-1")

    def test_no_new_id_token(self) -> None:
        """Without a new ID token the old one and the person stay."""
        self.fake.tokens = {"id_token": None, "access_token": "AT-2"}
        self.assertEqual(
            self.refreshed(self.before),
            evolve(self.before, created_at=NOW + 1000, expires_on=NOW + 4600, access_token="AT-2"),
        )

    def test_no_email_any_more(self) -> None:
        """Refreshed tokens may leave the email out: it stays. Groups that are left out are gone (A4)."""
        self.fake.claims = {"email": None, "groups": None}
        renewed = self.refreshed(self.before)
        assert isinstance(renewed, Session)
        self.assertEqual((renewed.email, renewed.groups), ("alice@example.com", ()))

    def test_taken_back(self) -> None:
        """`invalid_grant` and `invalid_client` end the session, however good its tokens still are."""
        for error, status, spent in (("invalid_grant", 400, True), ("invalid_client", 401, False)):
            self.fake.instead["/token"] = answering({"error": error}, status)
            ended = self.refreshed(self.before)
            self.assertIsInstance(ended, SessionEnded)
            self.assertEqual(isinstance(ended, GrantSpent), spent, "whether somebody else may have renewed it")

    FAULTS = (
        answering({"error": "temporarily_unavailable"}, 503),
        answering({"error": "server_error"}, 500),
        answering(b"", 502),
        answering(b"<html>", 200, "text/html"),
        answering(None, 302, location="https://evil.example/"),
        answering({"access_token": ""}),
    )

    def test_failing_while_valid(self) -> None:
        """Any other failure leaves a session alone whose tokens are still good."""
        for fault in self.FAULTS:
            self.fake.instead["/token"] = fault
            self.assertIsNone(self.refreshed(self.before))

    def test_failing_after_the_id_token_expired(self) -> None:
        """The same failures end a session whose ID token has expired."""
        for fault in self.FAULTS:
            self.fake.instead["/token"] = fault
            self.assertIsInstance(self.refreshed(evolve(self.before, id_token=id_token(exp=NOW + 1000))), SessionEnded)

    def test_failing_after_the_end(self) -> None:
        """And one whose own end has come; one without an end goes by its ID token alone."""
        self.fake.instead["/token"] = answering({}, 500)
        self.assertIsInstance(self.refreshed(evolve(self.before, expires_on=NOW + 1000)), SessionEnded)
        self.assertIsNone(self.refreshed(evolve(self.before, expires_on=NOW + 1000.1)))
        self.assertIsNone(self.refreshed(evolve(self.before, expires_on=None)))

    def test_outage(self) -> None:
        """While the provider is away altogether, good sessions go on, even in a process that never saw its keys."""
        self.wire.cut(ConnectionRefusedError())
        self.assertIsNone(self.refreshed(self.before))
        self.provider = self.make()
        self.assertIsNone(self.refreshed(self.before))
        for fault in (id_token(exp=NOW), id_token(iss="https://other.example"), id_token(aud="other"), "junk", ""):
            self.assertIsInstance(self.refreshed(evolve(self.before, id_token=fault)), SessionEnded)

    def test_no_refresh_token(self) -> None:
        """Without a refresh token the ID token decides, and the token endpoint is left alone."""
        before = evolve(self.before, refresh_token="")
        self.assertIsNone(self.refreshed(before))
        for fault in (id_token(exp=NOW + 1000), id_token(signing_key("rogue")), "ID-minted", ""):
            self.assertIsInstance(self.refreshed(evolve(before, id_token=fault)), SessionEnded)
        self.assertNotIn("/token", self.fake.paths())

    def test_other_person(self) -> None:
        """O16: a refresh that gives another subject or issuer ends the session at once."""
        for change in ({"sub": "user-2"}, {"sub": None}, {"iss": "https://other.example"}):
            self.fake.claims = change
            ended = self.refreshed(self.before)
            assert isinstance(ended, SessionEnded)
            self.assertEqual(ended.reason, "identity_changed")

    def test_other_person_than_the_user(self) -> None:
        """O16: where the old ID token cannot be read, the session's user is who it must be."""
        before = evolve(self.before, id_token="ID-minted")
        self.assertIsInstance(self.refreshed(before), Session)
        self.fake.claims = {"sub": "user-2"}
        self.assertIsInstance(self.refreshed(before), SessionEnded)
        self.assertIsInstance(self.refreshed(evolve(before, user="")), Session)

    def test_the_same_person_by_the_user(self) -> None:
        """A session that another program wrote may name the same person by its user alone (golden session)."""
        before = evolve(self.before, id_token=id_token(sub="somebody-else"), user="user-1")
        self.assertIsInstance(self.refreshed(before), Session)
        self.assertIsInstance(self.refreshed(evolve(before, user="user-3")), SessionEnded)

    def kept(self) -> Session:
        """The person as before with the tokens that were granted, since the old refresh token may be spent."""
        return evolve(self.before, access_token="AT-2", refresh_token="RT-2")

    def test_refused_identity(self) -> None:
        """A refreshed token that would not do at sign-in is a failure: the old ID token decides."""
        for change in ({"aud": "other"}, {"exp": NOW}, {"email": "a\nb"}):
            self.fake.claims = change
            self.fake.tokens = {"access_token": "AT-2", "refresh_token": "RT-2"}
            self.assertEqual(self.refreshed(self.before), self.kept())
        self.fake.claims = {"email_verified": False}
        self.assertIsNone(self.refreshed(self.before), "golden refresh-unverified-email")
        self.assertIsInstance(self.refreshed(evolve(self.before, id_token="ID-minted")), SessionEnded)

    def test_forged(self) -> None:
        """A refreshed token with a bad signature changes nothing."""
        forged = id_token(signing_key("rogue"), email="evil@example.com")
        self.fake.tokens = {"id_token": forged, "access_token": "AT-2", "refresh_token": "RT-2"}
        self.assertEqual(self.refreshed(self.before), self.kept())

    def test_user_info_is_away(self) -> None:
        """Groups that only user info tells stay while it cannot be asked, also past the end of the old tokens."""
        self.fake.claims = {"groups": None}
        self.fake.instead["/userinfo"] = answering({}, 503)
        renewed = self.refreshed(evolve(self.before, expires_on=NOW + 1000))
        assert isinstance(renewed, Session)
        self.assertEqual((renewed.groups, renewed.expires_on), (("dev", "ops"), NOW + 4600))
        self.assertEqual(renewed.created_at, NOW, "it is to be asked about again soon")
        self.fake.instead["/userinfo"] = answering({}, 403)
        renewed = self.refreshed(self.before)
        assert isinstance(renewed, Session)
        self.assertEqual(renewed.groups, ())

    def test_keys_are_away(self) -> None:
        """Without keys for the new ID token, who was vouched for just now goes on as before, past the old end."""
        self.provider = self.make()
        self.fake.instead["/jwks"] = answering({}, 503)
        self.fake.claims = {"email": "new@example.com"}
        self.fake.tokens = {"access_token": "AT-2", "refresh_token": "RT-2"}
        before = evolve(self.before, expires_on=NOW + 1000)
        self.assertEqual(self.refreshed(before), evolve(self.kept(), expires_on=NOW + 4600))
        self.fake.claims = {"sub": "user-2"}
        self.assertIsInstance(self.refreshed(before), SessionEnded)
        del self.fake.instead["/jwks"]
        self.fake.claims = {"email": "new@example.com"}
        renewed = self.refreshed(before)
        assert isinstance(renewed, Session)
        self.assertEqual((renewed.email, renewed.created_at), ("new@example.com", NOW + 1000))


class AvailabilityTests(OidcTestCase):
    """The provider being down, slow or lying at the start."""

    def test_trouble(self) -> None:
        """While discovery fails, `trouble` says why and sign-ins are told to wait; afterwards they work."""
        self.wire.cut(ConnectionRefusedError())
        self.assertIsNone(self.wire.result(self.provider.start()))
        self.assertIn(ISSUER, self.provider.trouble())
        self.assertIsInstance(self.wire.outcome(self.provider.authorization_endpoint()), ProviderUnavailable)
        refusal = self.refusal()
        self.assertEqual((type(refusal), refusal.status), (ProviderUnavailable, 503))
        self.wire.mend()
        self.wire.clock.advance(60)
        self.wire.settle()
        self.assertEqual(self.provider.trouble(), "")
        self.assertTrue(self.session())

    def test_keys_not_to_be_had(self) -> None:
        """A provider whose keys cannot be fetched signs nobody in, and is found working again without a wait."""
        self.fake.instead["/jwks"] = answering({}, 500)
        self.assertIsInstance(self.refusal(), ProviderUnavailable)
        self.fake.instead.clear()
        self.assertTrue(self.session())

    def test_stop(self) -> None:
        """After `stop` nothing is left on the clock."""
        self.wire.result(self.provider.start())
        self.provider.stop()
        self.assertEqual(self.wire.clock.getDelayedCalls(), [])


class AuthorizationTests(OidcTestCase):
    """Where the browser is sent, and with what."""

    def test_endpoint(self) -> None:
        """The endpoint is the document's, or what settings say, with its own query."""
        self.assertEqual(self.wire.result(self.provider.authorization_endpoint()), f"{ISSUER}/authorize")
        provider = self.make(login_url="https://login.example/a?tenant=7")
        self.assertEqual(self.wire.result(provider.authorization_endpoint()), "https://login.example/a?tenant=7")

    def test_parameters(self) -> None:
        """Scope and the old prompt by default; each option has its parameter."""
        scope = "openid email profile"
        for options, parameters in (
            ({}, {"scope": scope, "approval_prompt": "force"}),
            ({"allowed_groups": ["dev"]}, {"scope": f"{scope} groups", "approval_prompt": "force"}),
            ({"scope": "openid x", "allowed_groups": ["dev"]}, {"scope": "openid x", "approval_prompt": "force"}),
            ({"prompt": "login"}, {"scope": scope, "prompt": "login"}),
            ({"approval_prompt": "auto"}, {"scope": scope, "approval_prompt": "auto"}),
            ({"approval_prompt": ""}, {"scope": scope}),
            ({"acr_values": "a b", "prompt": "none"}, {"scope": scope, "prompt": "none", "acr_values": "a b"}),
            (
                {"auth_request_response_mode": "form_post", "approval_prompt": ""},
                {"scope": scope, "response_mode": "form_post"},
            ),
        ):
            self.assertEqual(self.make(**options).authorization_parameters(), parameters)

    def check(self, issuer: str | None) -> BaseException | None:
        return self.wire.outcome(self.provider.check_response_issuer(issuer))

    def test_response_issuer(self) -> None:
        """O6: a response that names another issuer is of another provider; one that names none is as before."""
        self.assertIsNone(self.check(ISSUER))
        self.assertIsNone(self.check(None))
        for issuer in ("https://evil.example", "", f"{ISSUER}/"):
            refusal = self.check(issuer)
            assert isinstance(refusal, LoginFailed)
            self.assertEqual(refusal.reason, "issuer_mismatch")

    def test_response_issuer_promised(self) -> None:
        """O6: where the provider promises to name itself, a response that does not is refused."""
        self.fake.discovery["authorization_response_iss_parameter_supported"] = True
        self.assertIsInstance(self.check(None), LoginFailed)
        self.assertIsNone(self.check(ISSUER))

    def test_response_issuer_not_checked(self) -> None:
        """The option that takes any issuer takes any here."""
        self.provider = self.make(insecure_oidc_skip_issuer_verification=True)
        self.assertIsNone(self.check("https://other.example"))


class OptionsTests(OidcTestCase):
    """`Options` and `build`."""

    def test_display_name(self) -> None:
        """The sign-in page has a name to show."""
        self.assertEqual(self.provider.display_name, "OpenID Connect")
        self.assertEqual(self.make(provider_display_name="Staff").display_name, "Staff")

    def test_without_discovery(self) -> None:
        """With all addresses given nothing is discovered."""
        self.provider = self.make(
            skip_oidc_discovery=True,
            login_url=f"{ISSUER}/authorize?tenant=7",
            redeem_url=f"{ISSUER}/token",
            oidc_jwks_url=f"{ISSUER}/jwks",
        )
        self.wire.result(self.provider.start())
        self.assertTrue(self.session())
        self.assertEqual(self.fake.paths(), ["/token", "/jwks"])
        self.assertEqual(self.provider.trouble(), "")

    def test_without_discovery_incomplete(self) -> None:
        """What is missing is named, all of it."""
        with self.assertRaises(ValueError) as caught:
            self.make(skip_oidc_discovery=True, login_url=f"{ISSUER}/authorize")
        self.assertEqual(str(caught.exception), "skip_oidc_discovery needs redeem_url, oidc_jwks_url as well")

    def test_public_key_files(self) -> None:
        """Keys from files take the place of a key set."""
        file = Path(self.mktemp())
        file.write_bytes(signing_key().as_pem(private=False))  # type: ignore[union-attr]
        self.provider = self.make(
            skip_oidc_discovery=True,
            login_url=f"{ISSUER}/authorize",
            redeem_url=f"{ISSUER}/token",
            oidc_public_key_files=[str(file)],
        )
        self.assertTrue(self.session())
        self.assertEqual(self.fake.paths(), ["/token"])
        self.fake.tokens["id_token"] = id_token(signing_key("rogue"))
        self.assertEqual(self.refusal().reason, "token_signature")

    def test_public_key_files_that_are_none(self) -> None:
        """A file that is missing or holds no public key is refused."""
        file = Path(self.mktemp())
        with self.assertRaises(ValueError) as caught:
            self.make(oidc_public_key_files=[str(file)])
        self.assertIn(str(file), str(caught.exception))
        file.write_bytes(b"junk")
        with self.assertRaises(ValueError):
            self.make(oidc_public_key_files=[str(file)])

    def test_refused(self) -> None:
        """Settings that cannot work are refused by the option's name."""
        for option, value in (
            ("oidc_issuer_url", ""),
            ("oidc_issuer_url", "idp.example"),
            ("login_url", "/authorize"),
            ("redeem_url", "ftp://x"),
            ("profile_url", "x"),
            ("oidc_jwks_url", "https://me:pw@x"),
        ):
            with self.assertRaises(ValueError) as caught:
                self.make(**{option: value})
            self.assertIn(option, str(caught.exception))
        with self.assertRaises(ValueError):
            self.make(oidc_enabled_signing_algs=["HS256"])

    def test_email_claims(self) -> None:
        """Either option names the claim of the email; the newer one goes first."""
        self.fake.claims = {"upn": "u@example.com", "name": "n", "email_verified": False}
        for options, email in (
            ({"oidc_email_claim": "upn"}, "u@example.com"),
            ({"user_id_claim": "name"}, "n"),
            ({"oidc_email_claim": "upn", "user_id_claim": "name"}, "u@example.com"),
        ):
            self.provider = self.make(**options)
            self.assertEqual(self.session().email, email)

    def test_claims(self) -> None:
        """Groups and additional claims are where settings say."""
        self.fake.claims = {"realm": {"roles": ["r"]}, "dept": "R&D"}
        self.provider = self.make(oidc_groups_claim="realm.roles", additional_claims=["dept"])
        session = self.session()
        self.assertEqual((session.groups, session.additional_claims), (("r",), {"dept": "R&D"}))

    def test_audiences(self) -> None:
        """Extra audiences and other audience claims reach the rules."""
        self.fake.claims = {"aud": "api-2"}
        self.assertIsInstance(self.refusal(), ProviderFailed)
        self.provider = self.make(oidc_extra_audiences=["api-2"])
        self.assertTrue(self.session())
        self.fake.claims = {"aud": "zzz", "azp": CLIENT_ID}
        self.provider = self.make(oidc_audience_claims=["azp", "aud"])
        self.assertTrue(self.session())

    def test_clock_skew(self) -> None:
        """How far clocks may differ is a setting."""
        self.fake.claims = {"nbf": NOW + 200}
        self.assertTrue(self.session())
        self.provider = self.make(clock_skew=100.0)
        self.assertIsInstance(self.refusal(), ProviderFailed)
