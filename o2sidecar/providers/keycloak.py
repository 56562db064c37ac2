"""Keycloak, the older provider of that name: plain OAuth 2, with groups from user info."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from o2sidecar.oauth.claims import Person
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.profile_options import OwnServerOptions, otherwise, provider_of
from o2sidecar.providers.profile_provider import ProfileProvider, profile_at
from o2sidecar.providers.surroundings import Surroundings


@frozen(kw_only=True)
class Options(OwnServerOptions):
    """What settings say."""

    scope: str = otherwise("api")
    keycloak_groups: Sequence[str] = ()


@frozen(kw_only=True)
class RealmUser:
    """The user of a token."""

    client: ProviderClient
    options: Options

    async def person(self, access_token: str) -> Person:
        """See `Profile`."""
        said = await profile_at(self.client, self.options.profile, access_token)
        name = said.get("preferred_username")
        return self.options.person(
            user=said.get("user") or name,
            email=said.get("email"),
            verified=said.get("email_verified"),
            groups=said.get("groups"),
            preferred=name,
        )


def build(options: Options, surroundings: Surroundings) -> ProfileProvider:
    """A Keycloak of settings."""
    user = RealmUser(client=surroundings.client, options=options)
    return provider_of(options, surroundings, name="Keycloak", profile=user, allowed_groups=options.keycloak_groups)
