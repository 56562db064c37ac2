"""Tests for `o2sidecar.oauth.id_token`: every rule of OpenID Connect Core §3.1.3.7, held and broken."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth.id_token import IdTokenRules, read_id_token
from o2sidecar.oauth.jwk_set import JwkSet
from o2sidecar.refusals import LoginFailed, ProviderFailed
from tests.fakes import CLIENT_ID, ISSUER, NOW, claims_of, compact, id_token, public_jwk, signing_key

SET = JwkSet.from_json(json.dumps({"keys": [public_jwk(signing_key(), kid="main")]}).encode())


def verify(text: str, nonce: str | None = None, **rules: Any) -> dict[str, Any]:
    made = IdTokenRules(**{"issuer": ISSUER, "client_id": CLIENT_ID, **rules})
    token = read_id_token(text)
    return made.verify(token, SET.candidates(token.kid, token.alg), NOW, nonce)


def changed(**claims: Any) -> str:
    """A well-signed token with these claims in the place of good ones; `None` takes one away."""
    return id_token(**claims)


class IdTokenTests(SynchronousTestCase):
    """`IdTokenRules.verify`."""

    def assert_refused(self, text: str, reason: str, **rules: Any) -> None:
        with self.assertRaises(ProviderFailed) as caught:
            verify(text, **rules)
        self.assertEqual(caught.exception.reason, reason, caught.exception.detail)
        self.assertIn("id_token", caught.exception.detail)
        self.assertNotIn(text or "?", caught.exception.detail)

    def test_good(self) -> None:
        """A good token gives its claims."""
        self.assertEqual(verify(id_token()), claims_of())

    def test_signature(self) -> None:
        """6: a rogue signature is refused; the detail says that it could not be verified."""
        self.assert_refused(id_token(signing_key("rogue")), "token_signature")
        with self.assertRaises(ProviderFailed) as caught:
            verify(id_token(signing_key("rogue")))
        self.assertIn("verify", caught.exception.detail)

    def test_algorithm(self) -> None:
        """7: an algorithm that settings do not name is refused."""
        self.assert_refused(id_token(), "token_algorithm", algorithms=frozenset({"ES256"}))

    def test_issuer(self) -> None:
        """J6, 2: the issuer is compared exactly."""
        for iss in (
            None,
            "",
            "https://other.example",
            f"{ISSUER}/",
            ISSUER.upper(),
            7,
            [ISSUER],
            f"{ISSUER}/{{tenantid}}",
        ):
            self.assert_refused(id_token(iss=iss), "token_issuer")

    def test_issuer_of_a_tenant(self) -> None:
        """Where the issuer has room for a tenant, the token's own must be in it, and be one."""
        tenant = "aaaaaaaa-1111-2222-3333-444444444444"
        template = "https://login.example/{tenantid}/v2.0"
        good = template.replace("{tenantid}", tenant)
        self.assertTrue(verify(changed(iss=good, tid=tenant), issuer=template))
        for iss, tid in (
            (good, None),
            (good, tenant.replace("a", "b")),
            (template, None),
            (template, "{tenantid}"),
            (None, None),
            (template.replace("{tenantid}", "x"), "x"),
            (template.replace("{tenantid}", f"{tenant}/v2.0#"), f"{tenant}/v2.0#"),
            (good, [tenant]),
        ):
            self.assert_refused(changed(iss=iss, tid=tid), "token_issuer", issuer=template)

    def test_issuer_not_checked(self) -> None:
        """The option takes any issuer, and still judges the rest."""
        self.assertEqual(verify(id_token(iss="x"), check_issuer=False)["iss"], "x")
        self.assert_refused(id_token(iss="x", aud="other"), "token_audience", check_issuer=False)

    def test_audience(self) -> None:
        """J5, 3: the client is the audience, alone or among others."""
        for aud in (CLIENT_ID, [CLIENT_ID], ["other", CLIENT_ID]):
            self.assertEqual(verify(id_token(aud=aud))["aud"], aud)
        others: tuple[object, ...] = (
            None, "", "other", [], ["other"], CLIENT_ID.upper(), [CLIENT_ID, 7], 7, {CLIENT_ID: 1}, [[CLIENT_ID]],
            f"{CLIENT_ID} x",
        )  # fmt: skip
        for other in others:
            self.assert_refused(id_token(aud=other), "token_audience")
        with self.assertRaises(ProviderFailed) as caught:
            verify(id_token(aud="other"))
        self.assertIn("audience", caught.exception.detail)

    def test_extra_audiences(self) -> None:
        """Another audience does if settings name it."""
        self.assertTrue(verify(id_token(aud="api-2"), extra_audiences=frozenset({"api-2"})))
        self.assert_refused(id_token(aud="api-3"), "token_audience", extra_audiences=frozenset({"api-2"}))

    def test_audience_claims(self) -> None:
        """The first audience claim that is present counts, and no other."""
        claims = ("azp", "aud")
        self.assertTrue(verify(id_token(azp=CLIENT_ID, aud="zzz"), audience_claims=claims))
        self.assertTrue(verify(id_token(), audience_claims=claims))
        self.assert_refused(id_token(azp="zzz"), "token_audience", audience_claims=claims)
        self.assert_refused(id_token(), "token_audience", audience_claims=("cid",))

    def test_authorized_party(self) -> None:
        """J5, 4-5: a token issued to another client is refused, whatever its audience; one that names nobody is not."""
        for aud in (CLIENT_ID, ["other", CLIENT_ID]):
            self.assertTrue(verify(id_token(aud=aud, azp=CLIENT_ID)))
            self.assertTrue(verify(id_token(aud=aud)))
            for azp in ("other", "", [CLIENT_ID], 7):
                self.assert_refused(id_token(aud=aud, azp=azp), "token_audience")
        self.assertTrue(verify(id_token(azp="api-2"), extra_audiences=frozenset({"api-2"})))
        self.assertTrue(verify(id_token(azp="other"), check_authorized_party=False))

    def test_expiry(self) -> None:
        """9: the token counts up to its `exp`, or a leeway beyond, and not without one."""
        self.assertTrue(verify(id_token(exp=NOW + 1)))
        for exp in (None, NOW, NOW - 60, 0):
            self.assert_refused(id_token(exp=exp), "token_expired")
        self.assertTrue(verify(id_token(exp=NOW - 60), expiry_leeway=61))
        self.assert_refused(id_token(exp=NOW - 60), "token_expired", expiry_leeway=60)

    def test_issue_time(self) -> None:
        """10: `iat` is required, and lies ahead no more than clocks may differ."""
        self.assertTrue(verify(id_token(iat=NOW + 300)))
        self.assertTrue(verify(id_token(iat=1)))
        for iat in (None, NOW + 301, NOW + 10**6):
            self.assert_refused(id_token(iat=iat), "token_time")
        self.assert_refused(id_token(iat=NOW + 2), "token_time", clock_skew=1.0)

    def test_not_before(self) -> None:
        """`nbf` may be missing, and lies ahead no more than clocks may differ."""
        for nbf in (NOW - 1, NOW + 120, NOW + 300):
            self.assertTrue(verify(id_token(nbf=nbf)))
        self.assert_refused(id_token(nbf=NOW + 301), "token_time")

    def test_times_that_are_none(self) -> None:
        """J9: a time is a number of seconds within what calendars know."""
        values: tuple[object, ...] = (-1, -0.5, 1e300, 10**30, 253402300800, "1900000000", True, [NOW], {})
        for name in ("exp", "iat", "nbf"):
            for value in values:
                self.assert_refused(changed(**{name: value}), "token_time")
        self.assertTrue(verify(id_token(exp=NOW + 0.5, iat=NOW - 0.5)))

    def test_subject(self) -> None:
        """§2: the subject is a text of 1 to 255 characters."""
        self.assertTrue(verify(id_token(sub="a" * 255)))
        for sub in (None, "", "a" * 256, 7, ["user-1"], True):
            self.assert_refused(id_token(sub=sub), "token_subject")

    def test_kinds(self) -> None:
        """J7: logout tokens, access tokens and others are no ID tokens, by header or by claims."""
        for typ in ("JWT", "jwt", "application/jwt", "JOSE", ""):
            self.assertTrue(verify(compact({"alg": "RS256", "typ": typ}, claims_of(), signing_key())))
        for typ in (
            "logout+jwt",
            "logout_token",
            "at+jwt",
            "application/at+jwt",
            "AT+JWT",
            "dpop+jwt",
            "secevent+jwt",
            "JWE",
        ):
            self.assert_refused(compact({"alg": "RS256", "typ": typ}, claims_of(), signing_key()), "token_type")
        event: dict[str, object] = {"http://schemas.openid.net/event/backchannel-logout": {}}
        self.assert_refused(id_token(events=event), "token_type")

    def test_malformed(self) -> None:
        """What is no signed token is refused by the same kind of refusal."""
        for text in ("", "a.b.c", "ID-minted", id_token() + "=", ".".join("abcde")):
            self.assert_refused(text, "token_malformed")

    @settings(deadline=None, max_examples=60)
    @given(
        st.dictionaries(
            st.sampled_from(["iss", "aud", "azp", "sub", "exp", "iat", "nbf", "events", "nonce"]),
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(max_size=5) | st.lists(st.text(max_size=5), max_size=2),
            min_size=1,
        )
    )  # fmt: skip
    def test_any_claims(self, changes: dict[str, Any]) -> None:
        """Whatever well-signed claims hold, the token is refused, or has what every ID token must have."""
        try:
            claims = verify(changed(**changes))
        except ProviderFailed:
            return
        self.assertEqual(claims["iss"], ISSUER)
        self.assertIn(CLIENT_ID, claims["aud"])
        self.assertLess(NOW, claims["exp"])
        self.assertIsInstance(claims["sub"], str)


