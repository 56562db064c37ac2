"""Rules about Services: ways round the proxy, and ports that lead nowhere."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from o2sidecar.kubernetes.check.rule import Remark, error, warning
from o2sidecar.kubernetes.check.scene import Scene
from o2sidecar.kubernetes.check.thing import Thing, numbered, text
from o2sidecar.kubernetes.check.workloads import Container, Pod
from o2sidecar.kubernetes.operations import Path

_PROTOCOLS = re.compile(r"(?:http|https|http2|grpc|grpc-web|tcp|tls|udp|mongo|mysql|redis)(?:-.*)?")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NOT_FOR_PEOPLE = ("metrics", "monitoring", "prometheus")


def _ports(scene: Scene) -> Iterator[tuple[Pod, Thing, Path, Mapping[str, Any]]]:
    """Every port of a Service that leads to guarded pods."""
    for pod in scene.guarded:
        for service in scene.services_of(pod):
            for path, port in numbered(service.data, "spec", "ports"):
                yield pod, service, path, port


def _target(port: Mapping[str, Any]) -> Any:
    return port.get("targetPort", port.get("port"))


def _round_the_proxy(scene: Scene) -> Iterator[Remark]:
    for pod, service, path, port in _ports(scene):
        wanted = _target(port)
        container, number = pod.port(wanted)
        if port.get("protocol", "TCP") != "TCP":
            continue
        if _is_metrics(port, container, number) and number not in _upstreams(scene, pod):
            continue
        own = _own_ports(pod)
        if container is None and isinstance(wanted, int) and wanted not in own and not pod.apps():
            continue
        if (container is not None and not container.program) or (
            container is None and isinstance(wanted, int) and wanted not in own
        ):
            whom = f"container {container.name}" if container is not None else f"port {wanted} of the pod"
            sentence = (
                f"port {port.get('port')} leads to {whom}, past the proxy of {pod.thing.title}:"
                " everybody who reaches it is in without a sign-in"
            )
            yield Remark(sentence=sentence, thing=service, path=path)


def _own_ports(pod: Pod) -> set[int]:
    return {number for sidecar in pod.sidecars() for number in sidecar.ports()} | {4180, 44180}


def _upstreams(scene: Scene, pod: Pod) -> set[int]:
    """The ports within the pod that its proxies lead to: the app's own pages, whatever a port is called."""
    found = set()
    for proxy in scene.proxies:
        for upstream in proxy.values["upstreams"] if proxy.pod is pod else ():
            with contextlib.suppress(ValueError):
                url = urlsplit(upstream)
                if url.hostname in _LOOPBACK:
                    found.add(url.port or {"http": 80, "https": 443}.get(url.scheme, 0))
    return found


def _is_metrics(port: Mapping[str, Any], container: Container | None, number: int) -> bool:
    """A port of the app's that says it is for monitoring."""
    name = text(port.get("name")) or (container.ports().get(number, "") if container is not None else "")
    return any(word in name for word in _NOT_FOR_PEOPLE)


def _nowhere(scene: Scene) -> Iterator[Remark]:
    for pod, service, path, port in _ports(scene):
        wanted = _target(port)
        if isinstance(wanted, str) and pod.port(wanted)[0] is None:
            sentence = f"targetPort {wanted} is no port of a container of {pod.thing.title}: 503 for everybody"
            yield Remark(sentence=sentence, thing=service, path=path)


def _unnamed(scene: Scene) -> Iterator[Remark]:
    for service in scene.of("Service"):
        ports = list(numbered(service.data, "spec", "ports"))
        for path, port in ports if len(ports) > 1 else ():
            if not port.get("name"):
                sentence = f"port {port.get('port')} has no name, and with several ports each must have one"
                yield Remark(sentence=sentence, thing=service, path=path)


def _protocol(scene: Scene) -> Iterator[Remark]:
    for _, service, path, port in _ports(scene):
        name = text(port.get("name"))
        if not port.get("appProtocol") and not _PROTOCOLS.fullmatch(name):
            sentence = f"port {port.get('port')} ({name or 'unnamed'}) says no protocol, so Istio has to guess it"
            yield Remark(sentence=sentence, thing=service, path=path)


RULES = (
    error(
        "O2S050",
        "A Service leads past the proxy",
        "Whoever reaches this port, in the cluster or from outside, is in the app without a session, and can say in"
        " X-Forwarded-Email who they are.",
        "Set targetPort to the proxy's port (`o2sidecar inject` does), or take the port out of the Service.",
        _round_the_proxy,
    ),
    error(
        "O2S051",
        "A Service's port leads nowhere",
        "The name is no port of these pods, so there is no endpoint, and the gateway answers 503.",
        "Use the name that the proxy's port has in its container: o2sidecar.",
        _nowhere,
    ),
    error(
        "O2S052",
        "A Service with several ports has one without a name",
        "The API server refuses it; a script that hides the message leaves the old Service in place.",
        "Give every port a name.",
        _unnamed,
    ),
    warning(
        "O2S053",
        "A port's protocol has to be guessed",
        "Istio reads the protocol from appProtocol or from the beginning of the port's name; `proxy` says nothing.",
        "Set appProtocol: http, or call the port http-proxy.",
        _protocol,
    ),
)
