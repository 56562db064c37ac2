"""Microsoft Graph, as far as it tells of the person whose token it is: groups and address."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

from o2sidecar.oauth.claims import group_names
from o2sidecar.oauth.id_token import TENANT_ID
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.together import together
from o2sidecar.refusals import ProviderFailed

HOST = "https://graph.microsoft.com"
ROOT = f"{HOST}/v1.0"
USER_INFO_PATH = "/oidc/userinfo"
"""Where the user info endpoint of Microsoft's version 2.0 is."""
MAX_PAGES = 100

_MOST_AT_ONCE = 20


class MicrosoftGraph:
    """Asks the API at `root`; lists of over `max_pages` pages are refused.

    Everything raises `ProviderUnavailable` or `ProviderFailed`.
    """

    def __init__(self, *, client: ProviderClient, root: str = ROOT, max_pages: int = MAX_PAGES) -> None:
        self._client = client
        self._root = root.rstrip("/")
        self._max_pages = max_pages

    async def groups_among(self, groups: Sequence[str], token: str) -> tuple[str, ...]:
        """Those of the groups that the person is in, directly or by other groups; only ids can be asked about."""
        ids = [group for group in dict.fromkeys(groups) if TENANT_ID.fullmatch(group)]
        parts = [ids[start : start + _MOST_AT_ONCE] for start in range(0, len(ids), _MOST_AT_ONCE)]
        answers = await together(self._client, [partial(self._memberships, part, token) for part in parts])
        found = {name for names in answers for name in names}
        return tuple(group for group in ids if group.lower() in found)

    async def groups(self, token: str, *, named_by: str = "id", only_security: bool = False) -> tuple[str, ...]:
        """All groups of the person, each by one of its properties (`id`, `displayName` and so on)."""
        query = {"$select": "id" if named_by == "id" else f"id,{named_by}", "$top": "100"}
        if only_security:
            # Graph filters memberships only where it may count them, too.
            query |= {"$count": "true", "$filter": "securityEnabled eq true"}
        url = f"{self._root}/me/transitiveMemberOf?{urlencode(query, safe='$,')}"
        [found] = await together(self._client, [partial(self._listed, url, named_by, token)])
        return found

    async def _memberships(self, ids: Sequence[str], token: str) -> set[str]:
        url = f"{self._root}/me/checkMemberGroups"
        answer = (await self._client.post_json(url, {"groupIds": list(ids)}, _bearer(token))).json_object()
        return {name.lower() for name in _list(answer) if isinstance(name, str)}

    async def _listed(self, url: str, named_by: str, token: str) -> tuple[str, ...]:
        found: list[Any] = []
        for _ in range(self._max_pages):
            headers = {**_bearer(token), "ConsistencyLevel": "eventual"}
            answer = (await self._client.get(url, headers)).json_object()
            found += [group.get(named_by) for group in _list(answer) if isinstance(group, dict)]
            following = answer.get("@odata.nextLink")
            if not following:
                return group_names(found)
            # The token goes to Graph and to nobody else.
            if not isinstance(following, str) or not following.startswith(f"{self._root}/"):
                raise ProviderFailed(reason="provider_answer", detail="the next page of groups is not at Graph itself")
            url = following
        raise ProviderFailed(reason="provider_answer", detail="Graph's list of groups does not end")

    async def email(self, token: str) -> str:
        """The person's address: their mail, another one, or the name that they sign in by; empty if there is none."""
        url = f"{self._root}/me?$select=mail,otherMails,userPrincipalName"
        person = (await self._client.get(url, _bearer(token))).json_object()
        others = person.get("otherMails")
        candidates = [
            person.get("mail"),
            *(others if isinstance(others, list) else ()),
            person.get("userPrincipalName"),
        ]
        return next((text for text in candidates if isinstance(text, str) and text and text.isprintable()), "")


def _bearer(token: str) -> dict[str, str]:
    return {"Accept": "application/json", "Authorization": f"Bearer {token}"}


def _list(answer: dict[str, Any]) -> list[Any]:
    value = answer.get("value")
    if not isinstance(value, list):
        raise ProviderFailed(reason="provider_answer", detail="Graph's answer has no list (value)")
    return value
