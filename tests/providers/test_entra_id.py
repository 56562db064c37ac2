"""Tests for `o2sidecar.providers.entra_id`: tenants, addresses, groups beyond the token, workload identity."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attrs import evolve

from o2sidecar.oauth.entra_tenancy import PERSONAL, Tenancy
from o2sidecar.oauth.jws import SignedToken
from o2sidecar.policy.admission import Admission
from o2sidecar.providers import entra_id
from o2sidecar.refusals import NotPermitted, ProviderFailed, ProviderUnavailable, SessionEnded
from o2sidecar.session.session import Session
from tests.fakes import CLIENT_ID, ISSUER, NOW, answering, id_token, silent
from tests.provider_apis import Graph
from tests.providers.case import ProviderTestCase

OURS = "aaaaaaaa-1111-2222-3333-444444444444"
THEIRS = "bbbbbbbb-1111-2222-3333-444444444444"
GROUPS = [f"{number:08x}-aaaa-bbbb-cccc-dddddddddddd" for number in range(45)]
CHECK, LIST = "/v1.0/me/checkMemberGroups", "/v1.0/me/transitiveMemberOf"
OVERAGE: dict[str, Any] = {
    "groups": None,
    "_claim_names": {"groups": "src1"},
    "_claim_sources": {"src1": {"endpoint": "https://graph.windows.net/elsewhere"}},
}


class EntraTestCase(ProviderTestCase):
    """Entra ID over an in-memory wire; `tenant` is that of the issuer."""

    module = entra_id
    tenant = OURS

    def setUp(self) -> None:
        super().setUp()
        self.graph = Graph()
        self.fake.apis["/v1.0/me"] = self.graph
        named = "{tenantid}" if self.tenant in {"common", "organizations"} else self.tenant
        self.serve(self.tenant, named)
        self.options = {"oidc_issuer_url": f"{ISSUER}/{self.tenant}/v2.0"}
        self.comes_from(OURS)
        self.fake.claims |= {"email_verified": None, "groups": None}

    def serve(self, tenant: str, named: str) -> None:
        document = {
            "issuer": f"{ISSUER}/{named}/v2.0",
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks",
            "userinfo_endpoint": f"{ISSUER}/userinfo",
        }
        self.fake.instead[f"/{tenant}/v2.0/.well-known/openid-configuration"] = answering(document)

    def comes_from(self, tenant: str, **claims: Any) -> None:
        """From now on tokens are of this tenant."""
        self.fake.claims |= {"iss": f"{ISSUER}/{tenant}/v2.0", "tid": tenant, **claims}

    def admits(self, session: Session, *groups: str) -> bool:
        return Admission(email_domains=("*",), allowed_groups=groups).refusal(session) is None


class OneTenantTests(EntraTestCase):
    """The issuer of one tenant."""

    def test_session(self) -> None:
        """The ID token says who it is; its administrators answer for the address."""
        self.fake.claims["groups"] = GROUPS[:2]
        session = self.session()
        self.assertEqual((session.user, session.email, session.groups), ("user-1", "alice@example.com", (*GROUPS[:2],)))
        self.assertEqual(self.graph.asked, [])

    def test_scope(self) -> None:
        """No scope is asked for that Microsoft does not know, whatever groups decide."""
        parameters = self.make(allowed_groups=[GROUPS[0]]).authorization_parameters()
        self.assertEqual(parameters["scope"], "openid email profile")

    def test_other_tenant(self) -> None:
        """A1: a token of another tenant is refused, though the same keys sign it."""
        self.comes_from(THEIRS)
        self.assertEqual(self.refusal().reason, "token_issuer")

    def test_other_tenant_of_bearer_tokens(self) -> None:
        """A1: also one that stands in the place of a login."""
        issuer = self.make().token_issuer
        ours = id_token(iss=f"{ISSUER}/{OURS}/v2.0", tid=OURS)
        theirs = id_token(iss=f"{ISSUER}/{THEIRS}/v2.0", tid=THEIRS)
        self.assertTrue(self.wire.result(issuer.session(ours)))
        self.assertFalse(issuer.may_have_made(SignedToken.parse(theirs)))
        self.assertIsInstance(self.wire.outcome(issuer.session(theirs)), ProviderFailed)

    def test_tenant_without_an_id(self) -> None:
        """A tenant named by a domain is refused: tokens do not name it so."""
        refused = self.assertRaises(ValueError, self.make, oidc_issuer_url=f"{ISSUER}/corp.onmicrosoft.com/v2.0")
        self.assertIn("by its id", str(refused))


class ManyTenantsTests(EntraTestCase):
    """The issuer for all tenants."""

    tenant = "common"

    def setUp(self) -> None:
        super().setUp()
        self.fake.claims["preferred_username"] = "alice@ours.example"

    def test_any_tenant(self) -> None:
        """The document's issuer has room for a tenant; a token names its own, in `iss` and `tid` alike."""
        for tenant in (OURS, THEIRS):
            self.comes_from(tenant)
            self.assertTrue(self.session())
        for iss, tid in (
            (OURS, THEIRS),
            (OURS, None),
            ("{tenantid}", None),
            ("{tenantid}", "{tenantid}"),
            ("common", "common"),
            (f"{OURS}/v2.0/x", OURS),
        ):
            self.fake.claims |= {"iss": f"{ISSUER}/{iss}/v2.0", "tid": tid}
            self.assertEqual(self.refusal().reason, "token_issuer", (iss, tid))
        self.fake.claims |= {"iss": f"https://evil.example/{OURS}/v2.0", "tid": OURS}
        self.assertEqual(self.refusal().reason, "token_issuer")

    def test_skipping_changes_nothing(self) -> None:
        """The option that oauth2-proxy needs for it lets no other issuer in here."""
        self.assertTrue(self.session(insecure_oidc_skip_issuer_verification=True))
        self.fake.claims["iss"] = "https://evil.example/v2.0"
        self.assertEqual(self.refusal(insecure_oidc_skip_issuer_verification=True).reason, "token_issuer")

    def test_another_document(self) -> None:
        """A discovery document that names one tenant is not that of all."""
        self.serve("common", OURS)
        self.assertIsInstance(self.refusal(), ProviderUnavailable)

    def test_allowed_tenants(self) -> None:
        """A1: `entra_id_allowed_tenants` lets their people pass and nobody else, in any case of letters."""
        self.assertTrue(self.session(entra_id_allowed_tenants=[THEIRS, OURS.upper()]))
        self.assert_not_permitted("tenant_not_allowed", entra_id_allowed_tenants=[THEIRS])

    def test_allowed_tenants_at_refresh(self) -> None:
        """A1: a session of a tenant that is not allowed any more ends at the refresh."""
        before = self.session()
        self.make(entra_id_allowed_tenants=[OURS])
        self.assertTrue(self.renewed(before))
        self.make(entra_id_allowed_tenants=[THEIRS])
        self.assert_ended(before)
        self.assert_ended(evolve(before, refresh_token=""))

    def test_allowed_tenants_of_bearer_tokens(self) -> None:
        """A1: the same for tokens that stand in the place of a login."""
        token = id_token(iss=f"{ISSUER}/{OURS}/v2.0", tid=OURS, preferred_username="alice@ours.example")
        self.assertTrue(self.wire.result(self.make(entra_id_allowed_tenants=[OURS]).token_issuer.session(token)))
        issuer = self.make(entra_id_allowed_tenants=[THEIRS]).token_issuer
        self.assertIsInstance(self.wire.outcome(issuer.session(token)), NotPermitted)

    def test_email_is_anybodys_word(self) -> None:
        """O17: an administrator can claim any address; the name to sign in by counts, or an address with `xms_edov`."""
        self.comes_from(THEIRS, email="ceo@ours.example", preferred_username="eve@theirs.example")
        self.assertEqual(self.session().email, "eve@theirs.example")
        for verified in (False, None, 0, "0", "false", "yes", ["true"]):
            self.fake.claims["xms_edov"] = verified
            self.assertEqual(self.session().email, "eve@theirs.example", verified)
        for verified in (True, 1, "1", "true", "True"):
            self.fake.claims["xms_edov"] = verified
            self.assertEqual(self.session().email, "ceo@ours.example", verified)

    def test_no_address_at_all(self) -> None:
        """Who has no address of their own is refused; user info is anybody's word as well."""
        self.fake.user_info = {"sub": "user-1", "email": "ceo@ours.example"}
        for name in (None, "", "alice", "a@b@c", "eve_ours.example#EXT#@theirs.onmicrosoft.com", 7):
            self.fake.claims["preferred_username"] = name
            self.assert_not_permitted("email_unverified")
        self.fake.claims["email"] = None
        self.assert_not_permitted("email_unverified")

    def test_believing(self) -> None:
        """One allowed tenant is believed, several are not; the operator may choose to believe all, or another claim."""
        self.fake.claims |= {"email": "other@example.com", "upn": "upn@example.com"}
        for options, email in (
            ({"entra_id_allowed_tenants": [OURS]}, "other@example.com"),
            ({"entra_id_allowed_tenants": [OURS, THEIRS]}, "alice@ours.example"),
            ({"insecure_oidc_allow_unverified_email": True}, "other@example.com"),
            ({"oidc_email_claim": "upn"}, "upn@example.com"),
        ):
            self.assertEqual(self.session(**options).email, email, options)

    def test_personal_accounts(self) -> None:
        """The tenant of all personal accounts is nobody's, so its word about addresses is not taken either."""
        self.comes_from(PERSONAL, email="ceo@ours.example", preferred_username="eve@outlook.com")
        self.assertEqual(self.session(entra_id_allowed_tenants=[PERSONAL]).email, "eve@outlook.com")
        for tenant in ("consumers", PERSONAL):
            self.serve(tenant, PERSONAL)
            self.assertEqual(self.session(oidc_issuer_url=f"{ISSUER}/{tenant}/v2.0").email, "eve@outlook.com")
        self.comes_from(OURS)
        self.assertEqual(self.refusal(oidc_issuer_url=f"{ISSUER}/consumers/v2.0").reason, "token_issuer")

    def test_personal_accounts_among_others(self) -> None:
        """O: a personal account passes by an address that Microsoft gave out, and by no other: nobody verified it."""
        self.comes_from(PERSONAL, preferred_username="eve@outlook.com")
        self.assertEqual(self.session().email, "eve@outlook.com")
        for name in ("leaver@example.com", "x@outlook.evil.example", "x@outlook.com.evil.example"):
            self.comes_from(PERSONAL, preferred_username=name)
            self.assertEqual(self.refusal().reason, "email_unverified", name)

    def test_personal_accounts_with_another_email(self) -> None:
        """A2: the address that must be Microsoft's is the one that counts, not the name beside it."""
        self.comes_from(PERSONAL, email="ceo@ours.example", preferred_username="eve@outlook.com", xms_edov=True)
        self.assert_not_permitted("email_unverified")
        self.assertEqual(self.session(entra_id_allowed_tenants=[PERSONAL, OURS]).email, "ceo@ours.example")

    def test_odd_tenants(self) -> None:
        """Tenants are allowed by their ids only."""
        for tenant in ("corp.onmicrosoft.com", "", "common", OURS + "0", f" {OURS}"):
            self.assertRaises(ValueError, self.make, entra_id_allowed_tenants=[tenant])

    def test_any_tenant_by_the_issuer_of_one(self) -> None:
        """Where the issuer's comparison is off, the issuer of one tenant stands for all, and none is believed."""
        tenancy = Tenancy.of(f"{ISSUER}/{OURS}/v2.0", any_tenant=True)
        self.assertEqual((tenancy.issuer, tenancy.is_one_organization), (f"{ISSUER}/{{tenantid}}/v2.0", False))
        self.assertFalse(Tenancy.of("https://sts.windows.net/x/", any_tenant=True).is_one_organization)
        self.assertTrue(Tenancy.of("https://sts.windows.net/x/").is_one_organization)


