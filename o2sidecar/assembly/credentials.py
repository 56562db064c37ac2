"""Assembles the ways in that need no login: bearer tokens."""

from __future__ import annotations

import os
from collections.abc import Callable

from o2sidecar.guard.by_authorization import ByAuthorization
from o2sidecar.guard.session_finder import SessionFinder
from o2sidecar.identity import IdentityHeaders
from o2sidecar.oauth.token_issuers import extra_issuers
from o2sidecar.providers.bearer_tokens import BearerTokens, TokenIssuer
from o2sidecar.providers.extra_issuers import token_issuer
from o2sidecar.providers.provider import Provider
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.settings.options import Settings


def with_authorization(
    settings: Settings,
    cookies: SessionFinder,
    *,
    headers: IdentityHeaders,
    provider: Provider,
    surroundings: Surroundings,
    now: Callable[[], float],
) -> SessionFinder:
    """The sessions of cookies, with those of the Authorization field before them where settings want that."""
    if not settings.skip_jwt_bearer_tokens:
        return cookies
    return ByAuthorization(
        cookies,
        tokens=_tokens(settings, provider, surroundings),
        headers=headers,
        now=now,
        key=os.urandom(32),
        fallback=settings.bearer_token_login_fallback,
        remembered=settings.session_cache_size,
    )


def _tokens(settings: Settings, provider: Provider, surroundings: Surroundings) -> BearerTokens:
    # A provider that issues no ID tokens, as GitHub, has no such attribute.
    own: TokenIssuer | None = getattr(provider, "token_issuer", None)
    others = [
        token_issuer(
            named,
            surroundings,
            audience_claims=settings.oidc_audience_claims,
            extra_audiences=settings.oidc_extra_audiences,
            clock_skew=settings.clock_skew,
            jwks_ttl=settings.jwks_ttl,
            jwks_refetch_interval=settings.jwks_refetch_interval,
        )
        for named in extra_issuers(settings.extra_jwt_issuers)
    ]
    return BearerTokens([*([own] if own else ()), *others])
