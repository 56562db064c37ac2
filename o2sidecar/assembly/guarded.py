"""A guarded tree: what is served, what must run beside it, and what there is to say at the start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from o2sidecar.assembly.edge import Edge
from o2sidecar.guard import SessionGuard
from o2sidecar.http.upstream.pool import Pool
from o2sidecar.service import Background
from o2sidecar.settings.options import Settings
from o2sidecar.settings.redis_rules import bridges_outages
from o2sidecar.signin.answers import Answers
from o2sidecar.site import Outage, Sidecar

if TYPE_CHECKING:
    from o2sidecar.stores.tickets import TicketStore


@frozen(kw_only=True)
class Guarded:
    """A guarded tree: the root to serve, what must run beside it, and what there is to say at the start.

    `take_over`: has what lasts follow this tree's settings. `pools`: connections to each app, by the upstream's id.
    `trouble`: says why nobody can sign in just now; empty if people can. `missing`: why nobody could sign in at all so
    far. `store`: where sessions are kept, if not in cookies. `reserved`: folded names of fields by which the app is
    told who somebody is. `strip_cookies`: takes our own cookies out of a Cookie field's value.
    """

    root: Sidecar
    guard: SessionGuard
    answers: Answers
    take_over: Callable[[], None]
    pools: Mapping[str, Pool]
    background: tuple[Background, ...]
    announce: tuple[str, ...]
    warnings: tuple[str, ...]
    edge: Edge
    trouble: Callable[[], str]
    missing: Callable[[], str]
    store: TicketStore | None
    reserved: frozenset[bytes]
    strip_cookies: Callable[[bytes], bytes]


def outage_of(settings: Settings, store_trouble: Callable[[], str] | None) -> Callable[[], Outage]:
    """Whether sessions can be looked up, each time it is asked."""
    bad = Outage.BRIDGED if bridges_outages(settings) else Outage.TOTAL
    return lambda: bad if store_trouble is not None and store_trouble() else Outage.NONE
