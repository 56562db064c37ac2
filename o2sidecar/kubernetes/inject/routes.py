"""How people come to a Service from outside: VirtualService, HTTPRoute or Ingress, without retries of callbacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from o2sidecar.kubernetes.inject.options import InjectOptions
from o2sidecar.kubernetes.operations import Data
from o2sidecar.kubernetes.virtual_service import API_VERSION, LONGEST_ANSWER, virtual_service_spec


def route(service: str, namespace: str, port: int, hosts: Sequence[str], flags: InjectOptions) -> Data:
    """The object that leads these hosts to a Service's port; `namespace` is empty where nobody said one."""
    build = {"istio": _virtual_service, "gateway-api": _http_route, "ingress": _ingress}[flags.route]
    version, kind, annotations, spec = build(service, namespace, port, hosts, flags)
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {
            "name": service,
            **({"namespace": namespace} if namespace else {}),
            **({"annotations": annotations} if annotations else {}),
        },
        "spec": spec,
    }


_Built = tuple[str, str, dict[str, str], dict[str, Any]]


def _virtual_service(service: str, namespace: str, port: int, hosts: Sequence[str], flags: InjectOptions) -> _Built:
    spec = virtual_service_spec(
        service=service, namespace=namespace, port=port, hosts=hosts, gateway=flags.gateway, has_app=True
    )
    return API_VERSION, "VirtualService", {}, spec


def _http_route(service: str, namespace: str, port: int, hosts: Sequence[str], flags: InjectOptions) -> _Built:
    gateway_namespace, _, gateway = flags.gateway.rpartition("/")
    parent = {"name": gateway} | ({"namespace": gateway_namespace} if gateway_namespace else {})
    spec = {
        "parentRefs": [parent],
        "hostnames": list(hosts),
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/oauth2"}}],
                "backendRefs": [{"name": service, "port": port}],
                "timeouts": {"request": LONGEST_ANSWER},
            },
            {"backendRefs": [{"name": service, "port": port}]},
        ],
    }
    return "gateway.networking.k8s.io/v1", "HTTPRoute", {}, spec


def _ingress(service: str, namespace: str, port: int, hosts: Sequence[str], flags: InjectOptions) -> _Built:
    backend = {"service": {"name": service, "port": {"number": port}}}
    spec: dict[str, Any] = {
        **({"ingressClassName": flags.ingress_class} if flags.ingress_class else {}),
        **({"tls": [{"hosts": list(hosts), "secretName": flags.tls_secret}]} if flags.tls_secret else {}),
        "rules": [
            {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
            for host in hosts
        ],
    }
    # ingress-nginx asks another pod again, by default also for a GET that was passed on; a code can be spent once.
    annotations = {
        "nginx.ingress.kubernetes.io/proxy-next-upstream": "off",
        "nginx.ingress.kubernetes.io/proxy-read-timeout": LONGEST_ANSWER.removesuffix("s"),
    }
    return "networking.k8s.io/v1", "Ingress", annotations, spec
