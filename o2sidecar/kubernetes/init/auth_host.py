"""The host of a callback that all apps share: sidecars in front of nothing, which always run, and the way to them."""

from __future__ import annotations

from typing import Any

from o2sidecar.kubernetes.container import NAME, PORT, SidecarSpec
from o2sidecar.kubernetes.init.gateway import route
from o2sidecar.kubernetes.init.realm import Realm

_AUTH = "auth"
_LABELS = {"app": _AUTH}
_NO_APP = "--upstream=static://200"
"""Who signs in there without having wanted to go to an app is told that it worked."""


def auth_host(realm: Realm, config_map: dict[str, Any], secret: dict[str, Any]) -> list[dict[str, Any]]:
    """What runs there, in the first namespace of the realm; `config_map` and `secret` are that namespace's."""
    namespace = realm.namespaces[0]
    metadata = {"name": _AUTH, "namespace": namespace}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "selector": _LABELS,
            "ports": [{"name": "http", "port": PORT, "targetPort": NAME, "appProtocol": "http"}],
        },
    }
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata,
        "spec": {"minAvailable": 1, "selector": {"matchLabels": _LABELS}},
    }
    return [_deployment(realm, metadata, config_map, secret), service, budget]


def way_there(realm: Realm) -> dict[str, Any]:
    """The route from the Gateway."""
    namespace = realm.namespaces[0]
    return route(name=_AUTH, namespace=namespace, host=realm.auth_host, gateway=realm.gateway_reference, port=PORT)


def arguments(realm: Realm) -> list[str]:
    """The arguments of the sidecar there."""
    found: list[str] = _container(realm)["args"]
    return found


def _spec(realm: Realm) -> SidecarSpec:
    return SidecarSpec(app_port=8080, hosts=(realm.auth_host,) if realm.auth_host else ())


def _container(realm: Realm) -> dict[str, Any]:
    container = _spec(realm).container
    args = [_NO_APP if argument.startswith("--upstream=") else argument for argument in container["args"]]
    return container | {"args": args}


def _deployment(
    realm: Realm, metadata: dict[str, Any], config_map: dict[str, Any], secret: dict[str, Any]
) -> dict[str, Any]:
    spec = _spec(realm)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": _LABELS},
            "template": {
                "metadata": {
                    "labels": {**_LABELS, "o2sidecar/inject": "false"},
                    "annotations": {"o2sidecar/config-hash": spec.config_hash(config_map, secret)},
                },
                "spec": {
                    "automountServiceAccountToken": False,
                    # Five seconds of draining and twenty-five for running requests, and some to end.
                    "terminationGracePeriodSeconds": 40,
                    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
                    "containers": [_container(realm)],
                    "volumes": spec.volumes,
                },
            },
        },
    }
