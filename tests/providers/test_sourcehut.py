"""Tests for `o2sidecar.providers.sourcehut`: the person that GraphQL names."""

from __future__ import annotations

import json
from typing import Any

from o2sidecar.providers import sourcehut
from tests.provider_apis import Profiles
from tests.providers.case import ProfileTestCase


class SourceHutTests(ProfileTestCase):
    """SourceHut over an in-memory wire."""

    module = sourcehut

    def setUp(self) -> None:
        super().setUp()
        self.options["profile_url"] = self.at("/query")
        self.me: dict[str, Any] = {"username": "alice", "email": "alice@example.com"}
        self.graph = Profiles({"/query": {"data": {"me": self.me}}})
        self.fake.apis["/query"] = self.graph

    def test_session(self) -> None:
        """The user is the user name; the question is GraphQL."""
        session = self.session()
        self.assertEqual(
            (session.user, session.email, session.preferred_username), ("alice", "alice@example.com", "alice")
        )
        [asked] = self.graph.asked
        self.assertEqual((asked.method, asked.headers["content-type"]), ("POST", "application/json"))
        self.assertEqual(json.loads(asked.body), {"query": "{ me { username, email } }"})

    def test_errors(self) -> None:
        """An answer with errors in the place of data signs nobody in."""
        for answer in ({"data": None, "errors": [{"message": "denied"}]}, {"data": {"me": None}}, {}):
            self.graph.answers["/query"] = answer
            self.assertEqual(self.refusal().reason, "email_missing")

    def test_usual_values(self) -> None:
        """Without settings it is meta.sr.ht, and its scope."""
        options = sourcehut.Options(client_id="c")
        self.assertEqual(options.login_url, "https://meta.sr.ht/oauth2/authorize")
        self.assertEqual(options.redeem_url, "https://meta.sr.ht/oauth2/access-token")
        self.assertEqual(options.profile_url, "https://meta.sr.ht/query")
        self.assertEqual((options.scope, self.make().display_name), ("meta.sr.ht/PROFILE:RO", "SourceHut"))
