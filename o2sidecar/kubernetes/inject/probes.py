"""The app's probes and hooks: by number where a port's name moves away, by the metrics port where its own is closed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from o2sidecar.kubernetes.container import METRICS_PORT
from o2sidecar.kubernetes.difference import plain
from o2sidecar.kubernetes.edits import Edits
from o2sidecar.kubernetes.objects import MESH, at, containers, mapping, ports
from o2sidecar.kubernetes.operations import Data
from o2sidecar.kubernetes.ways import Way
from o2sidecar.settings.probe_relays import ProbeRelay

_PROBES = {
    "liveness": ("livenessProbe",),
    "readiness": ("readinessProbe",),
    "startup": ("startupProbe",),
    "preStop": ("lifecycle", "preStop"),
    "postStart": ("lifecycle", "postStart"),
}
"""What a relay calls it, and where it is in a container."""


@frozen(kw_only=True)
class Handler:
    """One way in which kubelet asks a container: `how` is `httpGet`, `tcpSocket` or `grpc`, with its `data`."""

    container: str
    kind: str
    way: Way
    how: str
    data: dict[str, Any]


def handlers(template: Data) -> Iterator[Handler]:
    """All that kubelet asks over the network, in the order of the containers."""
    for container in containers(template):
        for kind, path in _PROBES.items():
            for how in ("httpGet", "tcpSocket", "grpc"):
                data = at(container, (*path, how))
                if isinstance(data, dict):
                    name = str(container.get("name"))
                    way = ("spec", "containers", {"name": name}, *path, how)
                    yield Handler(container=name, kind=kind, way=way, how=how, data=data)


def by_number(edits: Edits, container: str, name: str, number: int) -> None:
    """Have a container's probes ask a port by its number, when its name becomes the sidecar's."""
    for handler in list(handlers(plain(edits.root))):
        if handler.container == container and handler.data.get("port") == name:
            edits.set((*handler.way, "port"), number)


def relayed(edits: Edits, *, native: bool) -> tuple[list[str], list[tuple[Way, str]]]:
    """Have probes come by the sidecar's metrics port.

    The sidecar's `--probe-relay` values, and what stays as it is, with the reason.
    """
    relays: list[str] = []
    left: list[tuple[Way, str]] = []
    for handler in list(handlers(plain(edits.root))):
        if handler.container in MESH:
            continue
        reason = _cannot_be_relayed(handler, native)
        number = _number(plain(edits.root), handler)
        if reason or number is None:
            left.append((handler.way, reason or f"its port {handler.data.get('port')!r} is not declared"))
            continue
        path = str(handler.data.get("path") or "/")
        path = path if path.startswith("/") else f"/{path}"
        relay = f"{handler.container}/{handler.kind}=http://127.0.0.1:{number}{path}"
        try:
            ProbeRelay.parse(relay)
        except ValueError:
            left.append((handler.way, f"its path {path!r} is none that could be relayed"))
            continue
        relays.append(relay)
        edits.set((*handler.way, "path"), f"/probe/{handler.container}/{handler.kind}")
        edits.set((*handler.way, "port"), METRICS_PORT)
    return relays, left


def _cannot_be_relayed(handler: Handler, native: bool) -> str:
    if handler.how != "httpGet":
        return f"{handler.how} probes are not relayed"
    if str(handler.data.get("scheme") or "HTTP").upper() != "HTTP":
        return "probes over TLS are not relayed"
    if handler.data.get("host"):
        return "it asks another host"
    if handler.kind == "postStart" and not native:
        return "the sidecar may not run yet when it is called; it does with --mode native"
    return ""


def _number(template: Data, handler: Handler) -> int | None:
    port = handler.data.get("port")
    if isinstance(port, int):
        return port
    for container in containers(template):
        if container.get("name") == handler.container:
            for one in ports(container):
                if one.get("name") == port and isinstance(number := mapping(one).get("containerPort"), int):
                    return number
    return None
