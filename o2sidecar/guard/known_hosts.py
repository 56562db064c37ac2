"""Serves requests for the hosts of this app, and no others (RFC 9110 §7.4, security.md O19)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from o2sidecar.http.exchange import Exchange, Served
from o2sidecar.policy.admission import domain_fits
from o2sidecar.policy.peers import Forwarding
from o2sidecar.refusals import BadRequest, Refusal


class KnownHosts:
    """Refuses what is for another host, so that no link, callback or redirect is ever made of a name that is not ours.

    `inner`: serves. `hosts`: names without ports; `.x` stands for those below x. `refuse`: answers the rest.
    """

    def __init__(
        self,
        inner: Served,
        *,
        hosts: Iterable[str],
        forwarding: Forwarding,
        refuse: Callable[[Exchange, Refusal], None],
    ) -> None:
        self._inner = inner
        self._hosts = tuple(host.lower() for host in hosts)
        self._forwarding = forwarding
        self._refuse = refuse

    def serve(self, exchange: Exchange) -> None:
        """Pass on, or answer 421."""
        name = _name(self._forwarding.host(exchange))
        if not name.startswith(".") and domain_fits(name, self._hosts):
            self._inner.serve(exchange)
            return
        self._refuse(
            exchange,
            BadRequest(reason="host_unknown", sentence="There is no site of this name here.", status=421),
        )


def _name(host: str) -> str:
    """A host without its port, in lower case; the period that may end a name does not count."""
    name = host.lower()
    if not name.endswith("]"):
        name = name.rpartition(":")[0] if ":" in name else name
    return name.removesuffix(".")
