"""Google's Directory API: which groups somebody is in, asked by a service account for an administrator."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from o2sidecar.oauth.claims import group_names
from o2sidecar.oauth.service_account import ServiceAccount
from o2sidecar.oauth.tokens import MalformedTokenResponse, TokenRefused, TokenResponse
from o2sidecar.provider_client import Answer, ProviderClient
from o2sidecar.providers.together import together
from o2sidecar.refusals import ProviderFailed, ProviderUnavailable
from o2sidecar.shared_call import SharedCall

ROOT = "https://admin.googleapis.com/admin/directory/v1/"
MAX_PAGES = 100

_SCOPE = "https://www.googleapis.com/auth/admin.directory."
MEMBER_SCOPES = tuple(
    f"{_SCOPE}{name}" for name in ("group.member.readonly", "group.readonly", "group.member", "group")
)
"""Any of them lets memberships be asked about; the first that the administrator granted is taken."""

LIST_SCOPES = tuple(f"{_SCOPE}{name}" for name in ("group.readonly", "group"))
"""Any of them lets somebody's groups be listed."""

_EARLY = 60.0
_OVER_QUOTA = frozenset({"quotaExceeded", "rateLimitExceeded", "userRateLimitExceeded"})

_log = Logger()


class GoogleDirectory:
    """Asks as `account` for `admin_email`, by the first of `scopes` that it was granted.

    Everything raises `ProviderUnavailable` or `ProviderFailed`.
    """

    def __init__(
        self,
        *,
        client: ProviderClient,
        clock: IReactorTime,
        account: ServiceAccount,
        admin_email: str,
        scopes: Sequence[str],
        root: str = ROOT,
        max_pages: int = MAX_PAGES,
    ) -> None:
        self._client = client
        self._clock = clock
        self._account = account
        self._admin_email = admin_email
        self._scopes = tuple(scopes)
        self._root = root
        self._max_pages = max_pages
        self._token = ""
        self._token_until = 0.0
        self._new_token = SharedCall(self._fetch_token)

    async def groups_among(self, groups: Sequence[str], email: str) -> tuple[str, ...]:
        """Those of the groups that somebody is in, directly or by other groups."""
        asked = tuple(dict.fromkeys(groups))
        found = await together(self._client, [partial(self._has_member, group, email) for group in asked])
        return tuple(group for group, has_member in zip(asked, found, strict=True) if has_member)

    async def groups_of(self, email: str) -> tuple[str, ...]:
        """The addresses of the groups that somebody is in."""
        [groups] = await together(self._client, [partial(self._listed, email)])
        return groups

    async def _listed(self, email: str) -> tuple[str, ...]:
        found: list[Any] = []
        query = {"userKey": email, "maxResults": "200"}
        for _ in range(self._max_pages):
            answer = (await self._get(f"groups?{urlencode(query)}")).json_object()
            groups = answer.get("groups", [])
            if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
                raise ProviderFailed(reason="provider_answer", detail="Google's groups are not a list of objects")
            found += [group.get("email") for group in groups]
            following = answer.get("nextPageToken")
            if not following:
                return group_names(found)
            if not isinstance(following, str):
                raise ProviderFailed(reason="provider_answer", detail="Google's next page has no usable name")
            query["pageToken"] = following
        raise ProviderFailed(reason="provider_answer", detail="Google's list of groups does not end")

    async def _has_member(self, group: str, email: str) -> bool:
        path = f"groups/{quote(group, safe='')}"
        answer = await self._get(f"{path}/hasMember/{quote(email, safe='')}")
        if answer.status == 404:
            _log.warn("Google knows no group {group}", group=group)
            return False
        if answer.status == 400:
            # So it answers about people of other domains, who may be members all the same, though not by other groups.
            return await self._is_active_member(f"{path}/members/{quote(email, safe='')}")
        return answer.json_object().get("isMember") is True

    async def _is_active_member(self, path: str) -> bool:
        answer = await self._get(path)
        if answer.status in {400, 404}:
            return False
        return answer.json_object().get("status") == "ACTIVE"

    async def _get(self, path: str) -> Answer:
        token = await self._current_token()
        answer = await self._get_by(token, path)
        if answer.status == 401:
            # A token can be taken back before its time; by now another question may have led to a new one.
            if token == self._token:
                self._token_until = 0.0
            answer = await self._get_by(await self._current_token(), path)
        if answer.status == 403 and _is_over_quota(answer):
            raise ProviderUnavailable(detail=f"{answer.source}: Google has had too many questions from us")
        return answer

    async def _get_by(self, token: str, path: str) -> Answer:
        headers = {"Accept": "application/json", "Authorization": f"Bearer {token}"}
        return await self._client.get(f"{self._root}{path}", headers)

    async def _current_token(self) -> str:
        if self._clock.seconds() < self._token_until:
            return self._token
        return await self._new_token()

    async def _fetch_token(self) -> str:
        for scope in self._scopes:
            try:
                granted = await self._ask_token(scope)
            except TokenRefused as refused:
                if refused.error == "unauthorized_client":
                    continue
                raise ProviderFailed(
                    reason="service_account", detail=f"Google refuses the service account: {refused}"
                ) from None
            except MalformedTokenResponse as malformed:
                raise ProviderFailed(reason="service_account", detail=str(malformed)) from None
            self._token = granted.access_token
            self._token_until = (granted.expires_on or self._clock.seconds()) - _EARLY
            return self._token
        scopes = " or ".join(self._scopes)
        raise ProviderFailed(
            reason="service_account", detail=f"the service account was not granted {scopes} for the whole domain"
        )

    async def _ask_token(self, scope: str) -> TokenResponse:
        now = self._clock.seconds()
        assertion = self._account.assertion(scope=scope, subject=self._admin_email, now=now)
        form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion)]
        answer = await self._client.post_form(self._account.token_uri, form)
        if answer.overloaded:
            answer.require(200)
        return TokenResponse.from_answer(
            status=answer.status, content_type=answer.content_type, body=answer.body, now=now
        )


def _is_over_quota(answer: Answer) -> bool:
    """Google says 403 for this too, and the reason in the body."""
    return any(f'"{reason}"'.encode() in answer.body for reason in _OVER_QUOTA)
