"""Tests for `o2sidecar.providers.digitalocean`: the account that the API names."""

from __future__ import annotations

from o2sidecar.providers import digitalocean
from o2sidecar.refusals import ProviderFailed
from tests.provider_apis import Profiles
from tests.providers.case import ProfileTestCase


class DigitalOceanTests(ProfileTestCase):
    """DigitalOcean over an in-memory wire."""

    module = digitalocean

    def setUp(self) -> None:
        super().setUp()
        self.options["profile_url"] = self.at("/v2/account")
        self.account = {
            "droplet_limit": 10,
            "email": "alice@example.com",
            "uuid": "b6fr89dbf6d9156cace5f3c78dc9851d957381ef",
            "email_verified": True,
            "status": "active",
        }
        self.fake.apis["/v2/"] = Profiles({"/v2/account": {"account": self.account}})

    def test_session(self) -> None:
        """The user is the account's id."""
        session = self.session()
        self.assertEqual((session.user, session.email), (self.account["uuid"], "alice@example.com"))

    def test_unverified(self) -> None:
        """O18: only an address that DigitalOcean calls verified counts."""
        for verified in (False, None, "true"):
            self.account["email_verified"] = verified
            self.assert_not_permitted("email_unverified")

    def test_no_account(self) -> None:
        """An answer of another shape signs nobody in."""
        for answer in ({}, {"account": "alice@example.com"}, {"account": {"email_verified": True}}):
            self.fake.apis["/v2/"] = Profiles({"/v2/account": answer})
            self.assertIsInstance(self.refusal(insecure_oidc_allow_unverified_email=True), ProviderFailed)

    def test_usual_values(self) -> None:
        """Without settings it is DigitalOcean's own addresses, and its scope."""
        options = digitalocean.Options(client_id="c")
        self.assertEqual(options.login_url, "https://cloud.digitalocean.com/v1/oauth/authorize")
        self.assertEqual(options.redeem_url, "https://cloud.digitalocean.com/v1/oauth/token")
        self.assertEqual(options.profile_url, "https://api.digitalocean.com/v2/account")
        self.assertEqual((options.scope, self.make().display_name), ("read", "DigitalOcean"))
