"""ADFS: OpenID Connect, with people who may have a name to sign in by but no address, and resources in the scope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from o2sidecar.oauth.claims import Person, reach
from o2sidecar.providers import oidc
from o2sidecar.providers.oidc_provider import OidcProvider
from o2sidecar.providers.persons import Persons
from o2sidecar.providers.surroundings import Surroundings

_SCOPE = "openid email profile"


@frozen(kw_only=True)
class Options(oidc.Options):
    """What settings say; `adfs_skip_scope` leaves the scope out of the login."""

    adfs_skip_scope: bool = False

    @property
    def scopes(self) -> str:
        """What to ask for; the resource is said before the first scope."""
        scope = self.scope or _SCOPE
        resource = self.resource and f"{self.resource.removesuffix('/')}/"
        return scope if scope.startswith(resource) else f"{resource}{scope}"


class AdfsPersons:
    """Persons by their claims; who has no email is known by the user principal name (`upn`)."""

    def __init__(self, persons: Persons, *, email_claim: str) -> None:
        self._persons = persons
        self._email_claim = email_claim

    @property
    def decides(self) -> bool:
        """See `Persons`."""
        return self._persons.decides

    async def person(
        self, claims: Mapping[str, Any], *, endpoint: str, access_token: str, renewing: bool = False
    ) -> Person:
        """See `Persons`; ADFS has no email in user info, so the name is taken before that is asked."""
        return await self._persons.person(
            self._named(claims), endpoint=endpoint, access_token=access_token, renewing=renewing
        )

    async def presented(self, claims: Mapping[str, Any], *, token: str) -> Person:
        """See `Persons`."""
        return await self._persons.presented(self._named(claims), token=token)

    def _named(self, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        if reach(claims, self._email_claim) or not claims.get("upn"):
            return claims
        return {**claims, self._email_claim: claims["upn"]}


def build(options: Options, surroundings: Surroundings) -> OidcProvider:
    """ADFS of settings."""
    email_claim = oidc.claim_rules(options).email_claim
    dialect = oidc.Dialect(
        name="ADFS",
        persons=lambda user_info: AdfsPersons(user_info, email_claim=email_claim),
        resource="",
        sends_scope=not options.adfs_skip_scope,
    )
    return oidc.build(evolve(options, scope=options.scopes), surroundings, dialect)
