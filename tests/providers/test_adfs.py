"""Tests for `o2sidecar.providers.adfs`: names to sign in by, and resources in the scope."""

from __future__ import annotations

from o2sidecar.providers import adfs
from tests.fakes import id_token
from tests.providers.case import ProviderTestCase


class AdfsTests(ProviderTestCase):
    """ADFS over an in-memory wire."""

    module = adfs

    def test_upn(self) -> None:
        """Who has no email is known by the user principal name; who has one is known by that."""
        self.fake.claims["upn"] = "alice@corp.example.com"
        self.assertEqual(self.session().email, "alice@example.com")
        self.fake.claims["email"] = None
        session = self.session()
        self.assertEqual(session.email, "alice@corp.example.com")
        self.assertEqual(self.renewed(session).email, "alice@corp.example.com")
        self.fake.claims["upn"] = None
        self.assertEqual(self.refusal().reason, "email_missing")

    def test_upn_of_bearer_tokens(self) -> None:
        """A token in the place of a login that names nobody by email is known by its subject, which is no address."""
        issuer = self.make().token_issuer
        session = self.wire.result(issuer.session(id_token(email=None, upn="alice@corp.example.com")))
        self.assertEqual(session.email, "user-1")

    def test_scope(self) -> None:
        """The resource is said before the first scope, once, and nowhere else."""
        for options, scope in (
            ({}, "openid email profile"),
            ({"scope": "openid allatclaims"}, "openid allatclaims"),
            ({"resource": "https://app.example"}, "https://app.example/openid email profile"),
            ({"resource": "https://app.example/", "scope": "openid"}, "https://app.example/openid"),
            ({"resource": "https://app.example", "scope": "https://app.example/openid"}, "https://app.example/openid"),
        ):
            parameters = self.make(**options).authorization_parameters()
            self.assertEqual((parameters["scope"], "resource" in parameters), (scope, False))
        self.session(resource="https://app.example")
        self.assertNotIn("resource", self.fake.asked[1].form)

    def test_skip_scope(self) -> None:
        """The scope can be left out."""
        provider = self.make(adfs_skip_scope=True)
        self.assertEqual(
            (provider.display_name, dict(provider.authorization_parameters())), ("ADFS", {"approval_prompt": "force"})
        )
