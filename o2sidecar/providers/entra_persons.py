"""Persons of Microsoft Entra ID: of tenants that may pass, by addresses that are theirs, with all their groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve
from twisted.logger import Logger

from o2sidecar.oauth.claims import STANDARD_EMAIL_CLAIM, Person
from o2sidecar.oauth.entra_tenancy import PERSONAL, Tenancy
from o2sidecar.policy.admission import domain_of
from o2sidecar.providers.microsoft_graph import MicrosoftGraph
from o2sidecar.providers.persons import Persons
from o2sidecar.refusals import NotPermitted, ProviderFailed, ProviderUnavailable

_log = Logger()
_MICROSOFTS = frozenset({"outlook.com", "hotmail.com", "live.com", "msn.com"})
"""Domains in which Microsoft itself gives out the addresses of personal accounts."""


class EntraPersons:
    """Makes persons, given what would do it by the standard.

    `groups_that_matter`: those that rules name, which are the only ones asked about where a token has no room for all.
    `group_property`: where it is not empty, Graph is asked for all groups, whatever the token says, each named by this
    property. `asks_for_email`: whether Graph is asked for an email that nothing else tells. `believes_email`: whether
    any tenant is believed about its people's addresses.
    """

    def __init__(
        self,
        persons: Persons,
        *,
        tenancy: Tenancy,
        graph: MicrosoftGraph,
        groups_that_matter: Sequence[str] = (),
        group_property: str = "",
        asks_for_email: bool = False,
        believes_email: bool = False,
    ) -> None:
        self.decides = bool(tenancy.allowed or groups_that_matter)
        self._persons = persons
        self._tenancy = tenancy
        self._graph = graph
        self._groups_that_matter = tuple(groups_that_matter)
        self._group_property = group_property
        self._asks_for_email = asks_for_email
        self._believes_email = believes_email or tenancy.is_one_organization

    async def person(
        self, claims: Mapping[str, Any], *, endpoint: str, access_token: str, renewing: bool = False
    ) -> Person:
        """See `Persons`."""
        own = self._admitted(claims)
        person = await self._persons.person(own, endpoint=endpoint, access_token=access_token, renewing=renewing)
        if not person.email and self._asks_for_email and self._believes_email:
            person = evolve(person, email=await self._graph.email(access_token))
        further = await self._further_groups(claims, access_token, renewing)
        return evolve(person, groups=tuple(dict.fromkeys((*person.groups, *further))))

    async def presented(self, claims: Mapping[str, Any], *, token: str) -> Person:
        """See `Persons`."""
        return await self._persons.presented(self._admitted(claims), token=token)

    def _admitted(self, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """The claims of somebody whose tenant may come, with an email that is believed."""
        if not self._tenancy.admits(claims):
            raise NotPermitted(
                reason="tenant_not_allowed",
                sentence="Your organization may not use this application.",
                detail="the tenant of the id_token (tid) is none of entra_id_allowed_tenants",
            )
        if self._believes_email:
            return claims
        return {**claims, STANDARD_EMAIL_CLAIM: own_email(claims, personal=self._tenancy.names_personal)}

    async def _further_groups(self, claims: Mapping[str, Any], token: str, renewing: bool) -> tuple[str, ...]:
        try:
            if self._group_property:
                return await self._graph.groups(token, named_by=self._group_property, only_security=True)
            if not lacks_groups(claims):
                return ()
            if self._groups_that_matter:
                return await self._graph.groups_among(self._groups_that_matter, token)
            return await self._graph.groups(token)
        except ProviderFailed as failed:
            if self._groups_that_matter or (renewing and isinstance(failed, ProviderUnavailable)):
                raise
            _log.warn("Graph could not be asked for groups: {trouble}", trouble=failed.detail)
            return ()


def own_email(claims: Mapping[str, Any], *, personal: bool = False) -> str:
    """The address that is somebody's own whichever tenant says it.

    Nobody vouches for the addresses of personal accounts, but Microsoft for its own; `personal`: whether the operator
    wants such accounts by name. Elsewhere administrators can put any address into `email`; only `xms_edov` says that
    its domain is verified. The name that somebody signs in by is of a domain that the tenant has verified, unless they
    are a guest there.

    Raises `NotPermitted` if there is none.
    """
    email, name = claims.get(STANDARD_EMAIL_CLAIM), claims.get("preferred_username")
    named = isinstance(email, str) and email and claims.get("xms_edov") in (True, "true", "True", "1")
    own = email if named else name
    if claims.get("tid") == PERSONAL and not (personal or _is_microsofts(own)):
        raise NotPermitted(
            reason="email_unverified",
            sentence="Please sign in with the account that your organization gave you.",
            detail="a personal account says that it has an address that is not Microsoft's; nobody has verified it",
        )
    if isinstance(own, str) and (named or (own.count("@") == 1 and "#" not in own)):
        return own
    raise NotPermitted(
        reason="email_unverified",
        sentence="Your organization does not vouch for your e-mail address.",
        detail="of many tenants an email counts only with xms_edov, or as preferred_username; there is neither",
    )


def _is_microsofts(name: object) -> bool:
    return isinstance(name, str) and domain_of(name.lower()) in _MICROSOFTS


def lacks_groups(claims: Mapping[str, Any]) -> bool:
    """Whether a token says that somebody is in more groups than it has room for."""
    elsewhere = claims.get("_claim_names")
    return (isinstance(elsewhere, dict) and "groups" in elsewhere) or claims.get("hasgroups") in (True, "true")
