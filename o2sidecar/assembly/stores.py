"""Assembles sessions in Redis: the way there, and what finds them for requests. Imported only where they are wanted."""

from __future__ import annotations

from math import inf
from typing import Any

from attrs import frozen
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import CertificateOptions

from o2sidecar.assembly.checked import checked
from o2sidecar.assembly.finding import Finding
from o2sidecar.assembly.secrets import secret_of
from o2sidecar.guard.held import Trust
from o2sidecar.guard.lifetimes import Lifetimes
from o2sidecar.guard.own_cookies import OwnCookies
from o2sidecar.guard.renewing import Renewals
from o2sidecar.guard.sessions import Sessions
from o2sidecar.guard.spilling import SpillingSessions
from o2sidecar.guard.stored_sessions import StoredSessions
from o2sidecar.guard.ticket_renewal import TicketRenewal
from o2sidecar.http.client_tls import Authorities, ClientTls, client_options
from o2sidecar.http.upstream.endpoints import TlsEndpoint, host_endpoint
from o2sidecar.refusals import StoreUnavailable
from o2sidecar.session.ticket_cookie import TicketCookie
from o2sidecar.settings.options import Settings
from o2sidecar.settings.redis_url import RedisUrl
from o2sidecar.stores.cluster import Cluster
from o2sidecar.stores.sentinel import Watched
from o2sidecar.stores.server import Commands, Login, RedisLimits, RedisServer
from o2sidecar.stores.tickets import TicketStore


def ticket_store_of(settings: Settings, reactor: Any) -> TicketStore:
    """Where sessions are kept."""
    return TicketStore(
        _redis_of(settings, reactor),
        clock=reactor,
        lifetime=settings.cookie_expire,
        lock_time=settings.redis_lock_time,
        deadline=settings.redis_connect_timeout + settings.redis_command_timeout,
    )


async def why_store_fails(settings: Settings, reactor: Any) -> str:
    """Why sessions cannot be kept there, found out by doing it; empty if they can."""
    store = ticket_store_of(settings, reactor)
    try:
        await store.try_out(settings.cookie_name)
    except StoreUnavailable as error:
        return error.detail
    finally:
        store.stop()
    return ""


def spilling_sessions_of(finding: Finding, store: TicketStore, sealed: Sessions) -> SpillingSessions:
    """What finds those that are too large for cookies; `sealed` finds the others."""
    return SpillingSessions(
        sealed,
        stored_sessions_of(finding, store, sealed),
        own=OwnCookies(finding.budget.cookie, finding.edge.forwarding),
        budget=finding.budget,
        revoked=finding.revoked,
        now=finding.edge.now,
        remembered=finding.settings.session_cache_size,
    )


def stored_sessions_of(finding: Finding, store: TicketStore, sealed: Sessions | None) -> StoredSessions:
    """What finds them; `sealed` finds those in cookies, where there may be any."""
    settings, edge, clock = finding.settings, finding.edge, finding.around.clock
    cookie, groups, counts = finding.budget.cookie, finding.budget.groups, edge.counts.sessions
    return StoredSessions(
        store,
        tickets=TicketCookie(attributes=cookie.attributes, ring=cookie.codec.ring),
        own=OwnCookies(cookie, edge.forwarding),
        headers=finding.headers,
        renewal=TicketRenewal(
            store,
            # Who is on the list of revocations is judged by when their session began.
            provider=Renewals(provider=finding.provider, counts=counts, keeps_beginning=True, groups=groups),
            clock=clock,
            lock_time=settings.redis_lock_time,
            lifetimes=Lifetimes(
                sealed=inf,
                absolute=settings.session_absolute_lifetime or inf,
                idle=settings.session_idle_limit or inf,
            ),
        ),
        clock=clock,
        trust=Trust(
            lifetime=settings.cookie_expire or inf,
            absolute=settings.session_absolute_lifetime or inf,
            believed=settings.redis_trust_time,
            refresh_period=settings.cookie_refresh or inf,
            idle=settings.session_idle_limit or inf,
            jitter=min(settings.cookie_refresh_jitter, settings.cookie_refresh / 10),
            random=finding.around.random,
        ),
        revoked=finding.revoked,
        sealed=sealed,
        bridges=settings.redis_outage == "cookie-fallback",
        groups=groups,
        remembered=settings.session_cache_size,
        counts=counts,
    )


