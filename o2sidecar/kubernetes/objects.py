"""Readings of a Kubernetes object's plain data: what it is, where its pods are described, what they declare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Data = Any
Path = tuple[str | int, ...]

_TEMPLATES: Mapping[tuple[str, str], Path] = {
    ("", "Pod"): (),
    ("", "ReplicationController"): ("spec", "template"),
    ("apps", "Deployment"): ("spec", "template"),
    ("apps", "StatefulSet"): ("spec", "template"),
    ("apps", "DaemonSet"): ("spec", "template"),
    ("apps", "ReplicaSet"): ("spec", "template"),
    ("batch", "Job"): ("spec", "template"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
}
"""API group and kind to where metadata and spec of its pods are."""

MESH = frozenset({"istio-proxy", "linkerd-proxy"})
"""Containers of service meshes, which are no app's."""


def mapping(value: Data) -> dict[str, Data]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Data) -> list[Data]:
    """The value's mappings if it is a list, else an empty one."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def at(data: Data, path: Path, default: Data = None) -> Data:
    """What lies at a path, or the default."""
    for step in path:
        here = (isinstance(data, dict) and step in data) or (
            isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data)
        )
        if not here:
            return default
        data = data[step]
    return data


def group(data: Data) -> str:
    """The API group; empty for the core's objects."""
    version = mapping(data).get("apiVersion")
    return version.rpartition("/")[0] if isinstance(version, str) else ""


def kind(data: Data) -> str:
    """The kind, or empty."""
    found = mapping(data).get("kind")
    return found if isinstance(found, str) else ""


def is_a(data: Data, wanted_group: str, wanted_kind: str) -> bool:
    """Whether it is such an object, of whatever version."""
    return kind(data) == wanted_kind and group(data) == wanted_group


def metadata(data: Data) -> dict[str, Data]:
    """The object's metadata, or an empty mapping."""
    return mapping(mapping(data).get("metadata"))


def name(data: Data) -> str:
    """The name; for one that the API server makes up, what it begins with."""
    own = metadata(data)
    return str(own.get("name") or own.get("generateName") or "")


def namespace(data: Data, default: str = "") -> str:
    """The namespace it says, or the default."""
    return str(metadata(data).get("namespace") or default)


def title(data: Data, default_namespace: str = "") -> str:
    """How an object is called in sentences: `Deployment apps/my-app`."""
    where = namespace(data, default_namespace)
    return f"{kind(data) or 'object'} {where + '/' if where else ''}{name(data) or '(without a name)'}"


def texts(value: Data) -> dict[str, str]:
    """Labels or annotations; values that are no text are left out."""
    return {key: one for key, one in mapping(value).items() if isinstance(one, str)}


def labels(data: Data) -> dict[str, str]:
    """The labels of an object or of a pod template."""
    return texts(metadata(data).get("labels"))


def annotation_texts(data: Data) -> dict[str, str]:
    """The annotations of an object or of a pod template."""
    return texts(metadata(data).get("annotations"))


def template_path(data: Data) -> Path | None:
    """Where the pod template (metadata and spec of the pods) is; `None` for what has no pods that we know of."""
    return _TEMPLATES.get((group(data), kind(data)))


def template(data: Data) -> dict[str, Data] | None:
    """The pod template; a Pod is its own. `None` as `template_path` has it, or if there is none."""
    path = template_path(data)
    found = at(data, path) if path is not None else None
    return found if isinstance(found, dict) else None


def pod_spec(pod_template: Data) -> dict[str, Data]:
    """The pods' spec."""
    return mapping(mapping(pod_template).get("spec"))


def containers(pod_template: Data) -> list[dict[str, Data]]:
    """The containers that run beside each other; init containers are not among them."""
    return items(pod_spec(pod_template).get("containers"))


def native_sidecars(pod_template: Data) -> list[dict[str, Data]]:
    """The init containers that go on running."""
    return [one for one in items(pod_spec(pod_template).get("initContainers")) if one.get("restartPolicy") == "Always"]


def ports(container: Data) -> list[dict[str, Data]]:
    """The ports that a container declares."""
    return items(mapping(container).get("ports"))


def protocol(port: Data) -> str:
    """Of a container's or Service's port; TCP unless it says another."""
    return str(mapping(port).get("protocol") or "TCP")


def port_number(pod_template: Data, wanted: Data, wanted_protocol: str = "TCP") -> int | None:
    """The number that a Service's `targetPort` leads to: itself, or that of the first port of that name."""
    if isinstance(wanted, int) and not isinstance(wanted, bool):
        return wanted
    for container in (*containers(pod_template), *native_sidecars(pod_template)):
        for port in ports(container):
            if port.get("name") == wanted and protocol(port) == wanted_protocol:
                number = port.get("containerPort")
                return number if isinstance(number, int) else None
    return None


def selects(service: Data, pod_template: Data) -> bool:
    """Whether a Service leads to such pods; one without a selector, or an ExternalName, leads to none."""
    spec = mapping(mapping(service).get("spec"))
    selector = mapping(spec.get("selector"))
    own = labels(pod_template)
    return bool(
        is_a(service, "", "Service")
        and spec.get("type") != "ExternalName"
        and selector
        and all(own.get(key) == value for key, value in selector.items())
    )


def is_list(data: Data) -> bool:
    """Whether it is a `kind: List` (or `ServiceList` and the like) of other objects."""
    return (
        kind(data).endswith("List") and isinstance(mapping(data).get("items"), list) and not mapping(data).get("spec")
    )


def each(data: Data, path: Path = ()) -> Iterator[tuple[Path, dict[str, Data]]]:
    """The objects of a document, with their paths: itself, or the items of a List, Lists in Lists too."""
    if is_list(data):
        for index, one in enumerate(data["items"]):
            yield from each(one, (*path, "items", index))
    elif isinstance(data, dict):
        yield path, data
