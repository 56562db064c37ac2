"""User info: the claims that an ID token leaves out, asked with the access token (OpenID Connect Core 1.0 §5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.logger import Logger

from o2sidecar.oauth.claims import ClaimRules, Person
from o2sidecar.provider_client import Answer, ProviderClient
from o2sidecar.providers.claim_sources import ClaimSources
from o2sidecar.providers.signed_claims import SignedClaims
from o2sidecar.refusals import ProviderFailed, ProviderUnavailable

_log = Logger()

_JWT = "application/jwt"


class UserInfo:
    """Makes persons of claims.

    `is_asked`: whether the endpoint is asked when the rules miss claims. `signed` judges answers that are signed, and
    the sources that they refer to; without it, they are not taken. `in_form`: whether the access token goes in a form
    (RFC 6750 §2.2) rather than in a field.
    """

    decides = False

    def __init__(
        self,
        *,
        client: ProviderClient,
        rules: ClaimRules,
        is_asked: bool,
        signed: SignedClaims | None = None,
        in_form: bool = False,
    ) -> None:
        self._client = client
        self._rules = rules
        self._is_asked = is_asked
        self._signed = signed
        self._sources = ClaimSources(client=client, signed=signed) if signed else None
        self._in_form = in_form

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
        further = await self._sources.claims(user_info, endpoint=endpoint) if self._sources else {}
        return self._rules.person(claims, {**further, **user_info})

    async def presented(self, claims: Mapping[str, Any], *, token: str) -> Person:
        """See `Persons`."""
        return self._rules.person(claims)

    async def _ask(self, endpoint: str, access_token: str) -> dict[str, Any]:
        answer = await self._answer(endpoint, access_token)
        if answer.content_type != _JWT:
            return answer.json_object()
        # §5.3.2: it is signed, or encrypted, which nobody asked for.
        answer.require(200)
        if self._signed is None:
            raise ProviderFailed(reason="provider_answer", detail=f"{answer.source}: the answer is no JSON object")
        claims = await self._signed.verify(answer.body)
        if "sub" not in claims:
            raise ProviderFailed(reason="user_info_subject", detail="the signed user info has no subject (sub)")
        return claims

    async def _answer(self, endpoint: str, access_token: str) -> Answer:
        accept = {"Accept": f"application/json, {_JWT}" if self._signed else "application/json"}
        if self._in_form:
            return await self._client.post_form(endpoint, [("access_token", access_token)], accept)
        return await self._client.get(endpoint, {**accept, "Authorization": f"Bearer {access_token}"})
