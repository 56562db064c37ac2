"""What a container finds when it starts, as far as the same set of manifests says it: variables, arguments, files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from attrs import define, field, frozen

from o2sidecar.kubernetes.check.thing import Thing, dig, items, mapping, numbered, text
from o2sidecar.kubernetes.check.workloads import Container, Pod
from o2sidecar.kubernetes.operations import Path

Find = Callable[[str, str, str], Thing | None]
"""An object of the set by kind, namespace and name."""

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


@frozen(kw_only=True)
class Source:
    """A ConfigMap or Secret that a pod wants.

    Attributes:
        path: where in the workload it is wanted.
        keys: what it must hold; empty: whatever it does.
        optional: whether the pod starts without it too.
    """

    kind: str
    name: str
    path: Path
    keys: tuple[str, ...] = ()
    optional: bool = False


@define(kw_only=True, eq=False)
class Surroundings:
    """Those of one container.

    Attributes:
        variables: by name, as far as they are known.
        unknown: names of variables whose value the set does not say.
        borrowed: where variables come from that a ConfigMap or Secret of the set says, with its key.
        hidden: files that were asked for and that the set says nothing of.
        open_ended: whether any variable may be set, by a ConfigMap or Secret that is not in the set.
    """

    pod: Pod
    container: Container
    find: Find
    variables: dict[str, str] = field(factory=dict)
    unknown: set[str] = field(factory=set)
    borrowed: dict[str, tuple[Thing, str]] = field(factory=dict)
    hidden: set[str] = field(factory=set)
    open_ended: bool = False

    def __attrs_post_init__(self) -> None:
        for _, source in numbered(self.container.data, "envFrom"):
            self._take_all(source)
        for _, variable in numbered(self.container.data, "env"):
            self._take(variable)

    def arguments(self) -> tuple[str, ...] | None:
        """The command line behind the program's name, references resolved; `None` where a shell makes it."""
        command = [str(word) for word in items(self.container.data.get("command"))]
        words = [str(word) for word in items(self.container.data.get("args"))]
        if any(PurePosixPath(word).name in {"sh", "bash", "ash"} for word in command[:2]):
            return None
        flags = next((number for number, word in enumerate(command) if word.startswith("-")), len(command))
        return tuple(self.resolved(word) for word in [*command[flags:], *words])

    def resolved(self, value: str) -> str:
        """A text with the variables that it refers to; what there is not stays as it is, as the kubelet has it."""

        def replacement(found: re.Match[str]) -> str:
            if found[0] == "$$":
                return "$"
            return "unknown" if found[1] in self.unknown else self.variables.get(found[1], found[0])

        return _REFERENCE.sub(replacement, value)

    def dangling(self, value: str) -> list[str]:
        """The references of a text that nothing resolves."""
        known = self.variables.keys() | self.unknown
        return [found[0] for found in _REFERENCE.finditer(value) if found[1] and found[1] not in known]

    def read(self, path: str) -> bytes:
        """A file's content; raises `OSError`, and remembers the file if only the cluster knows it."""
        found = self.source_of(path)
        if found is None:
            self.hidden.add(path)
            raise FileNotFoundError(2, "it is not in these manifests")
        thing, key = found
        contents = thing.contents()
        if key in contents:
            return contents[key]
        raise FileNotFoundError(2, f"{thing.title} has no key {key}")

    def source_of(self, path: str) -> tuple[Thing, str] | None:
        """The ConfigMap or Secret of the set that a file is in, and its key; `None` if there is none."""
        wanted = PurePosixPath(path)
        mounts = [
            mount
            for _, mount in numbered(self.container.data, "volumeMounts")
            if wanted.is_relative_to(text(mount.get("mountPath")) or "/nowhere")
        ]
        if not mounts:
            return None
        mount = max(mounts, key=lambda one: len(text(one.get("mountPath"))))
        inside = PurePosixPath(text(mount.get("subPath"))) / wanted.relative_to(text(mount.get("mountPath")))
        volume = next((data for _, data in self.pod.volumes() if data.get("name") == mount.get("name")), {})
        for kind, name, part in _parts(volume):
            thing = self.find(kind, self.pod.thing.namespace, name)
            chosen = [mapping(item) for item in items(part.get("items"))]
            keys = {text(item.get("path")): text(item.get("key")) for item in chosen}
            key = keys.get(str(inside)) if chosen else str(inside)
            if thing is not None and key and (key in thing.contents() or "projected" not in volume):
                return thing, key
        return None

    def _take(self, variable: Mapping[str, Any]) -> None:
        name = text(variable.get("name"))
        self.variables.pop(name, None)
        self.unknown.discard(name)
        if "valueFrom" not in variable:
            self.variables[name] = self.resolved(str(variable.get("value") or ""))
            return
        for word, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
            reference = mapping(dig(variable, "valueFrom", word))
            thing = self.find(kind, self.pod.thing.namespace, text(reference.get("name"))) if reference else None
            held = thing.contents().get(text(reference.get("key"))) if thing is not None else None
            if thing is not None and held is not None:
                self.variables[name] = held.decode("utf-8", "replace")
                self.borrowed[name] = thing, text(reference.get("key"))
                return
        self.unknown.add(name)

    def _take_all(self, source: Mapping[str, Any]) -> None:
        for word, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
            thing = self.find(kind, self.pod.thing.namespace, text(dig(source, word, "name")))
            if thing is None:
                self.open_ended |= word in source
            else:
                prefix = text(source.get("prefix"))
                for key, held in thing.contents().items():
                    self.variables[prefix + key] = held.decode("utf-8", "replace")


def _parts(volume: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The ConfigMaps and Secrets of a volume: kind, name, and the part that says which keys."""
    for part in (volume, *(mapping(one) for one in items(dig(volume, "projected", "sources")))):
        if "configMap" in part:
            yield "ConfigMap", text(dig(part, "configMap", "name")), mapping(part["configMap"])
        if "secret" in part:
            secret = mapping(part["secret"])
            yield "Secret", text(secret.get("secretName")) or text(secret.get("name")), secret


def sources_of(pod: Pod) -> Iterator[Source]:
    """Every ConfigMap and Secret that a pod wants, by volumes and by variables."""
    for path, volume in pod.volumes():
        for kind, name, part in _parts(volume):
            keys = tuple(text(mapping(item).get("key")) for item in items(part.get("items")))
            yield Source(kind=kind, name=name, path=path, keys=keys, optional=part.get("optional") is True)
    for group in ("containers", "initContainers"):
        for place, container in numbered(pod.data, "spec", group):
            here = (*pod.path, *place)
            for path, variable in numbered(container, "env"):
                for word, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                    if reference := mapping(dig(variable, "valueFrom", word)):
                        yield Source(
                            kind=kind,
                            name=text(reference.get("name")),
                            path=(*here, *path),
                            keys=(text(reference.get("key")),),
                            optional=reference.get("optional") is True,
                        )
            for path, source in numbered(container, "envFrom"):
                for word, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
                    if reference := mapping(source.get(word)):
                        optional = reference.get("optional") is True
                        name = text(reference.get("name"))
                        yield Source(kind=kind, name=name, path=(*here, *path), optional=optional)
