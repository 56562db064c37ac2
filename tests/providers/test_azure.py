"""Tests for `o2sidecar.providers.azure`: the tenant of an option, and groups from Graph."""

from __future__ import annotations

from typing import Any

from o2sidecar.providers import azure
from o2sidecar.refusals import ProviderUnavailable
from tests.fakes import ISSUER, answering, id_token
from tests.provider_apis import Graph
from tests.providers.case import ProviderTestCase

TENANT = "aaaaaaaa-1111-2222-3333-444444444444"
LOGIN = "https://login.microsoftonline.com"
LIST = "/v1.0/me/transitiveMemberOf"


class AzureTestCase(ProviderTestCase):
    """Azure over an in-memory wire, by the newer endpoints of one tenant."""

    module = azure
    issuer = f"{LOGIN}/{TENANT}/v2.0"

    def setUp(self) -> None:
        super().setUp()
        self.options = {"oidc_issuer_url": "", "azure_tenant": TENANT}
        self.graph = Graph()
        self.fake.apis["/v1.0/me"] = self.graph
        self.serve(self.issuer)
        self.fake.claims = {"iss": self.issuer, "tid": TENANT, "email_verified": None, "groups": ["g-token"]}

    def serve(self, issuer: str) -> None:
        document = {
            "issuer": issuer,
            "authorization_endpoint": f"{LOGIN}/authorize",
            "token_endpoint": f"{LOGIN}/token",
            "jwks_uri": f"{LOGIN}/jwks",
            "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
        }
        path = "/" + issuer.split("/", 3)[3].rstrip("/")
        self.fake.instead[f"{path}/.well-known/openid-configuration"] = answering(document)
        self.fake.instead["/oidc/userinfo"] = answering({"sub": "user-1"})


