"""Rules about gateways: whether routes find them, and whether they can serve."""

from __future__ import annotations

from collections.abc import Iterator

from o2sidecar.kubernetes.check.routing import host_fits
from o2sidecar.kubernetes.check.rule import Remark, error
from o2sidecar.kubernetes.check.scene import Scene
from o2sidecar.kubernetes.check.thing import Thing, dig, items, mapping, numbered, text
from o2sidecar.kubernetes.operations import Path

_ISTIO = "networking.istio.io"
_GATEWAY_API = "gateway.networking.k8s.io"


def _gateway(scene: Scene, group: str, namespace: str, name: str) -> Thing | None:
    return next(
        (
            thing
            for thing in scene.of("Gateway")
            if thing.group == group and thing.namespace == namespace and thing.name == name
        ),
        None,
    )


def _references(thing: Thing) -> Iterator[tuple[Path, str, str, str]]:
    """The gateways that a route names: path, group, namespace, name."""
    if thing.kind == "VirtualService":
        for index, reference in enumerate(items(dig(thing.data, "spec", "gateways"))):
            namespace, slash, name = str(reference).rpartition("/")
            if reference != "mesh":
                own = namespace if slash and namespace != "." else thing.namespace
                yield ("spec", "gateways", index), _ISTIO, own, name
    elif thing.kind == "HTTPRoute":
        for path, parent in numbered(thing.data, "spec", "parentRefs"):
            if parent.get("kind", "Gateway") == "Gateway":
                yield path, _GATEWAY_API, text(parent.get("namespace")) or thing.namespace, text(parent.get("name"))


def _absent(scene: Scene) -> Iterator[Remark]:
    for thing in scene.of("VirtualService", "HTTPRoute"):
        for path, group, namespace, name in _references(thing):
            if _gateway(scene, group, namespace, name) or scene.is_external("Gateway", namespace, name):
                continue
            elsewhere = [other.namespace for other in scene.of("Gateway") if other.name == name]
            hint = f"; there is one in {', '.join(elsewhere)}" if elsewhere else ""
            sentence = f"Gateway {namespace}/{name} is not there{hint}: the route is not served"
            yield Remark(sentence=sentence, thing=thing, path=path)


def _without_certificate(scene: Scene) -> Iterator[Remark]:
    for gateway in scene.of("Gateway"):
        for path, server in numbered(gateway.data, "spec", "servers"):
            tls = mapping(server.get("tls"))
            files = tls.get("serverCertificate") and tls.get("privateKey")
            if text(tls.get("mode")) in ("SIMPLE", "MUTUAL") and not files and not _credentials(tls):
                sentence = (
                    f"TLS mode {tls['mode']} without credentialName: there is no certificate, and Istio refuses it"
                )
                yield Remark(sentence=sentence, thing=gateway, path=(*path, "tls"))
        for path, listener in numbered(gateway.data, "spec", "listeners"):
            tls = mapping(listener.get("tls"))
            if listener.get("protocol") == "HTTPS" and not tls.get("certificateRefs"):
                yield Remark(sentence="an HTTPS listener without certificateRefs", thing=gateway, path=path)


def _credentials(tls: object) -> bool:
    return any(mapping(tls).get(key) for key in ("credentialName", "credentialNames", "tlsCertificates"))


def _hosts(gateway: Thing) -> list[str]:
    """The hosts that a gateway has, `*` where it does not say."""
    servers = [mapping(server) for server in items(dig(gateway.data, "spec", "servers"))]
    found = [str(host) for server in servers for host in items(server.get("hosts"))]
    listeners = [mapping(listener) for listener in items(dig(gateway.data, "spec", "listeners"))]
    return found + [text(listener.get("hostname")) or "*" for listener in listeners]


def _serves(host: str, pattern: str) -> bool:
    """Whether a gateway's host, which may begin with a namespace, has one of a route."""
    bare = pattern.rpartition("/")[2]
    return bare == host or host_fits(host, bare) or (host.startswith("*") and host[1:].endswith(bare[1:] or ""))


def _host_absent(scene: Scene) -> Iterator[Remark]:
    for thing in scene.of("VirtualService", "HTTPRoute"):
        listed = "hosts" if thing.kind == "VirtualService" else "hostnames"
        found = [_gateway(scene, group, namespace, name) for _, group, namespace, name in _references(thing)]
        gateways = [gateway for gateway in found if gateway is not None]
        if not gateways or len(gateways) < len(found):
            continue
        patterns = [pattern for gateway in gateways for pattern in _hosts(gateway)]
        for index, host in enumerate(items(dig(thing.data, "spec", listed))):
            if not any(_serves(str(host), pattern) for pattern in patterns):
                sentence = f"the host {host} is on none of its gateways ({', '.join(patterns)})"
                yield Remark(sentence=sentence, thing=thing, path=("spec", listed, index))


def _wildcard_by_http(scene: Scene) -> Iterator[Remark]:
    for certificate in scene.of("Certificate"):
        names = [str(name) for name in items(dig(certificate.data, "spec", "dnsNames"))]
        issuer = mapping(dig(certificate.data, "spec", "issuerRef"))
        wild = [index for index, name in enumerate(names) if name.startswith("*.")]
        kind = text(issuer.get("kind")) or "Issuer"
        for thing in scene.of(kind):
            same = thing.name == issuer.get("name") and (
                kind == "ClusterIssuer" or thing.namespace == certificate.namespace
            )
            solvers = [mapping(one) for one in items(dig(thing.data, "spec", "acme", "solvers"))]
            if same and solvers and wild and all("http01" in solver for solver in solvers):
                sentence = f"{names[wild[0]]} wants DNS-01, and {kind} {thing.name} can only do HTTP-01"
                yield Remark(sentence=sentence, thing=certificate, path=("spec", "dnsNames", wild[0]))


RULES = (
    error(
        "O2S060",
        "A route's gateway is not there",
        "The route is accepted and served by nobody: 404. A `namespace:` of kustomize moves Gateways too.",
        "Name the gateway with its namespace, NS/NAME, or declare it with --external Gateway/NS/NAME.",
        _absent,
    ),
    error(
        "O2S061",
        "A gateway has no certificate",
        "Istio refuses the server, and browsers get no connection.",
        "Name the certificate's Secret in credentialName, in the namespace of the gateway's pods.",
        _without_certificate,
    ),
    error(
        "O2S062",
        "A route's host is not on its gateway",
        "The gateway does not listen for that host, so that the route is never used.",
        "Add the host, or a wildcard that has it, to the gateway.",
        _host_absent,
    ),
    error(
        "O2S063",
        "A wildcard certificate is asked for by HTTP-01",
        "ACME gives wildcards by DNS-01 only, so that the certificate is never issued.",
        "Give the issuer a dns01 solver, or name the hosts one by one.",
        _wildcard_by_http,
    ),
)
