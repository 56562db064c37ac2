"""Requests that need no session: public paths, CORS preflights and trusted addresses, where the operator opened them.

HOT: `open` is asked for every request without an admitted session.
"""

from __future__ import annotations

from attrs import field, frozen

from o2sidecar.http.exchange import Exchange
from o2sidecar.policy.paths import PublicPaths
from o2sidecar.policy.peers import Forwarding, TrustedAddresses


@frozen(kw_only=True)
class Passes:
    """What passes without a session.

    `preflight`: every OPTIONS request does. `trusted`: requests from these addresses do.
    """

    public: PublicPaths
    trusted: TrustedAddresses
    forwarding: Forwarding
    preflight: bool = field(default=False)

    def open(self, exchange: Exchange) -> bool:
        """Whether this request passes without a session."""
        return self._opens(exchange, exchange.path)

    def open_for_asker(self, exchange: Exchange) -> bool:
        """Whether the request that a trusted proxy asks about (`X-Forwarded-Uri`) passes without a session.

        The forwarded URI counts at the auth endpoint only: there the asker forwards what it asked about, elsewhere a
        client could name a public path and have another one served.
        """
        if not self.forwarding.trusts(exchange):
            return self.open(exchange)
        path, _, _ = self.forwarding.uri(exchange).partition("?")
        return self._opens(exchange, path.encode())

    def asked_uri(self, exchange: Exchange) -> str:
        """The URI that a trusted proxy asks about; empty if it names none, or several."""
        if not self.forwarding.trusts(exchange) or not exchange.header(b"x-forwarded-uri"):
            return ""
        return self.forwarding.uri(exchange)

    def _opens(self, exchange: Exchange, path: bytes) -> bool:
        return (
            (self.preflight and exchange.method == b"OPTIONS")
            or self.public.admits(exchange.method, path)
            or self.trusted.admits(self.forwarding.client_address(exchange))
        )
