"""DigitalOcean: OAuth 2, and the account that its API names."""

from __future__ import annotations

from attrs import frozen

from o2sidecar.oauth.claims import Person, reach
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.profile_options import ProfileOptions, otherwise, provider_of
from o2sidecar.providers.profile_provider import ProfileProvider, profile_at
from o2sidecar.providers.surroundings import Surroundings


@frozen(kw_only=True)
class Options(ProfileOptions):
    """What settings say."""

    login_url: str = otherwise("https://cloud.digitalocean.com/v1/oauth/authorize")
    redeem_url: str = otherwise("https://cloud.digitalocean.com/v1/oauth/token")
    profile_url: str = otherwise("https://api.digitalocean.com/v2/account")
    scope: str = otherwise("read")


@frozen(kw_only=True)
class Account:
    """The person of an account; the user is its id."""

    client: ProviderClient
    options: Options

    async def person(self, access_token: str) -> Person:
        """See `Profile`."""
        said = await profile_at(self.client, self.options.profile_url, access_token)
        return self.options.person(
            user=reach(said, "account.uuid"),
            email=reach(said, "account.email"),
            verified=reach(said, "account.email_verified") is True,
        )


def build(options: Options, surroundings: Surroundings) -> ProfileProvider:
    """DigitalOcean of settings."""
    account = Account(client=surroundings.client, options=options)
    return provider_of(options, surroundings, name="DigitalOcean", profile=account)
