"""Tests for `o2sidecar.providers.cidaas`: groups of user info, and roles."""

from __future__ import annotations

from typing import Any

from o2sidecar.providers import cidaas
from o2sidecar.refusals import ProviderFailed, ProviderUnavailable
from tests.fakes import answering, id_token
from tests.providers.case import ProviderTestCase


class CidaasTests(ProviderTestCase):
    """A cidaas over an in-memory wire."""

    module = cidaas

    def setUp(self) -> None:
        super().setUp()
        self.fake.claims["groups"] = None
        self.fake.user_info = {
            "sub": "user-1",
            "email": "alice@example.com",
            "email_verified": True,
            "groups": [
                {"groupId": "CIDAAS_ADMINS", "roles": ["SECONDARY_ADMIN", "USER"]},
                {"groupId": "staff", "roles": []},
            ],
            "roles": ["USER"],
        }

    def test_groups(self) -> None:
        """Groups come with their roles, roles of cidaas as those of a group of that name."""
        self.assertEqual(self.session().groups, ("CIDAAS_ADMINS:SECONDARY_ADMIN", "CIDAAS_ADMINS:USER", "cidaas:USER"))
        self.assertEqual(self.provider.authorization_parameters()["scope"], "openid email profile roles groups")
        self.assertEqual(self.provider.display_name, "CIDAAS")

    def test_at_refresh(self) -> None:
        """A1: a role that is gone is gone at the next refresh."""
        before = self.session(allowed_groups=["cidaas:USER"])
        self.fake.user_info |= {"roles": [], "groups": []}
        self.assertEqual(self.renewed(before).groups, ())

    def test_odd_shapes(self) -> None:
        """Groups of other shapes are none, and no group poses as a role of cidaas."""
        for groups in (None, "a", {"groupId": "a"}, [7, "a", {"groupId": 1, "roles": ["x"]}, {"groupId": "a"}]):
            self.fake.user_info |= {"groups": groups, "roles": "ADMIN"}
            self.assertEqual(self.session().groups, ())
        odd: list[dict[str, Any]] = [
            {"groupId": "cidaas", "roles": ["ADMIN"]},
            {"groupId": "a", "roles": ["x,y", 1, ""]},
        ]
        self.fake.user_info["groups"] = odd
        self.assertEqual(self.session().groups, ())

    def test_user_info_fails(self) -> None:
        """Where groups decide, or nothing else tells the email, user info must answer; otherwise it need not."""
        self.fake.instead["/userinfo"] = answering({}, 503)
        self.assertEqual(self.session().groups, ())
        self.assertIsInstance(self.refusal(allowed_groups=["x"]), ProviderUnavailable)
        self.fake.instead["/userinfo"] = answering({}, 401)
        self.assertIs(type(self.refusal(allowed_groups=["x"])), ProviderFailed)
        self.fake.claims["email"] = None
        self.assertIs(type(self.refusal()), ProviderFailed)

    def test_another_subject(self) -> None:
        """User info of somebody else signs nobody in."""
        self.fake.user_info["sub"] = "user-2"
        self.assertEqual(self.refusal().reason, "user_info_subject")

    def test_not_asked(self) -> None:
        """`skip_claims_from_profile_url` leaves it at what the ID token says."""
        self.fake.claims["groups"] = [{"groupId": "a", "roles": ["b"]}]
        self.assertEqual(self.session(skip_claims_from_profile_url=True).groups, ("a:b",))
        self.assertNotIn("/userinfo", self.fake.paths())

    def test_bearer_tokens(self) -> None:
        """A verified token's own groups and roles count."""
        token = id_token(groups=[{"groupId": "a", "roles": ["b"]}], roles=["USER"])
        session = self.wire.result(self.make().token_issuer.session(token))
        self.assertEqual(session.groups, ("a:b", "cidaas:USER"))
