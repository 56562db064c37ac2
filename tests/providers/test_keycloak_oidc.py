"""Tests for `o2sidecar.providers.keycloak_oidc`: roles of access tokens as groups."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from o2sidecar.oauth.jws import SignedToken
from o2sidecar.policy.admission import Admission
from o2sidecar.providers import keycloak_oidc
from o2sidecar.providers.keycloak_oidc import roles_of
from o2sidecar.refusals import ProviderFailed
from o2sidecar.session.session import Session
from tests.fakes import NOW, answering, claims_of, compact, id_token, signing_key
from tests.providers.case import ProviderTestCase

ROLES: dict[str, Any] = {
    "realm_access": {"roles": ["offline_access", "admin"]},
    "resource_access": {"app": {"roles": ["editor"]}, "account": {"roles": ["view-profile"]}},
}

SHAPES = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["roles", "realm_access", "resource_access", "x"]), inner, max_size=4)
    ),
)


def access_token(**changes: Any) -> str:
    """An access token as Keycloak makes them: a signed one, for other audiences."""
    claims = claims_of(aud="account", typ="Bearer", **{**ROLES, **changes})
    return compact({"alg": "RS256", "typ": "JWT", "kid": "main"}, claims, signing_key())


class KeycloakTestCase(ProviderTestCase):
    """Keycloak over an in-memory wire."""

    module = keycloak_oidc

    def setUp(self) -> None:
        super().setUp()
        self.fake.tokens["access_token"] = access_token()

    def admits(self, session: Session, **options: Any) -> bool:
        admission = Admission(email_domains=("*",), allowed_groups=self.make(**options).allowed_groups)
        return admission.refusal(session) is None


class RoleTests(KeycloakTestCase):
    """Roles at sign-in."""

    def test_groups(self) -> None:
        """Roles of the realm are named `role:NAME`, those of clients `role:CLIENT:NAME`; groups come first."""
        self.assertEqual(
            self.session().groups,
            ("dev", "ops", "role:offline_access", "role:admin", "role:app:editor", "role:account:view-profile"),
        )

    def test_allowed_roles(self) -> None:
        """A1: `allowed_roles` lets holders of one of them pass, and nobody else."""
        session = self.session()
        self.assertTrue(self.admits(session, allowed_roles=["admin"]))
        self.assertTrue(self.admits(session, allowed_roles=["nobody", "app:editor"]))
        self.assertFalse(self.admits(session, allowed_roles=["editor"]))
        self.assertFalse(self.admits(session, allowed_roles=["app:admin"]))

    def test_a_group_is_no_role(self) -> None:
        """A group of the same name does not make somebody a holder of a role."""
        self.fake.claims["groups"] = ["admin", "role:admin"]
        self.fake.tokens["access_token"] = access_token(realm_access=None)
        self.assertFalse(self.admits(self.session(), allowed_roles=["admin"]))

    def test_keycloak_groups(self) -> None:
        """A1: `keycloak_groups` lets members of one of them pass, beside `allowed_roles`."""
        session = self.session()
        self.assertTrue(self.admits(session, keycloak_groups=["dev"]))
        self.assertFalse(self.admits(session, keycloak_groups=["/dev"]))
        self.assertTrue(self.admits(session, keycloak_groups=["/dev"], allowed_roles=["admin"]))

    def test_scope(self) -> None:
        """What is asked for is what plain OpenID Connect asks for."""
        self.assertEqual(self.make().authorization_parameters()["scope"], "openid email profile")

    def test_no_roles(self) -> None:
        """An access token without roles gives none, and so does a lightweight one that names nobody."""
        bare = {"realm_access": None, "resource_access": None}
        for token in (access_token(**bare), access_token(**bare, sub=None)):
            self.fake.tokens["access_token"] = token
            self.assertEqual(self.session().groups, ("dev", "ops"))

    def test_unreadable(self) -> None:
        """An access token that cannot be read, or is somebody else's, signs nobody in: its roles cannot be checked."""
        for token in ("AT-1", "a.b.c", access_token(sub="user-2"), access_token(sub=""), "x" * 3000):
            self.fake.tokens["access_token"] = token
            refusal = self.refusal()
            self.assertEqual((type(refusal), refusal.reason), (ProviderFailed, "access_token"))
            self.assertNotIn(token, repr(refusal))

    def test_odd_roles(self) -> None:
        """Roles of other shapes, and names that would be read as other groups, are left out."""
        odd = {
            "realm_access": {"roles": ["ok", 1, None, "", ["x"], "a,role:admin", "b\nc"]},
            "resource_access": {
                "app": {"roles": "admin"},
                "b": [],
                "c": {"roles": [{"x": 1}]},
                "d,e": {"roles": ["f"]},
            },
        }
        self.fake.tokens["access_token"] = access_token(**odd)
        self.assertEqual(self.session().groups, ("dev", "ops", "role:ok"))
        self.fake.tokens["access_token"] = access_token(realm_access=["admin"], resource_access="x")
        self.assertEqual(self.session().groups, ("dev", "ops"))

    @given(SHAPES)
    def test_any_shape(self, value: Any) -> None:
        """Whatever an access token holds, what comes out are texts that begin with `role:`."""
        for claims in ({"realm_access": value}, {"resource_access": value}, value if isinstance(value, dict) else {}):
            self.assertTrue(all(role.startswith("role:") for role in roles_of(claims)))


