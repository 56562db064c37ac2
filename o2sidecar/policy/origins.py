"""Which pages may open a WebSocket: those of the same host, and of hosts that redirects may lead to.

Browsers let any page open a WebSocket anywhere and send its cookies along; the Origin field is all that tells
(RFC 6455 §10.2).
"""

from __future__ import annotations

import re

from attrs import frozen

from o2sidecar.policy.peers import Forwarding, RequestFacts
from o2sidecar.policy.redirects import Redirects

_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5})?)?")
"""An origin of a page that was fetched (RFC 6454 §6.2), in lower case: nothing behind the port, no user, not `null`."""
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def _authority(origin: str) -> tuple[str, str] | None:
    """Host and port of an origin; `None` of what is none."""
    found = _ORIGIN.fullmatch(origin)
    return (found["host"], found["port"] or _DEFAULT_PORTS[found["scheme"]]) if found else None


@frozen(kw_only=True)
class Origins:
    """Judges the origin of a request."""

    redirects: Redirects
    forwarding: Forwarding

    def allow(self, facts: RequestFacts) -> bool:
        """Whether the request comes from no page at all, from one of the same host, or from a whitelisted host.

        The port is part of the host; a scheme's own port need not be named. http and https count alike, since what ends
        TLS in front may not say so.
        """
        values = facts.values(b"origin")
        if not values:
            return True
        origin = values[0].decode("latin-1").lower()
        authority = _authority(origin)
        if len(values) > 1 or authority is None:
            return False
        scheme, _, _ = origin.partition("://")
        here = _authority(f"{scheme}://{self.forwarding.host(facts).lower()}")
        return authority == here or self.redirects.safe(origin)
