"""Asks the sources that user info refers to for claims (OpenID Connect Core 1.0 §5.6.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from twisted.logger import Logger

from o2sidecar.oauth.claim_sources import ClaimSource, claim_sources
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.signed_claims import SignedClaims
from o2sidecar.refusals import ProviderFailed

_log = Logger()


class ClaimSources:
    """Gathers aggregated and distributed claims.

    A provider's answer must not send us anywhere (SSRF), nor make us believe strangers: only endpoints beside that of
    user info are asked, and only what is signed with the provider's own keys counts. All else is left out.
    """

    def __init__(self, *, client: ProviderClient, signed: SignedClaims) -> None:
        self._client = client
        self._signed = signed

    async def claims(self, user_info: Mapping[str, Any], *, endpoint: str) -> dict[str, Any]:
        """What the sources tell that `user_info`, which came from `endpoint`, refers to; never raises a refusal."""
        found: dict[str, Any] = {}
        for source in claim_sources(user_info):
            try:
                said = await self._signed.verify(await self._told_by(source, endpoint))
            except ProviderFailed as failed:
                names = ", ".join(sorted(source.names))
                _log.warn("Claims of another source are left out ({names}): {why}", names=names, why=failed.detail)
                continue
            found.update(source.of_these(said))
        return found

    async def _told_by(self, source: ClaimSource, endpoint: str) -> bytes:
        if source.jwt:
            return source.jwt.encode()
        if _origin(source.endpoint) != _origin(endpoint):
            raise ProviderFailed(reason="claim_source", detail="they are not beside the user info endpoint")
        headers = {"Accept": "application/jwt"}
        if source.access_token:
            headers["Authorization"] = f"Bearer {source.access_token}"
        answer = await self._client.get(source.endpoint, headers)
        answer.require(200)
        return answer.body


def _origin(url: str) -> tuple[str, str] | None:
    """Scheme and authority; `None`, which is nobody's, for what is no plain URL."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        split = urlsplit(url)
    except ValueError:
        return None
    return (split.scheme, split.netloc.lower())