class OverageTests(EntraTestCase):
    """Groups that a token has no room for."""

    def setUp(self) -> None:
        super().setUp()
        self.fake.claims |= OVERAGE
        self.graph.groups = {group: f"Group {number}" for number, group in enumerate(GROUPS[:5])}

    def test_named_groups(self) -> None:
        """A1: Graph is asked about the groups that rules name, twenty at a time, and about nothing else."""
        named = [GROUPS[44], *GROUPS[4:44]]
        session = self.session(allowed_groups=[*named, "not-an-id"])
        self.assertEqual(session.groups, (GROUPS[4],))
        self.assertTrue(self.admits(session, *named))
        self.assertEqual([asked.path for asked in self.graph.asked], [CHECK] * 3)
        self.assertEqual([len(json.loads(asked.body)["groupIds"]) for asked in self.graph.asked], [20, 20, 1])
        self.assertNotIn("/elsewhere", self.fake.paths())

    def test_without_discovery(self) -> None:
        """Graph is asked, too, where the endpoints are given."""
        described = {"skip_oidc_discovery": True, "login_url": f"{ISSUER}/authorize", "redeem_url": f"{ISSUER}/token"}
        self.options |= {**described, "oidc_jwks_url": f"{ISSUER}/jwks"}
        self.assertEqual(self.session(allowed_groups=[GROUPS[4]]).groups, (GROUPS[4],))
        self.assertEqual(self.session().groups, tuple(GROUPS[:5]))

    def test_none_of_them(self) -> None:
        """A1: who is in none of them may not pass, whatever their token says of elsewhere."""
        session = self.session(allowed_groups=[GROUPS[9]])
        self.assertEqual(session.groups, ())
        self.assertFalse(self.admits(session, GROUPS[9]))

    def test_all_groups(self) -> None:
        """Where no rule names groups, the session has all of them, page by page."""
        self.assertEqual(self.session().groups, tuple(GROUPS[:5]))
        self.assertEqual([asked.path for asked in self.graph.asked], [LIST] * 3)
        self.assertEqual(self.graph.asked[0].query, "$select=id&$top=100")
        self.assertEqual(self.graph.asked[0].headers["consistencylevel"], "eventual")

    def test_other_sign(self) -> None:
        """Some tokens say it by `hasgroups`."""
        self.fake.claims |= {"_claim_names": None, "_claim_sources": None, "hasgroups": True}
        self.assertEqual(self.session().groups, tuple(GROUPS[:5]))
        for sign in (False, None, "false"):
            self.fake.claims["hasgroups"] = sign
            self.assertEqual(self.session().groups, ())
        self.fake.claims["_claim_names"] = {"other": "src1"}
        self.assertEqual(self.session().groups, ())

    def test_outage_at_a_refresh(self) -> None:
        """Groups that Graph could not tell just now stay."""
        before = self.session()
        self.fake.instead[LIST] = answering({}, 503)
        self.assertEqual(self.renewed(before).groups, before.groups)
        self.fake.instead[LIST] = answering({}, 403)
        self.assertEqual(self.renewed(before).groups, ())

    def test_failing_graph(self) -> None:
        """Groups that decide and cannot be asked about refuse the sign-in; others are missed in the log."""
        for fault, kind in (
            (answering({}, 500), ProviderUnavailable),
            (answering({}, 429), ProviderUnavailable),
            (answering({}, 403), ProviderFailed),
            (answering({}, 401), ProviderFailed),
            (answering([]), ProviderFailed),
            (answering({}), ProviderFailed),
            (answering({"value": "x"}), ProviderFailed),
            (answering(b'{"value":['), ProviderFailed),
            (answering(b"a" * (2 << 20)), ProviderFailed),
            (answering(None, 302, location="https://evil.example/"), ProviderFailed),
        ):
            self.fake.instead[CHECK] = self.fake.instead[LIST] = fault
            self.assertIs(type(self.refusal(allowed_groups=[GROUPS[0]])), kind)
            self.assertEqual(self.session().groups, ())

    def test_lying_graph(self) -> None:
        """Groups that nobody asked about, and what are no groups, do not count."""
        self.fake.instead[CHECK] = answering({"value": [GROUPS[1], GROUPS[0].upper(), 7, None, {"id": GROUPS[2]}]})
        self.assertEqual(self.session(allowed_groups=[GROUPS[0]]).groups, (GROUPS[0],))

    def test_paging(self) -> None:
        """Pages that do not end, or lie elsewhere, are not followed; the token goes nowhere else."""
        for following in (
            "https://graph.microsoft.com/v1.0/me/transitiveMemberOf",
            "https://evil.example/v1.0/me",
            "https://graph.microsoft.com.evil.example/v1.0/",
            "/v1.0/me/next",
            7,
        ):
            self.fake.instead[LIST] = answering({"value": [{"id": GROUPS[0]}], "@odata.nextLink": following})
            self.assertEqual(self.session().groups, ())
        self.assertLess(len(self.fake.asked), 150)
        self.assertNotIn("/v1.0/me/next", self.fake.paths())
        hosts = {asked.headers["host"] for asked in self.fake.asked if asked.path.startswith("/v1.0")}
        self.assertEqual(hosts, {"graph.microsoft.com"})

    def test_slow_graph(self) -> None:
        """Graph is given up in time."""
        self.fake.instead[CHECK] = silent
        provider = self.make(allowed_groups=[GROUPS[0]])
        waiting = self.wire.begin(provider.sign_in(code="C", redirect_uri="x", code_verifier=None, nonce=None))
        self.assertNoResult(waiting)
        self.wire.clock.advance(10)
        self.failureResultOf(waiting, ProviderUnavailable)

    def test_refresh(self) -> None:
        """A1: who left the group has lost it at the next refresh; an outage gives nobody more time."""
        before = self.session(allowed_groups=[GROUPS[0]])
        self.wire.clock.advance(1000)
        self.assertEqual(self.renewed(before).groups, (GROUPS[0],))
        self.graph.groups = {}
        self.assertEqual(self.renewed(before).groups, ())
        self.assertEqual(self.renewed(evolve(before, refresh_token="")).groups, ())
        self.fake.instead[CHECK] = answering({}, 503)
        self.assertEqual(self.renewed(before), before)
        self.assert_ended(evolve(before, expires_on=NOW + 1000))
        self.fake.instead[CHECK] = answering({}, 403)
        self.assert_ended(before)

    def test_bearer(self) -> None:
        """A token that stands in the place of a login opens no door at Graph, so its other groups stay unknown."""
        token = id_token(iss=f"{ISSUER}/{OURS}/v2.0", tid=OURS, **OVERAGE)
        session = self.wire.result(self.make(allowed_groups=[GROUPS[0]]).token_issuer.session(token))
        self.assertFalse(self.admits(session, GROUPS[0]))
        self.assertEqual(self.graph.asked, [])


