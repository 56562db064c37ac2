"""Sends requests that came by plain HTTP to https, before anybody else sees them (CONTRACT §10 #22)."""

from __future__ import annotations

import re
from collections.abc import Callable

from o2sidecar.http.exchange import Exchange, Served
from o2sidecar.policy.peers import Forwarding
from o2sidecar.refusals import BadRequest, Refusal

_PORT = re.compile(r":[0-9]*$")


class HttpsOnly:
    """Serves what came by https, by this connection's TLS or a trusted proxy's word, and redirects the rest.

    `inner`: serves. `port`: of https, where the request's host names a port; one without stays without, since then
    the usual ports are in front. `refuse`: answers what can be sent nowhere.
    """

    def __init__(
        self, inner: Served, *, forwarding: Forwarding, port: int, refuse: Callable[[Exchange, Refusal], None]
    ) -> None:
        self._inner = inner
        self._forwarding = forwarding
        self._port = "" if port == 443 else f":{port}"
        self._refuse = refuse

    def serve(self, exchange: Exchange) -> None:
        """Pass on, or answer 308 with the same URL by https: method and body stay as they are (RFC 9110 §15.4.9)."""
        if self._forwarding.scheme(exchange) == "https":
            self._inner.serve(exchange)
            return
        exchange.reason = "plain_http"
        host = _PORT.sub(self._port, self._forwarding.host(exchange))
        if host:
            exchange.answer(308, [(b"Location", b"https://" + host.encode("latin-1") + exchange.target)])
        else:
            self._refuse(exchange, BadRequest(reason="host_missing", sentence="The request names no host."))