class AzureTests(AzureTestCase):
    """What the options make of it."""

    def test_tenant(self) -> None:
        """The tenant makes the issuer, unless an issuer is given."""
        self.assertEqual(self.make().authorization_parameters()["scope"], SCOPE)
        self.assertEqual(azure.Options(client_id="a").issuer, f"{LOGIN}/common/v2.0")
        self.assertEqual(azure.Options(client_id="a", azure_tenant="").issuer, f"{LOGIN}/common/v2.0")
        self.assertEqual(azure.Options(client_id="a", azure_tenant=TENANT).issuer, self.issuer)
        self.assertEqual(azure.Options(client_id="a", oidc_issuer_url=ISSUER, azure_tenant=TENANT).issuer, ISSUER)
        self.assertRaises(ValueError, azure.Options, client_id="a", azure_tenant="corp.onmicrosoft.com")
        self.assertRaises(ValueError, azure.Options, client_id="a", azure_tenant="../x")

    def test_version(self) -> None:
        """Version 2.0 is told by the issuer or by where people sign in; only older endpoints are told resources."""
        older, newer = f"{LOGIN}/{TENANT}/oauth2/authorize", f"{LOGIN}/{TENANT}/oauth2/v2.0/authorize"
        issuer = f"https://sts.windows.net/{TENANT}/"
        for options, is_newer in (
            ({"oidc_issuer_url": issuer}, False),
            ({"oidc_issuer_url": issuer, "login_url": older}, False),
            ({"oidc_issuer_url": issuer, "login_url": newer}, True),
            ({"login_url": older}, True),
        ):
            parameters = self.make(resource="https://graph.example/", **options).authorization_parameters()
            self.assertEqual(("/.default" in parameters["scope"], "resource" not in parameters), (is_newer, is_newer))

    def test_scope(self) -> None:
        """Graph's scope is always asked for, groups as a scope never are, since Microsoft does not know them."""
        for scope in ("", "openid email profile groups", f"openid email profile {GRAPH}"):
            self.assertEqual(self.make(scope=scope).authorization_parameters()["scope"], SCOPE)

    def test_groups(self) -> None:
        """Groups of the token and all security groups that Graph knows are the session's, by their ids."""
        self.graph.groups = {"g-1": "Staff", "g-2": "Admins", "g-3": "All"}
        self.assertEqual(self.session().groups, ("g-token", "g-1", "g-2", "g-3"))
        self.assertEqual(self.graph.asked[0].query, "$select=id&$top=100&$count=true&$filter=securityEnabled+eq+true")

    def test_groups_without_discovery(self) -> None:
        """Graph is asked for groups, too, where the endpoints are given; a bearer token opens no door there."""
        described = {"skip_oidc_discovery": True, "login_url": f"{LOGIN}/authorize", "redeem_url": f"{LOGIN}/token"}
        options = {**described, "oidc_jwks_url": f"{LOGIN}/jwks"}
        self.graph.groups = {"g-1": "Staff"}
        self.assertEqual(self.session(**options).groups, ("g-token", "g-1"))
        self.assertEqual(len(self.graph.asked), 1)
        token = id_token(**self.fake.claims)
        issuer = self.provider.token_issuer
        assert issuer is not None
        self.assertEqual(self.wire.result(issuer.session(token)).groups, ("g-token",))
        self.assertEqual(len(self.graph.asked), 1)

    def test_group_field(self) -> None:
        """Another property names them where it is wanted; names that would be read as other groups are left out."""
        self.graph.groups = {"g-1": "Staff", "g-2": "Staff,Admins", "g-3": "Adm\nins", "g-4": ""}
        self.assertEqual(self.session(azure_graph_group_field="displayName").groups, ("g-token", "Staff"))
        self.assertIn("$select=id,displayName&", self.graph.asked[0].query)

    def test_failing_graph(self) -> None:
        """A1: groups that cannot be asked for refuse the sign-in where groups decide, and only there."""
        self.fake.instead[LIST] = answering({}, 503)
        self.assertEqual(self.session().groups, ("g-token",))
        self.assertIsInstance(self.refusal(allowed_groups=["g-1"]), ProviderUnavailable)

    def test_email(self) -> None:
        """An email that the token lacks is Graph's: mail, another address, the name to sign in by."""
        self.fake.claims["email"] = None
        for person, email in (
            ({"mail": "m@x.org", "otherMails": ["o@x.org"], "userPrincipalName": "u@x.org"}, "m@x.org"),
            ({"mail": None, "otherMails": ["o@x.org"], "userPrincipalName": "u@x.org"}, "o@x.org"),
            ({"mail": "", "otherMails": [], "userPrincipalName": "u@x.org"}, "u@x.org"),
            ({"mail": 7, "otherMails": "o", "userPrincipalName": "u@x.org"}, "u@x.org"),
        ):
            self.graph.person = person
            self.assertEqual(self.session().email, email)
        self.graph.person = {"mail": "a\r\nb"}
        self.assertEqual(self.refusal().reason, "email_missing")

    def test_all_tenants(self) -> None:
        """With `common` an address is its tenant's word alone, so the name to sign in by counts, as with Entra ID."""
        options = {"azure_tenant": "common"}
        self.fake.instead["/common/v2.0/.well-known/openid-configuration"] = answering({})
        self.assertIsInstance(self.refusal(**options), ProviderUnavailable)
        self.serve(f"{LOGIN}/common/v2.0")
        self.fake.instead["/common/v2.0/.well-known/openid-configuration"] = answering(
            {
                "issuer": f"{LOGIN}/{{tenantid}}/v2.0",
                "authorization_endpoint": f"{LOGIN}/authorize",
                "token_endpoint": f"{LOGIN}/token",
                "jwks_uri": f"{LOGIN}/jwks",
            }
        )
        self.fake.claims |= {"email": "ceo@ours.example", "preferred_username": "eve@theirs.example"}
        self.assertEqual(self.session(**options).email, "eve@theirs.example")
        self.fake.claims["preferred_username"] = None
        self.graph.person = {"mail": "ceo@ours.example"}
        self.assert_not_permitted("email_unverified", **options)

    def test_older_endpoints(self) -> None:
        """Tokens of the older endpoints are no use at Graph, so it is left alone."""
        issuer = f"https://sts.windows.net/{TENANT}/"
        self.serve(issuer)
        self.fake.claims["iss"] = issuer
        options: dict[str, Any] = {"oidc_issuer_url": issuer}
        self.assertEqual(self.session(**options).groups, ("g-token",))
        self.assertEqual(self.make(**options).authorization_parameters()["scope"], "openid email profile")
        self.assertEqual(self.graph.asked, [])
        self.fake.claims["iss"] = "https://sts.windows.net/other/"
        self.assertEqual(self.refusal(**options).reason, "token_issuer")

    def test_other_cloud(self) -> None:
        """The profile URL says where Graph is."""
        self.graph.groups = {"g-1": "Staff"}
        options = {"profile_url": "https://graph.microsoft.us/v1.0/me"}
        self.assertEqual(self.session(**options).groups, ("g-token", "g-1"))
        self.assertIn("https://graph.microsoft.us/.default", self.make(**options).authorization_parameters()["scope"])
        self.assertEqual(self.graph.asked[0].headers["host"], "graph.microsoft.us")


GRAPH = "https://graph.microsoft.com/.default"
SCOPE = f"openid email profile {GRAPH}"