def _redis_of(settings: Settings, reactor: Any) -> Commands:
    if settings.redis_use_sentinel:
        urls = [RedisUrl.parse(text) for text in settings.redis_sentinel_connection_urls]
        way = _Way.of(settings, urls[-1], reactor)
        login = Login(password=settings.redis_sentinel_password)
        sentinels = [way.server(url, login) for url in urls]
        return Watched(
            sentinels,
            name=settings.redis_sentinel_master_name,
            make=lambda host, port: way.found(host, port, primary=True),
        )
    if settings.redis_use_cluster:
        urls = [RedisUrl.parse(text) for text in settings.redis_cluster_connection_urls]
        way = _Way.of(settings, urls[-1], reactor)
        return Cluster([(url.host, url.port) for url in urls], make=way.found, clock=reactor)
    url = RedisUrl.parse(settings.redis_connection_url)
    way = _Way.of(settings, url, reactor)
    return way.server(url, way.login(url.database))


@frozen(kw_only=True)
class _Way:
    """How to get to servers, and who we are there; the same for all of them.

    `tls`: what TLS connections have in common; without it there is none. `name`: whom certificates must be for, where
    that is not the host that is connected to: servers are often found by an address that no certificate names.
    """

    settings: Settings
    url: RedisUrl
    reactor: Any
    tls: CertificateOptions | None
    verify: bool
    name: str

    @classmethod
    def of(cls, settings: Settings, url: RedisUrl, reactor: Any) -> _Way:
        """By the settings and the last URL, as oauth2-proxy has it."""
        insecure = settings.redis_insecure_skip_tls_verify or url.insecure
        tls = None
        if url.tls or ((insecure or settings.redis_ca_path) and not url.path):
            files = [settings.redis_ca_path] if settings.redis_ca_path else []
            setting = "redis_ca_path"
            trust = checked(setting, lambda: Authorities.of(files, setting=setting, system=True))
            tls = client_options(trust=None if insecure else trust)
        return cls(
            settings=settings,
            url=url,
            reactor=reactor,
            tls=tls,
            verify=not insecure,
            name=url.host if url.tls else "",
        )

    def login(self, database: int = 0) -> Login:
        return Login(
            username=self.settings.redis_username or self.url.username,
            password=secret_of(
                self.settings.redis_password or self.url.password,
                self.settings.redis_password_file,
                setting="redis_password_file",
                reactor=self.reactor,
            ),
            database=database,
        )

    def found(self, host: str, port: int, *, primary: bool = False) -> RedisServer:
        """A server that Sentinels or a cluster name."""
        return self.server(RedisUrl(host=host, port=port), self.login(), primary=primary)

    def server(self, url: RedisUrl, login: Login, *, primary: bool = False) -> RedisServer:
        return RedisServer(
            self._endpoint(url),
            where=url.path or f"{url.host}:{url.port}",
            login=login,
            limits=RedisLimits(
                connect_time=self.settings.redis_connect_timeout,
                command_time=self.settings.redis_command_timeout,
                idle_time=self.settings.redis_connection_idle_timeout,
            ),
            clock=self.reactor,
            primary=primary,
        )

    def _endpoint(self, url: RedisUrl) -> IStreamClientEndpoint:
        connect_time = self.settings.redis_connect_timeout
        if url.path:
            return UNIXClientEndpoint(self.reactor, url.path, timeout=connect_time)
        below = host_endpoint(self.reactor, url.host, url.port, connect_time=connect_time)
        if self.tls is None:
            return below
        return TlsEndpoint(below, ClientTls(self.name or url.host, self.tls, verify=self.verify), self.reactor)
