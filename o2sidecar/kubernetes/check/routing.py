"""Routes of three kinds as one: which host leads to which Service, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from o2sidecar.kubernetes.check.thing import Thing, dig, items, mapping, numbered, text
from o2sidecar.kubernetes.operations import Path


@frozen(kw_only=True)
class Destination:
    """A Service's port that a route leads to."""

    namespace: str
    service: str
    port: Any


@frozen(kw_only=True, eq=False)
class Route:
    """One way from hosts to Services.

    Attributes:
        hosts: as the route writes them, `*.example.com` too; empty: all that its gateway has.
        prefixes: beginnings of the paths that it is for.
        settings: the part that says how: retries and time-out.
        path: where that part stands.
    """

    thing: Thing
    path: Path
    hosts: tuple[str, ...]
    prefixes: tuple[str, ...]
    destinations: tuple[Destination, ...]
    settings: Mapping[str, Any]


def routes_of(thing: Thing) -> Iterator[Route]:
    """The routes that an object asks for; none if it is none."""
    if thing.kind == "VirtualService":
        yield from _virtual_service(thing)
    elif thing.kind in ("HTTPRoute", "GRPCRoute"):
        yield from _gateway_api(thing)
    elif thing.kind == "Ingress":
        yield from _ingress(thing)


def _virtual_service(thing: Thing) -> Iterator[Route]:
    hosts = tuple(host for host in items(dig(thing.data, "spec", "hosts")) if isinstance(host, str))
    for path, route in numbered(thing.data, "spec", "http"):
        matches = [mapping(match) for match in items(route.get("match"))]
        prefixes = [text(dig(match, "uri", how)) or "/" for match in matches for how in _how(match)]
        found = [mapping(dig(mapping(to), "destination")) for to in items(route.get("route"))]
        yield Route(
            thing=thing,
            path=path,
            hosts=hosts,
            prefixes=tuple(prefixes) or ("/",),
            destinations=tuple(_by_host(thing, to) for to in found if to),
            settings=route,
        )


def _how(match: Mapping[str, Any]) -> list[str]:
    return list(mapping(match.get("uri"))) or ["prefix"]


def _by_host(thing: Thing, destination: Mapping[str, Any]) -> Destination:
    """An Istio destination: a short name, or `name.namespace.svc.cluster.local`."""
    name, _, rest = text(destination.get("host")).partition(".")
    namespace = rest.partition(".")[0] or thing.namespace
    return Destination(namespace=namespace, service=name, port=dig(destination, "port", "number"))


def _gateway_api(thing: Thing) -> Iterator[Route]:
    hosts = tuple(host for host in items(dig(thing.data, "spec", "hostnames")) if isinstance(host, str))
    for path, rule in numbered(thing.data, "spec", "rules"):
        matches = [mapping(match) for match in items(rule.get("matches"))]
        backends = [mapping(one) for one in items(rule.get("backendRefs"))]
        yield Route(
            thing=thing,
            path=path,
            hosts=hosts,
            prefixes=tuple(text(dig(match, "path", "value")) or "/" for match in matches) or ("/",),
            destinations=tuple(
                Destination(
                    namespace=text(one.get("namespace")) or thing.namespace,
                    service=text(one.get("name")),
                    port=one.get("port"),
                )
                for one in backends
                if one.get("kind", "Service") == "Service"
            ),
            settings=rule,
        )


def _ingress(thing: Thing) -> Iterator[Route]:
    for path, rule in numbered(thing.data, "spec", "rules"):
        for inner, entry in numbered(rule, "http", "paths"):
            service = mapping(dig(entry, "backend", "service"))
            port = mapping(service.get("port"))
            yield Route(
                thing=thing,
                path=(*path, *inner),
                hosts=tuple(filter(None, [text(rule.get("host"))])),
                prefixes=(text(entry.get("path")) or "/",),
                destinations=(
                    Destination(
                        namespace=thing.namespace,
                        service=text(service.get("name")),
                        port=port.get("number", port.get("name")),
                    ),
                ),
                settings=entry,
            )


def host_fits(host: str, pattern: str) -> bool:
    """Whether a host is what a route or gateway means by `*`, `*.example.com` or `app.example.com`."""
    host, pattern = host.lower().rstrip("."), pattern.lower().rstrip(".")
    if pattern.startswith("*"):
        return host.endswith(pattern[1:]) and host != pattern[2:]
    return host == pattern
