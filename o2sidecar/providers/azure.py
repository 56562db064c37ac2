"""Azure, the older name of Microsoft Entra ID: a tenant by an option of its own, and groups from Graph."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from attrs import evolve, frozen

from o2sidecar.oauth.claims import STANDARD_EMAIL_CLAIM
from o2sidecar.oauth.entra_tenancy import Tenancy
from o2sidecar.providers import oidc
from o2sidecar.providers.entra_id import tenancy_problems
from o2sidecar.providers.entra_persons import EntraPersons
from o2sidecar.providers.microsoft_graph import ROOT, USER_INFO_PATH, MicrosoftGraph
from o2sidecar.providers.oidc_provider import OidcProvider
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.settings.problems import Problem


def tenant_issuer(tenant: str) -> str:
    """The issuer of a tenant; of none, that of all."""
    return f"https://login.microsoftonline.com/{tenant or 'common'}/v2.0"


@frozen(kw_only=True)
class Options(oidc.Options):
    """What settings say; beside those of OpenID Connect, the tenant and the property that names groups.

    `profile_url` is where Graph is, not user info.
    """

    oidc_issuer_url: str = ""
    azure_tenant: str = "common"
    azure_graph_group_field: str = ""

    def __attrs_post_init__(self) -> None:
        if self.oidc_issuer_url:
            super().__attrs_post_init__()
        self.tenancy()

    @property
    def issuer(self) -> str:
        """The issuer: the one given, or else that of the tenant."""
        return self.oidc_issuer_url or tenant_issuer(self.azure_tenant)

    @property
    def endpoints(self) -> dict[str, str]:
        """As for OpenID Connect, but for user info, which Graph has where there is no discovery."""
        stated = {name: url for name, url in super().endpoints.items() if name != "userinfo_endpoint"}
        usual = {"userinfo_endpoint": f"{self.graph}{USER_INFO_PATH}"}
        return {**(usual if self.skip_oidc_discovery and self.knows_graph else {}), **stated}

    @property
    def graph(self) -> str:
        """Where Graph is, without a path."""
        root = urlsplit(self.profile_url or ROOT)
        return f"{root.scheme}://{root.netloc}"

    @property
    def knows_graph(self) -> bool:
        """Whether access tokens are for Graph; those of the older endpoints, which have no version, are not."""
        return "/v2.0" in self.issuer or "/v2.0" in urlsplit(self.login_url).path

    def tenancy(self) -> Tenancy:
        """The tenants whose people may come."""
        return Tenancy.of(self.issuer, any_tenant=self.insecure_oidc_skip_issuer_verification)


def problems(said: Options) -> Iterator[Problem]:
    """What is wrong with what settings say, whether `Options` can be made of it or not."""
    if not said.oidc_issuer_url:
        yield from tenancy_problems("azure_tenant", tenant_issuer(said.azure_tenant))


def build(options: Options, surroundings: Surroundings) -> OidcProvider:
    """Azure of settings."""
    tenancy = options.tenancy()
    scope = (options.scope or "openid email profile").split()
    if options.knows_graph:
        by_graph = f"https://{urlsplit(options.graph).netloc}/.default"
        scope = [*(name for name in scope if name not in {"groups", by_graph}), by_graph]
    dialect = oidc.Dialect(
        name="Azure",
        persons=lambda user_info: EntraPersons(
            user_info,
            tenancy=tenancy,
            graph=MicrosoftGraph(client=surroundings.client, root=f"{options.graph}/v1.0"),
            groups_that_matter=options.allowed_groups,
            group_property=(options.azure_graph_group_field or "id") if options.knows_graph else "",
            asks_for_email=options.knows_graph,
            believes_email=options.insecure_oidc_allow_unverified_email
            or oidc.claim_rules(options).email_claim != STANDARD_EMAIL_CLAIM,
        ),
        issuer=tenancy.issuer,
        document_issuer=tenancy.document_issuer,
        # Endpoints of version 2.0 refuse it: there scopes say what a token is for.
        resource="" if options.knows_graph else None,
    )
    return oidc.build(evolve(options, oidc_issuer_url=options.issuer, scope=" ".join(scope)), surroundings, dialect)
