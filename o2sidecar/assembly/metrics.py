"""Assembles the metrics listeners: addresses of their own, where nothing else is served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve

from o2sidecar.assembly.edge import Edge
from o2sidecar.assembly.listening import Listening, listener_of, secured
from o2sidecar.http.listener.server import HttpServer
from o2sidecar.http.upstream.pool import Pool
from o2sidecar.observe.exposition import MetricsPage, Sources
from o2sidecar.settings.options import Settings
from o2sidecar.settings.structure import Structure

_MOST_CONNECTIONS = 64


def metrics_listening(
    settings: Settings,
    structure: Structure,
    *,
    edge: Edge,
    server: HttpServer,
    pools: Mapping[str, Pool],
    trouble: Callable[[], str],
    store_trouble: Callable[[], str] | None,
    reactor: Any,
) -> Listening:
    """The listeners of metrics, if there are any. They stay while the process drains, and are not logged."""
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
    limits = evolve(server.limits, connections=_MOST_CONNECTIONS)
    page = HttpServer(MetricsPage(sources), clock=reactor, limits=limits)
    factories, certificates = secured(page, structure.metrics_tls, reactor)
    found = [listener_of(where, factories[where.secure], reactor) for where in structure.metrics_listeners]
    return Listening(
        listeners=tuple(evolve(each, where=f"{each.where} for metrics", stays=True) for each in found),
        background=certificates,
    )