class RefreshTests(KeycloakTestCase):
    """Roles at refresh."""

    def before(self, **options: Any) -> Session:
        session = self.session(**options)
        self.wire.clock.advance(1000)
        return session

    def test_taken_away(self) -> None:
        """A1: a role that is gone is gone at the next refresh, and one that is new is there."""
        before = self.before(allowed_roles=["admin"])
        self.fake.tokens["access_token"] = access_token(realm_access={"roles": ["new"]}, resource_access=None)
        self.assertEqual(self.renewed(before).groups, ("dev", "ops", "role:new"))

    def test_without_an_id_token(self) -> None:
        """Where roles decide, they are read even when no ID token came along."""
        self.fake.claims["groups"] = None
        before = self.before(allowed_roles=["admin"])
        self.fake.tokens |= {"id_token": None, "access_token": access_token(realm_access=None, resource_access=None)}
        self.assertEqual(self.renewed(before).groups, ())

    def test_unreadable(self) -> None:
        """Where roles decide, an access token that cannot be read ends the session; otherwise it lives on."""
        before = self.before(allowed_roles=["admin"])
        self.fake.tokens["access_token"] = "opaque"
        self.assert_ended(before)
        self.make()
        self.assertEqual(self.renewed(before).groups, before.groups)

    def test_outage(self) -> None:
        """While the token endpoint is down, a session that has not expired lives on."""
        before = self.before(allowed_roles=["admin"])
        self.fake.instead["/token"] = answering({}, 503)
        self.assertIsNone(self.refreshed(before))
        self.assert_ended(evolve(before, expires_on=NOW + 1000))


class BearerTests(KeycloakTestCase):
    """Roles of tokens that stand in the place of a login."""

    def test_roles(self) -> None:
        """A1: the token's own roles count, and there is none in a token without."""
        for token, expected in (
            (id_token(**ROLES), ("dev", "ops", "role:offline_access", "role:admin", "role:app:editor")),
            (id_token(), ("dev", "ops")),
        ):
            issuer = self.make(allowed_roles=["admin"]).token_issuer
            self.assertTrue(issuer.may_have_made(SignedToken.parse(token)))
            session = self.wire.result(issuer.session(token))
            self.assertEqual(session.groups[: len(expected)], expected)
            self.assertEqual(self.admits(session, allowed_roles=["admin"]), "role:admin" in expected)
