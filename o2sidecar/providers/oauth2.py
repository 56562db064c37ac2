"""Plain OAuth 2: any provider that has a profile behind its access tokens, as settings describe it."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from o2sidecar.oauth.claims import STANDARD_EMAIL_CLAIM, Person, reach
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.profile_options import ProfileOptions, provider_of
from o2sidecar.providers.profile_provider import ProfileProvider, profile_at
from o2sidecar.providers.surroundings import Surroundings

_USERS = ("sub", "id", "login")


@frozen(kw_only=True)
class Options(ProfileOptions):
    """What settings say: where everything is, and which members of the profile are user, email and groups."""

    login_url: str
    redeem_url: str
    profile_url: str
    oauth2_user_claim: str = ""
    oidc_email_claim: str = STANDARD_EMAIL_CLAIM
    user_id_claim: str = STANDARD_EMAIL_CLAIM
    oidc_groups_claim: str = "groups"


@frozen(kw_only=True)
class Described:
    """The person of a profile; a name with dots reaches into objects."""

    client: ProviderClient
    options: Options

    async def person(self, access_token: str) -> Person:
        """See `Profile`."""
        options = self.options
        said = await profile_at(self.client, options.profile_url, access_token)
        email_claim = options.oidc_email_claim
        if email_claim == STANDARD_EMAIL_CLAIM:
            # The older name of the same option, see `oidc.claim_rules`.
            email_claim = options.user_id_claim
        groups = reach(said, options.oidc_groups_claim)
        return options.person(
            user=_user(said, options.oauth2_user_claim),
            email=reach(said, email_claim),
            verified=said.get("email_verified") if email_claim == STANDARD_EMAIL_CLAIM else None,
            groups=[groups] if isinstance(groups, str) else groups,
            preferred=said.get("preferred_username"),
        )


def _user(said: dict[str, Any], claim: str) -> Any:
    names = (claim,) if claim else _USERS
    return next((found for name in names if (found := reach(said, name)) is not None), None)


def build(options: Options, surroundings: Surroundings) -> ProfileProvider:
    """A provider of settings."""
    described = Described(client=surroundings.client, options=options)
    return provider_of(options, surroundings, name="OAuth 2", profile=described)
