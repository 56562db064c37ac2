"""Whether a port carries plain HTTP, by what is said about it: nothing else can be passed on with an identity."""

from __future__ import annotations

from o2sidecar.kubernetes.objects import protocol
from o2sidecar.kubernetes.operations import Data

_OTHER_NAMES = frozenset(
    {"grpc", "grpcs", "h2c", "http2", "https", "tcp", "tls", "udp", "dns", "ssh", "smtp", "imap", "ftp"}
) | {*("amqp", "kafka", "ldap", "mongo", "mqtt", "mysql", "nats", "postgres", "postgresql", "redis")}
"""What a port's name begins with, up to the first `-`, when Istio and people mean another protocol."""

_HTTP = frozenset({"", "http", "kubernetes.io/ws"})


def other_protocol(port: Data) -> str:
    """What a Service's or container's port carries in the place of HTTP; empty if it may well be HTTP."""
    if protocol(port) != "TCP":
        return protocol(port)
    said = str(port.get("appProtocol") or "")
    if said.lower() not in _HTTP:
        return said
    first = str(port.get("name") or "").partition("-")[0]
    return first if not said and first in _OTHER_NAMES else ""
