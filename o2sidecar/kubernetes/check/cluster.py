"""What a cluster has, by `kubectl get … -o json`; nothing is changed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from o2sidecar.kubernetes.check.scene import External
from o2sidecar.kubernetes.check.thing import Thing, dig, mapping, numbered, text
from o2sidecar.kubernetes.findings import Place
from o2sidecar.kubernetes.inject.wishes import INJECT

KINDS = {
    "Deployment": "deployments.apps",
    "StatefulSet": "statefulsets.apps",
    "DaemonSet": "daemonsets.apps",
    "CronJob": "cronjobs.batch",
    "ReplicaSet": "replicasets.apps",
    "Job": "jobs.batch",
    "Pod": "pods",
    "Service": "services",
    "ConfigMap": "configmaps",
    "Secret": "secrets",
    "Ingress": "ingresses.networking.k8s.io",
    "NetworkPolicy": "networkpolicies.networking.k8s.io",
    "VirtualService": "virtualservices.networking.istio.io",
    "Gateway": "gateways.networking.istio.io",
    "EnvoyFilter": "envoyfilters.networking.istio.io",
    "AuthorizationPolicy": "authorizationpolicies.security.istio.io",
    "HTTPRoute": "httproutes.gateway.networking.k8s.io",
    "Gateway (Gateway API)": "gateways.gateway.networking.k8s.io",
    "Certificate": "certificates.cert-manager.io",
    "Issuer": "issuers.cert-manager.io",
    "ClusterIssuer": "clusterissuers.cert-manager.io",
    "PrometheusRule": "prometheusrules.monitoring.coreos.com",
}
"""Kinds of objects that are judged, and kubectl's names for them."""

_TIMEOUT = 60.0
_NO_SUCH_KIND = ("doesn't have a resource type", "could not find the requested resource")
_OF_NO_INTEREST = "type!=helm.sh/release.v1"


class ClusterUnreachable(Exception):
    """kubectl is not there, or reads nothing; the text says why."""


@frozen(kw_only=True)
class Answer:
    """What the cluster has.

    Attributes:
        things: its objects.
        external: kinds that may not be read, and so are taken to be there.
        notes: a sentence for each of these.
    """

    things: tuple[Thing, ...]
    external: tuple[External, ...]
    notes: tuple[str, ...]


def read_cluster(namespace: str = "", *, kubectl: str = "kubectl") -> Answer:
    """The objects of a namespace, or of all; raises `ClusterUnreachable` if not one kind can be read."""
    things: list[Thing] = []
    external, notes = [], []
    readable = False
    for kind, resource in KINDS.items():
        where = ["-n", namespace] if namespace else ["--all-namespaces"]
        selected = ["--field-selector", _OF_NO_INTEREST] if kind == "Secret" else []
        status, out, problem = _run([kubectl, "get", resource, *where, *selected, "-o", "json"])
        if status == 0:
            readable = True
            things += _things(out, resource)
        elif not any(words in problem for words in _NO_SUCH_KIND):
            external.append(External(kind=kind.partition(" ")[0].lower(), name="*"))
            notes.append(f"{resource} cannot be read: {_first_line(problem)}")
    if not readable:
        raise ClusterUnreachable("\n".join(dict.fromkeys(notes)) or "kubectl knows none of the kinds")
    return Answer(things=tuple(things), external=tuple(external), notes=tuple(notes))


def _run(command: Sequence[str]) -> tuple[int, str, str]:
    try:
        done = subprocess.run(  # noqa: S603 (the arguments are ours, and there is no shell)
            command, capture_output=True, text=True, timeout=_TIMEOUT, check=False, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise ClusterUnreachable(f"there is no {command[0]} on the PATH") from None
    except subprocess.TimeoutExpired:
        return 1, "", f"no answer within {_TIMEOUT:.0f} seconds"
    return done.returncode, done.stdout, done.stderr


def _things(out: str, resource: str) -> Iterator[Thing]:
    try:
        answer = json.loads(out)
    except ValueError:
        raise ClusterUnreachable(f"kubectl gives no JSON for {resource}") from None
    seen: set[object] = set()
    for _, item in numbered(answer, "items"):
        if (owner := _controller(item)) is not None:
            # A workload is judged by its own template; only what a webhook has put into its pods is not in that.
            if INJECT not in mapping(dig(item, "metadata", "labels")) or owner in seen:
                continue
            seen.add(owner)
        namespace = dig(item, "metadata", "namespace")
        place = Place(name=f"cluster:{resource}/{namespace}/{dig(item, 'metadata', 'name')}")
        yield Thing(data=item, at=lambda path, place=place: place)  # type: ignore[misc]


def _controller(item: Mapping[str, Any]) -> tuple[str, str] | None:
    """The workload among the kinds that are read that has made an object, such as the ReplicaSet of a Pod."""
    for _, owner in numbered(item, "metadata", "ownerReferences"):
        if owner.get("controller") is True and owner.get("kind") in KINDS:
            return text(dig(item, "metadata", "namespace")), text(owner.get("uid"))
    return None


def _first_line(said: str) -> str:
    return next((line.strip() for line in said.splitlines() if line.strip()), "no reason given")[:200]
