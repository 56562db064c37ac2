"""The structured YAML file of `--alpha-config`: provider, upstreams, injected headers and listener."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import field, frozen

from o2sidecar.identity import HeaderRule
from o2sidecar.settings.blocks import Block, Reading
from o2sidecar.settings.files import ReadFile, read_text
from o2sidecar.settings.given import Given
from o2sidecar.settings.header_blocks import header_rules
from o2sidecar.settings.kinds import shown
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.server_block import PLACES, Servers, read_servers
from o2sidecar.settings.upstream_blocks import upstreams_of
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
        response_rules: of `injectResponseHeaders`.
        problems, cautions: what there is to say about it; the names are places in the file.
    """

    given: Mapping[str, Given] = field(factory=dict)
    names: Mapping[str, str] = field(factory=dict)
    servers: Servers = field(factory=Servers)
    upstreams: tuple[Upstream, ...] = ()
    request_rules: tuple[HeaderRule, ...] = ()
    response_rules: tuple[HeaderRule, ...] = ()
    problems: tuple[Problem, ...] = ()
    cautions: tuple[Problem, ...] = ()

    def token_problems(self) -> list[Problem]:
        """What is wrong with the rules where sessions have no tokens (`session_cookie_minimal`)."""
        return [
            Problem(names=("session_cookie_minimal", rule.name), sentence="a session without tokens has none to pass")
            for rule in (*self.request_rules, *self.response_rules)
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
    return _read_root(Block(path="", content=content, reading=reading))


def _read_root(root: Block) -> StructuredFile:
    servers = read_servers(root)
    given = {**servers.given, **_provider(root)}
    upstreams = tuple(upstreams_of(root))
    for sentence in doubles(list(upstreams)):
        root.refuse("upstreamConfig.upstreams", sentence)
    request_rules = header_rules(root, "injectRequestHeaders")
    response_rules = header_rules(root, "injectResponseHeaders")
    root.close()
    return StructuredFile(
        given=given,
        names=_names(root.reading),
        servers=servers,
        upstreams=upstreams,
        request_rules=request_rules,
        response_rules=response_rules,
        problems=tuple(root.reading.problems),
        cautions=tuple(root.reading.cautions),
    )


def _names(reading: Reading) -> dict[str, str]:
    names = dict(PLACES)
    for prefix, keys in (("", _PROVIDER), *((f"{block}.", keys) for block, keys in _BLOCKS.items())):
        names |= {option: f"providers[0].{prefix}{key}" for key, option in keys.items()}
    return {option: reading.name(path) for option, path in names.items()}


def _provider(root: Block) -> dict[str, Given]:
    found: dict[str, Given] = {}
    blocks = list(root.content.get("providers") or ()) if isinstance(root.content.get("providers"), list) else []
    if len(blocks) != 1:
        root.refuse("providers", "must be a list of one provider; several come in a later version")
    for index, block in enumerate(root.blocks("providers")):
        said = dict(_said_in_provider(block))
        if index == 0:
            found = said
    return found


def _said_in_provider(block: Block) -> Iterator[tuple[str, Given]]:
    block.take("id")
    yield from _mapped(block, _PROVIDER)
    for key, keys in _BLOCKS.items():
        inner = block.block(key)
        if inner is not None:
            yield from _mapped(inner, keys)
            inner.not_built(*_NOT_BUILT.get(key, ()))
            inner.close()
    for parameter in block.blocks("loginURLParameters"):
        yield from _login_parameter(parameter)
    block.not_built("resource", *_OTHER_PROVIDERS)


def _mapped(block: Block, keys: Mapping[str, str]) -> Iterator[tuple[str, Given]]:
    for key, option in keys.items():
        given = block.given(key)
        if given is not None:
            yield option, given


def _login_parameter(block: Block) -> Iterator[tuple[str, Given]]:
    """A parameter of the login URL; only one fixed value, of one that an option sets, is supported."""
    name, default = block.text("name"), block.take("default")
    block.not_built("allow")
    if name not in _LOGIN_PARAMETERS or not isinstance(default, list) or len(default) != 1:
        known = ", ".join(_LOGIN_PARAMETERS)
        block.refuse("name", f"only {known}, each with one default, are supported by this version")
        return
    text = default[0]
    yield (
        _LOGIN_PARAMETERS[name],
        Given(name=block.reading.name(block.at("default")), read=lambda kind: kind.read_file_value(text)),
    )
