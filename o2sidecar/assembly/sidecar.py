"""Assembles the whole sidecar from its settings: every collaborator gets just what it needs, by keyword."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypedDict

from twisted.web.resource import IResource

from o2sidecar.assembly.announcement import (
    announcement,
    groups_kept,
    scarce,
    unanchored,
    without_provider,
    without_store,
)
from o2sidecar.assembly.apps import proxy_of
from o2sidecar.assembly.asking import provider_client
from o2sidecar.assembly.edge import Edge
from o2sidecar.assembly.guarded import Guarded, outage_of
from o2sidecar.assembly.lasting import Lasting
from o2sidecar.assembly.listening import Listening
from o2sidecar.assembly.login import provider_of, sign_in_of, surroundings_of
from o2sidecar.assembly.logout import logout_endpoints
from o2sidecar.assembly.metrics import metrics_listening
from o2sidecar.assembly.people import People
from o2sidecar.assembly.reauthentication import reauthenticated
from o2sidecar.assembly.registrations import registrations_of
from o2sidecar.assembly.reloading import InForce, configuration_files
from o2sidecar.assembly.wire import before_all, limits_of, tree_of
from o2sidecar.descriptors import bearable
from o2sidecar.guard import SessionGuard
from o2sidecar.http.exchange import Served
from o2sidecar.http.limits import Limits
from o2sidecar.http.listener.server import Access, HttpServer, Refuse
from o2sidecar.http.twisted_web.resources import TwistedResource
from o2sidecar.http.upstream.pool import Pool
from o2sidecar.providers.registrations import Registrations
from o2sidecar.service import Background, SidecarService
from o2sidecar.settings.load import Loaded
from o2sidecar.settings.options import Settings
from o2sidecar.signin.answers import Answers


class ServerRules(TypedDict):
    """What a listener's side goes by, beside the tree that it serves."""

    limits: Limits
    access: Access
    refuse: Refuse
    request_id_field: bytes


def make_sidecar(
    loaded: Loaded,
    *,
    reactor: Any,
    write: Callable[[bytes], object],
    descriptors: int,
    beside: tuple[Background, ...] = (),
    reread: Callable[[], Loaded] | None = None,
) -> SidecarService:
    """The whole sidecar as a service that does not listen yet.

    `write` takes the lines of the access and authentication logs. `descriptors`: how many files and connections the
    process may have open. `beside`: what else must run meanwhile. `reread`: loads the settings again from where they
    came from.
    """
    settings, lasting = loaded.settings, Lasting.of(loaded.settings, reactor, write)
    make = partial(_with_apps, lasting=lasting, reactor=reactor)
    guarded, most = make(loaded), bearable(descriptors)
    guarded.take_over()
    server, pools = HttpServer(guarded.root, clock=reactor, **_rules_of(settings, guarded, most)), dict(guarded.pools)

    def serve(newer: Settings, tree: Guarded) -> None:
        server.turn_to(tree.root, **_rules_of(newer, tree, most))
        pools.clear()
        pools.update(tree.pools)
        listening.turn_to(newer, tree)

    in_force = InForce(loaded=loaded, guarded=guarded, make=make, serve=serve)
    listening = _listening(in_force, lasting, server, pools, reactor)

    def begin_to_end() -> None:
        lasting.ending.begun = server.draining = True
        if files:
            files.stop()

    def swap_jobs(ending: Sequence[Background], beginning: Sequence[Background]) -> None:
        service.swap_jobs(ending, beginning)

    files = configuration_files(in_force, reread, swap_jobs, reactor)
    service = SidecarService(
        listeners=listening.listeners,
        background=(*guarded.background, *listening.background, *beside, *((files,) if files else ())),
        ending=begin_to_end,
        drain=lambda: server.drain(in_force.loaded.settings.shutdown_timeout),
        delay=settings.drain_delay,
        clock=reactor,
        announce=guarded.announce,
        warnings=(*guarded.warnings, *scarce(settings.max_connections, most)),
        flush=lasting.edge.lines.flush,
        reload=files.read_anew if files else None,
        unfit=_unfit(settings, guarded),
        end_process=lambda: reactor.callWhenRunning(reactor.stop),
    )
    return service


def _listening(
    in_force: InForce, lasting: Lasting, server: HttpServer, pools: Mapping[str, Pool], reactor: Any
) -> Listening:
    """Where requests come in, and where metrics are asked for."""
    settings, structure, store = in_force.loaded.settings, in_force.loaded.structure, lasting.store
    requests = Listening.of(settings, structure, server, in_force.is_proxy, reactor)
    metrics = metrics_listening(
        settings,
        structure,
        in_force.guarded,
        edge=lasting.edge,
        server=server,
        pools=pools,
        trouble=in_force.trouble,
        store_trouble=store.trouble if store else None,
        reactor=reactor,
    )
    return Listening(
        listeners=(*requests.listeners, *metrics.listeners),
        background=(*requests.background, *metrics.background),
        turn_to=metrics.turn_to,
    )


