"""The operations that make one container of oauth2-proxy ours; its settings stay where they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from o2sidecar.kubernetes import objects
from o2sidecar.kubernetes.container import METRICS_PORT, METRICS_PORT_NAME, NAME, PORT, SidecarSpec
from o2sidecar.kubernetes.operations import END, Operation, Path
from o2sidecar.settings.given import Given
from o2sidecar.settings.kinds import TEXT

Data = Any

_TAKEN_OVER = ("startupProbe", "readinessProbe", "livenessProbe", "securityContext")
_UNLESS_THERE = ("imagePullPolicy", "resources")


def operations(container: Data, path: Path, image: str, given: Mapping[str, Given]) -> Iterator[Operation]:
    """What changes in a container at a path, of which these options are given.

    Raises `ValueError` with a sentence if it runs something that is no oauth2-proxy.
    """
    model = SidecarSpec(app_port=8080, image=image).container
    metrics = _metrics_port(container, given)
    yield Operation(op="replace", path=(*path, "name"), value=NAME)
    yield Operation(op="replace", path=(*path, "image"), value=image)
    flags = [*_after_program(container), *argument_list(container.get("args"))]
    if "command" in container:
        yield Operation(op="remove", path=(*path, "command"))
    yield _set(container, path, "args", [*flags, *_further(given)])
    if metrics == METRICS_PORT_NAME:
        port = {"name": METRICS_PORT_NAME, "containerPort": METRICS_PORT, "protocol": "TCP"}
        if objects.ports(container):
            yield Operation(op="add", path=(*path, "ports", END), value=port)
        else:
            yield _set(container, path, "ports", [{"name": NAME, "containerPort": PORT, "protocol": "TCP"}, port])
    for key in _TAKEN_OVER:
        value = model[key]
        if key.endswith("Probe"):
            value = value | {"httpGet": value["httpGet"] | {"port": metrics}}
        yield _set(container, path, key, value)
    for key in _UNLESS_THERE:
        if key not in container:
            yield _set(container, path, key, model[key])


def _set(container: Data, path: Path, key: str, value: Data) -> Operation:
    return Operation(op="replace" if key in container else "add", path=(*path, key), value=value)


def _after_program(container: Data) -> list[str]:
    """The flags that stand behind the program in `command`."""
    command = argument_list(container.get("command"))
    if command and command[0].rpartition("/")[2] != "oauth2-proxy":
        raise ValueError("its command runs something else than oauth2-proxy; there is no shell in our image")
    return command[1:]


def _further(given: Mapping[str, Given]) -> Iterator[str]:
    """The arguments that it needs besides."""
    address = given.get("http_address")
    # Our image has a variable for the address, which would win over a file's.
    if address is None:
        yield f"--http-address=0.0.0.0:{PORT}"
    elif not _of_flag(address) and not address.name.startswith("OAUTH2_PROXY_"):
        yield f"--http-address={address.read(TEXT)}"
    if "metrics_address" not in given:
        yield f"--metrics-address=0.0.0.0:{METRICS_PORT}"
    if "drain_delay" not in given:
        yield "--drain-delay=5s"


def _of_flag(given: Given) -> bool:
    return given.name.startswith("--")


def _metrics_port(container: Data, given: Mapping[str, Given]) -> str | int:
    """Where probes go: our port by its name, or the number of the port that metrics have already."""
    if "metrics_address" not in given:
        taken = [port.get("containerPort") for port in objects.ports(container)]
        if METRICS_PORT in taken:
            raise ValueError(f"port {METRICS_PORT} is taken by another port of it; the sidecar's metrics are there")
        return METRICS_PORT_NAME
    number = str(given["metrics_address"].read(TEXT)).rpartition(":")[2]
    if not number.isdecimal():
        raise ValueError("the port of its metrics_address is no number")
    return int(number)


def argument_list(value: Data) -> list[str]:
    """A list of texts; raises `ValueError` for any other value that is there."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("its command and args have to be lists of texts")
    return list(value)
