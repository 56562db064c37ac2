"""Tests for `o2sidecar.providers.gitea`: organisations and teams as groups."""

from __future__ import annotations

from o2sidecar.providers import gitea
from tests.providers.case import ProviderTestCase


class GiteaTests(ProviderTestCase):
    """Gitea over an in-memory wire."""

    module = gitea

    def test_groups(self) -> None:
        """Organisations and teams are groups, for which the scope asks."""
        self.fake.claims["groups"] = ["acme", "acme:core"]
        self.assertEqual(self.session().groups, ("acme", "acme:core"))
        self.assertEqual(
            (self.provider.display_name, self.provider.authorization_parameters()["scope"]),
            ("Gitea", "openid email profile groups"),
        )
