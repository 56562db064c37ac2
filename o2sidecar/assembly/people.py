"""Assembles who is who and who may pass: cookies, sessions and policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from attrs import evolve, frozen

from o2sidecar.assembly.credentials import htpasswd_file_of, local_users_of, tokens_of, with_authorization
from o2sidecar.assembly.edge import Edge
from o2sidecar.assembly.finding import Finding
from o2sidecar.assembly.lasting import Lasting
from o2sidecar.assembly.logout import issuers_of, revocation_list_of
from o2sidecar.assembly.reauthentication import fresh_routes_of
from o2sidecar.assembly.registrations import admission_of, groups_of
from o2sidecar.emails_file import EmailsFile
from o2sidecar.guard import AuthOnly, CurrentSession, Passes, Sessions
from o2sidecar.guard.cookie_budget import CookieBudget
from o2sidecar.guard.local_users import LocalUsers, Renewing
from o2sidecar.guard.session_finder import SessionFinder
from o2sidecar.guard.time_left import TimeLeft
from o2sidecar.identity import IdentityHeaders
from o2sidecar.policy.origins import Origins
from o2sidecar.policy.paths import PublicPaths
from o2sidecar.policy.peers import TrustedAddresses
from o2sidecar.policy.provenance import Admitting
from o2sidecar.policy.redirects import Redirects
from o2sidecar.providers.registrations import Registrations
from o2sidecar.providers.several import SeveralProviders
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.cookies import CookieAttributes, SameSite, SessionCookie
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.pending_cookie import PendingCookie
from o2sidecar.settings.loaded import Loaded, ProviderEntry
from o2sidecar.settings.options import Settings
from o2sidecar.settings.redis_rules import spills, uses_redis
from o2sidecar.settings.structure import Structure

if TYPE_CHECKING:
    from o2sidecar.service import Background
    from o2sidecar.stores.revocation_list import RevocationList
    from o2sidecar.stores.tickets import TicketStore


@frozen(kw_only=True)
class People:
    """Who is who, and who may pass. `take_over`: has what is known of sessions follow these settings."""

    cookie: SessionCookie
    pending: PendingCookie
    headers: IdentityHeaders
    sessions: SessionFinder
    admission: Admitting
    passes: Passes
    current: CurrentSession
    auth: AuthOnly
    redirects: Redirects
    origins: Origins
    local_users: LocalUsers | None
    provider: SeveralProviders
    store: TicketStore | None
    revoked: RevocationList
    take_over: Callable[[], None]
    background: tuple[Background, ...]

    @classmethod
    def of(
        cls,
        loaded: Loaded,
        *,
        registrations: Registrations,
        surroundings: Surroundings,
        edge: Edge,
        lasting: Lasting,
        reactor: Any,
    ) -> People:
        """From settings; what is to last is taken from `lasting`, or put there."""
        settings, provider = loaded.settings, SeveralProviders(registrations, edge.now)
        cookie, pending = cookies_of(settings, lasting.keys.ring, posted=any(map(_is_posted, loaded.providers)))
        emails, headers = _emails_file(settings, reactor), _headers(settings, loaded.structure)
        listed = lasting.listed = lasting.listed or htpasswd_file_of(settings, reactor)
        users = local_users_of(settings, listed, registrations, provider=provider, now=edge.now)
        store = lasting.store = lasting.store or _store(settings, reactor)
        revoked = lasting.revoked = lasting.revoked or revocation_list_of(settings, cookie, store, surroundings)
        by_cookie, sealed = _finding(
            loaded, registrations, cookie, headers, users or provider, edge=edge, lasting=lasting, around=surroundings
        )
        tokens = tokens_of(settings, registrations, surroundings, edge)
        sessions = with_authorization(
            settings, by_cookie, headers=headers, tokens=tokens, users=users, revoked=revoked, edge=edge
        )
        admission = admission_of(settings, loaded.providers, registrations, emails)
        current = _current(settings, sessions, admission, edge)
        passes, redirects = _passes(settings, edge), _redirects(settings)
        return cls(
            cookie=cookie,
            pending=pending,
            headers=headers,
            sessions=sessions,
            admission=admission,
            passes=passes,
            current=current,
            auth=_auth(settings, current, passes, edge),
            redirects=redirects,
            origins=Origins(redirects=redirects, forwarding=edge.forwarding),
            local_users=users,
            provider=provider,
            store=store,
            revoked=revoked,
            take_over=lambda: _take_over(settings, registrations, sealed, store, revoked),
            background=(*lasting.keys.files, *(each for each in (emails, listed, store, revoked) if each)),
        )


def _store(settings: Settings, reactor: Any) -> TicketStore | None:
    if not uses_redis(settings):
        return None
    # Only who keeps sessions there pays for it.
    from o2sidecar.assembly.stores import ticket_store_of  # noqa: PLC0415

    return ticket_store_of(settings, reactor)


def _finding(
    loaded: Loaded,
    registrations: Registrations,
    cookie: SessionCookie,
    headers: IdentityHeaders,
    provider: Renewing,
    *,
    edge: Edge,
    lasting: Lasting,
    around: Surroundings,
) -> tuple[SessionFinder, Sessions | None]:
    assert lasting.revoked is not None
    groups = groups_of(loaded.settings, loaded.structure, loaded.providers, registrations)
    return Finding(
        settings=loaded.settings,
        budget=CookieBudget(cookie, loaded.settings.session_cookie_budget, groups=groups),
        headers=headers,
        provider=provider,
        edge=edge,
        lasting=lasting,
        revoked=lasting.revoked,
        around=around,
    ).finder()


def _take_over(
    settings: Settings,
    registrations: Registrations,
    sealed: Sessions | None,
    store: TicketStore | None,
    revoked: RevocationList,
) -> None:
    if sealed is not None:
        sealed.take_over()
    if store is not None:
        store.turn_to(lifetime=settings.cookie_expire)
    revoked.turn_to(lifetime=settings.cookie_expire, issuer_of=issuers_of(registrations))


def _current(settings: Settings, sessions: SessionFinder, admission: Admitting, edge: Edge) -> CurrentSession:
    time_left = TimeLeft(edge.now) if settings.pass_session_expires_in else None
    return CurrentSession(sessions=sessions, admission=admission, time_left=time_left)


def _auth(settings: Settings, current: CurrentSession, passes: Passes, edge: Edge) -> AuthOnly:
    return AuthOnly(
        current=current,
        passes=passes,
        semicolons=settings.allow_query_semicolons,
        fresh=fresh_routes_of(settings, passes, edge),
    )


def _passes(settings: Settings, edge: Edge) -> Passes:
    return Passes(
        public=PublicPaths.parse(settings.skip_auth_routes, settings.skip_auth_regex),
        trusted=TrustedAddresses.parse(settings.trusted_ips),
        forwarding=edge.forwarding,
        preflight=settings.skip_auth_preflight,
    )


def _redirects(settings: Settings) -> Redirects:
    return Redirects(
        whitelist_domains=settings.whitelist_domains,
        prefix=settings.proxy_prefix,
        redirect_length_limit=settings.redirect_length_limit,
    )


def cookies_of(settings: Settings, ring: KeyRing, *, posted: bool = False) -> tuple[SessionCookie, PendingCookie]:
    """The cookies of sessions and of pending logins; `posted`: a provider's answer is posted across sites."""
    attributes = CookieAttributes(
        name=settings.cookie_name,
        path=settings.cookie_path,
        domains=settings.cookie_domains,
        expire=settings.cookie_expire,
        secure=settings.cookie_secure,
        httponly=settings.cookie_httponly,
        samesite=cast("SameSite", settings.cookie_samesite),
    )
    session = SessionCookie(
        attributes=attributes,
        codec=SessionCodec(ring=ring, expire=settings.cookie_expire),
        minimal=settings.session_cookie_minimal,
        parts=settings.cookie_parts_limit,
        # As oauth2-proxy has it, a whole cookie is left where parts take its place.
        replaces=settings.defaults == "o2sidecar" or spills(settings),
    )
    pending = PendingCookie(
        attributes=evolve(
            attributes,
            expire=settings.cookie_csrf_expire,
            samesite=_samesite_of_logins(settings, posted),
        ),
        ring=ring,
        per_request=settings.cookie_csrf_per_request,
        limit=settings.cookie_csrf_per_request_limit,
    )
    return session, pending


def _is_posted(entry: ProviderEntry) -> bool:
    return entry.settings.auth_request_response_mode == "form_post"


def _samesite_of_logins(settings: Settings, posted: bool) -> SameSite:
    """`posted`: a provider's answer is posted across sites (`form_post`), where browsers send None alone."""
    needed = "none" if posted and settings.cookie_secure else ""
    return cast("SameSite", settings.cookie_csrf_samesite or needed or settings.cookie_samesite)


def _headers(settings: Settings, structure: Structure) -> IdentityHeaders:
    return IdentityHeaders(
        request_rules=structure.request_rules,
        response_rules=structure.response_rules,
        auth_rules=structure.auth_rules,
        gap_auth=settings.gap_auth,
    )


def _emails_file(settings: Settings, reactor: Any) -> EmailsFile | None:
    path = settings.authenticated_emails_file
    return EmailsFile(path=path, clock=reactor) if path else None
