"""Whether pods and Services are built as Kubernetes has them, as far as an injection looks at them or changes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from o2sidecar.kubernetes.inject.wishes import Misuse
from o2sidecar.kubernetes.operations import Data
from o2sidecar.kubernetes.ways import Way, way_text

_TEXT = (str,)
_NUMBER = (int,)
_REFERENCE = (int, str)
_ANYTHING = [None]
_NAMED = [{"name!": _TEXT}]
_HTTP_GET = {"httpGet": {"path": _TEXT, "port": _REFERENCE}}
_CONTAINER = {
    "name!": _TEXT,
    "command": _ANYTHING,
    "args": _ANYTHING,
    "env": _NAMED,
    "envFrom": [{}],
    "ports": [{"name": _TEXT, "containerPort!": _NUMBER, "protocol": _TEXT}],
    "volumeMounts": _NAMED,
    **dict.fromkeys(("startupProbe", "readinessProbe", "livenessProbe"), _HTTP_GET),
    "lifecycle": {"preStop": _HTTP_GET, "postStart": _HTTP_GET},
}
_METADATA: Any = {"labels": {}, "annotations": {}}
_PODS: Any = {
    "metadata": _METADATA,
    "spec": {
        "containers": [_CONTAINER],
        "initContainers": [_CONTAINER],
        "ephemeralContainers": [_CONTAINER],
        "volumes": _NAMED,
    },
}
_PORT = {"name": _TEXT, "port!": _NUMBER, "targetPort": _REFERENCE, "protocol": _TEXT, "appProtocol": _TEXT}
_SERVICE: Any = {"metadata": _METADATA, "spec": {"ports": [_PORT]}}
_CALLED = {str: "a text", int: "a number", dict: "a mapping", list: "a list"}


def misfits_of_pods(template: Data) -> Iterator[Misuse]:
    """What is of another kind than Kubernetes wants it, in a pod template."""
    yield from _misfits(template, _PODS, ())


def misfits_of_service(service: Data) -> Iterator[Misuse]:
    """The same of a Service."""
    yield from _misfits(service, _SERVICE, ())


def _misfits(value: Data, shape: Any, way: Way) -> Iterator[Misuse]:
    """A shape is a tuple of kinds, a list with the shape of its items, or a mapping, `!` behind keys that must be."""
    kinds = shape if isinstance(shape, tuple) else (type(shape),)
    if type(value) not in kinds:
        yield Misuse(way=way, sentence=f"{way_text(way)} has to be {' or '.join(_CALLED[kind] for kind in kinds)}")
    elif isinstance(shape, list) and shape[0] is not None:
        for item in value:
            name = item.get("name") if isinstance(item, dict) else None
            yield from _misfits(item, shape[0], (*way, {"name": name} if isinstance(name, str) else {}))
    elif isinstance(shape, dict):
        for key, inner in shape.items():
            own = key.removesuffix("!")
            if own != key or value.get(own) is not None:
                yield from _misfits(value.get(own), inner, (*way, own))
