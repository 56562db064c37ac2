"""Tests for bearer tokens: those of the provider, and of issuers named beside it."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth.token_issuers import ExtraIssuer, extra_issuers
from o2sidecar.providers.bearer_tokens import BearerTokens
from o2sidecar.providers.extra_issuers import token_issuer
from o2sidecar.providers.oidc import Options, build
from o2sidecar.session.session import Session
from tests.fakes import (
    CLIENT_ID,
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
)

DOCUMENT = "/.well-known/openid-configuration"
USUAL_PLACE = "/.well-known/jwks.json"


def typed(typ: str, **changes: Any) -> str:
    return compact({"alg": "RS256", "typ": typ, "kid": "main"}, claims_of(**changes), signing_key())


class BearerCase(SynchronousTestCase):
    """Tokens over an in-memory wire."""

    def setUp(self) -> None:
        self.wire = Wire()
        self.fake = self.wire.provider

    def session(self, text: str) -> Session | None:
        found = self.wire.outcome(self.tokens.session(text))
        assert not isinstance(found, BaseException), found
        return found

    def user(self, text: str) -> str | None:
        found = self.session(text)
        return found.user if found else None

    tokens: BearerTokens


class OwnIssuerTests(BearerCase):
    """Tokens of the provider that people sign in with."""

    def setUp(self) -> None:
        super().setUp()
        self.tokens = self.make()

    def make(self, **options: Any) -> BearerTokens:
        given: dict[str, Any] = {"client_id": CLIENT_ID, "client_secret": "s", "oidc_issuer_url": ISSUER}
        provider = build(Options(**{**given, **options}), self.wire.surroundings)
        self.addCleanup(provider.stop)
        return BearerTokens([("", provider.token_issuer)])

    def test_session(self) -> None:
        """The token is access and id token of its session, which ends when it does; user info is not asked."""
        token = id_token()
        self.assertEqual(
            self.session(token),
            Session(
                created_at=NOW,
                began_at=NOW,
                expires_on=NOW + 3600,
                access_token=token,
                id_token=token,
                email="alice@example.com",
                user="user-1",
                groups=("dev", "ops"),
                preferred_username="alice",
            ),
        )
        self.assertEqual(self.fake.paths(), [DOCUMENT, "/jwks"])

    def test_without_email(self) -> None:
        """Whoever has no email is known by the subject, unless the provider says that it is unverified."""
        for email in (None, ""):
            found = self.session(id_token(email=email, email_verified=None))
            self.assertEqual(found.email if found else "", "user-1")
        self.assertIsNone(self.session(id_token(email=None, sub="user-1", email_verified=False)))

    def test_a_subject_is_no_address(self) -> None:
        """One that looks like an address opens nothing: a CI job's token ends in a branch's name, anybody's choice."""
        for subject in ("x@example.com", "project_path:evil/p:ref_type:branch:ref:x@example.com"):
            self.assertIsNone(self.session(id_token(email=None, email_verified=None, sub=subject)))
        self.tokens = self.make(oidc_email_claim="sub")
        found = self.session(id_token(email=None, email_verified=None, sub="x@example.com"))
        self.assertEqual(found.email if found else "", "x@example.com")

    def test_claims_that_settings_name(self) -> None:
        """Email and groups come from the claims that settings name for logins too."""
        self.tokens = self.make(oidc_email_claim="contact.mail", oidc_groups_claim="roles")
        found = self.session(id_token(contact={"mail": "a@b.example"}, roles=["r"]))
        self.assertEqual((found.email, found.groups) if found else (), ("a@b.example", ("r",)))
        found = self.session(id_token())
        self.assertEqual((found.email, found.groups) if found else (), ("user-1", ()))

    def test_refused(self) -> None:
        """A token that fails one rule opens nothing."""
        other = signing_key("other")
        for why, token in {
            "expired": id_token(exp=int(NOW)),
            "no end": id_token(exp=None),
            "signature": id_token(other),
            "audience": id_token(aud="other-api"),
            "no audience": id_token(aud=None),
            "issuer": id_token(iss="https://other.example"),
            "no issuer": id_token(iss=None),
            "unverified": id_token(email_verified=False),
            "unverified text": id_token(email_verified="false"),
            "not yet": id_token(nbf=int(NOW) + 3600),
            "issued in the future": id_token(iat=int(NOW) + 3600),
            "nobody": id_token(sub=None),
            "line break": id_token(sub="a\nb"),
            "none": compact({"alg": "none"}, claims_of(), None),
            "no signature": id_token().rpartition(".")[0] + ".",
            "a shared secret": compact({"alg": "HS256"}, claims_of(), signing_key(), "RS256"),
            "an encrypted one": "eyJ.eyJ.a.b.c",
            "too big": "eyJ" + "a" * 2_000_000 + ".eyJ.a",
            "NUL": id_token()[:-1] + "\0",
            "bound to a key": id_token(cnf={"jkt": "x"}),
        }.items():
            self.assertIsNone(self.session(token), why)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_clocks_differ(self) -> None:
        """`nbf` may lie ahead by what clocks differ."""
        self.assertEqual(self.user(id_token(nbf=int(NOW) + 120)), "user-1")

    def test_kinds(self) -> None:
        """J7: ID tokens and access tokens (RFC 9068 §2.1) count, tokens of any other kind do not."""
        for typ in ("JWT", "at+jwt", "application/at+jwt", "AT+JWT"):
            self.assertEqual(self.user(typed(typ)), "user-1", typ)
        for typ in ("logout+jwt", "dpop+jwt", "secevent+jwt", "x"):
            self.assertIsNone(self.session(typed(typ)), typ)
        event: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
        self.assertIsNone(self.session(typed("JWT", events=event)))

    def test_issued_to_another_client(self) -> None:
        """A token meant for us counts, whichever client it was issued to: that is what bearer tokens are for."""
        self.assertEqual(self.user(id_token(aud=["other", CLIENT_ID], azp="cli")), "user-1")

    def test_extra_audiences(self) -> None:
        """Audiences that are accepted at logins are accepted here."""
        self.tokens = self.make(oidc_extra_audiences=["api"])
        self.assertEqual(self.user(id_token(aud="api")), "user-1")

    def test_any_issuer(self) -> None:
        """Where issuers are not compared, the keys decide."""
        self.tokens = self.make(insecure_oidc_skip_issuer_verification=True)
        self.assertEqual(self.user(id_token(iss="https://other.example")), "user-1")

    def test_outage(self) -> None:
        """While the provider is down its tokens open nothing, at once; a storm costs a question in ten seconds."""
        gone = self.wire.cut(ConnectionRefusedError())
        for _ in range(200):
            self.assertIsNone(self.session(id_token()))
        self.assertEqual(gone.requests, 1)
        self.wire.mend()
        self.wire.clock.advance(10)
        self.assertEqual(self.user(id_token()), "user-1")

    def test_a_silent_provider(self) -> None:
        """A provider that does not answer is waited for no longer than it may take."""
        self.fake.instead["/jwks"] = silent
        waiting = self.wire.begin(self.tokens.session(id_token()))
        self.assertNoResult(waiting)
        self.wire.clock.advance(10)
        self.assertIsNone(self.successResultOf(waiting))

    def test_storm_of_key_ids(self) -> None:
        """J8: a thousand tokens with keys that nobody has cost the provider two questions a minute at most."""
        self.user(id_token())
        for number in range(1000):
            self.wire.clock.advance(0.05)
            self.assertIsNone(self.session(id_token(signing_key("other"), kid=f"k{number}")))
        self.assertLessEqual(self.fake.paths().count("/jwks"), 2)


