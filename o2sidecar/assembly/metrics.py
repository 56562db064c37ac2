"""Assembles the metrics listeners: addresses of their own, for metrics and health checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve

from o2sidecar.assembly.apps import upstream_limits_of
from o2sidecar.assembly.edge import Edge
from o2sidecar.assembly.guarded import Guarded, outage_of
from o2sidecar.assembly.listening import Listening, listener_of, secured
from o2sidecar.http.exchange import Served
from o2sidecar.http.limits import Limits
from o2sidecar.http.listener.server import HttpServer
from o2sidecar.http.upstream.endpoints import place_of
from o2sidecar.http.upstream.pool import Pool
from o2sidecar.http.upstream.routing import OneTarget
from o2sidecar.observe.exposition import MetricsPage, Sources
from o2sidecar.proxy import ReverseProxyResource
from o2sidecar.settings.options import Settings
from o2sidecar.settings.probe_relays import ProbeRelay
from o2sidecar.settings.structure import Structure
from o2sidecar.settings.upstreams import Upstream
from o2sidecar.site import Fixed, Readiness, Sidecar

_MOST_CONNECTIONS = 64


def metrics_listening(
    settings: Settings,
    structure: Structure,
    guarded: Guarded,
    *,
    edge: Edge,
    server: HttpServer,
    pools: Mapping[str, Pool],
    trouble: Callable[[], str],
    store_trouble: Callable[[], str] | None,
    reactor: Any,
) -> Listening:
    """The listeners of metrics, if there are any. They stay while the process drains, and are not logged.

    Health checks are answered there at fixed paths, whatever those of the public listener are: an app may have pages
    of these names.
    """
    if not structure.metrics_listeners:
        return Listening(listeners=(), background=())
    sources = Sources(
        counts=edge.counts,
        server=server,
        pools=pools,
        lines=edge.lines,
        provider=settings.provider,
        trouble=trouble,
        store_trouble=store_trouble,
    )
    outage = outage_of(settings, store_trouble)
    ready = Readiness(trouble=trouble, outage=outage, ending=lambda: server.draining)
    own: dict[bytes, Served] = {b"/ping": Fixed(body=b"OK"), b"/ready": ready}
    page = MetricsPage(sources)

    def tree(settings: Settings, guarded: Guarded) -> Sidecar:
        return Sidecar(own=own | _relays(settings, guarded, reactor), folders={}, guarded=page)

    def limits() -> Limits:
        return evolve(server.limits, connections=_MOST_CONNECTIONS)

    def turn_to(newer: Settings, guarded: Guarded) -> None:
        http.served, http.limits = tree(newer, guarded), limits()

    http = HttpServer(tree(settings, guarded), clock=reactor, limits=limits())
    factories, certificates = secured(http, structure.metrics_tls, reactor)
    found = [listener_of(where, factories[where.secure], reactor) for where in structure.metrics_listeners]
    return Listening(
        listeners=tuple(evolve(each, where=f"{each.where} for metrics", stays=True) for each in found),
        background=certificates,
        turn_to=turn_to,
    )


def _relays(settings: Settings, guarded: Guarded, reactor: Any) -> dict[bytes, Served]:
    """The app's health checks by path; each leads to just one target of the app.

    Whoever asks is nobody to the app: neither what they say of a person is passed on nor what they say of their way.
    """
    found: dict[bytes, Served] = {}
    for relay in map(ProbeRelay.parse, settings.probe_relays):
        # A kept connection would tell of the past: whether the app still accepts new ones is the question.
        limits = upstream_limits_of(settings, evolve(Upstream.parse(relay.origin), keep_alive=False))
        # Kubernetes does not verify the certificates of what it probes, either.
        place = place_of(reactor, relay.origin, connect_time=limits.connect_time, verify=False)
        app = ReverseProxyResource(
            "",
            0,
            b"",
            reactor,
            endpoint=place.endpoint,
            host_field=place.host,
            proxy_websockets=False,
            reserved=guarded.reserved,
            strip_cookies=guarded.strip_cookies,
            believes=lambda exchange: False,
            limits=limits,
        )
        found[relay.path.encode("ascii")] = OneTarget(app=app, target=relay.target.encode("ascii"))
    return found
