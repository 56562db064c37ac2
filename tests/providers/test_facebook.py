"""Tests for `o2sidecar.providers.facebook`: the person that Graph names."""

from __future__ import annotations

from typing import Any

from o2sidecar.providers import facebook
from tests.provider_apis import Profiles
from tests.providers.case import ProfileTestCase


class FacebookTests(ProfileTestCase):
    """Facebook over an in-memory wire."""

    module = facebook

    def setUp(self) -> None:
        super().setUp()
        self.options["profile_url"] = self.at("/v2.5/me")
        self.me: dict[str, Any] = {"id": "10203", "name": "Alice", "email": "alice@example.com"}
        self.graph = Profiles({"/v2.5/me": self.me})
        self.fake.apis["/v2.5/"] = self.graph

    def test_session(self) -> None:
        """The user is Graph's id; the fields wanted are named."""
        session = self.session()
        self.assertEqual((session.user, session.email), ("10203", "alice@example.com"))
        self.assertEqual(self.graph.asked[0].query, "fields=id,name,email")

    def test_own_query(self) -> None:
        """A URL that names fields is taken as it is."""
        self.session(profile_url=self.at("/v2.5/me?fields=id,email"))
        self.assertEqual(self.graph.asked[0].query, "fields=id,email")

    def test_no_email(self) -> None:
        """O18: Graph leaves out an address that nobody confirmed; without one nobody is signed in."""
        del self.me["email"]
        self.assertEqual(self.refusal().reason, "email_missing")

    def test_usual_values(self) -> None:
        """Without settings it is Facebook's own addresses, and its scope."""
        options = facebook.Options(client_id="c")
        self.assertEqual(options.login_url, "https://www.facebook.com/v2.5/dialog/oauth")
        self.assertEqual(options.redeem_url, "https://graph.facebook.com/v2.5/oauth/access_token")
        self.assertEqual(options.profile_url, "https://graph.facebook.com/v2.5/me")
        self.assertEqual((options.scope, self.make().display_name), ("public_profile email", "Facebook"))
