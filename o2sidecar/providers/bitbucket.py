"""Bitbucket Cloud: OAuth 2, with workspaces and repositories that narrow down who may pass."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from attrs import frozen

from o2sidecar.oauth.claims import Person
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.profile_options import ProfileOptions, otherwise, provider_of
from o2sidecar.providers.profile_provider import ProfileProvider, profile_at
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.refusals import NotPermitted, ProviderFailed
from o2sidecar.settings.kinds import shown
from o2sidecar.settings.problems import Problem

_MOST_PAGES = 100


@frozen(kw_only=True)
class Options(ProfileOptions):
    """What settings say; `validate_url` tells where the API is."""

    login_url: str = otherwise("https://bitbucket.org/site/oauth2/authorize")
    redeem_url: str = otherwise("https://bitbucket.org/site/oauth2/access_token")
    validate_url: str = otherwise("https://api.bitbucket.org/2.0/user/emails")
    scope: str = otherwise("email")
    bitbucket_team: str = ""
    bitbucket_repository: str = ""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.bitbucket_repository and len([part for part in self.bitbucket_repository.split("/") if part]) != 2:
            raise ValueError(f"bitbucket_repository {self.bitbucket_repository} is not of the form workspace/name")

    @property
    def scopes(self) -> str:
        """What to ask for: what the rules need is added. Bitbucket's `team` became a part of `account`."""
        wanted = ["account"] if self.bitbucket_team else []
        wanted += ["repository"] if self.bitbucket_repository else []
        return " ".join(dict.fromkeys((*self.scope.split(), *wanted)))


def problems(said: Options) -> Iterator[Problem]:
    """What is wrong with what settings say, whether `Options` can be made of it or not."""
    repository = said.bitbucket_repository
    if repository and len([part for part in repository.split("/") if part]) != 2:
        sentence = f"{shown(repository)} is not of the form workspace/name"
        yield Problem(names=("bitbucket_repository",), sentence=sentence)


@frozen(kw_only=True)
class Account:
    """The person of a token, by their primary address, if they may pass by the rules."""

    client: ProviderClient
    options: Options

    async def person(self, access_token: str) -> Person:
        """See `Profile`."""
        options = self.options
        email, confirmed = await self._address(access_token)
        person = options.person(user=email, email=email, verified=confirmed)
        if options.bitbucket_team and not await self._is_member(options.bitbucket_team, access_token):
            raise _refused(
                "bitbucket_team", f"You are not a member of the Bitbucket workspace {options.bitbucket_team}."
            )
        repository = options.bitbucket_repository.lower()
        if repository and not await self._works_on(repository, access_token):
            raise _refused("bitbucket_repository", f"You may not write to the Bitbucket repository {repository}.")
        return person

    async def _address(self, access_token: str) -> tuple[Any, bool]:
        async for entry in self._entries(self.options.validate_url, access_token):
            if entry.get("is_primary") is True:
                return entry.get("email"), entry.get("is_confirmed") is True
        return None, False

    async def _is_member(self, workspace: str, access_token: str) -> bool:
        """The list of teams that oauth2-proxy asks for is no more; workspaces took their place."""
        async for entry in self._entries(self._api("user/workspaces?pagelen=100"), access_token):
            found = entry.get("workspace")
            if isinstance(found, dict) and found.get("slug") == workspace.lower():
                return True
        return False

    async def _works_on(self, repository: str, access_token: str) -> bool:
        owner = quote(repository.split("/", maxsplit=1)[0], safe="")
        query = urlencode({"role": "contributor", "q": f'full_name="{repository}"'})
        async for entry in self._entries(self._api(f"repositories/{owner}?{query}"), access_token):
            if entry.get("full_name") == repository:
                return True
        return False

    async def _entries(self, url: str, access_token: str) -> AsyncIterator[dict[str, Any]]:
        """The entries of a list, which comes by pages."""
        for _ in range(_MOST_PAGES):
            page = await profile_at(self.client, url, access_token)
            for entry in _objects(page):
                yield entry
            following = page.get("next")
            if following is None:
                return
            url = self._further(following)
        raise ProviderFailed(reason="provider_answer", detail="Bitbucket's list does not end")

    def _further(self, url: Any) -> str:
        """The URL of a further page, which must be where the API is: a token goes there."""
        if not isinstance(url, str) or not url.startswith(self._api("")):
            raise ProviderFailed(reason="provider_answer", detail="Bitbucket's next page is not at its API")
        return url

    def _api(self, path: str) -> str:
        root = urlsplit(self.options.validate_url)
        return f"{root.scheme}://{root.netloc}/2.0/{path}"


def _objects(page: dict[str, Any]) -> Iterator[dict[str, Any]]:
    values = page.get("values")
    if not isinstance(values, list):
        raise ProviderFailed(reason="provider_answer", detail="Bitbucket's answer is no list")
    yield from (entry for entry in values if isinstance(entry, dict))


def _refused(reason: str, sentence: str) -> NotPermitted:
    return NotPermitted(reason=reason, sentence=sentence, detail=sentence)


def build(options: Options, surroundings: Surroundings) -> ProfileProvider:
    """Bitbucket of settings."""
    account = Account(client=surroundings.client, options=options)
    return provider_of(options, surroundings, name="Bitbucket", profile=account, scope=options.scopes)