def _with_apps(loaded: Loaded, *, lasting: Lasting, reactor: Any) -> Guarded:
    """The tree with the ways to the apps in it."""
    return _guarded(
        loaded,
        lambda people, answers: proxy_of(loaded.settings, loaded.structure, people, answers, reactor),
        lasting,
        reactor,
    )


def _rules_of(settings: Settings, guarded: Guarded, most: int) -> ServerRules:
    return {
        "limits": limits_of(settings, most),
        "access": guarded.edge.access,
        "refuse": guarded.answers.of_the_wire,
        "request_id_field": settings.request_id_header.lower().encode("ascii"),
    }


def guard_resource(resource: IResource, loaded: Loaded, *, reactor: Any, write: Callable[[bytes], object]) -> Guarded:
    """A Twisted application's own resource behind the guard, with the own endpoints beside it.

    `Guarded.root` may be the root of a plain `Site`; start what is in `Guarded.background`.
    """
    guarded = _guarded(
        loaded,
        lambda people, _: (TwistedResource(resource, reserved=people.headers.reserved()), {}),
        Lasting.of(loaded.settings, reactor, write),
        reactor,
    )
    guarded.take_over()
    return guarded


def _guarded(
    loaded: Loaded,
    make_inner: Callable[[People, Answers], tuple[Served, Mapping[str, Pool]]],
    lasting: Lasting,
    reactor: Any,
) -> Guarded:
    settings, edge = loaded.settings, Edge.of(loaded.settings, reactor, lasting.edge.lines, counts=lasting.edge.counts)
    registrations, people = _people(loaded, edge, lasting, reactor)
    answers, endpoints = sign_in_of(settings, people, registrations, edge, reactor)
    inner, pools = make_inner(people, answers)
    guard = _guard(inner, people, answers)
    root = tree_of(
        settings,
        guard=guard,
        auth=people.auth,
        endpoints=endpoints,
        callbacks=[each.id for each in registrations if registrations.several],
        beside=logout_endpoints(settings, people, answers, edge, reactor),
        trouble=people.provider.trouble_now,
        outage=outage_of(settings, people.store.trouble if people.store else None),
        ending=lambda: lasting.ending.begun,
        only=before_all(settings, edge, answers),
    )
    return Guarded(
        root=root,
        guard=guard,
        answers=answers,
        take_over=lambda: _take_over(settings, lasting, edge, people),
        pools=pools,
        background=(*(each.provider for each in registrations), *people.background),
        announce=tuple(announcement(settings, loaded.structure, registrations)),
        warnings=_warnings(loaded, people),
        edge=edge,
        trouble=people.provider.trouble_now,
        missing=people.provider.trouble,
        store=people.store,
        reserved=people.headers.reserved() | people.headers.preserved(),
        strip_cookies=people.cookie.strip,
    )


def _guard(inner: Served, people: People, answers: Answers) -> SessionGuard:
    return SessionGuard(
        reauthenticated(inner, people.auth.fresh, answers),
        sessions=people.sessions,
        admission=people.admission,
        passes=people.passes,
        answers=answers,
        time_left=people.current.time_left,
        routes=people.auth.fresh,
    )


def _warnings(loaded: Loaded, people: People) -> tuple[str, ...]:
    return (
        *loaded.warnings,
        *unanchored(people.passes.public.unanchored()),
        *groups_kept(loaded.settings, loaded.structure),
    )


def _people(loaded: Loaded, edge: Edge, lasting: Lasting, reactor: Any) -> tuple[Registrations, People]:
    """Our registrations, and who is who by them."""
    settings, documents = loaded.settings, lasting.documents
    client = provider_client(settings, edge, reactor, beside=[each.settings for each in loaded.providers])
    surroundings = surroundings_of(settings, client, documents, reactor)
    registrations = registrations_of(loaded.providers, lambda each: provider_of(each, edge, documents, reactor))
    people = People.of(
        loaded, registrations=registrations, surroundings=surroundings, edge=edge, lasting=lasting, reactor=reactor
    )
    return registrations, people


def _take_over(settings: Settings, lasting: Lasting, edge: Edge, people: People) -> None:
    edge.take_over()
    lasting.keys.turn_to(settings)
    people.take_over()


def _unfit(settings: Settings, guarded: Guarded) -> Callable[[], str]:
    """Why the process is not to run without what it needs; empty while it has that."""
    reasons = [without_provider(guarded.missing)] if settings.provider_required_at_start else []
    if guarded.store is not None and settings.redis_required_at_start:
        reasons.append(without_store(guarded.store.trouble))
    return lambda: next(filter(None, (reason() for reason in reasons)), "")
