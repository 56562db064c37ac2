"""Tests for `o2sidecar.providers.login_gov`: a client that proves itself by a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from joserfc import jwt
from joserfc.jwk import RSAKey

from o2sidecar.providers import login_gov
from tests.fakes import CLIENT_ID, ISSUER, NOW
from tests.provider_apis import client_pem
from tests.providers.case import ProviderTestCase


class LoginGovTests(ProviderTestCase):
    """login.gov over an in-memory wire."""

    module = login_gov
    good: ClassVar[Mapping[str, Any]] = {"client_id": CLIENT_ID, "login_url": f"{ISSUER}/openid_connect/authorize"}

    def setUp(self) -> None:
        super().setUp()
        self.options = {"jwt_key": client_pem()}
        self.fake.discovery["issuer"] = f"{ISSUER}/"
        self.fake.claims = {"iss": f"{ISSUER}/", "email": None, "email_verified": None, "groups": None}
        self.fake.user_info = {"sub": "user-1", "email": "alice@example.com", "email_verified": True}

    def test_session(self) -> None:
        """The issuer is where people sign in; the email comes from user info."""
        self.assertEqual(self.session().email, "alice@example.com")
        self.fake.user_info["email_verified"] = False
        self.assert_not_permitted("email_unverified")

    def test_assertion(self) -> None:
        """The token endpoint gets an assertion of ours in the place of a secret, another one each time."""
        for options in ({}, {"jwt_key": "", "jwt_key_file": self.key_file()}):
            self.fake.asked.clear()
            self.session(**options)
            self.assertEqual(self.claims()["aud"], f"{ISSUER}/token")
            self.assertEqual((self.claims()["iss"], self.claims()["sub"]), (CLIENT_ID, CLIENT_ID))
            self.assertEqual(self.claims()["exp"], int(NOW) + 300)
            first = self.claims()["jti"]
            self.fake.asked.clear()
            self.session(**options)
            self.assertNotEqual(self.claims()["jti"], first)

    def claims(self) -> dict[str, Any]:
        [asked] = [asked for asked in self.fake.asked if asked.path == "/token"]
        self.assertEqual(("client_secret" in asked.form, "authorization" in asked.headers), (False, False))
        key = RSAKey.import_key(client_pem())
        found: dict[str, Any] = jwt.decode(asked.form["client_assertion"], key, algorithms=["RS256"]).claims
        return found

    def key_file(self) -> str:
        path: str = self.mktemp()
        with open(path, "w", encoding="ascii") as file:
            file.write(client_pem())
        return path

    def test_parameters(self) -> None:
        """Scope and assurance have login.gov's values unless settings name others."""
        parameters = self.make().authorization_parameters()
        self.assertEqual(
            (parameters["scope"], parameters["acr_values"]),
            ("email openid", "http://idmanagement.gov/ns/assurance/loa/1"),
        )
        self.assertEqual(self.make(acr_values="urn:x").authorization_parameters()["acr_values"], "urn:x")

    def test_issuer(self) -> None:
        """Without any address it is login.gov's own; a given issuer goes before all."""
        key = client_pem()
        self.assertEqual(login_gov.Options(client_id="c", jwt_key=key).issuer, "https://secure.login.gov/")
        self.assertEqual(login_gov.Options(client_id="c", jwt_key=key, oidc_issuer_url=ISSUER).issuer, ISSUER)

    def test_keys_of_the_provider(self) -> None:
        """`pubjwk_url` says where login.gov's own keys are."""
        self.session(pubjwk_url=f"{ISSUER}/jwks")
        self.fake.asked.clear()
        self.refusal(pubjwk_url=f"{ISSUER}/certs")
        self.assertIn("/certs", self.fake.paths())

    def test_no_key(self) -> None:
        """Without a key, or with one that is none, it does not start; a public client needs none."""
        for options in ({"jwt_key": ""}, {"jwt_key": "", "jwt_key_file": "/nowhere"}, {"jwt_key": "x"}):
            with self.assertRaises(ValueError) as caught:
                self.make(**options)
            self.assertIn("jwt_key", str(caught.exception))
        self.assertEqual(self.make(jwt_key="", token_endpoint_auth_method="none").display_name, "login.gov")
