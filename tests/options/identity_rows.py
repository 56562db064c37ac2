"""The provider's options: what it is asked, how often, and who it vouches for."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from urllib.parse import quote

from tests.fakes import answering
from tests.options.papers import NOBODY
from tests.options.probes import (
    asked_of_provider,
    asks_provider,
    body_holds,
    signing_in,
    told,
)
from tests.options.row import REFUSED, Row, row
from tests.options.world import ADDRESS, PROVIDER, PROVIDER_OF_SYSTEM, PROVIDER_OVER_TLS, World, parameters_of
from tests.provider_apis import client_pem

GITHUB = {
    "provider": "github",
    "oidc_issuer_url": "",
    "login_url": f"{ADDRESS}/authorize",
    "redeem_url": f"{ADDRESS}/login/oauth/access_token",
    "validate_url": f"{ADDRESS}/api/",
}
WITHOUT_DISCOVERY = {
    "login_url": f"{ADDRESS}/authorize",
    "redeem_url": f"{ADDRESS}/token",
    "oidc_jwks_url": f"{ADDRESS}/jwks",
}
OVER_TLS = {"oidc_issuer_url": f"https://127.0.0.1:{PROVIDER_OVER_TLS}"}
DISCOVERY = "/.well-known/openid-configuration"


def _sent_to(world: World) -> str:
    return world.begin().values(b"location")[0].decode().partition("?")[0]


def _secret_shown(world: World) -> str:
    world.sign_in()
    [asked] = [asked for asked in world.provider.asked if asked.path == "/token"]
    return base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode()


def _proof(world: World) -> list[str]:
    """By what we proved at the token endpoint who we are: a header, or a field of the form."""
    world.sign_in()
    [asked] = [asked for asked in world.provider.asked if asked.path == "/token"]
    proofs = ("authorization", "client_secret", "client_assertion")
    return [name for name in proofs if name in asked.headers or name in asked.form]


def _key_named(world: World) -> str | None:
    world.sign_in()
    [asked] = [asked for asked in world.provider.asked if asked.path == "/token"]
    header = asked.form["client_assertion"].partition(".")[0]
    found: str | None = json.loads(base64.urlsafe_b64decode(header + "==")).get("kid")
    return found


def _backend_told(world: World) -> list[str]:
    world.sign_in()
    world.get("/oauth2/sign_out")
    return [asked.path for asked in world.provider.asked if asked.path == "/logout"]


def _keys_elsewhere(world: World) -> list[str]:
    world.provider.instead["/keys"] = answering({"keys": world.provider.jwks})
    world.sign_in()
    return [path for path in world.provider.paths() if path in {"/keys", "/jwks"}]


def _collaborator_asked_by(world: World) -> list[str]:
    world.sign_in()
    path = "/api/repos/acme/app"
    return [asked.headers["authorization"] for asked in world.provider.asked if asked.path.startswith(path)]


def _start_while_away(world: World) -> int:
    """The status of a start where the provider cannot be reached."""
    client = world.send("/oauth2/start")
    world.pass_time(11)
    return world.answer_to(client).status


def _keys_inside(world: World) -> int:
    """The status of a sign-in where the provider's document names a host inside for its keys."""
    world.provider.discovery["jwks_uri"] = f"http://keys.internal:{PROVIDER}/jwks"
    world.pass_time(11)
    asked = parameters_of(world.begin())
    world.provider.claims["nonce"] = asked.get("nonce")
    client = world.send(f"/oauth2/callback?code=c&state={quote(asked['state'])}")
    world.pass_time(1)
    return world.answer_to(client).status


def _user_info_asked_by(world: World) -> list[str]:
    world.sign_in()
    return [asked.method for asked in world.provider.asked if asked.path == "/userinfo"]


