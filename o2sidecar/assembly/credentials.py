"""Assembles the ways in beside the provider's login: bearer tokens and local users."""

from __future__ import annotations

import os
from collections.abc import Callable
from math import inf
from typing import Any

from twisted.internet.threads import deferToThreadPool

from o2sidecar.assembly.edge import Edge
from o2sidecar.assembly.reauthentication import reauthentication_of
from o2sidecar.guard.by_authorization import ByAuthorization
from o2sidecar.guard.local_users import LocalUsers, Renewing
from o2sidecar.guard.session_finder import SessionFinder
from o2sidecar.htpasswd_file import HtpasswdFile
from o2sidecar.identity import IdentityHeaders
from o2sidecar.oauth.token_issuers import extra_issuers
from o2sidecar.policy.guesses import Guesses
from o2sidecar.providers.bearer_tokens import BearerTokens
from o2sidecar.providers.extra_issuers import token_issuer
from o2sidecar.providers.registrations import Registrations
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.settings.options import Settings
from o2sidecar.stores.revocation_list import RevocationList

LOCAL_USER = "local user"
"""What sessions of local users are marked with, where marks count; no provider's id has a blank."""
EXTRA_ISSUER = "extra issuer"
"""What sessions are marked with whose token is of an issuer that no provider is."""


def with_authorization(
    settings: Settings,
    cookies: SessionFinder,
    *,
    headers: IdentityHeaders,
    tokens: BearerTokens | None,
    users: LocalUsers | None,
    revoked: RevocationList,
    edge: Edge,
) -> SessionFinder:
    """The sessions of cookies, with those of the Authorization field before them where settings want that."""
    if tokens is None and users is None:
        return cookies
    return ByAuthorization(
        cookies,
        tokens=tokens,
        users=users,
        headers=headers,
        revoked=revoked,
        log=edge.auth.record,
        absolute=settings.session_absolute_lifetime or inf,
        now=edge.now,
        client_address=edge.forwarding.client_address,
        key=os.urandom(32),
        fallback=settings.bearer_token_login_fallback or tokens is None,
        remembered=settings.session_cache_size,
    )


def htpasswd_file_of(settings: Settings, reactor: Any) -> HtpasswdFile | None:
    """The file of local users, if there is one."""
    if not settings.htpasswd_file:
        return None
    return HtpasswdFile(
        path=settings.htpasswd_file,
        clock=reactor,
        in_thread=lambda *call: deferToThreadPool(reactor, reactor.getThreadPool(), *call),
    )


def local_users_of(
    settings: Settings,
    listed: HtpasswdFile | None,
    registrations: Registrations,
    *,
    provider: Renewing,
    now: Callable[[], float],
) -> LocalUsers | None:
    """The local users of a file, if there is one; their sessions say so where some ask whose they are."""
    if listed is None:
        return None
    marked = registrations.several or bool(settings.accepted_providers)
    return LocalUsers(
        listed,
        provider=provider,
        now=now,
        guesses=Guesses(
            per_user=settings.password_guesses_per_user,
            per_address=settings.password_guesses_per_address,
            period=settings.password_guess_period,
            now=now,
        ),
        groups=settings.htpasswd_user_groups,
        user_is_email=settings.prefer_email_to_user,
        mark=LOCAL_USER if marked else "",
    )


def tokens_of(
    settings: Settings, registrations: Registrations, surroundings: Surroundings, edge: Edge
) -> BearerTokens | None:
    """What judges bearer tokens, where settings want that."""
    if not settings.skip_jwt_bearer_tokens:
        return None
    reauthentication = reauthentication_of(settings, edge)
    own = [(each.id, each.provider.token_issuer) for each in registrations]
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
    return BearerTokens(
        [*((id, issuer) for id, issuer in own if issuer), *((EXTRA_ISSUER, issuer) for issuer in others)],
        presented=reauthentication.presented if reauthentication else None,
    )
