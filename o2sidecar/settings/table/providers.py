"""The options of the identity provider, one line each."""

# ruff: noqa: RUF009 (`option` makes a field, it is no default)

from __future__ import annotations

from attrs import frozen

from o2sidecar.settings.kinds import Texts
from o2sidecar.settings.option import Group, option


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class ProviderOptions(Group):
    """What every provider has."""

    title = "Provider"
    structured = True

    provider: str = option("google", "kind of identity provider: google, github, oidc and so on")
    provider_id: str = option("", "what sessions say of who signed them in; empty: nothing", ours=True)
    provider_display_name: str = option("", "the provider's name on the sign-in button")
    client_id: str = option("", "the client id that the provider gave you")
    client_secret: str = option("", "the client secret that the provider gave you", secret=True)
    client_secret_file: str = option("", "file that holds the client secret; one line break at its end does not count")
    provider_ca_files: Texts = option((), "PEM files of authorities trusted for the provider")
    use_system_trust_store: bool = option(False, "trust the system's authorities too when provider_ca_files is given")
    token_endpoint_auth_method: str = option(
        "",
        "client_secret_basic, client_secret_post, private_key_jwt, none; empty: what key, secret and provider allow",
        ours=True,
    )
    jwt_key: str = option("", "private key in PEM that proves who we are (private_key_jwt)", secret=True)
    jwt_key_file: str = option("", "file with that key")
    jwt_key_id: str = option("", "name of that key (kid), if the provider wants one", ours=True)
    login_url: str = option("", "the authorization endpoint, if not the discovered one")
    redeem_url: str = option("", "the token endpoint, if not the discovered one")
    profile_url: str = option("", "the user-info endpoint, if not the discovered one")
    validate_url: str = option("", "URL that tells whether an access token is alive, or where a provider's API is")
    skip_claims_from_profile_url: bool = option(False, "do not ask the user-info endpoint for missing claims")
    resource: str = option("", "what access tokens are to be for (RFC 8707)")
    scope: str = option("", "scopes to ask for; empty: what the provider needs")
    prompt: str = option("", "the prompt parameter of the login request; approval_prompt is not sent then")
    approval_prompt: str = option("force", "the approval_prompt parameter of the login request")
    acr_values: str = option("", "the acr_values parameter of the login request")
    auth_request_response_mode: str = option("", "the response_mode parameter of the login request: query or form_post")
    code_challenge_method: str = option("", "PKCE: S256, plain, or empty for none", sidecar_default="S256")
    force_code_challenge_method: str = option("", "old name", stands_for="code_challenge_method")
    user_id_claim: str = option("email", "old name", stands_for="oidc_email_claim")
    allowed_groups: Texts = option((), "groups whose members may pass; empty: everybody")
    backend_logout_url: str = option("", "URL that is called at sign-out; {id_token} in it is replaced")
    additional_claims: Texts = option((), "further claims to keep in the session", ours=True)


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class OidcOptions(Group):
    """What OpenID Connect adds."""

    title = "OpenID Connect"
    structured = True

    oidc_issuer_url: str = option("", "the issuer; its discovery document names the endpoints")
    skip_oidc_discovery: bool = option(False, "read no discovery document; endpoints and keys are given")
    oidc_jwks_url: str = option("", "where the provider's keys are, without discovery")
    oidc_public_key_files: Texts = option((), "PEM files of the provider's keys, instead of a JWKS URL")
    oidc_enabled_signing_algs: Texts = option((), "algorithms that ID tokens may be signed with")
    oidc_email_claim: str = option("email", "claim that holds the email")
    oidc_groups_claim: str = option("groups", "claim that holds the groups")
    oidc_audience_claims: Texts = option(("aud",), "claims that hold the audience")
    oidc_extra_audiences: Texts = option((), "audiences that are accepted besides the client id")
    oidc_user_info_by_form: bool = option(
        False, "send the access token to the user-info endpoint in a form, not in a field", ours=True
    )
    insecure_oidc_allow_unverified_email: bool = option(False, "accept addresses that the provider calls unverified")
    insecure_oidc_skip_issuer_verification: bool = option(False, "do not compare the ID token's issuer")
    insecure_oidc_skip_nonce: bool = option(True, "let an ID token lack this login's nonce", sidecar_default=False)


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class GitHubOptions(Group):
    """What GitHub adds."""

    title = "GitHub"
    structured = True

    github_org: str = option("", "only members of this organisation may pass", restricts=True)
    github_team: str = option(
        "", "only members of these teams may pass: of github_org, or org:team; by commas", restricts=True
    )
    github_repo: str = option("", "collaborators of this repository, as owner/name, may pass", restricts=True)
    github_token: str = option("", "token that may read the repository's collaborators", secret=True)
    github_users: Texts = option((), "users who may always pass", restricts=True)


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class GoogleOptions(Group):
    """What Google adds."""

    title = "Google"
    structured = True

    google_group: Texts = option((), "old name", stands_for="google_groups", prevails=True, restricts=True)
    google_groups: Texts = option((), "only members of one of these groups may pass", restricts=True)
    google_admin_email: str = option("", "administrator for whom the service account asks about groups")
    google_service_account_json: str = option("", "file with the key of a service account that may ask about groups")


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class MicrosoftOptions(Group):
    """What Microsoft Entra ID adds, and Azure, its older name."""

    title = "Microsoft"
    structured = True

    entra_id_allowed_tenants: Texts = option(
        (), "ids of the tenants whose people may pass; empty: the issuer's", restricts=True
    )
    entra_id_federated_token_auth: bool = option(False, "prove who we are by workload identity instead of a secret")
    entra_id_federated_token_file: str = option(
        "", "file with the token for that; empty: what AZURE_FEDERATED_TOKEN_FILE names", ours=True
    )
    azure_tenant: str = option("common", "with provider azure: id of the tenant, or common", restricts=True)
    azure_graph_group_field: str = option("", "with provider azure: property of a group that names it; empty: id")


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class KeycloakOptions(Group):
    """What Keycloak adds."""

    title = "Keycloak"
    structured = True

    allowed_roles: Texts = option(
        (), "only holders of one of these roles may pass: a realm's, or client:role", restricts=True
    )
    keycloak_groups: Texts = option((), "only members of one of these groups may pass", restricts=True)


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class GitLabOptions(Group):
    """What GitLab adds."""

    title = "GitLab"
    structured = True

    gitlab_groups: Texts = option((), "only members of one of these groups may pass", restricts=True)
    gitlab_projects: Texts = option(
        (), "who works on one of these projects may pass: group/project or with =level", restricts=True
    )


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class BitbucketOptions(Group):
    """What Bitbucket adds."""

    title = "Bitbucket"
    structured = True

    bitbucket_team: str = option("", "only members of this workspace may pass", restricts=True)
    bitbucket_repository: str = option(
        "", "only those who may write to this repository, workspace/name, may pass", restricts=True
    )


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class OtherProviderOptions(Group):
    """What single providers add that have one option each."""

    title = "Other providers"
    structured = True

    pubjwk_url: str = option("", "with provider login.gov: where its keys are, if not where it says itself")
    adfs_skip_scope: bool = option(False, "with provider adfs: send no scope", ours=True)
    oauth2_user_claim: str = option(
        "", "with provider oauth2: member of the profile that names the user; empty: sub, id or login", ours=True
    )


OF_SINGLE_PROVIDERS: tuple[type[Group], ...] = (
    GitHubOptions,
    GoogleOptions,
    MicrosoftOptions,
    KeycloakOptions,
    GitLabOptions,
    BitbucketOptions,
    OtherProviderOptions,
)
"""Groups of options that do nothing with other providers."""
