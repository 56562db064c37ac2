"""Assembles what stands between the program and the world: whom to believe about clients, and what is written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from o2sidecar.http.exchange import Exchange
from o2sidecar.observe.counts import Counts, RequestCounts
from o2sidecar.observe.lines import LineWriter
from o2sidecar.observe.moments import Moments
from o2sidecar.observe.records import AccessLog, AuthLog, LogContext
from o2sidecar.policy.peers import Forwarding, TrustedAddresses
from o2sidecar.settings.options import Settings


@frozen(kw_only=True)
class Edge:
    """Whose word about clients counts, and what is written down and counted of what they do.

    `take_over`: has requests be noted by these settings, which may not be those of the start.
    """

    forwarding: Forwarding
    lines: LineWriter
    access: Callable[[Exchange, int, int, float], None]
    take_over: Callable[[], None]
    auth: AuthLog
    counts: Counts
    now: Callable[[], float]

    @classmethod
    def of(cls, settings: Settings, reactor: Any, lines: LineWriter, *, counts: Counts | None = None) -> Edge:
        """From settings; `lines` takes those of the log. `counts`: by earlier settings, which go on."""
        forwarding = Forwarding(
            reverse_proxy=settings.reverse_proxy,
            trusted_proxies=TrustedAddresses.parse(settings.trusted_proxy_ips),
            real_client_ip_header=settings.real_client_ip_header,
        )
        moments = Moments(local=settings.logging_local_time)
        excluded = {path.encode() for path in settings.exclude_logging_paths}
        health_checks = {settings.ping_path.encode(), settings.ready_path.encode()}
        if settings.silence_ping_logging:
            excluded |= health_checks
        if settings.gcp_healthchecks:
            health_checks |= {b"/liveness_check", b"/readiness_check"}
        around = LogContext(
            writer=lines,
            moments=moments,
            now=reactor.seconds,
            client=_client_for_log(forwarding),
            json=settings.logging_format == "json",
        )
        access = AccessLog(around, layout=settings.request_logging_format, excluded=frozenset(excluded))
        log = access.record if settings.request_logging else _not_logged
        counts = counts or Counts(requests=RequestCounts(then=log, health_checks=health_checks))
        requests = counts.requests
        return cls(
            forwarding=forwarding,
            lines=lines,
            access=requests.record if settings.metrics_address or settings.metrics_secure_address else log,
            take_over=lambda: requests.turn_to(then=log, health_checks=health_checks),
            auth=AuthLog(around, layout=settings.auth_logging_format, on=settings.auth_logging),
            counts=counts,
            now=reactor.seconds,
        )


def _client_for_log(forwarding: Forwarding) -> Callable[[Exchange], str]:
    def client(exchange: Exchange) -> str:
        if forwarding.trusts(exchange):
            return forwarding.client_address(exchange) or exchange.peer
        return f"{exchange.peer}:{exchange.peer_port}"

    return client


def _not_logged(exchange: Exchange, status: int, size: int, duration: float) -> None:
    """Take note of nothing."""
