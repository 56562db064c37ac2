"""The structured YAML file of `--alpha-config`: provider, upstreams, injected headers and listener."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import field, frozen

from o2sidecar.identity import HeaderRule
from o2sidecar.settings import shape
from o2sidecar.settings.blocks import Block, Reading
from o2sidecar.settings.files import ReadFile, read_text
from o2sidecar.settings.given import Given
from o2sidecar.settings.header_blocks import REQUEST_HEADER, RESPONSE_HEADER, request_rules, response_rules
from o2sidecar.settings.kinds import shown
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.server_block import METRICS_SERVER, PLACES, SERVER, Servers, read_servers
from o2sidecar.settings.shape import Key, Shape
from o2sidecar.settings.table import BY_KEY
from o2sidecar.settings.upstream_blocks import UPSTREAM_CONFIG, upstreams_of
from o2sidecar.settings.upstreams import Upstream, doubles
from o2sidecar.settings.yaml_text import parse_yaml

_PROVIDER: Mapping[str, str] = {
    "provider": "provider",
    "name": "provider_display_name",
    "clientID": "client_id",
    "clientSecret": "client_secret",
    "clientSecretFile": "client_secret_file",
    "caFiles": "provider_ca_files",
    "useSystemTrustStore": "use_system_trust_store",
    "loginURL": "login_url",
    "redeemURL": "redeem_url",
    "profileURL": "profile_url",
    "validateURL": "validate_url",
    "skipClaimsFromProfileURL": "skip_claims_from_profile_url",
    "authRequestResponseMode": "auth_request_response_mode",
    "scope": "scope",
    "allowedGroups": "allowed_groups",
    "code_challenge_method": "code_challenge_method",
    "additionalClaims": "additional_claims",
    "backendLogoutURL": "backend_logout_url",
}
_OIDC: Mapping[str, str] = {
    "issuerURL": "oidc_issuer_url",
    "insecureAllowUnverifiedEmail": "insecure_oidc_allow_unverified_email",
    "insecureSkipIssuerVerification": "insecure_oidc_skip_issuer_verification",
    "insecureSkipNonce": "insecure_oidc_skip_nonce",
    "skipDiscovery": "skip_oidc_discovery",
    "jwksURL": "oidc_jwks_url",
    "publicKeyFiles": "oidc_public_key_files",
    "emailClaim": "oidc_email_claim",
    "groupsClaim": "oidc_groups_claim",
    "userIDClaim": "user_id_claim",
    "audienceClaims": "oidc_audience_claims",
    "extraAudiences": "oidc_extra_audiences",
    "enabledSigningAlgs": "oidc_enabled_signing_algs",
}
_GITHUB: Mapping[str, str] = {
    "org": "github_org",
    "team": "github_team",
    "repo": "github_repo",
    "token": "github_token",
    "users": "github_users",
}
_BLOCKS: Mapping[str, Mapping[str, str]] = {
    "oidcConfig": _OIDC,
    "githubConfig": _GITHUB,
    "googleConfig": {
        "group": "google_groups",
        "adminEmail": "google_admin_email",
        "serviceAccountJson": "google_service_account_json",
    },
    "microsoftEntraIDConfig": {
        "allowedTenants": "entra_id_allowed_tenants",
        "federatedTokenAuth": "entra_id_federated_token_auth",
        "federatedTokenFile": "entra_id_federated_token_file",
    },
    "azureConfig": {"tenant": "azure_tenant", "graphGroupField": "azure_graph_group_field"},
    "keycloakConfig": {"groups": "keycloak_groups", "roles": "allowed_roles"},
    "gitlabConfig": {"group": "gitlab_groups", "projects": "gitlab_projects"},
}
_NOT_BUILT: Mapping[str, tuple[str, ...]] = {
    "googleConfig": (
        "useApplicationDefaultCredentials",
        "targetPrincipal",
        "useOrganizationID",
        "adminAPIUserScope",
    ),
}
_OTHER_PROVIDERS = ("ADFSConfig", "bitbucketConfig", "loginGovConfig")
_LOGIN_PARAMETERS: Mapping[str, str] = {
    "approval_prompt": "approval_prompt",
    "prompt": "prompt",
    "acr_values": "acr_values",
}


def _block_of_options(name: str, keys: Mapping[str, str]) -> Key:
    title = BY_KEY[next(iter(keys.values()))].title
    built = [shape.sets(key, option) for key, option in keys.items()]
    return shape.block(
        name, f"what {title} adds", Shape(keys=[*built, *map(shape.not_built, _NOT_BUILT.get(name, ()))])
    )


_LOGIN_PARAMETER = Shape(
    keys=(
        shape.text("name", f"one of {', '.join(_LOGIN_PARAMETERS)}", required=True),
        shape.texts("default", "its value: a list of one"),
        shape.not_built("allow"),
    )
)
PROVIDER = Shape(
    keys=(
        shape.text("id", "a name of your choice"),
        *(shape.sets(key, option) for key, option in _PROVIDER.items()),
        *(_block_of_options(name, keys) for name, keys in _BLOCKS.items()),
        shape.blocks("loginURLParameters", "parameters of the login request", _LOGIN_PARAMETER),
        *map(shape.not_built, ("resource", *_OTHER_PROVIDERS)),
    )
)
ROOT = Shape(
    keys=(
        shape.blocks("providers", "who signs people in: a list of one", PROVIDER, required=True),
        shape.block("upstreamConfig", "where requests go", UPSTREAM_CONFIG),
        shape.blocks("injectRequestHeaders", "headers that the app gets", REQUEST_HEADER),
        shape.blocks("injectResponseHeaders", "headers of answers", RESPONSE_HEADER),
        shape.block("server", "where requests come in", SERVER, required=True),
        shape.block("metricsServer", "where metrics are served", METRICS_SERVER),
    )
)
"""The whole file."""

_TOKENS = frozenset({"access_token", "id_token", "refresh_token"})


@frozen(kw_only=True)
class StructuredFile:
    """What the file says.

    Attributes:
        given: options that it sets, by key.
        names: where it says, or could say, an option, by key.
        servers: where to listen.
        upstreams: the good ones.
        request_rules: of `injectRequestHeaders`.
        response_rules: of `injectResponseHeaders`, with the app's answers.
        auth_rules: of the same, with the auth endpoint's.
        problems, cautions: what there is to say about it; the names are places in the file.
    """

    given: Mapping[str, Given] = field(factory=dict)
    names: Mapping[str, str] = field(factory=dict)
    servers: Servers = field(factory=Servers)
    upstreams: tuple[Upstream, ...] = ()
    request_rules: tuple[HeaderRule, ...] = ()
    response_rules: tuple[HeaderRule, ...] = ()
    auth_rules: tuple[HeaderRule, ...] = ()
    problems: tuple[Problem, ...] = ()
    cautions: tuple[Problem, ...] = ()

    def token_problems(self) -> list[Problem]:
        """What is wrong with the rules where sessions have no tokens (`session_cookie_minimal`)."""
        return [
            Problem(names=("session_cookie_minimal", rule.name), sentence="a session without tokens has none to pass")
            for rule in (*self.request_rules, *self.auth_rules)
            if any(source.claim in _TOKENS for source in rule.sources)
        ]


def read_structured_file(path: str, read_file: ReadFile, environment: Mapping[str, str]) -> StructuredFile:
    """Read the file; all that is wrong with it is in the result."""
    reading = Reading(file=path, environment=environment, read_file=read_file)
    try:
        text = read_text(path, read_file)
    except ValueError as error:
        return StructuredFile(problems=(Problem(names=("--alpha-config",), sentence=str(error)),))
    try:
        content = parse_yaml(text)
        if not isinstance(content, dict):
            raise ValueError("it must be a block of keys and values")
    except ValueError as error:
        sentence = f"{shown(path)} is no YAML for settings: {error}"
        return StructuredFile(problems=(Problem(names=("--alpha-config",), sentence=sentence),))
    return _read_root(Block(path="", content=content, shape=ROOT, reading=reading))


def _read_root(root: Block) -> StructuredFile:
    servers = read_servers(root)
    given = {**servers.given, **_provider(root)}
    upstreams = tuple(upstreams_of(root))
    for sentence in doubles(list(upstreams)):
        root.refuse("upstreamConfig.upstreams", sentence)
    for_app = request_rules(root)
    with_answers, for_auth = response_rules(root)
    root.close()
    return StructuredFile(
        given=given,
        names=_names(root.reading),
        servers=servers,
        upstreams=upstreams,
        request_rules=for_app,
        response_rules=with_answers,
        auth_rules=for_auth,
        problems=tuple(root.reading.problems),
        cautions=tuple(root.reading.cautions),
    )


def _names(reading: Reading) -> dict[str, str]:
    names = dict(PLACES)
    for prefix, keys in (("", _PROVIDER), *((f"{name}.", keys) for name, keys in _BLOCKS.items())):
        names |= {option: f"providers[0].{prefix}{key}" for key, option in keys.items()}
    return {option: reading.name(path) for option, path in names.items()}


def _provider(root: Block) -> dict[str, Given]:
    found: dict[str, Given] = {}
    listed = root.take("providers")
    if not isinstance(listed, list) or len(listed) != 1:
        root.refuse("providers", "must be a list of one provider; several come in a later version")
    for index, block in enumerate(root.blocks("providers")):
        said = dict(_said_in_provider(block))
        if index == 0:
            found = said
    return found


def _said_in_provider(block: Block) -> Iterator[tuple[str, Given]]:
    block.take("id")
    yield from block.given()
    for key in _BLOCKS:
        inner = block.block(key)
        if inner is not None:
            yield from inner.given()
            inner.close()
    for parameter in block.blocks("loginURLParameters"):
        yield from _login_parameter(parameter)


def _login_parameter(block: Block) -> Iterator[tuple[str, Given]]:
    """A parameter of the login URL; only one fixed value, of one that an option sets, is supported."""
    name, default = block.text("name"), block.value("default")
    if name not in _LOGIN_PARAMETERS or len(default) != 1:
        known = ", ".join(_LOGIN_PARAMETERS)
        block.refuse("name", f"only {known}, each with one default, are supported by this version")
        return
    yield _LOGIN_PARAMETERS[name], block.as_given("default", default[0])
