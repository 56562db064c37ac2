"""What manifests have of a central oauth2-proxy: who asks it, how people come to it, and the apps behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import yaml
from attrs import field, frozen

from o2sidecar.kubernetes import objects
from o2sidecar.kubernetes.findings import Place
from o2sidecar.kubernetes.oauth2_proxy import Configured, is_oauth2_proxy
from o2sidecar.kubernetes.text import Stream

Data = Any

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


@frozen(kw_only=True, eq=False)
class Seen:
    """An object, and where it stands.

    Attributes:
        data: the object.
        place: its file and line.
        default_namespace: for objects that say none.
    """

    data: Data
    place: Place
    default_namespace: str

    @property
    def namespace(self) -> str:
        """The namespace."""
        return objects.namespace(self.data, self.default_namespace)

    @property
    def name(self) -> str:
        """The name."""
        return objects.name(self.data)

    @property
    def title(self) -> str:
        """How it is called in sentences."""
        return objects.title(self.data, self.default_namespace)

    @property
    def kind(self) -> str:
        """The kind, as `kubectl` takes it."""
        return objects.kind(self.data).lower()


@frozen(kw_only=True, eq=False)
class Route:
    """One destination of a VirtualService.

    Attributes:
        of: the VirtualService.
        http, index: where it stands in `http`, and there in `route`.
    """

    of: Seen
    http: int
    index: int

    @property
    def rule(self) -> Data:
        """The entry of `http`."""
        return self.of.data["spec"]["http"][self.http]

    @property
    def destination(self) -> Data:
        """The destination."""
        return self.rule["route"][self.index]["destination"]

    @property
    def hosts(self) -> tuple[str, ...]:
        """For which it is."""
        said = self.of.data["spec"].get("hosts")
        return tuple(host for host in said if isinstance(host, str)) if isinstance(said, list) else ()


@frozen(kw_only=True, eq=False)
class App:
    """A workload that people reach through a Gateway.

    Attributes:
        workload: it.
        hosts: by which names.
        ways: the routes that lead to it.
        routes: routes beside these that lead to the central proxy, with the destination that they have to have.
    """

    workload: Seen
    hosts: tuple[str, ...]
    ways: tuple[Route, ...]
    routes: tuple[tuple[Route, Data], ...]


@frozen(kw_only=True)
class Landscape:
    """What was found, each in the order of the files.

    Attributes:
        filters: EnvoyFilters with ext_authz.
        policies: AuthorizationPolicies whose action is CUSTOM.
        meshes: what declares extension providers that are asked by ext_authz.
        central: Deployments of oauth2-proxy in front of nothing.
        services: Services that lead to these.
        callbacks: routes to them of hosts that are no app's.
        apps: what is behind.
        everything: all objects.
    """

    filters: tuple[Seen, ...]
    policies: tuple[Seen, ...]
    meshes: tuple[Seen, ...]
    central: tuple[Seen, ...]
    services: tuple[Seen, ...]
    callbacks: tuple[Route, ...]
    apps: tuple[App, ...]
    everything: tuple[Seen, ...] = field(repr=False)

    @classmethod
    def of(cls, streams: Iterable[Stream], namespace: str) -> Landscape:
        """Of these streams; `namespace` is that of objects that say none."""
        everything = tuple(
            Seen(data=one, place=document.place(path), default_namespace=namespace)
            for stream in streams
            for document in stream.documents
            for path, one in objects.each(document.data)
        )
        central = tuple(one for one in everything if _is_central(one))
        services = tuple(one for one in everything if any(_leads_to(one, proxy) for proxy in central))
        apps = tuple(_apps(everything, central, services))
        of_apps = {id(route.of) for app in apps for route, _ in app.routes}
        return cls(
            filters=tuple(one for one in everything if _istio(one, "EnvoyFilter") and _mentions_ext_authz(one.data)),
            policies=tuple(one for one in everything if _is_custom(one)),
            meshes=tuple(one for one in everything if any(_providers(one))),
            central=central,
            services=services,
            callbacks=tuple(
                route for route in _routes(everything) if _of(route, services) and id(route.of) not in of_apps
            ),
            apps=apps,
            everything=everything,
        )

    @property
    def leftovers(self) -> tuple[tuple[Seen, str], ...]:
        """Every object of the central design, with what it is."""
        return (
            *((one, "asks an authorization service by ext_authz") for one in self.filters),
            *((one, "asks an extension provider (CUSTOM)") for one in self.policies),
            *((one, f"declares the extension providers {', '.join(_providers(one))}") for one in self.meshes),
            *((one, "is the central oauth2-proxy") for one in self.central),
            *((one, "leads to the central oauth2-proxy") for one in self.services),
            *((one, "has routes to the central oauth2-proxy") for one in self._routing()),
        )

    def _routing(self) -> Iterator[Seen]:
        routes = (*self.callbacks, *(route for app in self.apps for route, _ in app.routes))
        yield from {id(route.of): route.of for route in routes}.values()

    def configured(self, proxy: Seen) -> Configured:
        """What a central proxy is told."""
        template = objects.template(proxy.data)
        [container] = [one for one in objects.containers(template) if is_oauth2_proxy(one)]
        return Configured.of(container, template, proxy.namespace, [one.data for one in self.everything])

    def policies_of(self, app: App) -> list[Seen]:
        """Policies that are about this app and no other."""
        return [one for one in self.policies if [other for other in self.apps if _is_about(one, other)] == [app]]

    def shared_policies(self) -> list[Seen]:
        """The others."""
        own = {id(one) for app in self.apps for one in self.policies_of(app)}
        return [one for one in self.policies if id(one) not in own]


def _istio(seen: Seen, kind: str) -> bool:
    return objects.kind(seen.data) == kind and objects.group(seen.data).endswith("istio.io")


def _is_custom(seen: Seen) -> bool:
    return _istio(seen, "AuthorizationPolicy") and objects.at(seen.data, ("spec", "action")) == "CUSTOM"


def _is_about(policy: Seen, app: App) -> bool:
    selector = objects.texts(objects.at(policy.data, ("spec", "selector", "matchLabels")))
    labels = objects.labels(objects.template(app.workload.data))
    return (
        bool(selector)
        and policy.namespace == app.workload.namespace
        and all(labels.get(key) == value for key, value in selector.items())
    )


def _mentions_ext_authz(data: Data) -> bool:
    if isinstance(data, dict):
        return any(map(_mentions_ext_authz, (*data.keys(), *data.values())))
    if isinstance(data, list):
        return any(map(_mentions_ext_authz, data))
    return isinstance(data, str) and "ext_authz" in data


def _providers(seen: Seen) -> list[str]:
    """Names of the extension providers that something declares and that are asked by ext_authz."""
    mesh: Data = objects.at(seen.data, ("spec", "meshConfig"))
    if objects.is_a(seen.data, "", "ConfigMap"):
        text = objects.at(seen.data, ("data", "mesh"))
        try:
            mesh = yaml.safe_load(text) if isinstance(text, str) else None
        except (yaml.YAMLError, ValueError, RecursionError):
            mesh = None
    declared = objects.items(objects.mapping(mesh).get("extensionProviders"))
    return [str(one.get("name")) for one in declared if {"envoyExtAuthzHttp", "envoyExtAuthzGrpc"} & one.keys()]


def _is_central(seen: Seen) -> bool:
    """Whether it is oauth2-proxy alone: with an app beside it, it is a sidecar already."""
    containers = objects.containers(objects.template(seen.data))
    theirs = [one for one in containers if is_oauth2_proxy(one)]
    others = [one for one in containers if not is_oauth2_proxy(one) and one.get("name") not in objects.MESH]
    return objects.kind(seen.data) in _WORKLOADS and len(theirs) == 1 and not others


def _leads_to(service: Seen, workload: Seen) -> bool:
    same = service.namespace == workload.namespace
    return same and objects.selects(service.data, objects.template(workload.data))


def _routes(everything: Iterable[Seen]) -> Iterator[Route]:
    for seen in everything:
        if not _istio(seen, "VirtualService"):
            continue
        rules = objects.at(seen.data, ("spec", "http"))
        for http, rule in enumerate(rules if isinstance(rules, list) else ()):
            routes = objects.mapping(rule).get("route")
            for index, route in enumerate(routes if isinstance(routes, list) else ()):
                if isinstance(objects.at(route, ("destination", "host")), str):
                    yield Route(of=seen, http=http, index=index)


def _of(route: Route, services: Iterable[Seen]) -> Seen | None:
    """The Service among these that a route leads to."""
    name, _, rest = route.destination["host"].partition(".")
    namespace = rest.partition(".")[0] or route.of.namespace
    return next((one for one in services if one.name == name and one.namespace == namespace), None)


def _apps(everything: Sequence[Seen], central: Sequence[Seen], services: Sequence[Seen]) -> Iterator[App]:
    """Workloads to which VirtualServices lead, the central proxy left out."""
    others = [one for one in everything if objects.is_a(one.data, "", "Service") and one not in services]
    routes = list(_routes(everything))
    for workload in everything:
        if objects.kind(workload.data) not in _WORKLOADS or workload in central:
            continue
        theirs = [one for one in others if _leads_to(one, workload)]
        to_it = [route for route in routes if _of(route, theirs)]
        if not to_it:
            continue
        of_same = {id(route.of): route.destination for route in to_it}
        yield App(
            workload=workload,
            ways=tuple(to_it),
            hosts=tuple(dict.fromkeys(host for route in to_it for host in route.hosts)),
            routes=tuple(
                (route, of_same[id(route.of)]) for route in routes if id(route.of) in of_same and _of(route, services)
            ),
        )
