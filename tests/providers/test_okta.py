"""Tests for `o2sidecar.providers.okta`: OpenID Connect by its name."""

from __future__ import annotations

from o2sidecar.providers import okta
from tests.providers.case import ProviderTestCase


class OktaTests(ProviderTestCase):
    """Okta over an in-memory wire."""

    module = okta

    def test_name(self) -> None:
        """It is plain OpenID Connect under its name; groups are asked for where they matter."""
        provider = self.make()
        self.assertEqual(provider.display_name, "Okta")
        self.assertEqual(provider.authorization_parameters()["scope"], "openid email profile")
        self.assertEqual(
            self.make(allowed_groups=["dev"]).authorization_parameters()["scope"], "openid email profile groups"
        )
        self.assertEqual(self.make(provider_display_name="Staff").display_name, "Staff")

    def test_groups_of_user_info(self) -> None:
        """Groups that the thin ID token leaves out come from user info."""
        self.fake.claims["groups"] = None
        self.fake.user_info = {"sub": "user-1", "groups": ["Everyone", "dev"]}
        self.assertEqual(self.session().groups, ("Everyone", "dev"))