class NonceTests(SynchronousTestCase):
    """11: the nonce."""

    def test_right(self) -> None:
        """The nonce that was sent must come back."""
        self.assertEqual(verify(id_token(nonce="n-1"), "n-1")["nonce"], "n-1")

    def test_not_sent(self) -> None:
        """Without one sent, none is looked at."""
        self.assertTrue(verify(id_token(nonce="n-1"), None))

    def test_wrong(self) -> None:
        """O5: a missing nonce, or another, means another login; that is not the provider's fault."""
        for nonce in (None, "", "n-2", "N-1", "n-1 ", ["n-1"], 1, "ñ"):
            with self.assertRaises(LoginFailed) as caught:
                verify(id_token(nonce=nonce), "n-1")
            self.assertEqual((caught.exception.reason, caught.exception.status), ("nonce_mismatch", 403))

    def test_empty_is_not_absent(self) -> None:
        """An empty nonce sent is compared as well."""
        with self.assertRaises(LoginFailed):
            verify(id_token(), "")


class CheckClaimsTests(SynchronousTestCase):
    """`IdTokenRules.check_claims`: all rules but signature and nonce."""

    def test_rules_hold(self) -> None:
        """Each rule still refuses."""
        rules = IdTokenRules(issuer=ISSUER, client_id=CLIENT_ID)
        rules.check_claims(claims_of(), NOW)
        for changes in ({"iss": "x"}, {"aud": "x"}, {"exp": NOW}, {"iat": None}, {"sub": None}):
            with self.assertRaises(ProviderFailed):
                rules.check_claims(claims_of(**changes), NOW)
