"""Tests for `o2sidecar.providers.bitbucket`: addresses, workspaces and repositories."""

from __future__ import annotations

from typing import Any

from o2sidecar.providers import bitbucket
from o2sidecar.refusals import ProviderFailed
from tests.fakes import answering
from tests.provider_apis import Profiles
from tests.providers.case import ProfileTestCase

EMAILS, WORKSPACES, REPOSITORIES = "/2.0/user/emails", "/2.0/user/workspaces", "/2.0/repositories/acme"


def workspace(slug: str) -> dict[str, Any]:
    """An entry of the list of somebody's workspaces."""
    return {"type": "workspace_access", "administrator": False, "workspace": {"type": "workspace_base", "slug": slug}}


class BitbucketTests(ProfileTestCase):
    """Bitbucket over an in-memory wire."""

    module = bitbucket

    def setUp(self) -> None:
        super().setUp()
        self.options["validate_url"] = self.at(EMAILS)
        self.primary: dict[str, Any] = {
            "type": "email",
            "email": "alice@example.com",
            "is_primary": True,
            "is_confirmed": True,
        }
        self.api = Profiles(
            {
                EMAILS: {"values": [{"email": "x@y.example", "is_primary": False, "is_confirmed": True}, self.primary]},
                f"{WORKSPACES}?pagelen=100": {"values": [workspace("beta")], "next": self.at(f"{WORKSPACES}?page=2")},
                f"{WORKSPACES}?page=2": {"values": [workspace("acme")]},
                REPOSITORIES: {"values": [{"type": "repository", "full_name": "acme/app"}]},
            }
        )
        self.fake.apis["/2.0/"] = self.api

    def test_session(self) -> None:
        """Somebody is known by their primary address."""
        session = self.session()
        self.assertEqual((session.user, session.email), ("alice@example.com", "alice@example.com"))

    def test_addresses(self) -> None:
        """O18: only a primary address that is confirmed counts, and no other in its place."""
        for confirmed in (False, None, "true"):
            self.primary["is_confirmed"] = confirmed
            self.assert_not_permitted("email_unverified")
        self.primary["is_primary"] = False
        self.assertEqual(self.refusal().reason, "email_missing")

    def test_team(self) -> None:
        """A1: `bitbucket_team` lets members of the workspace pass, on whatever page, at sign-in and at refresh."""
        before = self.session(bitbucket_team="Acme")
        self.assertTrue(self.renewed(before))
        self.assert_not_permitted("bitbucket_team", bitbucket_team="acm")
        self.session(bitbucket_team="acme")
        self.api.answers[f"{WORKSPACES}?page=2"] = {"values": []}
        self.assert_ended(before)

    def test_repository(self) -> None:
        """A1: `bitbucket_repository` lets those who may write to it pass, at sign-in and at refresh."""
        before = self.session(bitbucket_repository="acme/app")
        self.assertEqual(self.api.asked[-1].query, "role=contributor&q=full_name%3D%22acme%2Fapp%22")
        self.assertTrue(self.renewed(before))
        self.assert_not_permitted("bitbucket_repository", bitbucket_repository="acme/other")
        self.session(bitbucket_repository="acme/app")
        self.api.answers[REPOSITORIES] = {"values": []}
        self.assert_ended(before)

    def test_rule_that_cannot_be_checked(self) -> None:
        """An API that does not answer as it should lets nobody pass."""
        for fault in (
            answering({}, 403),
            answering({}, 404),
            answering({}),
            answering({"values": {}}),
            answering({}, 500),
        ):
            self.fake.instead = {WORKSPACES: fault}
            self.assertIsInstance(self.refusal(bitbucket_team="acme"), ProviderFailed)

    def test_pages(self) -> None:
        """A token goes to no other place for a further page, and a list that does not end is refused."""
        for following in ("https://elsewhere.example/2.0/x", self.at("/other"), 7, self.at(f"{WORKSPACES}?page=2")):
            self.api.answers[f"{WORKSPACES}?page=2"] = {"values": [], "next": following}
            self.assertIs(type(self.refusal(bitbucket_team="acme")), ProviderFailed)

    def test_scope(self) -> None:
        """What the rules need is asked for besides."""
        for options, scope in (
            ({}, "email"),
            ({"bitbucket_team": "a"}, "email account"),
            ({"bitbucket_team": "a", "bitbucket_repository": "a/b"}, "email account repository"),
            ({"bitbucket_team": "a", "scope": "account x"}, "account x"),
        ):
            self.assertEqual(self.make(**options).authorization_parameters()["scope"], scope)

    def test_unclear_repository(self) -> None:
        """A repository has a workspace and a name."""
        for repository in ("app", "acme/", "/app", "acme/app/x"):
            self.assertRaises(ValueError, self.make, bitbucket_repository=repository)

    def test_usual_values(self) -> None:
        """Without settings it is bitbucket.org."""
        options = bitbucket.Options(client_id="c")
        self.assertEqual(options.login_url, "https://bitbucket.org/site/oauth2/authorize")
        self.assertEqual(options.redeem_url, "https://bitbucket.org/site/oauth2/access_token")
        self.assertEqual(options.validate_url, "https://api.bitbucket.org/2.0/user/emails")
        self.assertEqual(self.make().display_name, "Bitbucket")
