"""Assembles the wire: the listener, the tree, and the proxies to the apps."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.web.resource import IResource

from o2sidecar.assembly.people import People
from o2sidecar.http.exchange import Served
from o2sidecar.http.limits import Limits, UpstreamLimits
from o2sidecar.http.listener.server import HttpServer
from o2sidecar.http.twisted_web.resources import TwistedResource
from o2sidecar.http.upstream.endpoints import place_of
from o2sidecar.http.upstream.pool import Pool
from o2sidecar.http.upstream.routing import Router, StaticAnswer
from o2sidecar.proxy import ReverseProxyResource
from o2sidecar.refusals import BadRequest
from o2sidecar.service import Listener
from o2sidecar.session.cookies import SessionCookie
from o2sidecar.settings import listeners
from o2sidecar.settings.options import Settings
from o2sidecar.settings.structure import Structure
from o2sidecar.settings.upstreams import Upstream
from o2sidecar.signin.answers import Answers
from o2sidecar.signin.paths import FOLDER, PATHS
from o2sidecar.site import ROBOTS, Fixed, Late, Sidecar, probes

_BACKLOG = 1024


def limits_of(settings: Settings) -> Limits:
    """What clients may cost."""
    return Limits(
        head_size=settings.head_size_limit,
        target_size=settings.target_size_limit,
        field_count=settings.header_count_limit,
        trailer_size=settings.trailer_size_limit,
        body_size=settings.body_size_limit,
        head_time=settings.head_timeout,
        body_time=settings.body_idle_timeout,
        write_time=settings.write_timeout,
        linger_time=settings.linger_timeout,
        tunnel_time=settings.tunnel_idle_timeout,
        idle_time=settings.keepalive_timeout,
        connections=settings.max_connections or _UNBOUNDED,
    )


_UNBOUNDED = 1 << 31


def _upstream_limits(settings: Settings, upstream: Upstream) -> UpstreamLimits:
    return UpstreamLimits(
        head_size=settings.upstream_head_size_limit,
        trailer_size=settings.trailer_size_limit,
        connect_time=settings.upstream_connect_timeout,
        write_time=settings.upstream_write_timeout,
        head_time=upstream.timeout or _UNBOUNDED,
        idle_time=settings.upstream_idle_timeout or _UNBOUNDED,
        pool_time=settings.upstream_keepalive_timeout,
        pool_size=settings.upstream_pool_size,
    )


def tree_of(
    settings: Settings,
    *,
    guard: Served,
    endpoints: Callable[[], IResource],
    auth: Served,
    trouble: Callable[[], str],
    ending: Callable[[], bool],
) -> Sidecar:
    """The whole tree: probes, own endpoints, and the guard before everything else."""
    prefix = settings.proxy_prefix.rstrip("/")
    klein = Late(lambda: TwistedResource(endpoints(), limit=settings.own_body_size_limit))
    own: dict[bytes, Served] = {f"{prefix}{path}".encode(): klein for path in PATHS}
    # The auth endpoint is asked before every request of a proxy in front: it goes the short way, past Klein.
    own[f"{prefix}/auth".encode()] = auth
    own[b"/robots.txt"] = _robots(settings.custom_templates_dir)
    own |= probes(
        ping_path=settings.ping_path,
        ready_path=settings.ready_path,
        ping_user_agent=settings.ping_user_agent,
        gcp_healthchecks=settings.gcp_healthchecks,
        trouble=trouble,
        ending=ending,
        otherwise=guard,
    )
    return Sidecar(own=own, folders={f"{prefix}{FOLDER}".encode(): klein}, guarded=guard)


def _robots(folder: str) -> Fixed:
    path = os.path.join(folder, "robots.txt")
    if folder and os.path.isfile(path):
        with open(path, "rb") as file:
            return Fixed(body=file.read())
    return ROBOTS


def proxy_of(
    settings: Settings,
    structure: Structure,
    people: People,
    answers: Answers,
    reactor: Any,
    *,
    pools: dict[str, Pool],
) -> Served:
    """The way to the apps, by path; the connections to each are put into `pools`, by the upstream's id."""
    apps = {
        upstream.path.encode(): _app(settings, upstream, people, answers, reactor) for upstream in structure.upstreams
    }
    for upstream in structure.upstreams:
        app = apps[upstream.path.encode()]
        if isinstance(app, ReverseProxyResource):
            pools[upstream.id] = app.pool
    if len(apps) == 1 and b"/" in apps:
        # The one app of a sidecar: no need to ask whose a path is.
        return apps[b"/"]
    return Router(routes=apps, nothing=lambda exchange: answers.refuse(exchange, _nothing_there()))


def _nothing_there() -> BadRequest:
    return BadRequest(reason="no_upstream", sentence="There is nothing at this address.", status=404)


def _app(settings: Settings, upstream: Upstream, people: People, answers: Answers, reactor: Any) -> Served:
    if upstream.scheme == "static":
        return StaticAnswer(name=upstream.id, status=upstream.status)
    limits = _upstream_limits(settings, upstream)
    place = place_of(reactor, upstream.uri, connect_time=limits.connect_time, verify=not upstream.insecure_skip_verify)
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
        limits=limits,
        allows_origin=people.origins.allow if settings.websocket_origin_check else None,
        refuse=answers.refuse,
    )


def _sets_own(cookie: SessionCookie) -> Callable[[bytes], bool]:
    def own(set_cookie: bytes) -> bool:
        name, equals, _ = set_cookie.partition(b"=")
        return not cookie.strip(name + equals)

    return own


def listener_of(where: listeners.Listener, server: HttpServer, reactor: Any) -> Listener:
    """Where to listen, and how."""
    if where.path:
        return Listener(
            where=f"unix:{where.path}",
            listen=lambda: reactor.listenUNIX(
                where.path, server, backlog=_BACKLOG, mode=0o660 if where.mode is None else where.mode, wantPID=False
            ),
        )
    if where.descriptor is not None:
        descriptor = where.descriptor
        return Listener(
            where=f"descriptor {descriptor}",
            listen=lambda: reactor.adoptStreamPort(descriptor, socket.AF_INET, server),
        )
    host = f"[{where.host}]" if ":" in where.host else where.host
    return Listener(
        where=f"http://{host}:{where.port}",
        listen=lambda: reactor.listenTCP(where.port, server, backlog=_BACKLOG, interface=where.host),
    )
