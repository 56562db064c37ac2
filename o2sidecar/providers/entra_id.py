"""Microsoft Entra ID: OpenID Connect with tenants, groups beyond what a token holds, and workload identity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from attrs import frozen

from o2sidecar.oauth.claims import STANDARD_EMAIL_CLAIM
from o2sidecar.oauth.entra_tenancy import Tenancy
from o2sidecar.providers import oidc
from o2sidecar.providers.entra_persons import EntraPersons
from o2sidecar.providers.microsoft_graph import HOST, USER_INFO_PATH, MicrosoftGraph
from o2sidecar.providers.oidc_provider import OidcProvider
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.refusals import ProviderUnavailable
from o2sidecar.settings.problems import Problem

SCOPE = "openid email profile"
"""Microsoft knows no scope for groups, and refuses requests for unknown ones."""

_LONGEST_TOKEN = 1 << 16


@frozen(kw_only=True)
class Options(oidc.Options):
    """What settings say; beside those of OpenID Connect, tenants, and how to prove who we are."""

    entra_id_allowed_tenants: Sequence[str] = ()
    entra_id_federated_token_auth: bool = False
    entra_id_federated_token_file: str = ""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.tenancy()
        if self.entra_id_federated_token_auth and not self.entra_id_federated_token_file:
            raise ValueError("entra_id_federated_token_auth needs a file: AZURE_FEDERATED_TOKEN_FILE names none")

    @property
    def endpoints(self) -> dict[str, str]:
        """As for OpenID Connect; user info, and Graph with it, has a usual place where there is no discovery."""
        usual = {"userinfo_endpoint": f"{HOST}{USER_INFO_PATH}"}
        return {**(usual if self.skip_oidc_discovery else {}), **super().endpoints}

    def tenancy(self) -> Tenancy:
        """The tenants whose people may come."""
        return Tenancy.of(
            self.oidc_issuer_url,
            self.entra_id_allowed_tenants,
            any_tenant=self.insecure_oidc_skip_issuer_verification,
        )

    @property
    def believes_email(self) -> bool:
        """Whether the operator chose to believe all tenants, or a claim of their own choice."""
        claim = oidc.claim_rules(self).email_claim
        return self.insecure_oidc_allow_unverified_email or claim != STANDARD_EMAIL_CLAIM


def problems(said: Options) -> Iterator[Problem]:
    """What is wrong with what settings say, whether `Options` can be made of it or not."""
    for tenant in said.entra_id_allowed_tenants:
        yield from tenancy_problems("entra_id_allowed_tenants", "", [tenant])
    yield from tenancy_problems("oidc_issuer_url", said.oidc_issuer_url)
    if said.entra_id_federated_token_auth and not said.entra_id_federated_token_file:
        sentence = "is missing: the file with the token, since the variable AZURE_FEDERATED_TOKEN_FILE names none"
        yield Problem(names=("entra_id_federated_token_file",), sentence=sentence)


def tenancy_problems(key: str, issuer: str, allowed: Sequence[str] = ()) -> Iterator[Problem]:
    """What keeps an issuer, or tenants that are allowed, from being any; `key` says it."""
    try:
        Tenancy.of(issuer, allowed)
    except ValueError as error:
        yield Problem(names=(key,), sentence=str(error))


def build(options: Options, surroundings: Surroundings) -> OidcProvider:
    """Entra ID of settings."""
    tenancy = options.tenancy()
    dialect = oidc.Dialect(
        name="Microsoft Entra ID",
        scope=SCOPE,
        persons=lambda user_info: EntraPersons(
            user_info,
            tenancy=tenancy,
            graph=MicrosoftGraph(client=surroundings.client),
            groups_that_matter=options.allowed_groups,
            believes_email=options.believes_email,
        ),
        issuer=tenancy.issuer,
        document_issuer=tenancy.document_issuer,
        client_assertion=_assertion(options),
    )
    return oidc.build(options, surroundings, dialect)


def _assertion(options: Options) -> Callable[[str], str] | None:
    if not options.entra_id_federated_token_auth:
        return None
    file = Path(options.entra_id_federated_token_file)

    def read(_: str) -> str:
        # Kubernetes puts a new token there every hour or so.
        try:
            with file.open(encoding="ascii") as opened:
                return opened.read(_LONGEST_TOKEN).strip()
        except (OSError, UnicodeDecodeError) as error:
            trouble = getattr(error, "strerror", None) or "it is no text in ASCII"
            raise ProviderUnavailable(detail=f"the federated token in {file} cannot be read: {trouble}") from None

    return read
