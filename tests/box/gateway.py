"""nginx as the gateway: its hosts, certificate and routes are those of Gateway, VirtualServices and Services."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from attrs import frozen

from tests.box.kubelet import RunningPod
from tests.box.manifests import Manifests, Object, Unresolved


@frozen(kw_only=True)
class Route:
    """Where requests of a host go whose paths begin with `prefix`; `endpoints` as HOST:PORT."""

    host: str
    prefix: str
    endpoints: list[str]
    seconds: int


class Gateway:
    """The configuration of nginx at an address, made anew whenever other pods are ready."""

    def __init__(self, manifests: Manifests, address: str, folder: Path) -> None:
        self._manifests = manifests
        self._address = address
        self._folder = folder

    def configuration(self, pods: Sequence[RunningPod]) -> str:
        """What nginx is told when these pods are ready."""
        routes = list(self._routes(pods))
        blocks = [self._server(host, [each for each in routes if each.host == host]) for host in _hosts(routes)]
        upstreams = [_upstream(number, route) for number, route in enumerate(routes)]
        for number, route in enumerate(routes):
            blocks = [block.replace(f"<{route.host}{route.prefix}>", f"route{number}") for block in blocks]
        return _NGINX.format(folder=self._folder, blocks="\n".join([*upstreams, *blocks]))

    def _server(self, host: str, routes: Sequence[Route]) -> str:
        tls, plain = self._listeners(host)
        oldest = {"TLSV1_2": "TLSv1.2 TLSv1.3", "TLSV1_3": "TLSv1.3"}[tls["tls"]["minProtocolVersion"]]
        certificate = self._folder / tls["tls"]["credentialName"]
        lines = [
            f"server {{ listen {self._address}:{tls['port']['number']} ssl; server_name {host};",
            f"ssl_certificate {certificate}.crt; ssl_certificate_key {certificate}.key; ssl_protocols {oldest};",
            *(
                f"location {each.prefix} {{ proxy_pass http://<{each.host}{each.prefix}>;"
                f" proxy_read_timeout {each.seconds}s; }}"
                for each in routes
            ),
            "}",
        ]
        if plain is not None:
            lines.append(
                f"server {{ listen {self._address}:{plain['port']['number']}; server_name {host};"
                " return 301 https://$host$request_uri; }"
            )
        return "\n".join(lines)

    def _listeners(self, host: str) -> tuple[Object, Object | None]:
        servers = [
            server
            for gateway in self._manifests.all("Gateway")
            for server in gateway["spec"]["servers"]
            if any(fnmatchcase(host, pattern) for pattern in server["hosts"])
        ]
        tls = [each for each in servers if each["port"]["protocol"] == "HTTPS"]
        if len(tls) != 1:
            raise Unresolved(f"{len(tls)} servers of the Gateways speak TLS for {host}")
        return tls[0], next((each for each in servers if each.get("tls", {}).get("httpsRedirect")), None)

    def _routes(self, pods: Sequence[RunningPod]) -> Iterator[Route]:
        known = {
            f"{each['metadata']['namespace']}/{each['metadata']['name']}" for each in self._manifests.all("Gateway")
        }
        for virtual in self._manifests.all("VirtualService"):
            namespace = virtual["metadata"].get("namespace", "default")
            who = f"VirtualService {namespace}/{virtual['metadata']['name']}"
            if not known & set(virtual["spec"]["gateways"]):
                raise Unresolved(f"{who}: its Gateway is not there: {virtual['spec']['gateways']}")
            for rule in virtual["spec"]["http"]:
                if rule.get("retries", {}).get("attempts") != 0:
                    raise Unresolved(f"{who}: the gateway of the box tries nothing twice")
                (destination,) = (each["destination"] for each in rule["route"])
                endpoints = self._endpoints(destination, namespace, who, pods)
                for host in virtual["spec"]["hosts"]:
                    for prefix in _prefixes(rule, who):
                        yield Route(host=host, prefix=prefix, endpoints=endpoints, seconds=_seconds(rule))

    def _endpoints(self, destination: Object, namespace: str, who: str, pods: Sequence[RunningPod]) -> list[str]:
        name, _, rest = destination["host"].partition(".")
        namespace = rest.partition(".")[0] or namespace
        service = self._manifests.the("Service", name, namespace, who)
        number = destination["port"]["number"]
        port = next((each for each in service["spec"]["ports"] if each["port"] == number), None)
        if port is None:
            raise Unresolved(f"{who}: Service {namespace}/{name} has no port {number}")
        return [
            f"{running.address}:{running.pod.port(port.get('targetPort', number))}"
            for running in pods
            if running.pod.namespace == namespace and service["spec"]["selector"].items() <= running.pod.labels.items()
        ]


def _hosts(routes: Sequence[Route]) -> list[str]:
    return list(dict.fromkeys(route.host for route in routes))


def _upstream(number: int, route: Route) -> str:
    # Without endpoints a mesh answers 503; port 9 has nobody, which comes to 502.
    servers = " ".join(f"server {each} max_fails=0;" for each in route.endpoints or ["127.0.0.1:9"])
    return f"upstream route{number} {{ {servers} keepalive 16; }}"


def _prefixes(rule: Object, who: str) -> list[str]:
    found = [each.get("uri", {}).get("prefix") for each in rule.get("match", [{"uri": {"prefix": "/"}}])]
    if None in found:
        raise Unresolved(f"{who}: of matches the gateway of the box knows prefixes of paths only")
    return [str(each) for each in found]


def _seconds(rule: Object) -> int:
    found = re.fullmatch(r"([0-9]+)s", rule.get("timeout", "15s"))
    assert found is not None, rule
    return int(found[1])


_NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log stderr warn;
events {{ worker_connections 512; }}
http {{
access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
server_names_hash_bucket_size 128;
# A new configuration would close connections that clients keep; other gateways need none for other endpoints.
keepalive_timeout 0;
# As Istio's: the host as it was asked for, and who asked in which scheme.
proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_set_header Connection "";
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
proxy_next_upstream off; proxy_buffer_size 32k; proxy_buffers 8 32k; large_client_header_buffers 8 32k;
{blocks}
}}
"""