ROWS: Mapping[str, Row] = {
    # What the browser is sent to the provider with.
    "provider": row(asks_provider("scope"), "github", "openid email profile", "user:email read:org"),
    "client_id": row(asks_provider("client_id"), "app-2", "client-1", "app-2"),
    "scope": row(asks_provider("scope"), "openid email x", "openid email profile", "openid email x"),
    "prompt": row(asks_provider("prompt"), "login", None, "login"),
    "approval_prompt": row(asks_provider("approval_prompt"), "auto", "force", "auto"),
    "acr_values": row(asks_provider("acr_values"), "gold", None, "gold"),
    "auth_request_response_mode": row(asks_provider("response_mode"), "form_post", None, "form_post"),
    "code_challenge_method": row(asks_provider("code_challenge_method"), "S256", None, "S256"),
    "force_code_challenge_method": row(asks_provider("code_challenge_method"), "plain", None, "plain"),
    "defaults": row(asks_provider("code_challenge_method"), "o2sidecar", None, "S256"),
    "insecure_oidc_skip_nonce": row(lambda world: "nonce" in parameters_of(world.begin()), "false", False, True),
    "login_url": row(_sent_to, f"{ADDRESS}/in", f"{ADDRESS}/authorize", f"{ADDRESS}/in"),
    # What the provider is asked.
    "client_secret": row(_secret_shown, "other", "client-1:secret-1", "client-1:other"),
    "client_secret_file": row(
        _secret_shown, "{folder}/client-secret", REFUSED, "client-1:from-a-file", client_secret=""
    ),
    "token_endpoint_auth_method": row(_proof, "client_secret_post", ["authorization"], ["client_secret"]),
    "jwt_key": row(_proof, client_pem(), ["authorization"], ["client_assertion"]),
    "jwt_key_file": row(_proof, "{folder}/client-key.pem", ["authorization"], ["client_assertion"]),
    "jwt_key_id": row(_key_named, "k-1", None, "k-1", jwt_key_file="{folder}/client-key.pem"),
    "resource": row(asks_provider("resource"), "https://api.example/", None, "https://api.example/"),
    "redeem_url": row(asked_of_provider("/token", "/swap"), f"{ADDRESS}/swap", ["/token"], ["/swap"]),
    "provider_private_addresses": row(_keys_inside, "10.0.0.0/8", 503, 302, discovery_refresh_interval="10s"),
    "provider_cache_dir": row(_start_while_away, "{folder}/kept", 503, 302, oidc_issuer_url=NOBODY),
    "provider_cache_age": row(
        _start_while_away, "30s", 302, 503, oidc_issuer_url=NOBODY, provider_cache_dir="{folder}/kept"
    ),
    "profile_url": row(
        asked_of_provider("/userinfo", "/me"), f"{ADDRESS}/me", ["/userinfo"], ["/me"], additional_claims="phone"
    ),
    "skip_claims_from_profile_url": row(
        asked_of_provider("/userinfo"), "true", ["/userinfo"], [], additional_claims="phone"
    ),
    "oidc_user_info_by_form": row(_user_info_asked_by, "true", ["GET"], ["POST"], additional_claims="phone"),
    "oidc_issuer_url": row(
        asked_of_provider(DISCOVERY, f"/realm{DISCOVERY}"), f"{ADDRESS}/realm", [DISCOVERY], [f"/realm{DISCOVERY}"]
    ),
    "skip_oidc_discovery": row(asked_of_provider(DISCOVERY), "true", [DISCOVERY], [], **WITHOUT_DISCOVERY),
    "oidc_jwks_url": row(_keys_elsewhere, f"{ADDRESS}/keys", ["/jwks"], ["/keys"]),
    "oidc_public_key_files": row(asked_of_provider("/jwks"), "{folder}/signing.pem", ["/jwks"], []),
    "backend_logout_url": row(_backend_told, f"{ADDRESS}/logout", [], ["/logout"]),
    "provider_ca_files": row(signing_in(), "{folder}/ca.pem", 503, 302, **OVER_TLS),
    "use_system_trust_store": row(
        signing_in(),
        "true",
        503,
        302,
        provider_ca_files="{folder}/ca.pem",
        oidc_issuer_url=f"https://127.0.0.1:{PROVIDER_OF_SYSTEM}",
    ),
    "ssl_insecure_skip_verify": row(signing_in(), "true", 503, 302, **OVER_TLS),
    # What is believed of the answer.
    "provider_display_name": row(body_holds("Sign in with Acme"), "Acme", False, True),
    "oidc_email_claim": row(told(b"x-forwarded-email"), "upn", "alice@example.com", "alice.upn@example.com"),
    "user_id_claim": row(told(b"x-forwarded-email"), "upn", "alice@example.com", "alice.upn@example.com"),
    "oidc_groups_claim": row(told(b"x-forwarded-groups"), "roles", "dev,ops", "boss"),
    "additional_claims": row(
        lambda world: (world.sign_in(), b"acme" in world.get("/oauth2/userinfo").body)[1], "hd", False, True
    ),
    "oidc_enabled_signing_algs": row(signing_in(), "ES256", 302, 500),
    "oidc_audience_claims": row(signing_in(), "for", 302, 500),
    "oidc_extra_audiences": row(signing_in(aud="app-2"), "app-2", 500, 302),
    "insecure_oidc_allow_unverified_email": row(signing_in(email_verified=False), "true", 403, 302),
    "insecure_oidc_skip_issuer_verification": row(signing_in(iss="https://other.example"), "true", 500, 302),
    "allowed_groups": row(signing_in(), "staff", 302, 403),
    "clock_skew": row(signing_in(iat=1_800_000_100), "10s", 302, 500),
    # GitHub.
    "validate_url": row(
        asked_of_provider("/api/user/orgs", "/other/user/orgs"),
        f"{ADDRESS}/other/",
        ["/api/user/orgs"],
        ["/other/user/orgs"],
        **GITHUB,
    ),
    "github_org": row(signing_in(), "others", 302, 403, **GITHUB),
    "github_team": row(signing_in(), "acme:others", 302, 403, **GITHUB),
    "github_repo": row(signing_in(), "acme/other", 302, 403, **GITHUB),
    "github_users": row(signing_in(), "somebody", 302, 403, **GITHUB),
    "github_token": row(
        _collaborator_asked_by, "T-1", ["token gho_1"], ["token T-1"], **GITHUB, github_repo="acme/app"
    ),
}
