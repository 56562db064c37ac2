"""All that is judged together: objects with their places, how proxies among them are configured, what else there is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from attrs import field, frozen

from o2sidecar.kubernetes.check.configuration import Configuration, of_container
from o2sidecar.kubernetes.check.routing import Route, routes_of
from o2sidecar.kubernetes.check.thing import Thing, dig
from o2sidecar.kubernetes.check.workloads import Pod, selects
from o2sidecar.settings.provider_kind import ProviderKinds


@frozen(kw_only=True)
class External:
    """What is declared to exist elsewhere: `--external KIND/[NS/]NAME`; without a namespace, in each.

    `name` may be `*`: all of the kind.
    """

    kind: str
    name: str
    namespace: str = ""

    @classmethod
    def parse(cls, text: str) -> External:
        """Of the option's value; raises `ValueError` with a sentence."""
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise ValueError(f"--external wants KIND/NAME or KIND/NAMESPACE/NAME, not {text!r}")
        return cls(kind=parts[0].lower(), name=parts[-1], namespace=parts[1] if len(parts) == 3 else "")

    def names(self, kind: str, namespace: str, name: str) -> bool:
        """Whether it declares this object."""
        return self.kind == kind.lower() and self.name in ("*", name) and self.namespace in ("", namespace)


@frozen(kw_only=True, eq=False)
class Scene:
    """What is judged.

    Attributes:
        things: the objects, in the order in which they were read.
        kinds: the providers that there are.
        external: what else there is.
        files: configurations of files on their own.
    """

    things: tuple[Thing, ...]
    kinds: ProviderKinds = field(repr=False)
    external: tuple[External, ...] = ()
    files: tuple[Configuration, ...] = ()

    def of(self, *kinds: str) -> list[Thing]:
        """The objects of some kinds."""
        return [thing for thing in self.things if thing.kind in kinds]

    def find(self, kind: str, namespace: str, name: str) -> Thing | None:
        """An object by its name."""
        return next(
            (thing for thing in self.of(kind) if thing.name == name and thing.namespace == namespace),
            None,
        )

    def is_external(self, kind: str, namespace: str, name: str) -> bool:
        """Whether an object is declared to exist elsewhere."""
        return any(declared.names(kind, namespace, name) for declared in self.external)

    @cached_property
    def pods(self) -> list[Pod]:
        """What the workloads' pods are like."""
        return [pod for thing in self.things if (pod := Pod.of(thing)) is not None]

    @cached_property
    def guarded(self) -> list[Pod]:
        """Those with a proxy."""
        return [pod for pod in self.pods if pod.sidecars()]

    @cached_property
    def proxies(self) -> list[Configuration]:
        """How the proxies in pods are configured."""
        return [
            of_container(pod, container, self.kinds, self.find) for pod in self.guarded for container in pod.sidecars()
        ]

    @property
    def configurations(self) -> list[Configuration]:
        """All that are known."""
        return [*self.proxies, *self.files]

    @cached_property
    def routes(self) -> list[Route]:
        """All routes."""
        return [route for thing in self.things for route in routes_of(thing)]

    def services_of(self, pod: Pod) -> Iterator[Thing]:
        """The Services that lead to a workload's pods."""
        for service in self.of("Service"):
            same = service.namespace == pod.thing.namespace
            if same and selects(dig(service.data, "spec", "selector"), pod.labels):
                yield service

    def routes_to(self, pod: Pod) -> list[Route]:
        """The routes that lead to a workload's pods."""
        names = {(service.namespace, service.name) for service in self.services_of(pod)}
        return [route for route in self.routes if any((to.namespace, to.service) in names for to in route.destinations)]

    def hosts_of(self, configuration: Configuration) -> tuple[str, ...]:
        """The hosts under which a proxy is reached, as routes and `allowed_hosts` say."""
        found = [host for host in configuration.values["allowed_hosts"] if not host.startswith(".")]
        if configuration.pod is not None:
            found += [host for route in self.routes_to(configuration.pod) for host in route.hosts]
        return tuple(dict.fromkeys(host.partition(":")[0] for host in found if not host.startswith("*")))
