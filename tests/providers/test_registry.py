"""Tests for `o2sidecar.providers.registry`: providers by name, ours and others'."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.providers.github import GitHubProvider
from o2sidecar.providers.oidc_provider import OidcProvider
from o2sidecar.providers.provider import Provider
from o2sidecar.providers.registry import KnownProviders, UnknownProvider, build
from o2sidecar.settings.table import BY_KEY
from tests.fakes import CLIENT_ID, ISSUER, Wire

OPTIONS: dict[str, object] = {
    "client_id": CLIENT_ID,
    "client_secret": "s",
    "oidc_issuer_url": ISSUER,
    "upstreams": ["x"],
}

COMMON = "https://login.microsoftonline.com/common/v2.0"

OTHER = """
import attrs

@attrs.frozen(kw_only=True)
class Options:
    client_id: str
    colour: str = "blue"

@attrs.frozen
class Other:
    display_name: str

def build(options, surroundings):
    return Other(f"{options.client_id} in {options.colour}")
"""


class RegistryTests(SynchronousTestCase):
    """`build` and `KnownProviders`."""

    def setUp(self) -> None:
        self.surroundings = Wire().surroundings

    def make(self, name: str, **options: Any) -> Provider:
        made: Provider = build(name, {**OPTIONS, **options}, self.surroundings)
        self.addCleanup(made.stop)
        return made

    def test_only_the_named_one_is_loaded(self) -> None:
        """Whether there is a provider of a name is found out without loading the others, which cost memory."""
        program = (
            "import sys; from o2sidecar.providers.registry import KnownProviders; "
            "assert 'github' in KnownProviders() and 'no-such' not in KnownProviders(); "
            "sys.exit('o2sidecar.providers.google' in sys.modules)"
        )
        asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        self.assertEqual((asked.returncode, asked.stderr), (0, ""))

    def test_ours(self) -> None:
        """The providers of this folder are known by their modules' names, and get the options that they declare."""
        self.assertIsInstance(self.make("oidc"), OidcProvider)
        self.assertIsInstance(self.make("github"), GitHubProvider)
        self.assertEqual(self.make("oidc", provider_display_name="Staff").display_name, "Staff")
        for name, shown in (
            ("azure", "Azure"),
            ("entra-id", "Microsoft Entra ID"),
            ("gitlab", "GitLab"),
            ("google", "Google"),
            ("keycloak-oidc", "Keycloak OIDC"),
        ):
            self.assertEqual(self.make(name).display_name, shown)

    def test_known(self) -> None:
        """Modules that only help are no providers."""
        self.assertEqual(
            " ".join(KnownProviders()),
            "adfs auth0 azure bitbucket cidaas cognito digitalocean entra-id facebook gitea github gitlab google"
            " keycloak keycloak-oidc linkedin login.gov nextcloud oauth2 oidc okta sourcehut",
        )

    def test_unknown(self) -> None:
        """Any other name is refused, with those that there are."""
        for name in (
            "",
            "OIDC",
            "nobody",
            "discovery",
            "registry",
            "provider",
            "key_set",
            "../oidc",
            "oidc.build",
            "github_api",
            "login-gov",
            "login_gov",
            "profile-options",
            "entra.id",
        ):
            with self.assertRaises(UnknownProvider) as caught:
                self.make(name)
            self.assertIn("oauth2, oidc", str(caught.exception))

    def test_missing_options(self) -> None:
        """Options that a provider cannot do without are named, all of them, when absent or empty."""
        for options in ({}, {"client_id": "", "oidc_issuer_url": ""}, {"client_id": None}):
            with self.assertRaises(ValueError) as caught:
                build("oidc", options, self.surroundings)
            self.assertEqual(str(caught.exception), "the provider oidc needs client_id, oidc_issuer_url")

    def test_own_rules(self) -> None:
        """A provider's module says what its options have to be, all of it, even where none can be made of them."""
        for name, wrong, keys in (
            ("github", {"github_team": "core"}, ["github_team"]),
            ("google", {"google_groups": ["g"]}, ["google_admin_email", "google_service_account_json"]),
            (
                "entra-id",
                {"entra_id_allowed_tenants": ["ours", "theirs"], "entra_id_federated_token_auth": True},
                ["entra_id_allowed_tenants", "entra_id_allowed_tenants", "entra_id_federated_token_file"],
            ),
            ("azure", {"azure_tenant": "a/b", "oidc_issuer_url": ""}, ["azure_tenant"]),
            ("gitlab", {"gitlab_projects": ["a/b", "a=b", "c=d"]}, ["gitlab_projects", "gitlab_projects"]),
            ("bitbucket", {"bitbucket_repository": "a"}, ["bitbucket_repository"]),
        ):
            kind = KnownProviders().kind(name)
            good = {key: BY_KEY[key].default for key in kind.keys} | {"oidc_issuer_url": COMMON}
            self.assertEqual(list(kind.problems(good)), [], name)
            self.assertEqual([problem.names for problem in kind.problems(good | wrong)], [(key,) for key in keys], name)

    def test_entry_point(self) -> None:
        """A package of somebody else adds a provider, and nothing here is edited for it."""
        folder = Path(self.mktemp())
        info = folder / "other_provider-1.dist-info"
        info.mkdir(parents=True)
        (folder / "other_provider.py").write_text(OTHER)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-provider\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[o2sidecar.providers]\nother-one = other_provider\n")
        self.patch(sys, "path", [str(folder.resolve()), *sys.path])
        self.addCleanup(sys.modules.pop, "other_provider", None)
        self.assertIn("other-one", KnownProviders())
        self.assertIn("other-one", list(KnownProviders()))
        made = build("other-one", {**OPTIONS, "colour": "red"}, self.surroundings)
        self.assertEqual(made.display_name, f"{CLIENT_ID} in red")
