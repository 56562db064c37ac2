"""Reads a pod out of a set of manifests as kubelet does: arguments, environment, files, ports, identity, probes.

What it does not know it refuses, naming the object: a box that left something out would prove nothing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from attrs import field, frozen

Object = dict[str, Any]
PROBES = {"startup": "startupProbe", "readiness": "readinessProbe", "liveness": "livenessProbe"}


class Unresolved(Exception):
    """The manifests cannot be run as they are; the sentence names the object and what it wants."""


@frozen(kw_only=True)
class File:
    """A file of a volume."""

    content: bytes = field(repr=False)
    mode: int


@frozen(kw_only=True)
class Container:
    """One container, with everything that its manifest refers to.

    `args` are None where the image's own are meant. `native`: an init container that goes on running. `sleep`: seconds
    between the order to end and SIGTERM.
    """

    name: str
    args: list[str] | None
    environment: dict[str, str] = field(repr=False)
    mounts: dict[str, str]
    ports: dict[str, int]
    probes: dict[str, Object]
    uid: int
    gid: int
    read_only_root: bool
    no_new_privileges: bool
    no_capabilities: bool
    native: bool
    sleep: float


@frozen(kw_only=True)
class Pod:
    """A pod. `containers` in the order in which they start; `volumes`: name to files."""

    name: str
    namespace: str
    labels: dict[str, str]
    containers: list[Container]
    volumes: dict[str, dict[str, File]]
    grace: float

    def port(self, wanted: int | str) -> int:
        """A number as it is, or the port that a container has under a name."""
        if isinstance(wanted, int):
            return wanted
        for container in self.containers:
            if wanted in container.ports:
                return container.ports[wanted]
        raise Unresolved(f"Pod {self.namespace}/{self.name}: no container has a port {wanted}")


class Manifests:
    """A set of objects; `pod` is one of a workload's."""

    def __init__(self, objects: Sequence[Object]) -> None:
        self.objects = list(_single(objects))

    @classmethod
    def read(cls, *texts: str) -> Manifests:
        """The objects of some streams."""
        return cls([each for text in texts for each in yaml.safe_load_all(text) if each is not None])

    def all(self, kind: str) -> list[Object]:
        """The objects of a kind."""
        return [each for each in self.objects if each["kind"] == kind]

    def the(self, kind: str, name: str, namespace: str, wanted_by: str) -> Object:
        """The object of a kind and name, which `wanted_by` refers to."""
        for each in self.all(kind):
            metadata = each["metadata"]
            if (metadata["name"], metadata.get("namespace", "default")) == (name, namespace):
                return each
        raise Unresolved(f"{wanted_by}: there is no {kind} {namespace}/{name}")

    def pod(self, workload: str, number: int = 0) -> Pod:
        """A pod of a Deployment or StatefulSet."""
        found = [each for kind in ("Deployment", "StatefulSet") for each in self.all(kind)]
        one = next((each for each in found if each["metadata"]["name"] == workload), None)
        if one is None:
            raise Unresolved(f"there is no workload {workload}")
        namespace = one["metadata"].get("namespace", "default")
        template = one["spec"]["template"]
        spec = template["spec"]
        who = f"{one['kind']} {namespace}/{workload}"
        reading = _Reading(self, namespace, who)
        first = [each for each in spec.get("initContainers", ()) if each.get("restartPolicy") == "Always"]
        if len(first) != len(spec.get("initContainers", ())):
            raise Unresolved(f"{who}: the box runs no init containers but those that go on running")
        return Pod(
            name=f"{workload}-{number}",
            namespace=namespace,
            labels=dict(template["metadata"].get("labels", {})),
            containers=[
                *(reading.container(each, spec, native=True) for each in first),
                *(reading.container(each, spec, native=False) for each in spec["containers"]),
            ],
            volumes={each["name"]: reading.files(each) for each in spec.get("volumes", ())},
            grace=float(spec.get("terminationGracePeriodSeconds", 30)),
        )


