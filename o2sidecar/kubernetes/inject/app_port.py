"""Where the app listens: what was said, else where Services lead, else what its containers declare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from o2sidecar.kubernetes.container import NAME, PORT
from o2sidecar.kubernetes.inject.protocols import other_protocol
from o2sidecar.kubernetes.objects import MESH, at, containers, items, mapping, name, port_number, ports
from o2sidecar.kubernetes.operations import Data

_BESIDES = frozenset({"actuator", "admin", "debug", "health", "healthz", "management", "metrics", "mgmt"}) | {
    *("monitoring", "pprof", "probe", "probes", "prom", "prometheus", "status", "telemetry")
}
"""Words in the name of a port that people do not come in by."""


class Unclear(ValueError):
    """The app's port is not known; the message lists what it could be, and says how to say it."""


@frozen(kw_only=True)
class AppPort:
    """Where the app listens.

    Attributes:
        number: of the port.
        container: the name of the container that declares it; empty if none does.
        name: the port's name there; empty if it has none.
    """

    number: int
    container: str = ""
    name: str = ""


def find_app_port(
    template: Data, services: Sequence[Data], *, wanted: str = "", container: str = "", upstreams: Sequence[int] = ()
) -> AppPort:
    """The port of these pods. Raises `Unclear`.

    `services`: those that lead to the pods; `wanted`: a number or a port's name that was said; `container`: the only
    one that counts; `upstreams`: where a proxy that is replaced has led.
    """
    apps = _apps(template, container)
    if wanted:
        return _declared(apps, _said(apps, wanted))
    encrypted = {number for one in apps for _, number, scheme in _probed(one) if scheme == "HTTPS"}
    led = [one for one in _candidates_of_services(template, services) if one[1] not in encrypted]
    declared = [
        (f"container {one.get('name')} has {_port_text(port)}", int(port["containerPort"]))
        for one in apps
        for port in ports(one)
        if isinstance(port.get("containerPort"), int)
        and not other_protocol(port)
        and port["containerPort"] not in {PORT, *encrypted}
    ]
    probed = [
        (f"{one.get('name')}'s {kind} asks {number}", number)
        for one in apps
        for kind, number, scheme in _probed(one)
        if scheme == "HTTP"
    ]
    replaced = [(f"oauth2-proxy leads to {number}", number) for number in upstreams]
    if led and not replaced and _is_besides(apps, services, led, declared or probed):
        led += declared or probed
    for candidates in (replaced, led, declared, probed):
        numbers = sorted({number for _, number in candidates})
        if len(numbers) == 1:
            return _declared(apps, numbers[0])
        if numbers:
            raise Unclear(
                "the app's port is not clear: "
                + ", ".join(text for text, _ in candidates)
                + "; say which by --app-port "
                "or the annotation o2sidecar/app-port"
            )
    raise Unclear(
        "the app's port is not known: no Service leads to HTTP here, no container declares a port of HTTP or has an "
        'httpGet probe; say --app-port, or leave it out by the label o2sidecar/inject: "false"'
    )


def leads_to_sidecar(port: Data) -> bool:
    """Whether a Service's port leads to the sidecar already."""
    return port.get("targetPort", port.get("port")) in (NAME, PORT)


def target(template: Data, port: Data) -> int | None:
    """The number that a Service's port leads to in these pods."""
    return port_number(template, port.get("targetPort", port.get("port")), str(port.get("protocol") or "TCP"))


def _apps(template: Data, container: str) -> list[Data]:
    found = [one for one in containers(template) if one.get("name") not in MESH]
    chosen = [one for one in found if one.get("name") == container] if container else found
    if not chosen:
        names = ", ".join(str(one.get("name")) for one in found)
        raise Unclear(f"there is no container {container!r}; there are: {names or 'none'}")
    return chosen


def _said(apps: Sequence[Data], wanted: str) -> int:
    if wanted.isascii() and wanted.isdigit():
        if not 0 < int(wanted) < 65536:
            raise Unclear(f"the app's port cannot be {wanted}; it has to be between 1 and 65535")
        return int(wanted)
    named = [(one, port) for one in apps for port in ports(one) if port.get("name") == wanted]
    numbers = {port.get("containerPort") for _, port in named}
    if len(numbers) == 1:
        return int(str(numbers.pop()))
    known = sorted({str(port["name"]) for one in apps for port in ports(one) if "name" in port})
    what = "more than one port" if named else "no port"
    raise Unclear(f"{what} of the app is named {wanted!r}; names are: {', '.join(known) or 'none'}")


def _declared(apps: Sequence[Data], number: int) -> AppPort:
    for one in apps:
        for port in ports(one):
            if port.get("containerPort") == number and (port.get("protocol") or "TCP") == "TCP":
                return AppPort(number=number, container=str(one.get("name")), name=str(port.get("name") or ""))
    return AppPort(number=number)


def _candidates_of_services(template: Data, services: Sequence[Data]) -> list[tuple[str, int]]:
    found = []
    for service in services:
        for port in items(at(service, ("spec", "ports"))):
            number = target(template, port)
            if number is not None and not other_protocol(port) and not leads_to_sidecar(port):
                found.append((f"Service {name(service)} leads {_service_port_text(port)} to {number}", number))
    return found


def _is_besides(
    apps: Sequence[Data], services: Sequence[Data], led: Sequence[tuple[str, int]], known: Sequence[tuple[str, int]]
) -> bool:
    """Whether Services lead to a port only that seems to be another one than the app's, such as that of metrics."""
    numbers = {number for _, number in led}
    if len(numbers) != 1 or {number for _, number in known} <= numbers:
        return False
    [number] = numbers
    own = [port for one in apps for port in ports(one) if port.get("containerPort") == number]
    if not own and number not in {one for _, one in known}:
        return True
    leading = [port for one in services for port in items(at(one, ("spec", "ports")))]
    to_it = {str(port.get("name") or "") for port in own} | {number}
    named = own + [port for port in leading if port.get("targetPort", port.get("port")) in to_it]
    return any(_BESIDES & set(str(port.get("name") or "").split("-")) for port in named)


def _service_port_text(port: Data) -> str:
    return f"{port.get('port')}" + (f" ({port['name']})" if port.get("name") else "")


def _port_text(port: Data) -> str:
    return f"{port.get('containerPort')}" + (f" ({port['name']})" if port.get("name") else "")


def _probed(container: Data) -> Iterator[tuple[str, int, str]]:
    """Each probe that asks by HTTP, with the port and the scheme."""
    numbers = {port.get("name"): port.get("containerPort") for port in ports(container)}
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        asks = mapping(at(container, (kind, "httpGet")))
        number = numbers.get(asks.get("port"), asks.get("port"))
        if isinstance(number, int):
            yield kind, number, str(asks.get("scheme") or "HTTP").upper()
