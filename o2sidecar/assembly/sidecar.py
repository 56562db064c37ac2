"""Assembles the whole sidecar from its settings: every collaborator gets just what it needs, by keyword."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import define, frozen
from twisted.web.resource import IResource

from o2sidecar.assembly.announcement import announcement, scarce, unanchored, without_provider, without_store
from o2sidecar.assembly.apps import proxy_of
from o2sidecar.assembly.asking import provider_client
from o2sidecar.assembly.edge import Edge
from o2sidecar.assembly.listening import Listening
from o2sidecar.assembly.login import provider_of, sign_in_of, surroundings_of
from o2sidecar.assembly.logout import logout_endpoints
from o2sidecar.assembly.metrics import metrics_listening
from o2sidecar.assembly.people import People
from o2sidecar.assembly.reauthentication import reauthenticated
from o2sidecar.assembly.registrations import registrations_of
from o2sidecar.assembly.wire import before_all, limits_of, tree_of
from o2sidecar.descriptors import bearable
from o2sidecar.guard import SessionGuard
from o2sidecar.http.exchange import Served
from o2sidecar.http.listener.server import HttpServer
from o2sidecar.http.twisted_web.resources import TwistedResource
from o2sidecar.http.upstream.pool import Pool
from o2sidecar.providers.several import SeveralProviders
from o2sidecar.service import Background, SidecarService
from o2sidecar.settings.load import Loaded
from o2sidecar.settings.options import Settings
from o2sidecar.signin.answers import Answers
from o2sidecar.site import Outage, Sidecar

if TYPE_CHECKING:
    from o2sidecar.stores.tickets import TicketStore


@define
class Ending:
    """Whether the process is about to end."""

    begun: bool = False


@frozen(kw_only=True)
class Guarded:
    """A guarded tree: the root to serve, what must run beside it, and what there is to say at the start.

    `trouble`: says why nobody can sign in just now; empty if people can. `missing`: why nobody could sign in at all so
    far. `store`: where sessions are kept, if not in cookies.
    """

    root: Sidecar
    answers: Answers
    background: tuple[Background, ...]
    announce: tuple[str, ...]
    warnings: tuple[str, ...]
    edge: Edge
    ending: Ending
    trouble: Callable[[], str]
    missing: Callable[[], str]
    store: TicketStore | None


def make_sidecar(
    loaded: Loaded,
    *,
    reactor: Any,
    write: Callable[[bytes], object],
    descriptors: int,
    beside: tuple[Background, ...] = (),
) -> SidecarService:
    """The whole sidecar as a service that does not listen yet.

    `write` takes the lines of the access and authentication logs. `descriptors`: how many files and connections the
    process may have open. `beside`: what else must run meanwhile.
    """
    settings, structure = loaded.settings, loaded.structure
    pools: dict[str, Pool] = {}
    guarded = _guarded(
        loaded,
        lambda people, answers: proxy_of(settings, structure, people, answers, reactor, pools=pools),
        reactor,
        write,
    )
    most = bearable(descriptors)
    server = _server(settings, guarded, most, reactor)
    listening = Listening.of(settings, structure, server, guarded.edge.forwarding, reactor)
    metrics = metrics_listening(
        settings,
        structure,
        edge=guarded.edge,
        server=server,
        pools=pools,
        trouble=guarded.trouble,
        store_trouble=guarded.store.trouble if guarded.store else None,
        reactor=reactor,
    )

    def begin_to_end() -> None:
        guarded.ending.begun = server.draining = True

    return SidecarService(
        listeners=(*listening.listeners, *metrics.listeners),
        background=(*guarded.background, *listening.background, *metrics.background, *beside),
        ending=begin_to_end,
        drain=lambda: server.drain(settings.shutdown_timeout),
        delay=settings.drain_delay,
        clock=reactor,
        announce=guarded.announce,
        warnings=(*guarded.warnings, *scarce(settings.max_connections, most)),
        flush=guarded.edge.lines.flush,
        unfit=_unfit(settings, guarded),
        end_process=lambda: reactor.callWhenRunning(reactor.stop),
    )


def _server(settings: Settings, guarded: Guarded, most: int, reactor: Any) -> HttpServer:
    return HttpServer(
        guarded.root,
        clock=reactor,
        limits=limits_of(settings, most),
        access=guarded.edge.access,
        refuse=guarded.answers.of_the_wire,
        request_id_field=settings.request_id_header.lower().encode("ascii"),
    )


def guard_resource(resource: IResource, loaded: Loaded, *, reactor: Any, write: Callable[[bytes], object]) -> Guarded:
    """A Twisted application's own resource behind the guard, with the own endpoints beside it.

    `Guarded.root` may be the root of a plain `Site`; start what is in `Guarded.background`.
    """
    return _guarded(
        loaded, lambda people, _: TwistedResource(resource, reserved=people.headers.reserved()), reactor, write
    )


def _guarded(
    loaded: Loaded,
    inner: Callable[[People, Answers], Served],
    reactor: Any,
    write: Callable[[bytes], object],
) -> Guarded:
    settings, structure, ending = loaded.settings, loaded.structure, Ending()
    edge = Edge.of(settings, reactor, write)
    client = provider_client(settings, edge, reactor, beside=[each.settings for each in loaded.providers])
    surroundings = surroundings_of(settings, client, reactor)
    registrations = registrations_of(loaded.providers, lambda each: provider_of(each, edge, reactor))
    several = SeveralProviders(registrations, edge.now)
    people = People.of(loaded, registrations=registrations, surroundings=surroundings, edge=edge, reactor=reactor)
    answers, endpoints = sign_in_of(settings, people, registrations, edge, reactor)
    guard = SessionGuard(
        reauthenticated(inner(people, answers), people.auth.fresh, answers),
        sessions=people.sessions,
        admission=people.admission,
        passes=people.passes,
        answers=answers,
        time_left=people.current.time_left,
    )
    return Guarded(
        root=tree_of(
            settings,
            guard=guard,
            endpoints=endpoints,
            callbacks=[each.id for each in registrations if registrations.several],
            auth=people.auth,
            beside=logout_endpoints(settings, people, answers, edge, reactor),
            trouble=several.trouble_now,
            outage=_outage(settings, people),
            ending=lambda: ending.begun,
            only=before_all(settings, edge, answers),
        ),
        answers=answers,
        background=(*(each.provider for each in registrations), *people.background),
        announce=tuple(announcement(settings, structure, registrations)),
        warnings=(*loaded.warnings, *unanchored(people.passes.public.unanchored())),
        edge=edge,
        ending=ending,
        trouble=several.trouble_now,
        missing=several.trouble,
        store=people.store,
    )


def _outage(settings: Settings, people: People) -> Callable[[], Outage]:
    """Whether sessions can be looked up, each time it is asked."""
    store, bad = people.store, Outage.BRIDGED if settings.redis_outage == "cookie-fallback" else Outage.TOTAL
    return lambda: bad if store is not None and store.trouble() else Outage.NONE


def _unfit(settings: Settings, guarded: Guarded) -> Callable[[], str]:
    """Why the process is not to run without what it needs; empty while it has that."""
    reasons = [without_provider(guarded.missing)] if settings.provider_required_at_start else []
    if guarded.store is not None and settings.redis_required_at_start:
        reasons.append(without_store(guarded.store.trouble))
    return lambda: next(filter(None, (reason() for reason in reasons)), "")
