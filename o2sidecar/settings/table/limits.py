"""The options that bound time, size and number, one line each. All are ours."""

# ruff: noqa: RUF009 (`option` makes a field, it is no default)

from __future__ import annotations

from attrs import frozen

from o2sidecar.settings.kinds import Duration, Size
from o2sidecar.settings.option import Group, option


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class LimitOptions(Group):
    """Limits; where 0 is said to mean none, the limit can be lifted so."""

    title = "Limits"

    head_size_limit: Size = option(64 * 1024, "most bytes of a request's line and headers", ours=True)
    header_count_limit: int = option(200, "most headers of a request", ours=True)
    target_size_limit: Size = option(16 * 1024, "most bytes of a request's target", ours=True)
    chunk_line_size_limit: Size = option(1024, "most bytes of a chunk-size line, extensions included", ours=True)
    chunk_extensions_limit: Size = option(16 * 1024, "most bytes of all chunk extensions of a request", ours=True)
    trailer_size_limit: Size = option(8 * 1024, "most bytes behind a chunked body", ours=True)
    head_timeout: Duration = option(10.0, "how long a client may take to send line and headers", ours=True)
    body_size_limit: Size = option(0, "most bytes of a request body for the app; 0: no limit", ours=True)
    own_body_size_limit: Size = option(64 * 1024, "most bytes of a request body for own endpoints", ours=True)
    body_idle_timeout: Duration = option(60.0, "how long a client may pause within a body", ours=True)
    write_timeout: Duration = option(60.0, "how long a client may take nothing of its answer", ours=True)
    linger_timeout: Duration = option(5.0, "how long to read on after answering to an unread body", ours=True)
    half_closed_timeout: Duration = option(
        2.0, "how long a client that sends no more still gets its answer, in case it is gone altogether", ours=True
    )
    tunnel_idle_timeout: Duration = option(3600.0, "how long a WebSocket may be silent", ours=True)
    websocket_close_timeout: Duration = option(2.0, "how long a WebSocket that we close may take to end", ours=True)
    keepalive_timeout: Duration = option(75.0, "how long an idle client connection is kept", ours=True)
    max_connections: int = option(10000, "most client connections at a time; 0: no limit", ours=True)
    upstream_connect_timeout: Duration = option(5.0, "how long connecting to the app may take", ours=True)
    upstream_head_size_limit: Size = option(64 * 1024, "most bytes of an answer's line and headers", ours=True)
    upstream_interim_limit: int = option(16, "most interim answers (1xx) before the real one", ours=True)
    upstream_continue_timeout: Duration = option(
        1.0, "how long the app may leave a client with Expect: 100-continue waiting", ours=True
    )
    upstream_write_timeout: Duration = option(60.0, "how long the app may take nothing of a body", ours=True)
    upstream_idle_timeout: Duration = option(0.0, "how long the app may pause within an answer; 0: for ever", ours=True)
    upstream_timeout_status: int = option(
        502, "status when the app takes too long to begin its answer: 502 or 504", ours=True, sidecar_default=504
    )
    upstream_keepalive_timeout: Duration = option(4.0, "how long an idle connection to the app is kept", ours=True)
    upstream_pool_size: int = option(1024, "most idle connections to the app", ours=True)
    drain_delay: Duration = option(0.0, "how long to go on accepting connections after SIGTERM", ours=True)
    shutdown_timeout: Duration = option(25.0, "how long running requests may take to finish after SIGTERM", ours=True)
    provider_timeout: Duration = option(10.0, "how long the provider may take to answer", ours=True)
    provider_connect_timeout: Duration = option(5.0, "how long connecting to the provider may take", ours=True)
    provider_requests_limit: int = option(
        64, "most questions to the provider at a time; more wait, within provider_timeout", ours=True
    )
    provider_body_limit: Size = option(1024 * 1024, "most bytes of a provider's answer", ours=True)
    discovery_refresh_interval: Duration = option(3600.0, "how often the provider's metadata is read anew", ours=True)
    jwks_ttl: Duration = option(3600.0, "how often the provider's keys are read anew", ours=True)
    clock_skew: Duration = option(300.0, "how far the provider's clock may be ahead", ours=True)
    jwks_refetch_interval: Duration = option(60.0, "least time between two readings of the provider's keys", ours=True)
    cookie_parts_limit: int = option(16, "most cookies that one session is split over", ours=True)
    session_cache_size: int = option(4096, "most opened sessions kept in memory", ours=True)
    redirect_length_limit: int = option(2048, "most characters of a URL to return to after login", ours=True)
    websocket_origin_check: bool = option(True, "let WebSocket upgrades through from the same origin only", ours=True)
