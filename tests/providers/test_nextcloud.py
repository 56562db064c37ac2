"""Tests for `o2sidecar.providers.nextcloud`: the user that the OCS API names."""

from __future__ import annotations

from typing import Any

from o2sidecar.providers import nextcloud
from tests.provider_apis import Profiles
from tests.providers.case import ProfileTestCase

USER = "/ocs/v2.php/cloud/user"


class NextcloudTests(ProfileTestCase):
    """A Nextcloud over an in-memory wire."""

    module = nextcloud

    def setUp(self) -> None:
        super().setUp()
        self.options["profile_url"] = self.at(f"{USER}?format=json")
        self.data: dict[str, Any] = {
            "enabled": True,
            "id": "alice",
            "email": "alice@example.com",
            "groups": ["admin", "staff"],
            "displayname": "Alice",
        }
        self.ocs = Profiles({USER: {"ocs": {"meta": {"status": "ok", "statuscode": 200}, "data": self.data}}})
        self.fake.apis["/ocs/"] = self.ocs

    def test_session(self) -> None:
        """The user is the id, groups are Nextcloud's; the request says that it is none of a page."""
        session = self.session()
        self.assertEqual(
            (session.user, session.email, session.groups), ("alice", "alice@example.com", ("admin", "staff"))
        )
        self.assertEqual(
            (self.ocs.asked[0].headers["ocs-apirequest"], self.ocs.asked[0].query), ("true", "format=json")
        )

    def test_older_option(self) -> None:
        """`validate_url` says where to ask where `profile_url` does not."""
        self.assertTrue(self.session(profile_url="", validate_url=self.at(USER)))

    def test_no_user(self) -> None:
        """An answer of another shape signs nobody in."""
        answers: tuple[dict[str, Any], ...] = ({}, {"ocs": {"data": []}}, {"ocs": {"data": {"id": "alice"}}})
        for answer in answers:
            self.ocs.answers[USER] = answer
            self.assertEqual(self.refusal().reason, "email_missing")

    def test_groups_at_refresh(self) -> None:
        """A1: who left a group is out of it at the next refresh."""
        before = self.session()
        self.data["groups"] = ["staff"]
        self.assertEqual(self.renewed(before).groups, ("staff",))

    def test_urls(self) -> None:
        """Nobody else's Nextcloud is guessed: its URLs have to be given."""
        with self.assertRaises(ValueError) as caught:
            self.make(profile_url="")
        self.assertEqual(str(caught.exception), "profile_url or validate_url is missing")
        self.assertRaises(TypeError, nextcloud.Options, client_id="c")
        self.assertEqual(self.make().display_name, "Nextcloud")
