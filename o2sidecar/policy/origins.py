"""Which pages may open a WebSocket: those of the same host, and of hosts that redirects may lead to.

Browsers let any page open a WebSocket anywhere and send its cookies along; the Origin field is all that tells
(RFC 6455 §10.2).
"""

from __future__ import annotations

from attrs import frozen

from o2sidecar.policy.peers import Forwarding, RequestFacts
from o2sidecar.policy.redirects import Redirects


@frozen(kw_only=True)
class Origins:
    """Judges the origin of a request."""

    redirects: Redirects
    forwarding: Forwarding

    def allow(self, facts: RequestFacts) -> bool:
        """Whether the request comes from no page at all, from one of the same host, or from a whitelisted host."""
        values = facts.values(b"origin")
        if not values:
            return True
        origin = values[0].decode("latin-1").lower()
        scheme, mark, host = origin.partition("://")
        if len(values) > 1 or not mark or scheme not in ("http", "https"):
            return False
        return host == self.forwarding.host(facts).lower() or self.redirects.safe(f"{origin}/")
