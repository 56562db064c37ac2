"""cidaas: OpenID Connect, with groups as `group:role` from its user info and roles as `cidaas:role`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve, field, frozen
from twisted.logger import Logger

from o2sidecar.oauth.claims import ClaimRules, Person, group_names, reach
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers import oidc
from o2sidecar.providers.oidc import Options
from o2sidecar.providers.oidc_provider import OidcProvider
from o2sidecar.providers.profile_provider import profile_at
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.refusals import ProviderFailed, ProviderUnavailable

__all__ = ["Options", "build"]

_log = Logger()


@frozen(kw_only=True)
class CidaasPersons:
    """Persons by what cidaas says of them now, if it `is_asked`; `decides`: whether groups decide who may pass."""

    client: ProviderClient = field(repr=False)
    rules: ClaimRules
    is_asked: bool
    decides: bool

    async def person(
        self, claims: Mapping[str, Any], *, endpoint: str, access_token: str, renewing: bool = False
    ) -> Person:
        """See `Persons`."""
        said = await self._said(claims, endpoint, access_token, renewing)
        # OpenID Connect Core 1.0 §5.3.4: user info of another subject must not be used.
        if said.get("sub", claims["sub"]) != claims["sub"]:
            raise ProviderFailed(reason="user_info_subject", detail="the user info is of another subject (sub)")
        return self._with_groups(self.rules.person(claims, said), said or claims)

    async def presented(self, claims: Mapping[str, Any], *, token: str) -> Person:
        """See `Persons`; the token was verified, so its own groups count."""
        return self._with_groups(self.rules.person(claims), claims)

    async def _said(
        self, claims: Mapping[str, Any], endpoint: str, access_token: str, renewing: bool
    ) -> Mapping[str, Any]:
        if not endpoint or not self.is_asked:
            return {}
        try:
            return await profile_at(self.client, endpoint, access_token)
        except ProviderFailed as failed:
            needed = self.decides or not reach(claims, self.rules.email_claim)
            if needed or (renewing and isinstance(failed, ProviderUnavailable)):
                raise
            _log.warn("User info could not be asked: {trouble}", trouble=failed.detail)
            return {}

    def _with_groups(self, person: Person, said: Mapping[str, Any]) -> Person:
        named = (*_groups(reach(said, self.rules.groups_claim)), *(f"cidaas:{role}" for role in _roles(said)))
        return evolve(person, groups=group_names(named))


def _groups(entries: Any) -> Iterator[str]:
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("groupId"), str):
            # Roles of cidaas itself are named by `cidaas`, which no group may pose as.
            yield from (f"{entry['groupId']}:{role}" for role in _roles(entry) if entry["groupId"] != "cidaas")


def _roles(entry: Mapping[str, Any]) -> Iterator[str]:
    roles = entry.get("roles")
    yield from (role for role in roles if isinstance(role, str) and role) if isinstance(roles, list) else ()


def build(options: Options, surroundings: Surroundings) -> OidcProvider:
    """The cidaas of settings."""
    persons = CidaasPersons(
        client=surroundings.client,
        rules=oidc.claim_rules(options),
        is_asked=not options.skip_claims_from_profile_url,
        decides=bool(options.allowed_groups),
    )
    dialect = oidc.Dialect(name="CIDAAS", scope="openid email profile roles groups", persons=lambda _: persons)
    return oidc.build(options, surroundings, dialect)
