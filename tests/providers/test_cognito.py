"""Tests for `o2sidecar.providers.cognito`: groups in Cognito's claim."""

from __future__ import annotations

from o2sidecar.providers import cognito
from tests.providers.case import ProviderTestCase


class CognitoTests(ProviderTestCase):
    """Cognito over an in-memory wire."""

    module = cognito

    def test_groups(self) -> None:
        """Groups are those of Cognito's claim unless settings name another."""
        self.fake.claims |= {"cognito:groups": ["staff"], "cognito:username": "alice", "token_use": "id"}
        for claim, groups in (("groups", ("staff",)), ("cognito:groups", ("staff",)), ("cognito:username", ("alice",))):
            self.assertEqual(self.session(oidc_groups_claim=claim).groups, groups)
        self.assertEqual(self.session().groups, ("staff",))

    def test_unverified(self) -> None:
        """O18: an address that Cognito calls unverified, in whatever words, does not count."""
        for verified in (False, "false"):
            self.fake.claims["email_verified"] = verified
            self.assert_not_permitted("email_unverified")

    def test_scope(self) -> None:
        """Groups are no scope of Cognito, which refuses unknown ones."""
        provider = self.make(allowed_groups=["staff"])
        self.assertEqual(
            (provider.display_name, provider.authorization_parameters()["scope"]),
            ("Amazon Cognito", "openid email profile"),
        )
