"""Restrictions: for each, options by which Alice may pass, others by which she may not, and how she loses the right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from tests.fakes import claims_of, compact, signing_key
from tests.options.identity_rows import GITHUB
from tests.options.provider_rows import (
    ADMINS,
    ASKING,
    AZURE,
    BITBUCKET,
    ENTRA_OF_ALL,
    GITLAB,
    GOOGLE,
    KEYCLOAK,
    OAUTH2,
    OURS,
    STAFF,
    THEIRS,
    become_azure,
    become_bitbucket,
    become_entra,
    become_gitlab,
    become_google,
    become_keycloak,
    become_profile,
)
from tests.options.world import ADDRESS, World

MICROSOFT = "https://login.microsoftonline.com"

Prepare = Callable[[World], object]
"""Makes the provider what the options want."""


@frozen(kw_only=True)
class Restriction:
    """An option that narrows down who may pass.

    Attributes:
        allow, deny: its value by which Alice may pass, and by which she may not.
        around: the other options.
        prepare: makes the provider one of the kind.
        lose: takes away what Alice passes by; none where that is her name, which stays hers.
        refused: the status of a sign-in that is refused.
    """

    allow: str
    deny: str
    around: Mapping[str, str]
    prepare: Prepare
    lose: Prepare | None
    refused: int = 403


def _nothing(world: World) -> None:
    """GitHub is there already."""


def _of(prepare: Prepare, around: Mapping[str, str]) -> Callable[..., Restriction]:
    def restriction(allow: str, deny: str, lose: Prepare | None, *, refused: int = 403, **more: str) -> Restriction:
        return Restriction(
            allow=allow, deny=deny, around={**around, **more}, prepare=prepare, lose=lose, refused=refused
        )

    return restriction


def _without_groups(world: World) -> None:
    world.provider.claims["groups"] = None
    world.provider.user_info["groups"] = []


def _says(**claims: Any) -> Prepare:
    return lambda world: world.provider.claims.update(claims)


def _out_of_org(world: World) -> None:
    world.provider.github.orgs, world.provider.github.teams = [], []


def _no_collaborator(world: World) -> None:
    world.provider.github.repo = None


def _out_of_google_groups(world: World) -> None:
    become_google(world).groups[STAFF] = []


def _out_of_projects(world: World) -> None:
    become_gitlab(world)
    world.provider.apis["/api/v4/projects/"].projects.clear()  # type: ignore[attr-defined]


def _without_roles(world: World) -> None:
    claims = claims_of(aud="account")
    world.provider.tokens["access_token"] = compact({"alg": "RS256", "kid": "main"}, claims, signing_key())


def _answers(become: Callable[[World], Any], **answers: Any) -> Prepare:
    """Answers of an API that are others by now; a path is written with `__` for `/`."""

    def lose(world: World) -> None:
        become(world).answers.update({path.replace("__", "/"): value for path, value in answers.items()})

    return lose


_OIDC = _of(_nothing, {})
_GITHUB = _of(_nothing, GITHUB)
_GOOGLE = _of(become_google, {**GOOGLE, **ASKING})
_ENTRA = _of(become_entra, ENTRA_OF_ALL)
_AZURE = _of(become_azure, AZURE)
_KEYCLOAK = _of(become_keycloak, KEYCLOAK)
_GITLAB = _of(become_gitlab, GITLAB)
_BITBUCKET = _of(become_bitbucket, BITBUCKET)
_OAUTH2 = _of(become_profile, OAUTH2)

_PROFILE_WITHOUT_GROUPS = {"__me": {"id": 7, "email": "alice@example.com"}}

RESTRICTIONS: Mapping[str, Restriction] = {
    "github_org": _GITHUB("acme", "others", _out_of_org),
    "github_team": _GITHUB("acme:core", "acme:others", _out_of_org),
    "github_repo": _GITHUB("acme/app", "acme/other", _no_collaborator),
    "github_users": _GITHUB("octo", "somebody-else", None),
    "google_groups": _GOOGLE(STAFF, ADMINS, _out_of_google_groups),
    "google_group": _GOOGLE(STAFF, ADMINS, _out_of_google_groups),
    "entra_id_allowed_tenants": _ENTRA(OURS, THEIRS, _says(tid=THEIRS, iss=f"{ADDRESS}/{THEIRS}/v2.0")),
    "azure_tenant": _AZURE(OURS, THEIRS, _says(tid=THEIRS, iss=f"{MICROSOFT}/{THEIRS}/v2.0"), refused=500),
    "allowed_roles": _KEYCLOAK("editor", "admin", _without_roles),
    "keycloak_groups": _KEYCLOAK("dev", "staff", _without_groups),
    "gitlab_groups": _GITLAB("acme", "acme/core", _without_groups),
    "gitlab_projects": _GITLAB("acme/app", "acme/app=40", _out_of_projects),
    "bitbucket_team": _BITBUCKET(
        "acme", "others", _answers(become_bitbucket, **{"/2.0/user/workspaces": {"values": []}})
    ),
    "bitbucket_repository": _BITBUCKET(
        "acme/app", "acme/other", _answers(become_bitbucket, **{"/2.0/repositories/acme": {"values": []}})
    ),
}
"""One of each option of the table that restricts."""

FURTHER: Mapping[str, tuple[str, Restriction]] = {
    "groups of a token": ("allowed_groups", _OIDC("dev", "staff", _without_groups)),
    "groups of GitHub": ("allowed_groups", _GITHUB("acme:core", "acme:others", _out_of_org)),
    "groups of a profile": (
        "allowed_groups",
        _OAUTH2("staff", "boss", _answers(become_profile, **_PROFILE_WITHOUT_GROUPS)),
    ),
    "groups of Keycloak": ("allowed_groups", _KEYCLOAK("role:editor", "role:admin", _without_roles)),
    "the hosted domain of Google": (
        "email_domains",
        _of(become_google, GOOGLE)("example.com", "other.example", _says(hd="x.example")),
    ),
    "the domain of an address": (
        "email_domains",
        _OIDC("example.com", "other.example", _says(email="alice@x.example")),
    ),
}
"""What else restricts, by what it is about: the option, and a row as above."""
