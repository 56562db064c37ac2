"""Whether a page of this very origin sends a request, by what browsers tell and no page can change."""

from __future__ import annotations

from o2sidecar.http.exchange import Exchange
from o2sidecar.policy.peers import Forwarding


def is_own(exchange: Exchange, forwarding: Forwarding) -> bool | None:
    """By Fetch Metadata (§3), else by Origin (RFC 6454 §7); `None` where neither is told, as by what is no browser."""
    site = exchange.header(b"sec-fetch-site")
    if site is not None:
        return site == b"same-origin"
    origins = exchange.values(b"origin")
    if not origins:
        return None
    own = f"{forwarding.scheme(exchange)}://{forwarding.host(exchange)}"
    return origins == [own.lower().encode("latin-1")]
