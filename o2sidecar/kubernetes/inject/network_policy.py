"""The NetworkPolicy that leaves no way to protected pods but the sidecar's."""

from __future__ import annotations

from collections.abc import Mapping

from o2sidecar.kubernetes.container import METRICS_PORT, PORT
from o2sidecar.kubernetes.objects import at, labels, mapping, template, texts
from o2sidecar.kubernetes.operations import Data


def selector(data: Data) -> dict[str, str]:
    """The labels that select a workload's pods: its own selector's, else all of theirs."""
    said = mapping(at(data, ("spec", "selector")))
    return texts(said.get("matchLabels")) or labels(template(data))


def network_policy(name: str, namespace: str, selected: Mapping[str, str], monitoring: str) -> Data:
    """For the pods that are selected: 4180 is open, metrics to one namespace; what pods may reach is not touched."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": f"{name}-o2sidecar",
            **({"namespace": namespace} if namespace else {}),
        },
        "spec": {
            "podSelector": {"matchLabels": dict(selected)},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"ports": [{"port": PORT, "protocol": "TCP"}]},
                {
                    "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": monitoring}}}],
                    "ports": [{"port": METRICS_PORT, "protocol": "TCP"}],
                },
            ],
        },
    }
