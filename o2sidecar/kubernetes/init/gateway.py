"""Istio's way in: a Gateway that ends TLS, and the route to the host of a shared callback."""

from __future__ import annotations

from typing import Any

from o2sidecar.kubernetes.init.realm import NewGateway, Realm
from o2sidecar.kubernetes.virtual_service import API_VERSION, virtual_service_spec


def gateway(realm: Realm, new: NewGateway) -> dict[str, Any]:
    """The Gateway for all hosts below the domain: by https with the certificate of the Secret, and http leads there."""
    key, value = new.selector
    hosts = [f"*.{realm.domain}"]
    return {
        "apiVersion": API_VERSION,
        "kind": "Gateway",
        "metadata": {"name": new.name, "namespace": new.namespace},
        "spec": {
            "selector": {key: value},
            "servers": [
                {
                    "port": {"number": 80, "name": "http", "protocol": "HTTP"},
                    "hosts": hosts,
                    "tls": {"httpsRedirect": True},
                },
                {
                    "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
                    "hosts": hosts,
                    "tls": {"mode": "SIMPLE", "credentialName": new.tls_secret, "minProtocolVersion": "TLSV1_2"},
                },
            ],
        },
    }


def route(*, name: str, namespace: str, host: str, gateway: str, port: int) -> dict[str, Any]:
    """The VirtualService from a host to a Service of the same name."""
    return {
        "apiVersion": API_VERSION,
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": virtual_service_spec(
            service=name, namespace=namespace, port=port, hosts=[host], gateway=gateway, has_app=False
        ),
    }
