"""Acme ID: OAuth 2, and a profile that says who somebody is and which department they work in."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from o2sidecar.oauth.claims import Person
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.profile_options import ProfileOptions, otherwise, provider_of
from o2sidecar.providers.profile_provider import ProfileProvider, profile_at
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.refusals import NotPermitted
from o2sidecar.settings.own_options import own_option
from o2sidecar.settings.problems import Problem


@frozen(kw_only=True)
class Options(ProfileOptions):
    """What settings say: options of o2sidecar's table with Acme's usual values, and one that only Acme ID has."""

    login_url: str = otherwise("https://id.acme.example/oauth2/authorize")
    redeem_url: str = otherwise("https://id.acme.example/oauth2/token")
    profile_url: str = otherwise("https://id.acme.example/api/me")
    scope: str = otherwise("profile email")
    acme_departments: tuple[str, ...] = own_option(
        "departments whose people may pass; empty: people of all", default=()
    )


def problems(options: Options) -> Iterator[Problem]:
    """What is wrong with the options, beside what their kinds say."""
    if "*" in options.acme_departments:
        yield Problem(names=("acme_departments",), sentence="* is no department; give none to let people of all pass")


@frozen(kw_only=True)
class Employees:
    """Tells whose an access token is; this is what o2sidecar asks at sign-in, and again at each refresh."""

    client: ProviderClient
    options: Options

    async def person(self, access_token: str) -> Person:
        """See `o2sidecar.providers.profile_provider.Profile`."""
        said = await profile_at(self.client, self.options.profile_url, access_token)
        department = said.get("department")
        if self.options.acme_departments and department not in self.options.acme_departments:
            raise NotPermitted(
                reason="acme_department",
                sentence="Your department may not use this application.",
                detail="the profile's department is none of acme_departments",
            )
        return self.options.person(
            user=said.get("id"),
            email=said.get("email"),
            verified=said.get("email_confirmed") is True,
            preferred=said.get("login"),
            groups=[department] if department else [],
        )


def build(options: Options, surroundings: Surroundings) -> ProfileProvider:
    """The provider; called once, when the sidecar starts."""
    employees = Employees(client=surroundings.client, options=options)
    return provider_of(options, surroundings, name="Acme ID", profile=employees)
