"""Issuers of bearer tokens beside the provider: where they publish their keys, and what their tokens must be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from o2sidecar.oauth.claims import ClaimRules
from o2sidecar.oauth.id_token import CLOCK_SKEW, IdTokenRules
from o2sidecar.oauth.token_issuers import ExtraIssuer
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.bearer_tokens import TokenIssuer
from o2sidecar.providers.endpoint_urls import discovered_url
from o2sidecar.providers.key_set import REFETCH_INTERVAL, TTL, RemoteKeys
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.providers.user_info import UserInfo
from o2sidecar.refusals import ProviderFailed


def token_issuer(
    named: ExtraIssuer,
    surroundings: Surroundings,
    *,
    audience_claims: Iterable[str] = ("aud",),
    extra_audiences: Iterable[str] = (),
    clock_skew: float = CLOCK_SKEW,
    jwks_ttl: float = TTL,
    jwks_refetch_interval: float = REFETCH_INTERVAL,
) -> TokenIssuer:
    """The issuer behind a pair of `extra_jwt_issuers`; persons are made of the standard claims."""
    first, *others = named.audiences
    return TokenIssuer(
        rules=IdTokenRules(
            issuer=named.issuer,
            client_id=first,
            extra_audiences=frozenset((*others, *extra_audiences)),
            audience_claims=tuple(audience_claims),
            clock_skew=clock_skew,
        ),
        keys=RemoteKeys(
            published_keys(named.issuer, surroundings.client),
            client=surroundings.client,
            clock=surroundings.clock,
            ttl=jwks_ttl,
            refetch_interval=jwks_refetch_interval,
            documents=surroundings.documents,
            name=(named.issuer, ""),
        ),
        persons=UserInfo(client=surroundings.client, rules=ClaimRules(), is_asked=False),
        clock=surroundings.clock,
    )


def published_keys(issuer: str, client: ProviderClient) -> Callable[[], Awaitable[str]]:
    """Tells the address of an issuer's keys: what its discovery document says, the usual place if it has none.

    Only the keys are looked for: an issuer that nobody logs in with (Kubernetes, for its service accounts) has no
    other endpoint. The function raises `ProviderFailed` for another's document, `ValueError` for an unusable address.
    """
    base = issuer.rstrip("/")

    async def address() -> str:
        try:
            document = (await client.get(f"{base}/.well-known/openid-configuration")).json_object()
        except ProviderFailed:
            return f"{base}/.well-known/jwks.json"
        # OpenID Connect Discovery 1.0 §4.3: the issuer in the document must be the one it was fetched for.
        if document.get("issuer") != issuer:
            raise ProviderFailed(
                reason="discovery", detail=f"the discovery document is not that of the issuer {issuer}"
            )
        return discovered_url(document.get("jwks_uri"), issuer=issuer, member="jwks_uri")

    return address
