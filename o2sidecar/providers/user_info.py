"""User info: the claims that an ID token leaves out, asked with the access token (OpenID Connect Core 1.0 §5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.logger import Logger

from o2sidecar.oauth.claims import ClaimRules, Person
from o2sidecar.provider_client import ProviderClient
from o2sidecar.refusals import ProviderFailed, ProviderUnavailable

_log = Logger()


class UserInfo:
    """Makes persons of claims; `is_asked`: whether the endpoint is asked when the rules miss claims."""

    decides = False

    def __init__(self, *, client: ProviderClient, rules: ClaimRules, is_asked: bool) -> None:
        self._client = client
        self._rules = rules
        self._is_asked = is_asked

    async def person(
        self, claims: Mapping[str, Any], *, endpoint: str, access_token: str, renewing: bool = False
    ) -> Person:
        """The person of an ID token's verified claims; `endpoint` may be empty.

        Raises `ProviderFailed` if the answer is about somebody else, or the email depends on one that cannot be had;
        and what `ClaimRules.person` raises.
        """
        missing = self._rules.missing(claims)
        if not missing or not self._is_asked or not endpoint:
            return self._rules.person(claims)
        try:
            user_info = await self._ask(endpoint, access_token)
        except ProviderFailed as failed:
            if self._rules.email_claim in missing or (renewing and isinstance(failed, ProviderUnavailable)):
                raise
            _log.warn("User info could not be asked: {trouble}", trouble=failed.detail)
            return self._rules.person(claims)
        # §5.3.4: user info of another subject must not be used.
        if user_info.get("sub", claims["sub"]) != claims["sub"]:
            raise ProviderFailed(reason="user_info_subject", detail="the user info is of another subject (sub)")
        return self._rules.person(claims, user_info)

    async def presented(self, claims: Mapping[str, Any], *, token: str) -> Person:
        """See `Persons`."""
        return self._rules.person(claims)

    async def _ask(self, endpoint: str, access_token: str) -> dict[str, Any]:
        headers = {"Accept": "application/json", "Authorization": f"Bearer {access_token}"}
        return (await self._client.get(endpoint, headers)).json_object()
