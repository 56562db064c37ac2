"""How much and how long: what one client, one request and one app may cost."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge, gt

_KIB = 1024


@frozen(kw_only=True)
class Limits:
    """What clients may cost us. Sizes are in bytes, times in seconds."""

    head_size: int = field(default=64 * _KIB, validator=ge(_KIB))
    """Request line and fields together; 431 above it. Also how much of later requests may wait behind an answer."""
    target_size: int = field(default=16 * _KIB, validator=ge(64))
    """The request target; 414 above it."""
    field_count: int = field(default=256, validator=ge(8))
    """Fields of one request; 431 above it."""
    body_size: int = field(default=0, validator=ge(0))
    """A request's body; 413 above it; 0: as long as the client likes."""
    chunk_line_size: int = field(default=_KIB, validator=ge(16))
    """One chunk-size line with its extensions; 400 above it (RFC 9112 §7.1.1)."""
    chunk_extensions_size: int = field(default=16 * _KIB, validator=ge(0))
    """All chunk extensions of one body together; 400 above it."""
    trailer_size: int = field(default=8 * _KIB, validator=ge(0))
    """The trailer section behind a chunked body; 431 above it."""
    head_time: float = field(default=20.0, validator=gt(0))
    """From a head's first byte, or the connection's begin, to the head's end, however busily it dribbles; then 408."""
    body_time: float = field(default=60.0, validator=gt(0))
    """Between two pieces of a body that is waited for; then 408."""
    idle_time: float = field(default=70.0, validator=gt(0))
    """Between two requests on a kept connection; longer than the 60 s that load balancers usually keep theirs."""
    write_time: float = field(default=60.0, validator=gt(0))
    """How long a client may take nothing of what is there for it."""
    tunnel_time: float = field(default=3600.0, validator=gt(0))
    """How long nothing may pass through a tunnel in either direction."""
    farewell_time: float = field(default=2.0, validator=ge(0))
    """From our decision to end a WebSocket to its end: the rest of a frame, Close frames both ways; then it is cut."""
    linger_time: float = field(default=5.0, validator=ge(0))
    """How long we go on reading, and throw away, after answering to a body that was not read (RFC 9112 §9.6)."""
    half_closed_time: float = field(default=2.0, validator=ge(0))
    """How long a client that closed its sending side still gets its answer, in case it is not gone altogether."""
    connections: int = field(default=10_000, validator=ge(1))
    """Connections at a time; 503 above it."""


@frozen(kw_only=True)
class UpstreamLimits:
    """What an app may cost us. Sizes are in bytes, times in seconds."""

    head_size: int = field(default=64 * _KIB, validator=ge(_KIB))
    """Status line and fields of an answer together."""
    interim_count: int = field(default=16, validator=ge(0))
    """Interim answers (1xx) before the real one."""
    chunk_line_size: int = field(default=_KIB, validator=ge(16))
    """One chunk-size line of an answer with its extensions."""
    trailer_size: int = field(default=8 * _KIB, validator=ge(0))
    """The trailer section behind a chunked answer."""
    connect_time: float = field(default=5.0, validator=gt(0))
    """Until a connection stands."""
    head_time: float = field(default=30.0, validator=gt(0))
    """From the end of the request to the head of the answer."""
    idle_time: float = field(default=3600.0, validator=gt(0))
    """Between two pieces of an answer; long, since event streams are silent at times."""
    write_time: float = field(default=60.0, validator=gt(0))
    """How long the app may take nothing of a request's body."""
    continue_time: float = field(default=1.0, validator=ge(0))
    """How long a client with `Expect: 100-continue` waits for the app's word before it is told to go on anyway."""
    pool_time: float = field(default=4.0, validator=ge(0))
    """How long an unused connection is kept; below the 5 s after which Node.js and uvicorn close theirs."""
    pool_size: int = field(default=1024, validator=ge(0))
    """Unused connections that are kept; with fewer than busy times need, each request then would open its own."""
