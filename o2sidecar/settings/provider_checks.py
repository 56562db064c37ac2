"""Which options the kinds of provider need, and what their values must be; every rule reports all that it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from o2sidecar.oauth.entra_tenancy import Tenancy
from o2sidecar.oauth.gitlab_project import GitLabProject
from o2sidecar.settings.kinds import shown
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.table import Options

SIGNING_ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Algorithms of RFC 7518 §3.1 and RFC 8037 §3.1 that ID tokens may be asked to have; no HMAC, no `none`."""

OPENID = frozenset({"azure", "entra-id", "gitlab", "google", "keycloak-oidc", "oidc"})
"""Kinds of provider that speak OpenID Connect."""

_ISSUER_IS_KNOWN = frozenset({"azure", "gitlab", "google"})


def proves_itself_otherwise(options: Options) -> bool:
    """Whether the provider knows us by something else than a secret."""
    return options.provider == "entra-id" and options.entra_id_federated_token_auth


def _oidc(options: Options) -> Iterator[Problem]:
    if options.provider not in OPENID:
        return
    if (
        not options.oidc_issuer_url
        and options.provider not in _ISSUER_IS_KNOWN
        and not (options.skip_oidc_discovery and options.insecure_oidc_skip_issuer_verification)
    ):
        yield _wrong("oidc_issuer_url", "is missing: the provider's issuer URL")
    for algorithm in options.oidc_enabled_signing_algs:
        if algorithm not in SIGNING_ALGORITHMS:
            known = ", ".join(sorted(SIGNING_ALGORITHMS))
            yield _wrong("oidc_enabled_signing_algs", f"{shown(algorithm)} is none of {known}")
    if options.skip_oidc_discovery:
        for key in ("login_url", "redeem_url"):
            if not getattr(options, key):
                yield _wrong(key, "is missing: without discovery it must be given")
        if not options.oidc_jwks_url and not options.oidc_public_key_files:
            sentence = (
                "is missing: without discovery the provider's keys must be given, here or in oidc_public_key_files"
            )
            yield _wrong("oidc_jwks_url", sentence)


def _github(options: Options) -> Iterator[Problem]:
    teams = [team.strip() for team in options.github_team.split(",") if team.strip()]
    if options.provider == "github" and not options.github_org and not all(":" in team for team in teams):
        sentence = "needs github_org, or teams written as org:team; without it the teams would restrict nobody"
        yield _wrong("github_team", sentence)


def _google(options: Options) -> Iterator[Problem]:
    if options.provider != "google":
        return
    pair = ("google_admin_email", "google_service_account_json")
    wanted = [key for key in ("google_groups", *pair) if getattr(options, key)]
    for key in pair:
        if wanted and not getattr(options, key):
            yield _wrong(key, f"is missing: without it nobody can be asked about groups ({', '.join(wanted)})")


def _microsoft(options: Options) -> Iterator[Problem]:
    if options.provider == "entra-id":
        for tenant in options.entra_id_allowed_tenants:
            if complaint := _complaint(Tenancy.of, "", [tenant]):
                yield _wrong("entra_id_allowed_tenants", complaint)
        if complaint := _complaint(Tenancy.of, options.oidc_issuer_url):
            yield _wrong("oidc_issuer_url", complaint)
        if options.entra_id_federated_token_auth and not options.entra_id_federated_token_file:
            sentence = "is missing: the file with the token, since the variable AZURE_FEDERATED_TOKEN_FILE names none"
            yield _wrong("entra_id_federated_token_file", sentence)
    elif options.provider == "azure" and not options.oidc_issuer_url:
        issuer = f"https://login.microsoftonline.com/{options.azure_tenant or 'common'}/v2.0"
        if complaint := _complaint(Tenancy.of, issuer):
            yield _wrong("azure_tenant", complaint)


def _gitlab(options: Options) -> Iterator[Problem]:
    if options.provider == "gitlab":
        for project in options.gitlab_projects:
            if complaint := _complaint(GitLabProject.parse, project):
                yield _wrong("gitlab_projects", complaint)


def _complaint(parse: Callable[..., object], *arguments: object) -> str:
    try:
        parse(*arguments)
    except ValueError as error:
        return str(error)
    return ""


def _wrong(key: str, sentence: str) -> Problem:
    return Problem(names=(key,), sentence=sentence)


PROVIDER_RULES: tuple[Callable[[Options], Iterator[Problem]], ...] = (_oidc, _github, _google, _microsoft, _gitlab)
