"""Tests for `o2sidecar.providers.keycloak`: the older Keycloak, with groups from user info."""

from __future__ import annotations

from typing import Any

from o2sidecar.policy.admission import Admission
from o2sidecar.providers import keycloak
from o2sidecar.session.session import Session
from tests.provider_apis import Profiles
from tests.providers.case import ProfileTestCase

USER_INFO = "/realms/r/userinfo"


class KeycloakTests(ProfileTestCase):
    """A Keycloak over an in-memory wire."""

    module = keycloak

    def setUp(self) -> None:
        super().setUp()
        self.options["validate_url"] = self.at(USER_INFO)
        self.said: dict[str, Any] = {
            "sub": "f3c1",
            "email": "alice@example.com",
            "email_verified": True,
            "preferred_username": "alice",
            "groups": ["/staff"],
        }
        self.api = Profiles({USER_INFO: self.said, "/realms/r/me": {**self.said, "user": "al"}})
        self.fake.apis["/realms/"] = self.api

    def admits(self, session: Session, **options: Any) -> bool:
        admission = Admission(email_domains=("*",), allowed_groups=self.make(**options).allowed_groups)
        return admission.refusal(session) is None

    def test_session(self) -> None:
        """The user is the preferred user name unless user info has a member of that name."""
        session = self.session()
        self.assertEqual((session.user, session.email, session.groups), ("alice", "alice@example.com", ("/staff",)))
        self.assertEqual(session.preferred_username, "alice")
        self.assertEqual(self.session(profile_url=self.at("/realms/r/me")).user, "al")

    def test_groups(self) -> None:
        """A1: `keycloak_groups` lets members of one of them pass, and nobody else, also at a refresh."""
        before = self.session()
        self.assertTrue(self.admits(before, keycloak_groups=["/other", "/staff"]))
        self.assertFalse(self.admits(before, keycloak_groups=["staff"]))
        self.said["groups"] = []
        self.assertFalse(self.admits(self.renewed(before), keycloak_groups=["/staff"]))

    def test_unverified(self) -> None:
        """O18: an address that Keycloak calls unverified does not count."""
        self.said["email_verified"] = False
        self.assert_not_permitted("email_unverified")

    def test_urls(self) -> None:
        """No Keycloak is guessed: its URLs have to be given."""
        with self.assertRaises(ValueError) as caught:
            self.make(validate_url="")
        self.assertEqual(str(caught.exception), "profile_url or validate_url is missing")
        self.assertRaises(TypeError, keycloak.Options, client_id="c")
        self.assertEqual(
            (self.make().display_name, self.make().authorization_parameters()["scope"]), ("Keycloak", "api")
        )
