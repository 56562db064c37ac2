"""SourceHut: OAuth 2, and the person that its GraphQL API names."""

from __future__ import annotations

from attrs import frozen

from o2sidecar.oauth.claims import Person, reach
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.profile_options import ProfileOptions, otherwise, provider_of
from o2sidecar.providers.profile_provider import ProfileProvider
from o2sidecar.providers.surroundings import Surroundings


@frozen(kw_only=True)
class Options(ProfileOptions):
    """What settings say."""

    login_url: str = otherwise("https://meta.sr.ht/oauth2/authorize")
    redeem_url: str = otherwise("https://meta.sr.ht/oauth2/access-token")
    profile_url: str = otherwise("https://meta.sr.ht/query")
    scope: str = otherwise("meta.sr.ht/PROFILE:RO")


@frozen(kw_only=True)
class Me:
    """The person of a token; SourceHut lets nobody in who has not confirmed their address."""

    client: ProviderClient
    options: Options

    async def person(self, access_token: str) -> Person:
        """See `Profile`."""
        query = {"query": "{ me { username, email } }"}
        bearer = {"Authorization": f"Bearer {access_token}"}
        said = (await self.client.post_json(self.options.profile_url, query, bearer)).json_object()
        name = reach(said, "data.me.username")
        return self.options.person(user=name, email=reach(said, "data.me.email"), preferred=name)


def build(options: Options, surroundings: Surroundings) -> ProfileProvider:
    """SourceHut of settings."""
    me = Me(client=surroundings.client, options=options)
    return provider_of(options, surroundings, name="SourceHut", profile=me)
