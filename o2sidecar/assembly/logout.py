"""Assembles how sessions end: the list of those that are over, and what follows at the provider."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from attrs import evolve
from twisted.internet.interfaces import IReactorTime

from o2sidecar.assembly.edge import Edge
from o2sidecar.http.exchange import Served
from o2sidecar.providers.registrations import Registrations
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.session.cookies import SessionCookie
from o2sidecar.session.revocations import RevocationKeys, Revocations
from o2sidecar.session.session import Session
from o2sidecar.settings.options import Settings
from o2sidecar.settings.redis_rules import lists_in_redis
from o2sidecar.signin.answers import Answers
from o2sidecar.signin.callback_uri import CallbackUri
from o2sidecar.signin.logout_endpoints import RevokedSessions, SignedOut
from o2sidecar.signin.signing_out import AWAY, SigningOut
from o2sidecar.stores.revocation_list import RevocationList
from o2sidecar.stores.revocation_sources import ListFile, ListUrl, RevocationSource

if TYPE_CHECKING:
    from o2sidecar.assembly.people import People
    from o2sidecar.stores.tickets import TicketStore

_OLDEST = 0.5
"""Seconds that a list in Redis counts after it was looked at."""


def revocation_list_of(
    settings: Settings,
    cookie: SessionCookie,
    store: TicketStore | None,
    surroundings: Surroundings,
) -> RevocationList:
    """The sessions that are over before their time, as all sidecars know that share a list."""
    source: RevocationSource | None = None
    in_redis = store is not None and lists_in_redis(settings)
    if store is not None and in_redis:
        from o2sidecar.stores.revocation_key import ListKey  # noqa: PLC0415 - only who keeps sessions there pays for it

        source = ListKey(store.redis, revocation_key(settings), settings.cookie_expire)
    elif settings.revocation_list.startswith(("https://", "http://")):
        source = ListUrl(settings.revocation_list, surroundings.client)
    elif settings.revocation_list:
        source = ListFile(settings.revocation_list)
    return RevocationList(
        Revocations(
            RevocationKeys(cookie.codec.ring),
            now=surroundings.clock.seconds,
            lifetime=settings.cookie_expire,
        ),
        source=source,
        clock=surroundings.clock,
        interval=min(settings.redis_trust_time, _OLDEST) if in_redis else settings.revocation_poll_interval,
        on_demand=in_redis,
        # While Redis is away, redis_outage says what counts.
        required=settings.revocation_unavailable == "reject" and not in_redis,
    )


def issuers_of(registrations: Registrations) -> Callable[[Session], str]:
    """Tells the issuer of sessions that keep no ID token."""

    def issuer_of(session: Session) -> str:
        registration = registrations.of(session)
        end = registration.provider.session_end if registration else None
        return end.rules.issuer if end else ""

    return issuer_of


def revocation_key(settings: Settings) -> str:
    """Where the list is in Redis: beside the sessions, under what its users may write."""
    return f"{settings.cookie_name}-revocations"


def signing_out_of(
    settings: Settings, cookie: SessionCookie, registrations: Registrations, edge: Edge, clock: IReactorTime
) -> SigningOut:
    """What follows at the provider."""
    path = f"{settings.proxy_prefix}/signed_out"
    configured = urlsplit(settings.redirect_url)
    attributes = cookie.attributes
    return SigningOut(
        registrations=registrations,
        landing=CallbackUri(
            configured=urlunsplit((configured.scheme, configured.netloc, path, "", "")) if configured.netloc else "",
            path=path,
            relative=False,
            secure=settings.cookie_secure,
            forwarding=edge.forwarding,
        ),
        attributes=evolve(
            attributes,
            # Browsers want a path of / where a name begins with __Host-.
            name=attributes.name.removeprefix("__Host-") + "_signed_out",
            path=path,
            expire=AWAY,
            samesite="lax",
        ),
        ring=cookie.codec.ring,
        at_provider=settings.provider_logout,
        revokes=settings.revoke_tokens,
        clock=clock,
        random=os.urandom,
    )


def logout_endpoints(
    settings: Settings, people: People, answers: Answers, edge: Edge, reactor: Any
) -> dict[str, Served]:
    """The endpoints that a provider or another sidecar asks for, by their paths below the prefix."""
    registrations = answers.logins.registrations
    signing_out = signing_out_of(settings, people.cookie, registrations, edge, reactor)
    found: dict[str, Served] = {"/signed_out": SignedOut(signing_out=signing_out, answers=answers)}
    if any(each.provider.session_end for each in registrations):
        # It judges tokens, which others have nothing to do with.
        from o2sidecar.signin.provider_logouts import BackChannel, FrontChannel  # noqa: PLC0415

        found["/backchannel_logout"] = BackChannel(
            registrations=registrations,
            revoked=people.revoked,
            now=edge.now,
            answers=answers,
            body_limit=settings.own_body_size_limit,
        )
        found["/frontchannel_logout"] = FrontChannel(
            sessions=people.sessions, registrations=registrations, revoked=people.revoked, log=edge.auth.record
        )
    if settings.revocation_list:
        found["/revocations"] = RevokedSessions(revoked=people.revoked)
    return found
