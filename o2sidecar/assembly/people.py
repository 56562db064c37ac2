"""Assembles who is who and who may pass: cookies, sessions and policy."""

from __future__ import annotations

from typing import Any, cast

from attrs import evolve, frozen

from o2sidecar.assembly.credentials import htpasswd_file_of, local_users_of, with_authorization
from o2sidecar.assembly.edge import Edge
from o2sidecar.emails_file import EmailsFile
from o2sidecar.guard import AuthOnly, CurrentSession, Passes, Sessions
from o2sidecar.guard.local_users import LocalUsers, Renewing
from o2sidecar.guard.session_finder import SessionFinder
from o2sidecar.htpasswd_file import HtpasswdFile
from o2sidecar.identity import IdentityHeaders
from o2sidecar.policy.admission import Admission
from o2sidecar.policy.origins import Origins
from o2sidecar.policy.paths import PublicPaths
from o2sidecar.policy.peers import TrustedAddresses
from o2sidecar.policy.redirects import Redirects
from o2sidecar.providers.provider import Provider
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.cookies import CookieAttributes, SameSite, SessionCookie
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.pending_cookie import PendingCookie
from o2sidecar.settings.options import Settings
from o2sidecar.settings.structure import Structure


@frozen(kw_only=True)
class People:
    """Who is who, and who may pass."""

    cookie: SessionCookie
    pending: PendingCookie
    headers: IdentityHeaders
    sessions: SessionFinder
    admission: Admission
    passes: Passes
    current: CurrentSession
    auth: AuthOnly
    redirects: Redirects
    origins: Origins
    local_users: LocalUsers | None
    background: tuple[EmailsFile | HtpasswdFile, ...]

    @classmethod
    def of(
        cls,
        settings: Settings,
        structure: Structure,
        *,
        provider: Provider,
        surroundings: Surroundings,
        edge: Edge,
        reactor: Any,
    ) -> People:
        """From settings."""
        cookie, pending = _cookies(settings)
        emails = _emails_file(settings, reactor)
        headers = _headers(settings, structure)
        listed = htpasswd_file_of(settings, reactor)
        users = local_users_of(settings, listed, provider=provider, now=edge.now)
        cookies = _sessions(settings, cookie, headers, users or provider, edge)
        sessions = with_authorization(
            settings, cookies, headers=headers, provider=provider, users=users, surroundings=surroundings, edge=edge
        )
        admission = Admission(
            email_domains=settings.email_domains,
            # A provider whose own options name groups has them; not every provider has such options.
            allowed_groups=(*settings.allowed_groups, *getattr(provider, "allowed_groups", ())),
            **({"listed_emails": emails} if emails else {}),
        )
        current = CurrentSession(sessions=sessions, admission=admission)
        passes, redirects = _passes(settings, edge), _redirects(settings)
        return cls(
            cookie=cookie,
            pending=pending,
            headers=headers,
            sessions=sessions,
            admission=admission,
            passes=passes,
            current=current,
            auth=AuthOnly(current=current, passes=passes, semicolons=settings.allow_query_semicolons),
            redirects=redirects,
            origins=Origins(redirects=redirects, forwarding=edge.forwarding),
            local_users=users,
            background=tuple(file for file in (emails, listed) if file),
        )


def _sessions(
    settings: Settings, cookie: SessionCookie, headers: IdentityHeaders, provider: Renewing, edge: Edge
) -> Sessions:
    return Sessions(
        cookie=cookie,
        headers=headers,
        provider=provider,
        forwarding=edge.forwarding,
        now=edge.now,
        lifetime=settings.cookie_expire,
        refresh_period=settings.cookie_refresh,
        remembered=settings.session_cache_size,
        counts=edge.counts.sessions,
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


def _cookies(settings: Settings) -> tuple[SessionCookie, PendingCookie]:
    ring = KeyRing.from_texts([settings.cookie_secret])
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
    )
    pending = PendingCookie(
        attributes=evolve(
            attributes,
            expire=settings.cookie_csrf_expire,
            samesite=cast("SameSite", settings.cookie_csrf_samesite or settings.cookie_samesite),
        ),
        ring=ring,
        per_request=settings.cookie_csrf_per_request,
        limit=settings.cookie_csrf_per_request_limit,
    )
    return session, pending


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
