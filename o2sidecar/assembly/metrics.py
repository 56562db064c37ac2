"""Assembles the metrics listener: an address of its own, where nothing else is served."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from o2sidecar.assembly.listening import listener_of
from o2sidecar.http.limits import Limits
from o2sidecar.http.listener.server import HttpServer
from o2sidecar.observe.exposition import MetricsPage, Sources
from o2sidecar.service import Listener
from o2sidecar.settings import listeners

_MOST_CONNECTIONS = 64


def metrics_listeners(address: str, sources: Sources, limits: Limits, reactor: Any) -> Iterator[Listener]:
    """The listener at `address`, or none where that is empty. It stays while the process drains, and is not logged."""
    if not address:
        return
    server = HttpServer(MetricsPage(sources), clock=reactor, limits=evolve(limits, connections=_MOST_CONNECTIONS))
    listener = listener_of(listeners.Listener.parse(address), server, reactor)
    yield evolve(listener, where=f"{listener.where} for metrics", stays=True)
