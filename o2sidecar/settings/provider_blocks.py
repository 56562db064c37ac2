"""The `providers` of the structured file: who signs people in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from attrs import field, frozen

from o2sidecar.policy.pattern import Pattern
from o2sidecar.settings import shape
from o2sidecar.settings.blocks import Block, Reading
from o2sidecar.settings.given import Given
from o2sidecar.settings.kinds import TEXT, shown
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.shape import Key, Shape
from o2sidecar.settings.table import BY_KEY

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~=-]{0,63}")

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
    "jwtKey": "jwt_key",
    "jwtKeyFile": "jwt_key_file",
    "jwtKeyID": "jwt_key_id",
    "tokenEndpointAuthMethod": "token_endpoint_auth_method",
    "resource": "resource",
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
    "userInfoByForm": "oidc_user_info_by_form",
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
    "bitbucketConfig": {"team": "bitbucket_team", "repository": "bitbucket_repository"},
    "loginGovConfig": {
        "pubjwkURL": "pubjwk_url",
        "jwtKey": "jwt_key",
        "jwtKeyFile": "jwt_key_file",
        "jwtKeyID": "jwt_key_id",
    },
    "ADFSConfig": {"skipScope": "adfs_skip_scope"},
    "oauth2Config": {"userClaim": "oauth2_user_claim"},
}
_NOT_BUILT: Mapping[str, tuple[str, ...]] = {
    "googleConfig": (
        "useApplicationDefaultCredentials",
        "targetPrincipal",
        "useOrganizationID",
        "adminAPIUserScope",
    ),
}
EMAIL_DOMAINS = "emailDomains"
"""An entry's own rule in the place of the option `email_domains`, and what it is called among `ProviderBlock.names`."""
CLIENT_KEY = frozenset({"jwt_key", "jwt_key_file", "jwt_key_id"})
"""Options that an entry says for itself, or as oauth2-proxy has it in `loginGovConfig`."""
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
_DEFAULT_FOR = Shape(
    keys=(
        shape.texts("hosts", "hosts of the app; .x: those below x"),
        shape.texts("paths", "patterns of the app's paths"),
    )
)
PROVIDER = Shape(
    keys=(
        shape.sets("id", "provider_id"),
        shape.texts(
            EMAIL_DOMAINS,
            "domains whose addresses may pass who sign in here, and nowhere else, in the place of email_domains",
        ),
        shape.block("defaultFor", "where this provider is asked before the others", _DEFAULT_FOR),
        *(shape.sets(key, option) for key, option in _PROVIDER.items()),
        *(_block_of_options(name, keys) for name, keys in _BLOCKS.items()),
        shape.blocks("loginURLParameters", "parameters of the login request", _LOGIN_PARAMETER),
        shape.free("options", "options of a provider that another package adds, by their keys"),
    )
)


@frozen(kw_only=True)
class ProviderBlock:
    """What one entry of `providers` says.

    Attributes:
        place: where it is in the file.
        given: options that it sets, by key.
        own: options that are not of the table, by key.
        names: where it says, or could say, an option, by key; `options` is where those are that are not of the table,
            `EMAIL_DOMAINS` where `email_domains` are.
        email_domains: whose addresses may pass who sign in here; empty: what holds for all.
        hosts, paths: where it is asked before the others.
    """

    place: str
    given: Mapping[str, Given] = field(factory=dict)
    own: Mapping[str, Given] = field(factory=dict)
    names: Mapping[str, str] = field(factory=dict)
    email_domains: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


def read_providers(root: Block) -> tuple[ProviderBlock, ...]:
    """The entries, the first of which is the one that counts where nothing else decides."""
    found = [_read(root, index, block) for index, block in enumerate(root.blocks("providers"))]
    if not found:
        root.refuse("providers", "must be a list of one provider or several")
    if len(found) > 1:
        _require_distinct_ids(root, found)
    return tuple(found)


def names_in(reading: Reading, index: int) -> dict[str, str]:
    """Where the entry of an index says, or could say, an option, by key."""
    names = {key: f"providers[{index}].{key}" for key in ("options", EMAIL_DOMAINS)}
    names["provider_id"] = f"providers[{index}].id"
    for prefix, keys in (*((f"{name}.", keys) for name, keys in _BLOCKS.items()), ("", _PROVIDER)):
        names |= {option: f"providers[{index}].{prefix}{key}" for key, option in keys.items()}
    return {option: reading.name(path) for option, path in names.items()}


def _read(root: Block, index: int, block: Block) -> ProviderBlock:
    preferred = block.block("defaultFor")
    hosts, paths = (preferred.value("hosts"), preferred.value("paths")) if preferred else ((), ())
    if preferred:
        _require_patterns(preferred, paths)
        preferred.close()
    return ProviderBlock(
        place=block.path,
        given=dict(_said_in_provider(block)),
        own=dict(block.free("options")),
        names=names_in(root.reading, index),
        email_domains=block.value(EMAIL_DOMAINS),
        hosts=hosts,
        paths=paths,
    )


def _require_patterns(block: Block, paths: Iterable[str]) -> None:
    for path in paths:
        try:
            Pattern(path)
        except ValueError as error:
            block.refuse("paths", str(error))


def _require_distinct_ids(root: Block, found: Iterable[ProviderBlock]) -> None:
    """Sessions, callbacks and buttons name the provider by its id where there are several."""
    seen: set[str] = set()
    for each in found:
        given = each.given.get("provider_id")
        try:
            text = given.read(TEXT) if given else ""
        except ValueError:
            continue
        if not _ID.fullmatch(text):
            sentence = (
                "where there are several, each has one: up to 64 letters, digits and, behind the first, . _ ~ = -"
            )
            root.reading.refuse(f"{each.place}.id", sentence)
        elif text in seen:
            root.reading.refuse(f"{each.place}.id", f"{shown(text)} is another provider's already")
        seen.add(text)


def _said_in_provider(block: Block) -> Iterator[tuple[str, Given]]:
    said = set()
    for option, given in block.given():
        said.add(option)
        yield option, given
    for key in _BLOCKS:
        inner = block.block(key)
        if inner is not None:
            for option, given in inner.given():
                if option in said:
                    block.reading.problems.append(Problem(names=(given.name,), sentence="is said beside it, too"))
                yield option, given
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
