"""Keycloak: OpenID Connect, and roles as groups named `role:NAME` and `role:CLIENT:NAME`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from o2sidecar.oauth.claims import Person, group_names
from o2sidecar.oauth.jws import SignedToken, TokenRejected
from o2sidecar.providers import oidc
from o2sidecar.providers.oidc_provider import OidcProvider
from o2sidecar.providers.persons import Persons
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.refusals import ProviderFailed


class KeycloakPersons:
    """Persons with the roles that their access tokens name; `roles_matter`: whether roles decide who may pass."""

    def __init__(self, persons: Persons, *, roles_matter: bool) -> None:
        self.decides = roles_matter
        self._persons = persons

    async def person(
        self, claims: Mapping[str, Any], *, endpoint: str, access_token: str, renewing: bool = False
    ) -> Person:
        """See `Persons`."""
        person = await self._persons.person(claims, endpoint=endpoint, access_token=access_token, renewing=renewing)
        return _with_roles(person, _access_claims(access_token, claims))

    async def presented(self, claims: Mapping[str, Any], *, token: str) -> Person:
        """See `Persons`; the token was verified, so its own roles count."""
        return _with_roles(await self._persons.presented(claims, token=token), claims)


def _with_roles(person: Person, claims: Mapping[str, Any]) -> Person:
    # Whoever may name groups must not name roles by that.
    groups = (group for group in person.groups if not group.startswith("role:"))
    return evolve(person, groups=tuple(dict.fromkeys((*groups, *group_names(roles_of(claims))))))


def _access_claims(access_token: str, claims: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an access token says of the person of `claims`; it comes from the token endpoint itself."""
    try:
        found = SignedToken.parse(access_token).unverified_claims
    except TokenRejected as rejected:
        raise ProviderFailed(reason="access_token", detail=f"no roles can be read: access_token: {rejected}") from None
    # Keycloak's lightweight access tokens name nobody.
    if found.get("sub", claims["sub"]) != claims["sub"]:
        raise ProviderFailed(reason="access_token", detail="the access token is of another subject (sub)")
    return found


def roles_of(claims: Mapping[str, Any]) -> Iterator[str]:
    """The roles of `realm_access` as `role:NAME`, those of `resource_access` as `role:CLIENT:NAME`."""
    for name in _roles(claims.get("realm_access")):
        yield f"role:{name}"
    resources = claims.get("resource_access")
    for client, access in resources.items() if isinstance(resources, dict) else ():
        for name in _roles(access):
            yield f"role:{client}:{name}"


def _roles(access: Any) -> Iterator[str]:
    roles = access.get("roles") if isinstance(access, dict) else None
    yield from (name for name in roles if isinstance(name, str) and name) if isinstance(roles, list) else ()


@frozen(kw_only=True)
class Options(oidc.Options):
    """What settings say; beside those of OpenID Connect, roles and groups of which one must be had."""

    allowed_roles: Sequence[str] = ()
    keycloak_groups: Sequence[str] = ()


def build(options: Options, surroundings: Surroundings) -> OidcProvider:
    """Keycloak of settings."""
    named = (*options.keycloak_groups, *(f"role:{role}" for role in options.allowed_roles))
    matter = any(group.startswith("role:") for group in (*named, *options.allowed_groups))
    dialect = oidc.Dialect(
        name="Keycloak OIDC",
        persons=lambda user_info: KeycloakPersons(user_info, roles_matter=matter),
        allowed_groups=named,
    )
    return oidc.build(options, surroundings, dialect)
