"""The Services that lead to protected pods: the app's port leads to the sidecar from now on, all others are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from o2sidecar.kubernetes.container import NAME
from o2sidecar.kubernetes.difference import plain
from o2sidecar.kubernetes.edits import Edits
from o2sidecar.kubernetes.findings import Severity
from o2sidecar.kubernetes.inject.app_port import leads_to_sidecar, target
from o2sidecar.kubernetes.inject.protocols import other_protocol
from o2sidecar.kubernetes.objects import at, items
from o2sidecar.kubernetes.operations import Data
from o2sidecar.kubernetes.ways import Step, Way


@frozen(kw_only=True)
class Behind:
    """Pods behind a Service: how they are called, their template, and the ports that the sidecar takes over."""

    title: str
    template: Data
    ports: frozenset[int]
    restricted: bool


@frozen(kw_only=True)
class Remark:
    """What is to be said about a Service; a `bypass` is an error where people are strict."""

    severity: Severity
    way: Way
    sentence: str
    bypass: bool = False


def protect(edits: Edits, behind: Sequence[Behind]) -> tuple[list[int], list[Remark]]:
    """Have the protected ports lead to the sidecar.

    The port numbers that lead there now, and what is to be said.
    """
    protected: list[int] = []
    remarks: list[Remark] = []
    ports = items(at(plain(edits.root), ("spec", "ports")))
    for port in ports:
        way: Way = ("spec", "ports", _known_by(port, ports))
        number = port.get("port")
        if leads_to_sidecar(port):
            protected.append(int(number or 0))
            continue
        led = [
            one for one in behind if port.get("protocol", "TCP") == "TCP" and target(one.template, port) in one.ports
        ]
        if not led:
            remarks.append(_past(way, port, behind))
            continue
        refusal = _refusal(port, led, behind)
        if refusal:
            remarks.append(Remark(severity=Severity.ERROR, way=way, sentence=refusal))
            continue
        edits.set((*way, "targetPort"), NAME)
        if not port.get("appProtocol"):
            edits.set((*way, "appProtocol"), "http")
        protected.append(int(number or 0))
    if at(edits.root, ("spec", "clusterIP")) == "None" and not all(one.restricted for one in behind):
        remarks.append(
            Remark(
                severity=Severity.WARNING,
                way=("spec", "clusterIP"),
                bypass=True,
                sentence="it is headless: who looks up its pods' addresses picks the port, and can go past the "
                "sidecar; close the app's port by --restrict-network",
            )
        )
    return protected, remarks


def _refusal(port: Data, led: Sequence[Behind], behind: Sequence[Behind]) -> str:
    other = other_protocol(port)
    if other:
        return (
            f"its port {_text(port)} carries {other}, which o2sidecar does not pass on; if it is HTTP, say "
            "appProtocol: http, else leave its pods out"
        )
    if len(led) < len(behind):
        missed = next(one for one in behind if one not in led)
        return (
            f"its port {_text(port)} leads to the app of {led[0].title}, but not to that of {missed.title}; give them "
            "Services of their own, or say the right o2sidecar/app-port"
        )
    return ""


def _past(way: Way, port: Data, behind: Sequence[Behind]) -> Remark:
    numbers = sorted({str(found) for one in behind if (found := target(one.template, port)) is not None})
    if not numbers:
        return Remark(
            severity=Severity.WARNING,
            way=way,
            sentence=f"its port {_text(port)} leads to {port.get('targetPort')!r}, which no container declares",
        )
    leads = f"its port {_text(port)} leads to {' and '.join(numbers)} of {behind[0].title}, past the sidecar"
    if all(one.restricted for one in behind):
        return Remark(severity=Severity.WARNING, way=way, sentence=f"{leads}: the NetworkPolicy closes it")
    return Remark(
        severity=Severity.WARNING,
        way=way,
        bypass=True,
        sentence=f"{leads}: who reaches it needs no session; take it out, or close it by --restrict-network",
    )


def _known_by(port: Data, siblings: Sequence[Data]) -> Step:
    """What tells a port from the others, however it is edited."""
    known: Mapping[str, Data] = {"port": port.get("port")}
    if sum(one.get("port") == port.get("port") for one in siblings) > 1:
        known = {**known, "protocol": port.get("protocol")}
    return known


def _text(port: Data) -> str:
    return f"{port.get('port')}" + (f" ({port['name']})" if port.get("name") else "")