class WorkloadIdentityTests(EntraTestCase):
    """A token of the cluster in the place of a secret."""

    def setUp(self) -> None:
        super().setUp()
        self.file = Path(self.mktemp())
        self.file.write_text("FT-1\n")
        self.options |= {
            "client_secret": "",
            "entra_id_federated_token_auth": True,
            "entra_id_federated_token_file": str(self.file),
        }

    def test_assertion(self) -> None:
        """The file's token of now goes with each question to the token endpoint, and no secret."""
        before = self.session()
        form = next(asked.form for asked in self.fake.asked if asked.path == "/token")
        self.assertEqual(
            {name: form[name] for name in form if name.startswith("client")},
            {
                "client_id": CLIENT_ID,
                "client_assertion": "FT-1",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            },
        )
        self.file.write_text("FT-2")
        self.renewed(before)
        asked = [asked for asked in self.fake.asked if asked.path == "/token"][-1]
        self.assertEqual((asked.form["client_assertion"], asked.form["grant_type"]), ("FT-2", "refresh_token"))
        self.assertNotIn("authorization", asked.headers)

    def test_unreadable(self) -> None:
        """Without the file nobody signs in, sessions live on, and the detail names the file and nothing of it."""
        before = self.session()
        for spoil in (lambda: self.file.write_bytes(b"\xff\xfe"), self.file.unlink):
            spoil()
            refusal = self.refusal()
            self.assertIsInstance(refusal, ProviderUnavailable)
            self.assertIn(str(self.file), refusal.detail)
            self.assertIsNone(self.refreshed(before))

    def test_refused(self) -> None:
        """A token that Entra does not take ends no more than a wrong secret would."""
        before = self.session()
        self.fake.instead["/token"] = answering({"error": "invalid_client"}, 401)
        self.assertIsInstance(self.refusal(), ProviderFailed)
        self.assertIsInstance(self.refreshed(before), SessionEnded)

    def test_no_file(self) -> None:
        """Asked for without a file, it is refused at the start."""
        refused = self.assertRaises(ValueError, self.make, entra_id_federated_token_file="")
        self.assertIn("AZURE_FEDERATED_TOKEN_FILE", str(refused))
