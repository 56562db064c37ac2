"""What is counted, as Prometheus's metric families: their names, their words, their labels.

Imported when somebody asks for the first time. Names and labels are promises: dashboards and alerts are made of them,
and docs/metrics.md lists them all. The label of a number is one of a few; nothing of a person or a request is in it.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from o2sidecar import __version__
from o2sidecar.observe.counts import BOUNDS, Durations
from o2sidecar.observe.exposition import Sources

_BOUNDS = (*(f"{bound:g}" for bound in BOUNDS), "+Inf")

_Samples = Mapping[tuple[str, ...], float]
"""Label values to the number that is theirs."""


class Families(Collector):
    """Reads the numbers anew each time."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._provider = (sources.provider,)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """All of it in Prometheus's text format 0.0.4."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry need not know beforehand what there will be."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The families."""
        yield from self._of_oauth2_proxy()
        yield from self._of_clients()
        yield from self._of_sessions()
        yield from self._of_sign_ins()
        yield from self._of_the_provider()
        yield from self._of_the_apps()
        lost, words = self._sources.lines.lost, "Lines of the access and authentication logs that could not be written."
        yield _counter("o2sidecar_log_lines_lost_total", words, (), {(): lost})
        runs = (__version__, platform.python_version())
        yield _gauge("o2sidecar_build_info", "Always 1; the labels say what runs.", ("version", "python"), {runs: 1})

    def _of_oauth2_proxy(self) -> Iterator[Metric]:
        """The three that oauth2-proxy has, under its names (CONTRACT §1)."""
        requests = self._sources.counts.requests
        words = "Requests by the status of their answers."
        by_status: _Samples = {(str(status),): count for status, count in sorted(requests.by_status.items())}
        yield _counter("oauth2_proxy_requests_total", words, ("code",), by_status)
        in_flight = sum(self._sources.server.in_flight().values())
        yield _gauge("oauth2_proxy_requests_in_flight", "Requests under way.", (), {(): in_flight})
        words = "Seconds from a request's head to the end of its answer."
        by_method = {**requests.by_method, "unknown": requests.of_other_methods}
        asked = {method: durations for method, durations in by_method.items() if any(durations.counts)}
        yield _histogram("oauth2_proxy_response_duration_seconds", words, "method", asked)

    def _of_clients(self) -> Iterator[Metric]:
        server, requests = self._sources.server, self._sources.counts.requests
        yield _gauge("o2sidecar_connections", "Connections of clients.", (), {(): server.open})
        words = "Connections that clients made."
        yield _counter("o2sidecar_connections_accepted_total", words, (), {(): server.accepted})
        words = "Requests under way: with an app, answered here, or become a tunnel."
        yield _gauge("o2sidecar_requests_in_flight", words, ("kind",), _each(server.in_flight()))
        words = "Bytes of answers' bodies that were sent to clients."
        yield _counter("o2sidecar_response_body_bytes_total", words, (), {(): requests.body_bytes})
        words = "Requests that were refused, broke off or failed, by the reason that the access log can give."
        yield _counter("o2sidecar_refusals_total", words, ("reason",), _each(requests.refusals))

    def _of_sessions(self) -> Iterator[Metric]:
        sessions = self._sources.counts.sessions
        words = "Sessions of requests: remembered from an earlier request, or opened from their cookies."
        found = {"remembered": sessions.remembered, "opened": sessions.opened}
        yield _counter("o2sidecar_sessions_found_total", words, ("how",), _each(found))
        words = "Session cookies that did not count, by the reason."
        yield _counter("o2sidecar_sessions_refused_total", words, ("reason",), _each(sessions.refused))
        words = "Sessions that the provider was asked about again, by what came of it."
        yield self._by_outcome("o2sidecar_session_refreshes_total", words, sessions.renewals)
        if self._sources.store_trouble is not None:
            words = "Whether sessions can be looked up just now, where they are kept in Redis."
            ready = 0 if self._sources.store_trouble() else 1
            yield _gauge("o2sidecar_session_store_ready", words, (), {(): ready})

    def _of_sign_ins(self) -> Iterator[Metric]:
        sign_ins = self._sources.counts.sign_ins
        words = "Browsers that were sent to the provider."
        yield _counter("o2sidecar_sign_ins_begun_total", words, ("provider",), {self._provider: sign_ins.begun})
        words = "Browsers that came back from the provider, by what came of it."
        yield self._by_outcome("o2sidecar_sign_ins_total", words, sign_ins.ended)

    def _of_the_provider(self) -> Iterator[Metric]:
        counts, ready = self._sources.counts.provider, 0 if self._sources.trouble() else 1
        words = "Whether people can sign in just now; those who are signed in are served either way."
        yield _gauge("o2sidecar_provider_ready", words, ("provider",), {self._provider: ready})
        words = "Questions to the provider, by what came of them."
        yield self._by_outcome("o2sidecar_provider_requests_total", words, counts.asked)
        words = "Seconds from a question to the provider to the end of its answer, or to giving up."
        name = "o2sidecar_provider_request_duration_seconds"
        yield _histogram(name, words, "provider", {self._sources.provider: counts.durations})

    def _of_the_apps(self) -> Iterator[Metric]:
        pools = self._sources.pools
        idle: _Samples = {(id, "idle"): pool.free for id, pool in pools.items()}
        busy: _Samples = {(id, "busy"): pool.standing - pool.free for id, pool in pools.items()}
        words = "Connections to the app."
        yield _gauge("o2sidecar_upstream_connections", words, ("upstream", "state"), {**idle, **busy})
        for name, words, counts in (
            ("opened", "Connections to the app that were made.", {id: pool.opened for id, pool in pools.items()}),
            ("reused", "Requests on a connection made before.", {id: pool.reused for id, pool in pools.items()}),
            ("failed", "Connections that could not be made.", {id: pool.failed for id, pool in pools.items()}),
        ):
            yield _counter(f"o2sidecar_upstream_connections_{name}_total", words, ("upstream",), _each(counts))

    def _by_outcome(self, name: str, words: str, counts: Mapping[str, int]) -> Metric:
        samples: _Samples = {(*self._provider, outcome): count for outcome, count in counts.items()}
        return _counter(name, words, ("provider", "outcome"), samples)


def _each(counts: Mapping[str, float]) -> _Samples:
    return {(value,): count for value, count in counts.items()}


def _counter(name: str, words: str, labels: tuple[str, ...], samples: _Samples) -> Metric:
    family = CounterMetricFamily(name, words, labels=labels)
    for values, count in samples.items():
        family.add_metric(values, count)
    return family


def _gauge(name: str, words: str, labels: tuple[str, ...], samples: _Samples) -> Metric:
    family = GaugeMetricFamily(name, words, labels=labels)
    for values, count in samples.items():
        family.add_metric(values, count)
    return family


def _histogram(name: str, words: str, label: str, samples: Mapping[str, Durations]) -> Metric:
    """A histogram; there, each class counts all that took no longer than its bound."""
    family = HistogramMetricFamily(name, words, labels=(label,))
    for value, durations in samples.items():
        up_to = accumulate(durations.counts)
        family.add_metric((value,), list(zip(_BOUNDS, up_to, strict=True)), durations.seconds)
    return family
