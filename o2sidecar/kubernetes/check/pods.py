"""Rules about the proxy as a container: probes, resources, what it may do, where it listens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from o2sidecar.kubernetes.check.policies import closed_to_others
from o2sidecar.kubernetes.check.rule import Remark, error, warning
from o2sidecar.kubernetes.check.scene import Scene
from o2sidecar.kubernetes.check.thing import dig, items, mapping, numbered, text
from o2sidecar.kubernetes.check.workloads import Container, Pod

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_EVERYWHERE = ("0.0.0.0", "[::]", "*")  # noqa: S104 (compared, not bound)
_ADDRESS_FLAGS = ("listen", "bind", "addr", "address", "host")


def _sidecars(scene: Scene) -> Iterator[tuple[Pod, Container]]:
    for pod in scene.guarded:
        for sidecar in pod.sidecars():
            yield pod, sidecar


def _probes(scene: Scene) -> Iterator[Remark]:
    for pod, sidecar in _sidecars(scene):
        missing = [probe for probe in ("readinessProbe", "livenessProbe") if not sidecar.data.get(probe)]
        if missing and pod.thing.kind not in ("Job", "CronJob"):
            sentence = f"container {sidecar.name} has no {' and no '.join(missing)}"
            yield Remark(sentence=sentence, thing=pod.thing, path=sidecar.path)


def _readiness(scene: Scene) -> Iterator[Remark]:
    for pod, sidecar in _sidecars(scene):
        if dig(sidecar.data, "readinessProbe", "httpGet", "path") == "/ping":
            sentence = "the readiness probe asks /ping, which answers as soon as there is a process"
            yield Remark(sentence=sentence, thing=pod.thing, path=(*sidecar.path, "readinessProbe"))


def _resources(scene: Scene) -> Iterator[Remark]:
    for pod, sidecar in _sidecars(scene):
        requests, limits = (mapping(dig(sidecar.data, "resources", part)) for part in ("requests", "limits"))
        missing = [f"requests.{name}" for name in ("cpu", "memory") if name not in {**limits, **requests}]
        missing += ["limits.memory"] if "memory" not in limits else []
        if missing:
            sentence = f"container {sidecar.name} has no {', '.join(missing)}"
            yield Remark(sentence=sentence, thing=pod.thing, path=sidecar.path)


def _contexts(pod: Pod, sidecar: Container) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return mapping(sidecar.data.get("securityContext")), mapping(pod.spec.get("securityContext"))


def _may_too_much(scene: Scene) -> Iterator[Remark]:
    for pod, sidecar in _sidecars(scene):
        own, whole = _contexts(pod, sidecar)
        missing = []
        if own.get("runAsNonRoot", whole.get("runAsNonRoot")) is not True:
            missing.append("runAsNonRoot: true")
        if own.get("allowPrivilegeEscalation") is not False:
            missing.append("allowPrivilegeEscalation: false")
        if own.get("readOnlyRootFilesystem") is not True:
            missing.append("readOnlyRootFilesystem: true")
        if "ALL" not in items(dig(own, "capabilities", "drop")):
            missing.append("capabilities: {drop: [ALL]}")
        if missing:
            sentence = f"container {sidecar.name} lacks {', '.join(missing)} in its securityContext"
            yield Remark(sentence=sentence, thing=pod.thing, path=sidecar.path)


def _seccomp(scene: Scene) -> Iterator[Remark]:
    for pod, sidecar in _sidecars(scene):
        kinds = [dig(context, "seccompProfile", "type") for context in _contexts(pod, sidecar)]
        if not {"RuntimeDefault", "Localhost"} & {kind for kind in kinds if isinstance(kind, str)}:
            sentence = f"container {sidecar.name} has no seccompProfile"
            yield Remark(sentence=sentence, thing=pod.thing, path=sidecar.path)


def _latest(scene: Scene) -> Iterator[Remark]:
    for pod in scene.guarded:
        for container in pod.containers():
            image = text(container.data.get("image"))
            tag = image.rpartition("/")[2].partition(":")[2]
            if image and "@" not in image and tag in ("", "latest"):
                sentence = f"container {container.name} has the image {image}, which is another one tomorrow"
                yield Remark(sentence=sentence, thing=pod.thing, path=(*container.path, "image"))


def _on_loopback(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.proxies:
        address = configuration.values["http_address"].removeprefix("http://")
        secured = configuration.values["tls_cert_file"] or configuration.values["force_https"]
        structured = any(str(word).startswith("--alpha-config") for word in _arguments(configuration.container))
        if not configuration.whole or secured or structured or not address.startswith(_LOOPBACK):
            continue
        assert configuration.pod is not None
        if list(scene.services_of(configuration.pod)):
            sentence = f"the proxy listens on {address} only, where no Service reaches it"
            yield configuration.remark(sentence, "http_address")


def _arguments(container: Container | None) -> list[Any]:
    return items(container.data.get("args")) if container is not None else []


def _same_port(scene: Scene) -> Iterator[Remark]:
    for pod in scene.guarded:
        owners: dict[int, Container] = {}
        for container in pod.containers():
            for path, port in numbered(container.data, "ports"):
                number = port.get("containerPort")
                if not isinstance(number, int) or port.get("protocol", "TCP") != "TCP":
                    continue
                if (first := owners.setdefault(number, container)) is not container:
                    sentence = f"containers {first.name} and {container.name} both want port {number}"
                    yield Remark(sentence=sentence, thing=pod.thing, path=(*container.path, *path))


def _host_network(scene: Scene) -> Iterator[Remark]:
    for pod in scene.guarded:
        if pod.spec.get("hostNetwork") is True and pod.apps():
            sentence = (
                "with hostNetwork 127.0.0.1 and the proxy's port are the node's: everything on it reaches the app"
            )
            yield Remark(sentence=sentence, thing=pod.thing, path=(*pod.path, "spec", "hostNetwork"))


def _open_app(scene: Scene) -> Iterator[Remark]:
    for pod in scene.guarded:
        if closed_to_others(scene, pod):
            continue
        for app in pod.apps():
            for part in ("args", "command"):
                for index, word in enumerate(items(app.data.get(part))):
                    if _listens_everywhere(str(word)):
                        sentence = (
                            f"container {app.name} listens on all addresses ({str(word)[:60]}), so that every pod"
                            " of the cluster reaches it past the proxy"
                        )
                        yield Remark(sentence=sentence, thing=pod.thing, path=(*app.path, part, index))


def _listens_everywhere(word: str) -> bool:
    """Whether an argument says that a program listens on every address: `-listen=:8080`, `--bind=0.0.0.0:80`."""
    flag, _, value = word.partition("=")
    if not flag.startswith("-") or flag.strip("-").rpartition("-")[2] not in _ADDRESS_FLAGS:
        return False
    return value.startswith(":") or value.startswith(_EVERYWHERE)


RULES = (
    warning(
        "O2S070",
        "The proxy has no probes",
        "Kubernetes sends people to a proxy that is not ready, and leaves one alone that hangs.",
        "Add readinessProbe (/ready) and livenessProbe (/ping).",
        _probes,
    ),
    warning(
        "O2S071",
        "The readiness probe asks /ping",
        "/ping says that there is a process, not that it can serve: people are sent to it too early.",
        "Ask /ready.",
        _readiness,
    ),
    warning(
        "O2S072",
        "The proxy has no resources",
        "Without requests it is the first to be evicted; without a memory limit it can take the node along. A"
        " LimitRange or a quota may refuse the pod.",
        "Set requests for cpu and memory, and a limit for memory: 20m, 64Mi, 192Mi.",
        _resources,
    ),
    warning(
        "O2S073",
        "The proxy may do more than it needs",
        "It needs no root, no capability and no writable file system; the `restricted` standard demands it.",
        "Take the securityContext that `o2sidecar inject` writes.",
        _may_too_much,
    ),
    warning(
        "O2S074",
        "The proxy has no seccomp profile",
        "The `restricted` Pod Security Standard refuses such a pod.",
        "Set seccompProfile: {type: RuntimeDefault}.",
        _seccomp,
    ),
    warning(
        "O2S075",
        "An image without a version",
        "The next pod may run another program than the last one, and nobody can go back.",
        "Name a version, or better a digest.",
        _latest,
    ),
    error(
        "O2S076",
        "The proxy listens on loopback only",
        "oauth2-proxy's default is 127.0.0.1:4180, which nothing outside of the pod reaches.",
        "Set http_address to 0.0.0.0:4180.",
        _on_loopback,
    ),
    error(
        "O2S077",
        "Two containers want the same port",
        "The containers of a pod share its addresses: the second one cannot listen, and the pod never becomes ready.",
        "Move one of them: http_address for the proxy.",
        _same_port,
    ),
    error(
        "O2S078",
        "A guarded pod uses the node's network",
        "The app's port is a port of the node, and so is the proxy's.",
        "Take hostNetwork out.",
        _host_network,
    ),
    warning(
        "O2S079",
        "The app listens on all addresses",
        "A Service that leads to the proxy keeps nobody from asking the pod's own address: `-listen=:8080` is every"
        " address, not loopback. This is a warning, though a way past the proxy: without a"
        " NetworkPolicy every pod with a sidecar has the app's port on its address, so an error would refuse them all.",
        "Let it listen on 127.0.0.1, or close its port with a NetworkPolicy (`o2sidecar inject --restrict-network`).",
        _open_app,
    ),
)
