"""The options of single kinds of providers: Google, Microsoft, Keycloak and GitLab."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes import claims_of, compact, signing_key
from tests.options.probes import asked_of_provider, asks_provider, signing_in, told
from tests.options.row import REFUSED, Probe, Row, row
from tests.options.world import ADDRESS, World
from tests.provider_apis import ACCOUNT, Directory, GitLabProjects, Graph, Profiles

OURS, THEIRS = (f"{letter * 8}-1111-2222-3333-444444444444" for letter in "ab")
"""Tenants; Alice is of the first one."""
STAFF, ADMINS = "staff@example.com", "admins@example.com"
ADMIN = "root@example.com"

GOOGLE = {"provider": "google"}
ASKING = {"google_admin_email": ADMIN, "google_service_account_json": "{folder}/service-account.json"}
DESCRIBED = {
    "skip_oidc_discovery": "true",
    "login_url": f"{ADDRESS}/authorize",
    "redeem_url": f"{ADDRESS}/token",
    "oidc_jwks_url": f"{ADDRESS}/jwks",
}
ENTRA = {"provider": "entra-id", "oidc_issuer_url": f"{ADDRESS}/{OURS}/v2.0", **DESCRIBED}
ENTRA_OF_ALL = {**ENTRA, "oidc_issuer_url": f"{ADDRESS}/common/v2.0"}
FEDERATED_FILE = "{folder}/federated-token"
AZURE = {"provider": "azure", "oidc_issuer_url": "", "profile_url": f"{ADDRESS}/v1.0/me", **DESCRIBED}
KEYCLOAK = {"provider": "keycloak-oidc"}
GITLAB = {"provider": "gitlab"}
PLAIN = {"oidc_issuer_url": "", "login_url": f"{ADDRESS}/authorize", "redeem_url": f"{ADDRESS}/token"}
BITBUCKET = {"provider": "bitbucket", "validate_url": f"{ADDRESS}/2.0/user/emails", **PLAIN}
OAUTH2 = {"provider": "oauth2", "profile_url": f"{ADDRESS}/me", **PLAIN}
LOGIN_GOV = {"provider": "login.gov", "jwt_key_file": "{folder}/client-key.pem", "client_secret": ""}


def _at(prepare: Callable[[World], object], probe: Probe) -> Probe:
    """The probe, where the provider was made one of a kind before."""

    def prepared(world: World) -> object:
        prepare(world)
        return probe(world)

    return prepared


def become_google(world: World) -> Directory:
    """Google, where Alice is one of the staff."""
    directory = Directory(groups={STAFF: ["alice@example.com"], ADMINS: []})
    world.provider.claims |= {"hd": "example.com", "groups": None}
    world.provider.apis = {"/service-token": directory.token, "/admin/directory/v1/": directory}
    return directory


def _service_account(claim: str) -> Probe:
    """What the service account says of itself when it asks for a token."""

    def probe(world: World) -> object:
        directory = become_google(world)
        world.sign_in()
        return [asserted["claims"][claim] for asserted in directory.assertions]

    return probe


def _microsoft(issuer: str) -> Callable[[World], object]:
    """Microsoft, where Alice is of our tenant and, as Graph knows, one of the staff."""

    def prepare(world: World) -> None:
        address: dict[str, Any] = {"preferred_username": "alice@example.com"}
        world.provider.claims |= {"iss": f"{issuer}/{OURS}/v2.0", "tid": OURS, **address}
        world.provider.apis = {"/v1.0/me": Graph(groups={"g-1": "Staff"})}

    return prepare


become_entra, become_azure = _microsoft(ADDRESS), _microsoft("https://login.microsoftonline.com")


def _proof(world: World) -> list[str]:
    """What proves at the token endpoint who we are: fields of the form."""
    world.sign_in()
    [asked] = [asked for asked in world.provider.asked if asked.path == "/token"]
    return [asked.form.get("client_assertion", "")]


def become_keycloak(world: World) -> None:
    """Keycloak, where Alice has roles."""
    claims = claims_of(aud="account", realm_access={"roles": ["editor"]})
    world.provider.tokens["access_token"] = compact({"alg": "RS256", "kid": "main"}, claims, signing_key())


def become_gitlab(world: World) -> None:
    """GitLab, where Alice is in a group and develops an app."""
    said = {"email": "alice@example.com", "email_verified": True, "groups": ["acme"]}
    world.provider.user_info = {"sub": "user-1", **said}
    projects = GitLabProjects()
    projects.put("acme/app", project=30)
    world.provider.apis = {"/api/v4/projects/": projects}


def become_bitbucket(world: World) -> Profiles:
    """Bitbucket, where Alice is of a workspace and works on an app."""
    address = {"email": "alice@example.com", "is_primary": True, "is_confirmed": True}
    profiles = Profiles(
        {
            "/2.0/user/emails": {"values": [address]},
            "/2.0/user/workspaces": {"values": [{"workspace": {"slug": "acme"}}]},
            "/2.0/repositories/acme": {"values": [{"full_name": "acme/app"}]},
        }
    )
    world.provider.apis = {"/2.0/": profiles}
    return profiles


def become_profile(world: World) -> Profiles:
    """A provider with a profile of Alice."""
    profiles = Profiles({"/me": {"id": 7, "name": "al", "email": "alice@example.com", "groups": ["staff"]}})
    world.provider.apis = {"/me": profiles}
    return profiles


ROWS: Mapping[str, Row] = {
    # Google.
    "google_groups": row(_at(become_google, signing_in()), ADMINS, 302, 403, **GOOGLE, **ASKING),
    "google_group": row(_at(become_google, signing_in()), ADMINS, 302, 403, **GOOGLE, **ASKING, google_groups=STAFF),
    "google_admin_email": row(
        _service_account("sub"),
        "boss@example.com",
        REFUSED,
        ["boss@example.com"],
        **GOOGLE,
        **{**ASKING, "google_admin_email": ""},
    ),
    "google_service_account_json": row(
        _service_account("iss"),
        "{folder}/service-account.json",
        REFUSED,
        [ACCOUNT],
        **GOOGLE,
        google_admin_email=ADMIN,
    ),
    # Microsoft.
    "entra_id_allowed_tenants": row(_at(become_entra, signing_in()), THEIRS, 302, 403, **ENTRA_OF_ALL),
    "entra_id_federated_token_auth": row(
        _at(become_entra, _proof), "true", [""], ["FT-1"], **ENTRA, entra_id_federated_token_file=FEDERATED_FILE
    ),
    "entra_id_federated_token_file": row(
        _at(become_entra, _proof), FEDERATED_FILE, REFUSED, ["FT-1"], **ENTRA, entra_id_federated_token_auth="true"
    ),
    "azure_tenant": row(_at(become_azure, signing_in()), THEIRS, 302, 500, **AZURE),
    "azure_graph_group_field": row(
        _at(become_azure, told(b"x-forwarded-groups")), "displayName", "dev,ops,g-1", "dev,ops,Staff", **AZURE
    ),
    # Keycloak.
    "allowed_roles": row(_at(become_keycloak, signing_in()), "admin", 302, 403, **KEYCLOAK),
    "keycloak_groups": row(_at(become_keycloak, signing_in()), "staff", 302, 403, **KEYCLOAK),
    # Bitbucket.
    "bitbucket_team": row(_at(become_bitbucket, signing_in()), "others", 302, 403, **BITBUCKET),
    "bitbucket_repository": row(_at(become_bitbucket, signing_in()), "acme/other", 302, 403, **BITBUCKET),
    # Others.
    "pubjwk_url": row(asked_of_provider("/jwks", "/keys"), f"{ADDRESS}/keys", ["/jwks"], ["/keys"], **LOGIN_GOV),
    "adfs_skip_scope": row(asks_provider("scope"), "true", "openid email profile", None, provider="adfs"),
    "oauth2_user_claim": row(_at(become_profile, told(b"x-forwarded-user")), "name", "7", "al", **OAUTH2),
    # GitLab.
    "gitlab_groups": row(_at(become_gitlab, signing_in()), "acme/core", 302, 403, **GITLAB),
    "gitlab_projects": row(_at(become_gitlab, signing_in()), "acme/app=40", 302, 403, **GITLAB),
}