class _Reading:
    """Follows the references of one workload."""

    def __init__(self, manifests: Manifests, namespace: str, who: str) -> None:
        self._manifests = manifests
        self._namespace = namespace
        self._who = who

    def container(self, given: Object, spec: Object, *, native: bool) -> Container:
        who = f"{self._who}, container {given['name']}"
        if {"command", "volumeDevices", "workingDir"} & given.keys():
            raise Unresolved(f"{who}: the box knows the image's own command only, and mounts in its root")
        identity = {**spec.get("securityContext", {}), **given.get("securityContext", {})}
        uid = identity.get("runAsUser", 0)
        if identity.get("runAsNonRoot") and uid == 0:
            raise Unresolved(f"{who}: runAsNonRoot, but its uid would be 0")
        environment = self._environment(given, who)
        for mount in given.get("volumeMounts", ()):
            if {"subPath", "subPathExpr"} & mount.keys() or not mount.get("readOnly"):
                raise Unresolved(f"{who}: the box mounts whole volumes, to be read: {mount['mountPath']}")
            if mount["name"] not in {each["name"] for each in spec.get("volumes", ())}:
                raise Unresolved(f"{who}: there is no volume {mount['name']}")
        return Container(
            name=given["name"],
            args=[expanded(each, environment) for each in given["args"]] if "args" in given else None,
            environment=environment,
            mounts={each["mountPath"]: each["name"] for each in given.get("volumeMounts", ())},
            ports={each["name"]: each["containerPort"] for each in given.get("ports", ()) if "name" in each},
            probes={kind: given[key] for kind, key in PROBES.items() if key in given},
            uid=uid,
            gid=identity.get("runAsGroup", 0),
            read_only_root=bool(identity.get("readOnlyRootFilesystem")),
            no_new_privileges=identity.get("allowPrivilegeEscalation") is False,
            no_capabilities="ALL" in identity.get("capabilities", {}).get("drop", ()),
            native=native,
            sleep=_sleep(given.get("lifecycle", {}).get("preStop"), who),
        )

    def files(self, volume: Object) -> dict[str, File]:
        """What a volume has in it."""
        who = f"{self._who}, volume {volume['name']}"
        for key, kind, called in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
            if key not in volume:
                continue
            source = volume[key]
            if source.get("items") or source.get("optional"):
                raise Unresolved(f"{who}: the box knows whole objects only, which have to be there")
            there = contents(self._manifests.the(kind, source[called], self._namespace, who))
            mode = source.get("defaultMode", 0o644)
            return {name: File(content=content, mode=mode) for name, content in there.items()}
        raise Unresolved(f"{who}: the box knows configMap and secret only")

    def _environment(self, given: Object, who: str) -> dict[str, str]:
        environment: dict[str, str] = {}
        if given.get("envFrom"):
            raise Unresolved(f"{who}: the box does not know envFrom")
        for one in given.get("env", ()):
            name = one["name"]
            environment[name] = (
                self._referenced(one["valueFrom"], f"{who}, env {name}")
                if "valueFrom" in one
                else expanded(one.get("value", ""), environment)
            )
        return environment

    def _referenced(self, source: Object, who: str) -> str:
        for key, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
            if key in source:
                reference = source[key]
                there = contents(self._manifests.the(kind, reference["name"], self._namespace, who))
                if reference["key"] not in there:
                    raise Unresolved(f"{who}: {kind} {self._namespace}/{reference['name']} has no {reference['key']}")
                return there[reference["key"]].decode()
        raise Unresolved(f"{who}: the box knows secretKeyRef and configMapKeyRef only")


def contents(thing: Object) -> dict[str, bytes]:
    """The keys of a Secret or ConfigMap with their values."""
    encoded = ("data", "binaryData") if thing["kind"] == "Secret" else ("binaryData",)
    plain = ("stringData",) if thing["kind"] == "Secret" else ("data",)
    found = {key: base64.b64decode(value) for each in encoded for key, value in (thing.get(each) or {}).items()}
    return {**found, **{key: value.encode() for each in plain for key, value in (thing.get(each) or {}).items()}}


def expanded(text: str, environment: Mapping[str, str]) -> str:
    """With `$(NAME)` replaced where there is such a variable, and `$$` read as `$`."""

    def one(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        return environment.get(found[1], found[0])

    return re.sub(r"\$\$|\$\(([^()]*)\)", one, text)


def _sleep(hook: Object | None, who: str) -> float:
    if hook is None:
        return 0.0
    if set(hook) != {"sleep"}:
        raise Unresolved(f"{who}: of preStop the box knows sleep only")
    return float(hook["sleep"]["seconds"])


def _single(objects: Sequence[Object]) -> Iterator[Object]:
    for each in objects:
        if each["kind"] == "List":
            yield from _single(each["items"])
        else:
            yield each
