"""Rules about network and authorization policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from o2sidecar.kubernetes.check.rule import Remark, error, warning
from o2sidecar.kubernetes.check.scene import Scene
from o2sidecar.kubernetes.check.thing import Thing, dig, items, mapping, numbered, text
from o2sidecar.kubernetes.check.workloads import Pod, label_selector_fits


def _network_policies(scene: Scene, pod: Pod) -> Iterator[Thing]:
    for policy in scene.of("NetworkPolicy"):
        same = policy.namespace == pod.thing.namespace
        if same and label_selector_fits(dig(policy.data, "spec", "podSelector"), pod.labels):
            yield policy


def _directions(policy: Thing) -> set[str]:
    spec = mapping(policy.data.get("spec"))
    said = {str(one) for one in items(spec.get("policyTypes"))}
    return said or {"Ingress", *(["Egress"] if "egress" in spec else [])}


def closed_to_others(scene: Scene, pod: Pod) -> bool:
    """Whether a policy says who reaches these pods."""
    return any("Ingress" in _directions(policy) for policy in _network_policies(scene, pod))


def _has_port(rule: Mapping[str, Any], wanted: set[int | str]) -> bool:
    ports = [mapping(port) for port in items(rule.get("ports"))]
    return not ports or any(
        "port" not in port or any(port["port"] == one for one in wanted) or _in_range(port, wanted) for port in ports
    )


def _in_range(port: Mapping[str, Any], wanted: set[int | str]) -> bool:
    first, last = port.get("port"), port.get("endPort")
    return (
        isinstance(first, int)
        and isinstance(last, int)
        and any(isinstance(one, int) and first <= one <= last for one in wanted)
    )


def _provider_cut_off(scene: Scene) -> Iterator[Remark]:
    seen = set()
    for pod in scene.guarded:
        for policy in _network_policies(scene, pod):
            rules = [rule for _, rule in numbered(policy.data, "spec", "egress")]
            if "Egress" not in _directions(policy) or policy in seen or any(map(_leads_out, rules)):
                continue
            seen.add(policy)
            sentence = (
                f"the pods of {pod.thing.title} may not reach the provider: no egress rule leads out of their namespace"
                " on port 443"
            )
            yield Remark(sentence=sentence, thing=policy, path=("spec",))


def _leads_out(rule: Mapping[str, Any]) -> bool:
    peers = [mapping(peer) for peer in items(rule.get("to"))]
    outside = not peers or any("ipBlock" in peer or "namespaceSelector" in peer for peer in peers)
    return outside and _has_port(rule, {443, 80, 8080, 8443, "https", "http"})


def _proxy_cut_off(scene: Scene) -> Iterator[Remark]:
    for pod in scene.guarded:
        wanted: set[int | str] = set()
        for sidecar in pod.sidecars():
            for number, name in sidecar.ports().items():
                if number != 44180:
                    wanted |= {number, name}
        policies = [policy for policy in _network_policies(scene, pod) if "Ingress" in _directions(policy)]
        rules = [rule for policy in policies for _, rule in numbered(policy.data, "spec", "ingress")]
        if policies and wanted and not any(_has_port(rule, wanted) for rule in rules):
            sentence = f"no ingress rule lets anybody reach the proxy's port of {pod.thing.title}"
            yield Remark(sentence=sentence, thing=policies[0], path=("spec",))


def _old_labels(scene: Scene) -> Iterator[Remark]:
    for policy in scene.of("NetworkPolicy"):
        for direction, side in (("ingress", "from"), ("egress", "to")):
            for path, rule in numbered(policy.data, "spec", direction):
                for inner, peer in numbered(rule, side):
                    labels = mapping(dig(peer, "namespaceSelector", "matchLabels"))
                    if "name" in labels:
                        sentence = f"namespaces have no label name ({labels['name']}) of themselves"
                        yield Remark(sentence=sentence, thing=policy, path=(*path, *inner))


def _denies_gateway(scene: Scene) -> Iterator[Remark]:
    for policy in scene.of("AuthorizationPolicy"):
        if dig(policy.data, "spec", "action") != "DENY" or not _guards(scene, policy):
            continue
        for path, rule in numbered(policy.data, "spec", "rules"):
            sources = [mapping(dig(mapping(one), "source")) for one in items(rule.get("from"))]
            excepted = [
                str(name)
                for source in sources
                for key in ("notPrincipals", "notNamespaces")
                for name in items(source.get(key))
            ]
            everybody = not sources and not rule.get("to") and not rule.get("when")
            others = bool(excepted) and not any("ingress" in name or "gateway" in name for name in excepted)
            if (everybody or others) and _for_proxy(rule):
                but = f" but {', '.join(excepted)}" if excepted else ""
                sentence = f"this rule denies everybody{but}, and so the ingress gateway too"
                yield Remark(sentence=sentence, thing=policy, path=path)


def _guards(scene: Scene, policy: Thing) -> bool:
    selector = {"matchLabels": mapping(dig(policy.data, "spec", "selector", "matchLabels"))}
    return any(
        pod.thing.namespace == policy.namespace and label_selector_fits(selector, pod.labels) for pod in scene.guarded
    )


def _for_proxy(rule: Mapping[str, Any]) -> bool:
    operations = [mapping(dig(mapping(one), "operation")) for one in items(rule.get("to"))]
    ports = [text(port) or str(port) for operation in operations for port in items(operation.get("ports"))]
    return not ports or "4180" in ports


RULES = (
    error(
        "O2S080",
        "A NetworkPolicy cuts the provider off",
        "`to: [{podSelector: {}}]` is the pods of the same namespace only. The proxy can then neither change codes into"
        " tokens nor read the provider's keys.",
        "Leave egress alone, or allow port 443 to the provider and port 53, UDP and TCP, to the cluster's DNS.",
        _provider_cut_off,
    ),
    error(
        "O2S081",
        "A NetworkPolicy cuts the proxy off",
        "A policy holds for the whole pod: what it does not name is closed, the proxy's port too.",
        "Allow port 4180 from the gateway's namespace.",
        _proxy_cut_off,
    ),
    warning(
        "O2S082",
        "A NetworkPolicy names namespaces by a label that they do not have",
        "The label that every namespace has is kubernetes.io/metadata.name; `name` is there only if somebody set it.",
        "Use kubernetes.io/metadata.name.",
        _old_labels,
    ),
    error(
        "O2S083",
        "An AuthorizationPolicy denies the gateway",
        "DENY rules are each enough to deny: one that spares a single account denies the ingress gateway as well.",
        "Write an ALLOW policy with the gateway's principal for port 4180.",
        _denies_gateway,
    ),
)
