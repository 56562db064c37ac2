"""Tests for user info that is signed, asked by a form, or refers to other sources of claims."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twisted.web.server import Request

from o2sidecar.providers import oidc
from o2sidecar.refusals import ProviderFailed
from tests.fakes import CLIENT_ID, ISSUER, NOW, answering, compact, public_jwk, signing_key, silent
from tests.providers.case import ProviderTestCase

EMAIL = "a@example.com"
SAID = {"sub": "user-1", "email": EMAIL, "groups": ["ops"], "iss": ISSUER, "aud": CLIENT_ID}


def signed(claims: Mapping[str, Any], *, key: str = "", header: Mapping[str, Any] | None = None) -> bytes:
    """A JWT of claims; a claim that is `None` is left out."""
    kept = {name: value for name, value in claims.items() if value is not None}
    return compact(header or {"alg": "RS256", "kid": "main"}, kept, signing_key(key) if key else signing_key()).encode()


class UserInfoTestCase(ProviderTestCase):
    """A provider whose ID tokens name neither email nor groups."""

    module = oidc

    def setUp(self) -> None:
        super().setUp()
        self.fake.claims.update(email=None, groups=None)

    def answers(self, body: bytes, content_type: str = "application/jwt") -> None:
        self.fake.instead["/userinfo"] = answering(body, content_type=content_type)


class SignedTests(UserInfoTestCase):
    """User info as a JWT (OpenID Connect Core 1.0 §5.3.2)."""

    def test_signed(self) -> None:
        """Signed user info is taken, with `iss`, `aud` and times or without, whatever else its type says."""
        for changes in ({}, {"iss": None, "aud": None}, {"aud": ["x", CLIENT_ID]}, {"exp": NOW + 1, "iat": NOW}):
            self.answers(signed({**SAID, **changes}), "application/jwt;charset=UTF-8")
            self.assertEqual((self.session().email, self.session().groups), (EMAIL, ("ops",)), changes)
        self.assertIn("application/jwt", self.fake.asked[-1].headers["accept"])

    def test_another_key(self) -> None:
        """Keys that are not among the known ones are fetched for it, as for an ID token."""
        body = signed(SAID, key="other", header={"alg": "RS256", "kid": "new"})
        self.answers(body)
        self.fake.jwks.append(public_jwk(signing_key("other"), kid="new"))
        self.assertEqual(self.session().email, EMAIL)

    def test_hostile(self) -> None:
        """O8, J1, J6: what is not signed by the provider, or is for somebody else, signs nobody in."""
        hostile: dict[str, bytes] = {
            "none": compact({"alg": "none"}, SAID, None).encode(),
            "a stranger's key": signed(SAID, key="rogue"),
            "another issuer": signed({**SAID, "iss": "https://other.example"}),
            "another audience": signed({**SAID, "aud": "client-2"}),
            "no audience": signed({**SAID, "aud": []}),
            "a number for one": signed({**SAID, "aud": 1}),
            "expired": signed({**SAID, "exp": NOW}),
            "not yet": signed({**SAID, "nbf": NOW + 3600}),
            "from the future": signed({**SAID, "iat": NOW + 3600}),
            "no time": signed({**SAID, "exp": "soon"}),
            "another subject": signed({**SAID, "sub": "user-2"}),
            "no subject": signed({**SAID, "sub": None}),
            "an access token": signed(SAID, header={"alg": "RS256", "typ": "at+jwt"}),
            "a logout token": signed({**SAID, "events": {}}),
            "encrypted": b"a.b.c.d.e",
            "no JWT": json.dumps(SAID).encode(),
            "no ASCII": "\u00e4.\u00e4.\u00e4".encode(),
            "nothing": b"",
        }
        for name, body in hostile.items():
            self.answers(body)
            self.assertIsInstance(self.signed_in(), ProviderFailed, name)

    def test_algorithms(self) -> None:
        """Only algorithms that settings allow count here, too."""
        self.answers(signed(SAID))
        self.fake.discovery["id_token_signing_alg_values_supported"] = None
        self.assertEqual(self.refusal(oidc_enabled_signing_algs=["ES256"]).reason, "token_algorithm")

    def test_a_jwt_that_says_it_is_json(self) -> None:
        """The content type decides how an answer is read."""
        self.answers(signed(SAID), "application/json")
        self.assertEqual(self.refusal().reason, "provider_answer")


class FormTests(UserInfoTestCase):
    """`oidc_user_info_by_form`."""

    def test_by_form(self) -> None:
        """RFC 6750 §2.2: the access token goes in a form, and nowhere else."""
        self.fake.user_info = SAID
        self.session(oidc_user_info_by_form=True)
        asked = self.fake.asked[-1]
        self.assertEqual((asked.method, asked.path, asked.query), ("POST", "/userinfo", ""))
        self.assertEqual(dict(asked.form), {"access_token": "AT-1"})
        self.assertNotIn("authorization", asked.headers)

    def test_by_field(self) -> None:
        """RFC 6750 §2.1: otherwise in the Authorization field, and nowhere else."""
        self.fake.user_info = SAID
        self.session()
        asked = self.fake.asked[-1]
        self.assertEqual((asked.method, asked.headers["authorization"]), ("GET", "Bearer AT-1"))
        self.assertEqual((asked.query, dict(asked.form)), ("", {}))


class SourcesTests(UserInfoTestCase):
    """Aggregated and distributed claims (OpenID Connect Core 1.0 §5.6.2)."""

    def refers(self, *sources: Mapping[str, Any], names: Mapping[str, Any] | None = None) -> None:
        """User info names sources, the first of them for groups."""
        self.fake.user_info = {
            "sub": "user-1",
            "email": EMAIL,
            "_claim_names": names or {"groups": "0"},
            "_claim_sources": {str(number): source for number, source in enumerate(sources)},
        }

    def test_aggregated(self) -> None:
        """What user info brings along, signed with the provider's key, counts as far as it was announced."""
        jwt = signed({"groups": ["ops"], "preferred_username": "root", "sub": "user-2"}).decode()
        self.refers({"JWT": jwt}, names={"groups": "0", "sub": "0"})
        session = self.session()
        self.assertEqual((session.user, session.groups, session.preferred_username), ("user-1", ("ops",), "alice"))

    def test_distributed(self) -> None:
        """What is to be had beside user info is asked for there, with the token that goes with it."""
        self.refers({"endpoint": f"{ISSUER}/claims", "access_token": "AT-2"})
        self.fake.instead["/claims"] = answering(signed({"groups": ["ops"]}), content_type="application/jwt")
        self.assertEqual(self.session().groups, ("ops",))
        asked = self.fake.asked[-1]
        self.assertEqual((asked.path, asked.headers["authorization"]), ("/claims", "Bearer AT-2"))

    def test_without_a_token(self) -> None:
        """A source without an access token gets none: ours is for the provider's user info alone."""
        self.refers({"endpoint": f"{ISSUER}/claims"})
        self.fake.instead["/claims"] = answering(signed({"groups": ["ops"]}), content_type="application/jwt")
        self.session()
        self.assertNotIn("authorization", self.fake.asked[-1].headers)

    def test_nobody_is_sent_elsewhere(self) -> None:
        """X9: an endpoint on another host, port or scheme is not asked, and redirects lead nowhere."""
        for endpoint in (
            "https://169.254.169.254/latest",
            "https://evil.example/claims",
            "https://idp.example:8443/claims",
            "http://idp.example/claims",
            "https://idp.example@evil.example/claims",
            "https://user@idp.example/claims",
            "https://evil.example\\@idp.example/claims",
            "https://idp.example\\.evil.example/",
            "https://[::1/claims",
            "//idp.example/claims",
            "/claims",
            "file:///etc/passwd",
            "x" * 5000,
        ):
            self.refers({"endpoint": endpoint})
            self.assertEqual(self.session().groups, (), endpoint)
            self.assertEqual(self.fake.paths()[-1], "/userinfo", endpoint)
        self.refers({"endpoint": f"{ISSUER}/claims"})
        self.fake.instead["/claims"] = answering(None, 302, location=f"{ISSUER}/elsewhere")
        self.assertEqual(self.session().groups, ())
        self.assertEqual(self.fake.paths()[-1], "/claims")

    def test_nobody_else_is_believed(self) -> None:
        """J1, J6: claims that the provider did not sign for this client are left out, and the login goes on."""
        for jwt in (
            compact({"alg": "none"}, {"groups": ["ops"]}, None),
            signed({"groups": ["ops"]}, key="rogue").decode(),
            signed({"groups": ["ops"], "iss": "https://other.example"}).decode(),
            signed({"groups": ["ops"], "aud": "client-2"}).decode(),
            signed({"groups": ["ops"], "exp": NOW - 1}).decode(),
            "\u00e4.b.c",
            "x",
        ):
            self.refers({"JWT": jwt})
            self.assertEqual((self.session().email, self.session().groups), (EMAIL, ()), jwt)

    def test_not_in_the_way_of_what_is_said(self) -> None:
        """What user info says itself, no source says otherwise."""
        self.refers({"JWT": signed({"email": "ceo@example.com"}).decode()}, names={"email": "0"})
        self.assertEqual(self.session().email, EMAIL)

    def test_malformed(self) -> None:
        """References that make no sense lead nowhere."""
        for names, sources in (
            ([], {}),
            ({"groups": 1}, {"1": {"JWT": "x"}}),
            ({"groups": ["0"]}, {"0": {"JWT": "x"}}),
            ({"groups": "0"}, []),
            ({"groups": "0"}, {"0": "x"}),
            ({"groups": "0"}, {"0": {}}),
            ({"groups": "0"}, {"0": {"JWT": 1}}),
            ({"groups": "0"}, {"0": {"JWT": "x", "endpoint": "y"}}),
            ({"groups": "0"}, {"0": {"endpoint": f"{ISSUER}/claims", "access_token": {}}}),
            ({"groups": "9"}, {"0": {"endpoint": f"{ISSUER}/claims"}}),
        ):
            self.fake.user_info = {"sub": "user-1", "email": EMAIL, "_claim_names": names, "_claim_sources": sources}
            self.assertEqual(self.session().groups, ())
            self.assertEqual(self.fake.paths()[-1], "/userinfo")

    def test_bounded(self) -> None:
        """However many sources there are, few are asked, and one that fails is passed over."""
        self.refers(
            *({"endpoint": f"{ISSUER}/claims-{number}"} for number in range(50)),
            names={f"claim-{number}": str(number) for number in range(50)},
        )
        self.session()
        asked = [path for path in self.fake.paths() if path.startswith("/claims")]
        self.assertEqual(asked, ["/claims-0", "/claims-1", "/claims-2"])

    def test_a_source_that_hangs(self) -> None:
        """A source that does not answer costs its time, and not the login."""
        self.refers({"endpoint": f"{ISSUER}/claims"})
        self.fake.instead["/claims"] = silent
        signing_in = self.wire.begin(
            self.make().sign_in(code="C", redirect_uri="https://app.example/cb", code_verifier=None, nonce=None)
        )
        self.wire.clock.advance(10)
        self.wire.settle()
        self.assertEqual(self.successResultOf(signing_in).groups, ())

    def test_answers_that_are_none(self) -> None:
        """An endpoint that fails, or answers with what is not signed, tells nothing."""
        self.refers({"endpoint": f"{ISSUER}/claims"})
        for fault in (answering({"groups": ["ops"]}), answering({}, 500), answering(b"x.y.z", 403), _binary):
            self.fake.instead["/claims"] = fault
            self.assertEqual(self.session().groups, ())


def _binary(request: Request) -> bytes:
    return bytes(range(256))
