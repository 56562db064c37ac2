"""Assembles the metrics listener: an address of its own, where nothing else is served."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import evolve

from o2sidecar.assembly.edge import Edge
from o2sidecar.assembly.listening import listener_of
from o2sidecar.http.listener.server import HttpServer
from o2sidecar.http.upstream.pool import Pool
from o2sidecar.observe.exposition import MetricsPage, Sources
from o2sidecar.service import Listener
from o2sidecar.settings.listeners import Address
from o2sidecar.settings.options import Settings

_MOST_CONNECTIONS = 64


def metrics_listeners(
    settings: Settings,
    *,
    edge: Edge,
    server: HttpServer,
    pools: Mapping[str, Pool],
    trouble: Callable[[], str],
    reactor: Any,
) -> Iterator[Listener]:
    """The listener of metrics, or none. It stays while the process drains, and is not logged."""
    if not settings.metrics_address:
        return
    sources = Sources(
        counts=edge.counts, server=server, pools=pools, lines=edge.lines, provider=settings.provider, trouble=trouble
    )
    limits = evolve(server.limits, connections=_MOST_CONNECTIONS)
    page = HttpServer(MetricsPage(sources), clock=reactor, limits=limits)
    listener = listener_of(Address.parse(settings.metrics_address), page, reactor)
    yield evolve(listener, where=f"{listener.where} for metrics", stays=True)
