"""Tests that no answer of a provider leads us elsewhere with what only it may know (security.md O12)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.providers import registry
from o2sidecar.session.session import Session
from tests.fakes import CLIENT_ID, CLIENT_SECRET, ISSUER, Wire, answering
from tests.provider_apis import Directory, GitLabProjects, service_account_json

STAFF = "staff@example.com"
OF_GITLAB: dict[str, Any] = {"gitlab_projects": ["acme/app"]}


class RedirectTests(SynchronousTestCase):
    """Every question, answered by every kind of redirect."""

    def setUp(self) -> None:
        self.wire = Wire()
        self.fake = self.wire.provider
        projects, directory = GitLabProjects(), Directory(groups={STAFF: ["alice@example.com"]})
        projects.put("acme/app", project=30)
        self.fake.apis = {
            "/api/v4/projects/": projects,
            "/service-token": directory.token,
            "/admin/directory/v1/": directory,
        }
        self.fake.user_info = {"sub": "user-1", "email": "alice@example.com", "email_verified": True, "nickname": "al"}
        key = Path(self.mktemp())
        key.write_bytes(service_account_json())
        self.of_google: dict[str, Any] = {
            "google_groups": [STAFF],
            "google_admin_email": "root@example.com",
            "google_service_account_json": str(key),
        }

    def assert_not_followed(self, path: str, kind: str = "oidc", *, refresh: bool = False, **options: Any) -> None:
        """A redirect of this path ends the question, and nobody else is asked anything."""
        named = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "oidc_issuer_url": ISSUER, **options}
        for status in (301, 302, 303, 307, 308):
            provider = registry.build(kind, named, self.wire.surroundings)
            self.fake.instead.pop(path, None)
            session: Any = None
            if refresh:
                session = self.wire.result(self.signing_in(provider))
            self.fake.instead[path] = answering(None, status, location="https://evil.example/stolen")
            asked = len(self.fake.asked)
            outcome = self.wire.outcome(provider.refresh(session) if refresh else self.signing_in(provider))
            self.assertFalse(isinstance(outcome, Session) and not refresh, (path, status))
            self.assertIn(path, self.fake.paths()[asked:])
        self.assertNotIn("/stolen", self.fake.paths())
        self.assertNotIn("evil.example", {asked.headers["host"] for asked in self.fake.asked})

    @staticmethod
    def signing_in(provider: Any) -> Any:
        return provider.sign_in(code="C", redirect_uri="https://app.example/cb", code_verifier=None, nonce=None)

    def test_discovery(self) -> None:
        """O12: the discovery document."""
        self.assert_not_followed("/.well-known/openid-configuration")

    def test_token(self) -> None:
        """O12: the token endpoint, with a code and the client's secret."""
        self.assert_not_followed("/token")

    def test_refresh(self) -> None:
        """O12: the token endpoint, with a refresh token."""
        self.assert_not_followed("/token", refresh=True)

    def test_public_client(self) -> None:
        """O12: the token endpoint, with a code alone."""
        self.assert_not_followed("/token", client_secret="")

    def test_keys(self) -> None:
        """O12: the key set."""
        self.assert_not_followed("/jwks")

    def test_user_info(self) -> None:
        """O12: user info, with an access token."""
        self.fake.claims = {"email": None}
        self.assert_not_followed("/userinfo")

    def test_gitlab_user_info(self) -> None:
        """O12: GitLab's user info."""
        self.assert_not_followed("/userinfo", "gitlab")

    def test_gitlab_api(self) -> None:
        """O12: GitLab's API, with an access token."""
        self.assert_not_followed("/api/v4/projects/acme%2Fapp", "gitlab", **OF_GITLAB)

    def test_google_directory(self) -> None:
        """O12: Google's Directory API, with a service account's token."""
        path = "/admin/directory/v1/groups/staff%40example.com/hasMember/alice%40example.com"
        self.fake.claims = {"hd": "example.com"}
        self.assert_not_followed(path, "google", **self.of_google)

    def test_service_account(self) -> None:
        """O12: the token endpoint of service accounts, with an assertion."""
        self.assert_not_followed("/service-token", "google", **self.of_google)

    def test_github_token(self) -> None:
        """O12: GitHub's token endpoint."""
        at: dict[str, Any] = {"redeem_url": f"{ISSUER}/login/oauth/access_token", "validate_url": f"{ISSUER}/api/"}
        self.assert_not_followed("/login/oauth/access_token", "github", **at)

    def test_github_api(self) -> None:
        """O12: GitHub's API, with an access token."""
        at: dict[str, Any] = {"redeem_url": f"{ISSUER}/login/oauth/access_token", "validate_url": f"{ISSUER}/api/"}
        self.assert_not_followed("/api/user", "github", **at)
