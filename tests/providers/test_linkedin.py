"""Tests for `o2sidecar.providers.linkedin`: the primary address, or user info."""

from __future__ import annotations

from typing import Any

from o2sidecar.providers import linkedin
from tests.provider_apis import Profiles
from tests.providers.case import ProfileTestCase

OPENID = "openid profile email"


class LinkedInTests(ProfileTestCase):
    """LinkedIn over an in-memory wire."""

    module = linkedin

    def setUp(self) -> None:
        super().setUp()
        self.options["profile_url"] = self.at("/v2/emailAddress")
        self.element: dict[str, Any] = {
            "handle": "urn:li:emailAddress:1",
            "handle~": {"emailAddress": "alice@example.com"},
        }
        self.user_info: dict[str, Any] = {
            "sub": "782bbtaQ",
            "name": "Alice",
            "locale": {"country": "US", "language": "en"},
            "email": "alice@example.com",
            "email_verified": True,
        }
        self.api = Profiles({"/v2/emailAddress": {"elements": [self.element]}, "/v2/userinfo": self.user_info})
        self.fake.apis["/v2/"] = self.api

    def test_session(self) -> None:
        """Of an older app's people only the address is known."""
        session = self.session()
        self.assertEqual((session.user, session.email), ("alice@example.com", "alice@example.com"))
        self.assertEqual(self.api.asked[0].query, "q=members&projection=(elements*(handle~))")
        self.assertEqual(self.api.asked[0].headers["x-li-format"], "json")

    def test_openid(self) -> None:
        """Of a newer app's people user info tells, with an address only if it is verified."""
        session = self.session(scope=OPENID)
        self.assertEqual((session.user, session.email), ("782bbtaQ", "alice@example.com"))
        self.assertEqual(self.session(profile_url=self.at("/v2/userinfo")).user, "782bbtaQ")
        for verified in (False, "false", None):
            self.user_info["email_verified"] = verified
            self.assert_not_permitted("email_unverified", scope=OPENID)

    def test_other_shapes(self) -> None:
        """An answer of another shape signs nobody in."""
        odd: tuple[Any, ...] = (None, [], ["x"], [{"handle~": "a@b"}], 1, {})
        for elements in odd:
            self.api.answers["/v2/emailAddress"] = {"elements": elements}
            self.assertEqual(self.refusal().reason, "email_missing")

    def test_usual_values(self) -> None:
        """Without settings it is LinkedIn's own addresses, and its older scope."""
        options = linkedin.Options(client_id="c")
        self.assertEqual(options.login_url, "https://www.linkedin.com/oauth/v2/authorization")
        self.assertEqual(options.redeem_url, "https://www.linkedin.com/uas/oauth2/accessToken")
        self.assertEqual(options.profile, "https://api.linkedin.com/v2/emailAddress")
        self.assertEqual(linkedin.Options(client_id="c", scope=OPENID).profile, "https://api.linkedin.com/v2/userinfo")
        self.assertEqual((options.scope, self.make().display_name), ("r_emailaddress r_liteprofile", "LinkedIn"))
