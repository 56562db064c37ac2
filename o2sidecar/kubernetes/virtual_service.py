"""Istio's route to a sidecar: a code is good once, so nothing is tried twice, and callbacks have time for answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

API_VERSION = "networking.istio.io/v1"

LONGEST_ANSWER = "60s"
"""For a callback: the provider is asked several times, for `provider_timeout` (10 s) at most each."""


def virtual_service_spec(
    *, service: str, namespace: str, port: int, hosts: Sequence[str], gateway: str, has_app: bool
) -> dict[str, Any]:
    """Leads these hosts to a Service's port; `namespace` is empty where nobody said one.

    `has_app`: whether there is an app behind the sidecar, whose own answers may take as long as they want.
    """
    host = f"{service}.{namespace}.svc.cluster.local" if namespace else service
    lead: dict[str, Any] = {
        "route": [{"destination": {"host": host, "port": {"number": port}}}],
        "timeout": LONGEST_ANSWER,
        "retries": {"attempts": 0},
    }
    of_app = {"route": [{"destination": {"host": host, "port": {"number": port}}}], "retries": {"attempts": 0}}
    leads = [{"match": [{"uri": {"prefix": "/oauth2/"}}], **lead}, of_app] if has_app else [lead]
    return {"hosts": list(hosts), "gateways": [gateway], "http": leads}
