"""LinkedIn: OAuth 2, and the primary address that its API names, or OpenID's user info."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from o2sidecar.oauth.claims import Person
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.profile_options import ProfileOptions, otherwise, provider_of
from o2sidecar.providers.profile_provider import ProfileProvider, profile_at
from o2sidecar.providers.surroundings import Surroundings

_FIELDS = "q=members&projection=(elements*(handle~))"


@frozen(kw_only=True)
class Options(ProfileOptions):
    """What settings say; newer apps need the scope `openid profile email`, and are asked at the user info endpoint."""

    login_url: str = otherwise("https://www.linkedin.com/oauth/v2/authorization")
    redeem_url: str = otherwise("https://www.linkedin.com/uas/oauth2/accessToken")
    profile_url: str = otherwise("https://api.linkedin.com/v2/emailAddress")
    scope: str = otherwise("r_emailaddress r_liteprofile")

    @property
    def profile(self) -> str:
        """Where to ask."""
        usual = "/v2/emailAddress"
        if "openid" in self.scope.split() and self.profile_url.endswith(usual):
            return f"{self.profile_url.removesuffix(usual)}/v2/userinfo"
        return self.profile_url


@frozen(kw_only=True)
class Member:
    """The person of a token. Of older apps only the address is known, which LinkedIn has confirmed."""

    client: ProviderClient
    options: Options

    async def person(self, access_token: str) -> Person:
        """See `Profile`."""
        url = self.options.profile
        if url.endswith("/emailAddress"):
            said = await profile_at(self.client, f"{url}?{_FIELDS}", access_token, x_li_format="json")
            address = _address(said)
            return self.options.person(user=address, email=address)
        said = await profile_at(self.client, url, access_token)
        verified = said.get("email_verified") in (True, "true")
        return self.options.person(user=said.get("sub"), email=said.get("email"), verified=verified)


def _address(said: dict[str, Any]) -> Any:
    elements = said.get("elements")
    first = elements[0] if isinstance(elements, list) and elements else None
    handle = first.get("handle~") if isinstance(first, dict) else None
    return handle.get("emailAddress") if isinstance(handle, dict) else None


def build(options: Options, surroundings: Surroundings) -> ProfileProvider:
    """LinkedIn of settings."""
    member = Member(client=surroundings.client, options=options)
    return provider_of(options, surroundings, name="LinkedIn", profile=member)
