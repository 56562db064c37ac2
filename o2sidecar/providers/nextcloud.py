"""Nextcloud: OAuth 2, and the user that its OCS API names, with their groups."""

from __future__ import annotations

from attrs import frozen

from o2sidecar.oauth.claims import Person, reach
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.profile_options import OwnServerOptions, provider_of
from o2sidecar.providers.profile_provider import ProfileProvider, profile_at
from o2sidecar.providers.surroundings import Surroundings


@frozen(kw_only=True)
class Options(OwnServerOptions):
    """What settings say."""


@frozen(kw_only=True)
class CloudUser:
    """The user of a token. Nextcloud does not say whether it has verified an address."""

    client: ProviderClient
    options: Options

    async def person(self, access_token: str) -> Person:
        """See `Profile`."""
        # Without this field Nextcloud takes requests for a browser's that somebody else's page sends.
        said = await profile_at(self.client, self.options.profile, access_token, OCS_APIRequest="true")
        data = {name: reach(said, f"ocs.data.{name}") for name in ("id", "email", "groups")}
        return self.options.person(user=data["id"], email=data["email"], groups=data["groups"])


def build(options: Options, surroundings: Surroundings) -> ProfileProvider:
    """A Nextcloud of settings."""
    user = CloudUser(client=surroundings.client, options=options)
    return provider_of(options, surroundings, name="Nextcloud", profile=user)