class ExtraIssuerTests(BearerCase):
    """Tokens of issuers that `extra_jwt_issuers` names."""

    def setUp(self) -> None:
        super().setUp()
        self.tokens = self.make(f"{ISSUER}/extra=api-x")
        self.fake.instead["/extra" + DOCUMENT] = answering({"issuer": f"{ISSUER}/extra", "jwks_uri": f"{ISSUER}/keys"})
        self.fake.instead["/keys"] = answering({"keys": [public_jwk(signing_key("extra"), kid="main")]})

    def make(self, *pairs: str, **more: Any) -> BearerTokens:
        named = extra_issuers(pairs)
        return BearerTokens([("", token_issuer(each, self.wire.surroundings, **more)) for each in named])

    def token(self, issuer: str = "/extra", aud: Any = "api-x", **changes: Any) -> str:
        return id_token(signing_key("extra"), iss=ISSUER + issuer, aud=aud, **changes)

    def test_session(self) -> None:
        """A token of the issuer opens a session, though its discovery document names nothing but keys."""
        found = self.session(self.token())
        self.assertEqual((found.user, found.email) if found else (), ("user-1", "alice@example.com"))
        self.assertEqual(self.fake.paths(), ["/extra" + DOCUMENT, "/keys"])
        self.user(self.token())
        self.assertEqual(len(self.fake.paths()), 2)

    def test_refused(self) -> None:
        """Another audience, another issuer's name, another's key, an unverified email: nothing opens."""
        self.assertIsNone(self.session(self.token(aud="zzz")))
        self.assertIsNone(self.session(self.token("/other")))
        self.assertIsNone(self.session(self.token("")))
        self.assertIsNone(self.session(id_token(iss=f"{ISSUER}/extra", aud="api-x")))
        self.assertIsNone(self.session(self.token(email_verified=False)))

    def test_several_audiences(self) -> None:
        """Pairs of one issuer share its keys, and each audience counts."""
        self.tokens = self.make(f"{ISSUER}/extra=api-x", f"{ISSUER}/extra=api-y")
        self.assertEqual(self.user(self.token(aud="api-x")), "user-1")
        self.assertEqual(self.user(self.token(aud="api-y")), "user-1")
        self.assertEqual(len(self.fake.paths()), 2)

    def test_without_discovery(self) -> None:
        """An issuer without a discovery document has its keys in the usual place."""
        del self.fake.instead["/extra" + DOCUMENT]
        self.fake.instead["/extra" + USUAL_PLACE] = self.fake.instead["/keys"]
        self.assertEqual(self.user(self.token()), "user-1")
        self.assertEqual(self.fake.paths(), ["/extra" + DOCUMENT, "/extra" + USUAL_PLACE])

    def test_documents_that_do_not_count(self) -> None:
        """Another issuer's document, and keys at an address inside, are not followed."""
        for document in (
            {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"},
            {"jwks_uri": f"{ISSUER}/keys"},
            {"issuer": f"{ISSUER}/extra"},
            {"issuer": f"{ISSUER}/extra", "jwks_uri": "https://169.254.169.254/keys"},
            {"issuer": f"{ISSUER}/extra", "jwks_uri": "http://idp.example/keys"},
        ):
            self.fake.instead["/extra" + DOCUMENT] = answering(document)
            self.assertIsNone(self.session(self.token()), document)
            self.wire.clock.advance(10)
        self.assertNotIn("/keys", self.fake.paths())

    def test_many_issuers(self) -> None:
        """Of a hundred issuers only the one that a token names is asked."""
        self.tokens = self.make(*(f"{ISSUER}/i{number}=api-x" for number in range(100)), f"{ISSUER}/extra=api-x")
        self.assertEqual(self.user(self.token()), "user-1")
        self.assertIsNone(self.session(self.token("/nobody")))
        self.assertEqual(self.fake.paths(), ["/extra" + DOCUMENT, "/keys"])

    def test_one_that_is_down(self) -> None:
        """An issuer that is down does not keep another's tokens from opening, even under the same name."""
        self.fake.instead["/extra" + DOCUMENT] = answering({}, 503)
        self.fake.instead["/extra" + USUAL_PLACE] = answering({}, 503)
        self.tokens = BearerTokens(
            [
                ("", token_issuer(ExtraIssuer(issuer=f"{ISSUER}/extra", audiences=("a",)), self.wire.surroundings)),
                ("", token_issuer(ExtraIssuer(issuer=ISSUER, audiences=("b",)), self.wire.surroundings)),
            ]
        )
        self.assertIsNone(self.session(self.token()))
        self.assertEqual(self.user(id_token(aud="b")), "user-1")


class PairTests(SynchronousTestCase):
    """`ExtraIssuer.parse`."""

    def test_pairs(self) -> None:
        """The first `=` parts issuer and audience."""
        self.assertEqual(ExtraIssuer.parse("https://i=a=b"), ExtraIssuer(issuer="https://i", audiences=("a=b",)))

    def test_halves(self) -> None:
        """A pair that lacks a half is refused."""
        for text in ("https://i", "https://i=", "=a", "="):
            self.assertRaises(ValueError, ExtraIssuer.parse, text)
