"""Tests for `o2sidecar.providers.auth0`: the slash at the end of the issuer."""

from __future__ import annotations

from o2sidecar.providers import auth0
from o2sidecar.refusals import ProviderFailed
from tests.fakes import ISSUER
from tests.providers.case import ProviderTestCase


class Auth0Tests(ProviderTestCase):
    """Auth0 over an in-memory wire."""

    module = auth0

    def test_issuer(self) -> None:
        """O1: the issuer ends in a slash, written or not, and tokens of any other are refused."""
        self.fake.discovery["issuer"] = self.fake.claims["iss"] = f"{ISSUER}/"
        for issuer in (ISSUER, f"{ISSUER}/"):
            self.assertEqual(self.session(oidc_issuer_url=issuer).email, "alice@example.com")
        self.fake.claims["iss"] = ISSUER
        self.assertIsInstance(self.refusal(), ProviderFailed)

    def test_name(self) -> None:
        """Groups are no scope of Auth0; their claim is one that settings name."""
        provider = self.make(allowed_groups=["dev"])
        self.assertEqual(
            (provider.display_name, provider.authorization_parameters()["scope"]), ("Auth0", "openid email profile")
        )
        self.fake.discovery["issuer"] = self.fake.claims["iss"] = f"{ISSUER}/"
        self.fake.claims["https://example.com/roles"] = ["boss"]
        self.assertEqual(self.session(oidc_groups_claim="https://example.com/roles").groups, ("boss",))
