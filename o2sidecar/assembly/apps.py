"""Assembles the way to the apps: whose a path is, and how each app is spoken to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen
from twisted.internet._sslverify import IOpenSSLTrustRoot

from o2sidecar.assembly.checked import checked
from o2sidecar.assembly.people import People
from o2sidecar.http.client_tls import Authorities
from o2sidecar.http.exchange import Served
from o2sidecar.http.limits import UpstreamLimits
from o2sidecar.http.upstream.endpoints import place_of
from o2sidecar.http.upstream.pool import Pool
from o2sidecar.http.upstream.routing import App, Router, StaticAnswer
from o2sidecar.policy.rewriting import Rewriting
from o2sidecar.proxy import ReverseProxyResource
from o2sidecar.refusals import NothingThere
from o2sidecar.session.cookies import SessionCookie
from o2sidecar.settings.options import Settings
from o2sidecar.settings.structure import Structure
from o2sidecar.settings.upstreams import Upstream
from o2sidecar.signin.answers import Answers

if TYPE_CHECKING:
    from o2sidecar.certificate import Certificate

_UNBOUNDED = 1 << 31


@frozen
class _Tls:
    """Whom to believe over TLS, and the certificate of ours to show; the same for all https upstreams."""

    trust: IOpenSSLTrustRoot | None = None
    certificate: Certificate | None = None

    @classmethod
    def of(cls, settings: Settings) -> _Tls:
        """From settings."""
        setting = "upstream_ca_files"
        trust = checked(setting, lambda: Authorities.of(settings.upstream_ca_files, setting=setting))
        certificate, key = settings.upstream_client_cert_file, settings.upstream_client_key_file
        if not certificate:
            return cls(trust)
        # It is large, and few have one.
        from o2sidecar.certificate import Certificate  # noqa: PLC0415

        parse = Certificate.parse
        setting = "upstream_client_cert_file"
        return cls(trust, checked(setting, lambda: parse(Path(certificate).read_bytes(), Path(key).read_bytes())))


def proxy_of(
    settings: Settings, structure: Structure, people: People, answers: Answers, reactor: Any
) -> tuple[Served, dict[str, Pool]]:
    """The way to the apps, by path, and the connections to each, by the upstream's id."""
    pools: dict[str, Pool] = {}
    tls = _Tls.of(settings) if any(upstream.scheme == "https" for upstream in structure.upstreams) else _Tls()
    apps: dict[bytes, App] = {}
    patterns: list[tuple[Rewriting, App]] = []
    for upstream in structure.upstreams:
        app = _app(settings, upstream, people, answers, reactor, tls=tls)
        if isinstance(app, ReverseProxyResource):
            pools[upstream.id] = app.pool
        if upstream.rewriting is None:
            apps[upstream.path.encode("ascii")] = app
        else:
            patterns.append((upstream.rewriting, app))
    if not patterns and len(apps) == 1 and b"/" in apps:
        # The one app of a sidecar: no need to ask whose a path is.
        return apps[b"/"], pools
    router = Router(
        routes=apps,
        patterns=patterns,
        nothing=lambda exchange: answers.refuse(exchange, NothingThere(reason="no_upstream")),
    )
    return router, pools


def _app(settings: Settings, upstream: Upstream, people: People, answers: Answers, reactor: Any, *, tls: _Tls) -> App:
    if upstream.scheme == "static":
        return StaticAnswer(name=upstream.id, status=upstream.status)
    if upstream.scheme == "file":
        return _folder(upstream, answers, reactor)
    limits = upstream_limits_of(settings, upstream)
    place = place_of(
        reactor,
        upstream.uri,
        connect_time=limits.connect_time,
        verify=not upstream.insecure_skip_verify,
        trust=tls.trust,
        certificate=tls.certificate,
    )
    return ReverseProxyResource(
        upstream.host,
        upstream.port,
        b"",
        reactor,
        endpoint=place.endpoint,
        host_field=place.host,
        name=upstream.id,
        pass_host_header=upstream.pass_host_header,
        proxy_websockets=upstream.proxy_websockets,
        reserved=people.headers.reserved(),
        preserved=people.headers.preserved(),
        strip_cookies=None if settings.pass_own_cookies else people.cookie.strip,
        own_cookie=_sets_own(people.cookie),
        believes=None if settings.pass_untrusted_forwarded else people.passes.forwarding.trusts,
        limits=limits,
        allows_origin=people.origins.allow if settings.websocket_origin_check else None,
        refuse=answers.refuse,
        timeout_status=settings.upstream_timeout_status,
    )


def _folder(upstream: Upstream, answers: Answers, reactor: Any) -> App:
    # Only who serves files pays for it.
    from o2sidecar.http.upstream.files.folder import Folder  # noqa: PLC0415

    prefix = b"/" if upstream.rewriting else upstream.path.encode("ascii")
    return Folder(upstream.folder, prefix=prefix, name=upstream.id, clock=reactor, refuse=answers.refuse)


def _sets_own(cookie: SessionCookie) -> Callable[[bytes], bool]:
    def own(set_cookie: bytes) -> bool:
        name, equals, _ = set_cookie.partition(b"=")
        return not cookie.strip(name + equals)

    return own


def upstream_limits_of(settings: Settings, upstream: Upstream) -> UpstreamLimits:
    """What an app may cost."""
    return UpstreamLimits(
        head_size=settings.upstream_head_size_limit,
        interim_count=settings.upstream_interim_limit,
        chunk_line_size=settings.chunk_line_size_limit,
        trailer_size=settings.trailer_size_limit,
        connect_time=settings.upstream_connect_timeout,
        write_time=settings.upstream_write_timeout,
        continue_time=settings.upstream_continue_timeout,
        head_time=upstream.timeout or _UNBOUNDED,
        idle_time=settings.upstream_idle_timeout or _UNBOUNDED,
        pool_time=settings.upstream_keepalive_timeout,
        pool_size=settings.upstream_pool_size if upstream.keep_alive else 0,
    )
