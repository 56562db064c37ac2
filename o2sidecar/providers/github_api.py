"""GitHub's REST API, as far as it tells who somebody is and what they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from o2sidecar.provider_client import Answer, ProviderClient
from o2sidecar.refusals import ProviderFailed

PAGE_SIZE = 100
MAX_PAGES = 100


class GitHubApi:
    """Asks the API at `root`; lists of over `max_pages` pages are refused.

    Everything raises `ProviderUnavailable` or `ProviderFailed`.
    """

    def __init__(self, *, root: str, client: ProviderClient, max_pages: int = MAX_PAGES) -> None:
        self._root = root
        self._client = client
        self._max_pages = max_pages

    async def require_alive(self, token: str) -> None:
        """Raise unless a token is good."""
        (await self._ask(self._root, token)).require(200)

    async def orgs(self, token: str) -> list[str]:
        """The organisations of a token's owner."""
        return [_text(org, "login") for org in await self._pages("user/orgs", token)]

    async def teams(self, token: str) -> list[str]:
        """The teams of a token's owner, as `org:team`."""
        teams = await self._pages("user/teams", token)
        return [f"{_text(team.get('organization'), 'login')}:{_text(team, 'slug')}" for team in teams]

    async def email(self, token: str) -> str:
        """The owner's primary address if it is verified; no other stands for them, so else it is empty."""
        listed = _objects((await self._ask(self._path("user/emails"), token)).json())
        chosen = [entry for entry in listed if entry.get("primary") is True and entry.get("verified") is True]
        return _text(chosen[0], "email") if chosen else ""

    async def login(self, token: str) -> str:
        """The owner's user name."""
        return _text((await self._ask(self._path("user"), token)).json(), "login")

    async def is_collaborator(self, repo: str, login: str, token: str) -> bool:
        """Whether a user is a collaborator of a repository, by a token that may see that."""
        answer = await self._ask(f"{self._repo(repo)}/collaborators/{quote(login, safe='')}", token)
        if answer.status != 404:
            answer.require(204)
        return answer.status == 204

    async def may_change(self, repo: str, token: str) -> bool:
        """Whether a token's owner may do with a repository what not everybody may: push, or see a private one."""
        answer = await self._ask(self._repo(repo), token)
        if answer.status == 404:
            return False
        found = answer.json_object()
        permissions = found.get("permissions")
        if not isinstance(permissions, dict):
            return False
        return permissions.get("push") is True or (found.get("private") is True and permissions.get("pull") is True)

    async def _pages(self, path: str, token: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        for page in range(1, self._max_pages + 1):
            answer = await self._ask(f"{self._path(path)}?page={page}&per_page={PAGE_SIZE}", token)
            entries = _objects(answer.json())
            if not entries:
                return found
            found += entries
        raise ProviderFailed(reason="provider_answer", detail=f"GitHub's list of {path} does not end")

    async def _ask(self, url: str, token: str) -> Answer:
        headers = {"Accept": "application/vnd.github.v3+json", "Authorization": f"token {token}"}
        return await self._client.get(url, headers)

    def _path(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}"

    def _repo(self, repo: str) -> str:
        owner, name = repo.split("/")
        return self._path(f"repos/{quote(owner, safe='')}/{quote(name, safe='')}")


def _objects(value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise ProviderFailed(reason="provider_answer", detail="GitHub's answer is not a list of objects")
    return value


def _text(entry: Any, name: str) -> str:
    value = entry.get(name) if isinstance(entry, dict) else None
    # Logins, slugs and addresses are single words; a blank or a control character would be read otherwise elsewhere.
    if not isinstance(value, str) or not value or not value.isprintable() or " " in value:
        raise ProviderFailed(reason="provider_answer", detail=f"GitHub's answer has no usable {name}")
    return value
