"""Facebook: OAuth 2, and the person that Graph names."""

from __future__ import annotations

from attrs import frozen

from o2sidecar.oauth.claims import Person
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.profile_options import ProfileOptions, otherwise, provider_of
from o2sidecar.providers.profile_provider import ProfileProvider, profile_at
from o2sidecar.providers.surroundings import Surroundings


@frozen(kw_only=True)
class Options(ProfileOptions):
    """What settings say."""

    login_url: str = otherwise("https://www.facebook.com/v2.5/dialog/oauth")
    redeem_url: str = otherwise("https://graph.facebook.com/v2.5/oauth/access_token")
    profile_url: str = otherwise("https://graph.facebook.com/v2.5/me")
    scope: str = otherwise("public_profile email")


@frozen(kw_only=True)
class Me:
    """The person of a token; the user is Graph's id of them. Graph tells no email that is not confirmed."""

    client: ProviderClient
    options: Options

    async def person(self, access_token: str) -> Person:
        """See `Profile`."""
        url = self.options.profile_url
        said = await profile_at(self.client, url if "?" in url else f"{url}?fields=id,name,email", access_token)
        return self.options.person(user=said.get("id"), email=said.get("email"))


def build(options: Options, surroundings: Surroundings) -> ProfileProvider:
    """Facebook of settings."""
    me = Me(client=surroundings.client, options=options)
    return provider_of(options, surroundings, name="Facebook", profile=me)
