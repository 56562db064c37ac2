"""Pods that objects ask for, and the proxies in them that guard an app."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from o2sidecar.kubernetes import objects
from o2sidecar.kubernetes.check.thing import Thing, dig, items, mapping, numbered, text
from o2sidecar.kubernetes.operations import Path

_ROLLOUT = ("argoproj.io", "Rollout")
"""It has pods as a Deployment has; `inject` refuses it, and so no other command knows it."""
PROXIES = ("o2sidecar", "oauth2-proxy")


@frozen(kw_only=True, eq=False)
class Container:
    """A container of a pod, and where it stands in the object."""

    data: Mapping[str, Any]
    path: Path

    @property
    def name(self) -> str:
        """Its name."""
        return text(self.data.get("name"))

    @property
    def program(self) -> str:
        """Which of the proxies it is, by image or else by name; empty for an app."""
        image = text(self.data.get("image")).partition("@")[0].rpartition("/")[2].partition(":")[0]
        return next((proxy for proxy in PROXIES if proxy in (image, self.name)), "")

    def ports(self) -> dict[int, str]:
        """The ports that it declares, with their names."""
        declared = [port for port in items(self.data.get("ports")) if isinstance(port, dict)]
        return {
            number: text(port.get("name"))
            for port in declared
            if isinstance(number := port.get("containerPort"), int) and not isinstance(number, bool)
        }


@frozen(kw_only=True, eq=False)
class Pod:
    """What a workload's pods are like.

    Attributes:
        thing: the workload.
        path: where its pod template stands.
        data: the template.
    """

    thing: Thing
    path: Path
    data: Mapping[str, Any]

    @classmethod
    def of(cls, thing: Thing) -> Pod | None:
        """That of an object, if it has any."""
        path = objects.template_path(thing.data)
        if path is None and (thing.group, thing.kind) == _ROLLOUT:
            path = ("spec", "template")
        template = objects.at(thing.data, path) if path is not None else None
        if path is None or not isinstance(template, dict):
            return None
        return cls(thing=thing, path=path, data=template)

    @property
    def spec(self) -> Mapping[str, Any]:
        """Its specification."""
        return mapping(self.data.get("spec"))

    @property
    def labels(self) -> Mapping[str, Any]:
        """Its labels."""
        return mapping(dig(self.data, "metadata", "labels"))

    def containers(self) -> list[Container]:
        """Those that run as long as the pod: ordinary ones, and native sidecars."""
        return [
            Container(data=data, path=(*self.path, *path))
            for group in ("containers", "initContainers")
            for path, data in numbered(self.data, "spec", group)
            if group == "containers" or data.get("restartPolicy") == "Always"
        ]

    def sidecars(self) -> list[Container]:
        """The proxies among them."""
        return [container for container in self.containers() if container.program]

    def apps(self) -> list[Container]:
        """The others."""
        return [container for container in self.containers() if not container.program]

    def port(self, wanted: Any, *, among: list[Container] | None = None) -> tuple[Container | None, int]:
        """Who has a port, given by number or name, and its number; 0 if nobody has one of this name."""
        for container in self.containers() if among is None else among:
            for number, name in container.ports().items():
                if wanted in (number, name) and wanted != "":
                    return container, number
        return None, wanted if isinstance(wanted, int) else 0

    def volumes(self) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        """Its volumes, each with its path in the object."""
        for path, data in numbered(self.data, "spec", "volumes"):
            yield (*self.path, *path), data


def selects(selector: Any, labels: Mapping[str, Any]) -> bool:
    """Whether a selector of plain labels, that is not empty, chooses these labels."""
    return isinstance(selector, dict) and bool(selector) and all(labels.get(key) == selector[key] for key in selector)


def label_selector_fits(selector: Any, labels: Mapping[str, Any]) -> bool:
    """Whether a `LabelSelector` chooses these labels; an empty one chooses all."""
    wanted = mapping(mapping(selector).get("matchLabels"))
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    for expression in items(mapping(selector).get("matchExpressions")):
        value, listed = labels.get(text(mapping(expression).get("key"))), items(mapping(expression).get("values"))
        fits = {
            "In": value in listed,
            "NotIn": value not in listed,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not fits.get(text(mapping(expression).get("operator")), False):
            return False
    return True
