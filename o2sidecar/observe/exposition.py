"""Serves what is counted, on the metrics listener: whatever path is asked for, the answer is the same page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from o2sidecar.http.exchange import PLAIN_TEXT, Exchange, HeaderFields
from o2sidecar.observe.counts import Counts
from o2sidecar.observe.lines import LineWriter

if TYPE_CHECKING:
    from o2sidecar.http.listener.server import HttpServer
    from o2sidecar.http.upstream.pool import Pool
    from o2sidecar.observe.families import Families

_EXPOSITION: HeaderFields = [(b"Content-Type", b"text/plain; version=0.0.4; charset=utf-8")]


@frozen(kw_only=True)
class Sources:
    """Where the numbers are.

    Attributes:
        counts: what was counted.
        server: the public listener's side, with its connections.
        pools: the apps' sides, by the upstream's id.
        lines: the writer of the access and authentication logs.
        provider: the provider's name in the settings.
        trouble: says why nobody can sign in just now; empty if people can.
        store_trouble: says why sessions cannot be looked up just now; empty if they can. None: they are in cookies.
    """

    counts: Counts
    server: HttpServer
    pools: Mapping[str, Pool]
    lines: LineWriter
    provider: str
    trouble: Callable[[], str]
    store_trouble: Callable[[], str] | None = None


class MetricsPage:
    """Answers GET and HEAD with the numbers in Prometheus's text format 0.0.4, and anything else with 405."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._families: Families | None = None

    def serve(self, exchange: Exchange) -> None:
        """Answer."""
        if exchange.method not in {b"GET", b"HEAD"}:
            exchange.answer(405, [*PLAIN_TEXT, (b"Allow", b"GET, HEAD")], b"Method Not Allowed\n")
        else:
            exchange.answer(200, _EXPOSITION, self.text())

    def text(self) -> bytes:
        """The page."""
        if self._families is None:
            # prometheus_client costs 1.2 MB: only who is asked for metrics pays for it.
            from o2sidecar.observe.families import Families  # noqa: PLC0415

            self._families = Families(self._sources)
        return self._families.text()
