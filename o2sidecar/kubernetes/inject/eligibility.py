"""Which objects get a sidecar: which are left alone, and which cannot have one, with the reason."""

from __future__ import annotations

from collections.abc import Iterator

from o2sidecar.kubernetes.container import (
    CONFIG_VOLUME,
    METRICS_PORT,
    METRICS_PORT_NAME,
    NAME,
    PORT,
    SECRET_VOLUME,
)
from o2sidecar.kubernetes.inject.wishes import Misuse, Wishes
from o2sidecar.kubernetes.objects import (
    at,
    containers,
    group,
    is_a,
    items,
    kind,
    labels,
    mapping,
    metadata,
    native_sidecars,
    pod_spec,
    ports,
)
from o2sidecar.kubernetes.operations import Data
from o2sidecar.kubernetes.ways import Way

_HOOKS = ("helm.sh/hook", "argocd.argoproj.io/hook")
_LEAVE_OUT = 'the label o2sidecar/inject: "false" of its pod template leaves it out'


def hook(data: Data) -> str:
    """The annotation that makes it a hook of Helm's or Argo CD's; empty if it is none."""
    return next((key for key in _HOOKS if key in mapping(metadata(data).get("annotations"))), "")


def foreign_workload(data: Data) -> str:
    """Why an object of another kind that has pods cannot have a sidecar; empty if it is none."""
    if group(data) == "serving.knative.dev":
        return (
            "Knative gives every pod a proxy of its own and routes to one port of one container, which would go past "
            "the sidecar; put o2sidecar before the Knative Service, as a Deployment"
        )
    if is_a(data, "argoproj.io", "Rollout"):
        return "Argo Rollouts are not supported; have the Rollout refer to a Deployment (workloadRef), and inject that"
    return ""


def foreign_template(data: Data) -> Data:
    """The pod template of such an object, for its label."""
    return at(data, ("spec", "template"))


def runs_to_an_end(data: Data, template: Data) -> bool:
    """Whether the pods are to end by themselves."""
    return kind(data) in ("Job", "CronJob") or pod_spec(template).get("restartPolicy") in ("Never", "OnFailure")


def obstacles(data: Data, template: Data, wishes: Wishes) -> Iterator[Misuse]:
    """Why these pods cannot have a sidecar, or not as it is wished."""
    spec = pod_spec(template)
    if spec.get("hostNetwork") is True:
        yield Misuse(
            way=("spec", "hostNetwork"),
            sentence="hostNetwork: ports 4180 and 44180 and the app's loopback would be the node's; " + _LEAVE_OUT,
        )
    if _is_windows(spec):
        yield Misuse(way=("spec",), sentence="its pods run on Windows, where o2sidecar does not; " + _LEAVE_OUT)
    flags = wishes.flags
    if runs_to_an_end(data, template) and not (flags.force and flags.mode != "container"):
        yield Misuse(
            way=("spec",),
            sentence="its pods run to an end, which a sidecar beside them would keep them from; only a native one "
            f"would not (--mode native --force), and few Jobs serve HTTP: {_LEAVE_OUT}",
        )
    if not containers(template):
        yield Misuse(way=("spec",), sentence="its pods have no containers")
    if flags.restrict_network and not labels(template):
        yield Misuse(way=(), sentence="its pods have no labels, by which a NetworkPolicy could select them")


def conflicts(template: Data) -> Iterator[Misuse]:
    """Names and ports of ours that the pods have already; the former proxy and our own container are out of them."""
    spec = pod_spec(template)
    for key in ("containers", "initContainers", "ephemeralContainers"):
        for one in items(spec.get(key)):
            if one.get("name") == NAME:
                yield Misuse(
                    way=("spec", key, {"name": NAME}),
                    sentence=f"there is a container {NAME} already that inject did not put there; {_LEAVE_OUT}",
                )
    for one in items(spec.get("volumes")):
        if one.get("name") in (CONFIG_VOLUME, SECRET_VOLUME):
            yield Misuse(
                way=("spec", "volumes", {"name": one["name"]}),
                sentence=f"there is a volume {one['name']} already that inject did not put there; give it another name",
            )
    for container in (*containers(template), *native_sidecars(template)):
        for port in ports(container):
            number, name = port.get("containerPort"), port.get("name")
            way: Way = ("spec", "containers", {"name": container.get("name")}, "ports", {"containerPort": number})
            if number in (PORT, METRICS_PORT):
                yield Misuse(
                    way=way,
                    sentence=f"container {container.get('name')} uses port {number}, which is the sidecar's; have it "
                    "listen on another one",
                )
            if name in (NAME, METRICS_PORT_NAME):
                yield Misuse(
                    way=way,
                    sentence=f"container {container.get('name')} has a port named {name}, which is the sidecar's name; "
                    "give it another one",
                )


def _is_windows(spec: Data) -> bool:
    selector = mapping(spec.get("nodeSelector"))
    if mapping(spec.get("os")).get("name") == "windows":
        return True
    if "windows" in (selector.get("kubernetes.io/os"), selector.get("beta.kubernetes.io/os")):
        return True
    required = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
    return any(
        one.get("key") == "kubernetes.io/os" and one.get("operator") == "In" and one.get("values") == ["windows"]
        for term in items(at(spec, required))
        for one in items(term.get("matchExpressions"))
    )
