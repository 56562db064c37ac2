"""A sidecar of oauth2-proxy that stands where ours is to be: found, judged, and taken out when that is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import frozen

from o2sidecar.kubernetes.difference import plain
from o2sidecar.kubernetes.objects import containers, items, mapping, ports
from o2sidecar.kubernetes.operations import Data
from o2sidecar.kubernetes.original import Edits

_CARRIED = frozenset({"config", "http-address", "metrics-address", "upstream", "upstreams", "client-id"}) | {
    f"{secret}{source}" for secret in ("client-secret", "cookie-secret") for source in ("", "-file")
}
"""Flags, and variables in the same spelling, that our own container has in another way."""

_SECRETS = frozenset({"client-secret", "cookie-secret"})
_LOCAL = re.compile(r"http://(?:127\.0\.0\.1|localhost|\[::1\]):([0-9]{1,5})/?")


@frozen(kw_only=True)
class FormerProxy:
    """A container of oauth2-proxy.

    Attributes:
        name: of the container.
        ports: that people came in by.
        upstreams: ports of the app that it has led to.
        lost: its arguments and variables that ours would not have, as they are written.
        open_secrets: those that hold a secret itself.
    """

    name: str
    ports: frozenset[int]
    upstreams: tuple[int, ...]
    lost: tuple[str, ...]
    open_secrets: tuple[str, ...]


def find(template: Data) -> FormerProxy | None:
    """The first such container."""
    for container in containers(template):
        if container.get("name") == "oauth2-proxy" or "oauth2-proxy" in str(container.get("image") or ""):
            return _read(container)
    return None


def take_out(edits: Edits, proxy: FormerProxy) -> None:
    """Remove the container, and the volumes that nobody else has mounted."""
    container = next(one for one in containers(plain(edits.root)) if one.get("name") == proxy.name)
    mounted = {mount.get("name") for mount in items(container.get("volumeMounts"))}
    edits.take_out(("spec", "containers", {"name": proxy.name}))
    spec = mapping(plain(edits.root).get("spec"))
    others = [*items(spec.get("containers")), *items(spec.get("initContainers"))]
    still = {mount.get("name") for one in others for mount in items(one.get("volumeMounts"))}
    for volume in [one.get("name") for one in items(spec.get("volumes"))]:
        if volume in mounted - still:
            edits.take_out(("spec", "volumes", {"name": volume}))


def _read(container: Data) -> FormerProxy:
    settings = [*_arguments(container), *_variables(container)]
    declared = {port.get("containerPort") for port in ports(container)}
    listens = {value.rpartition(":")[2] for _, name, value in settings if name == "http-address"}
    return FormerProxy(
        name=str(container.get("name")),
        ports=frozenset(
            [one for one in declared if isinstance(one, int)] + [int(one) for one in listens if one.isdigit()]
        )
        or frozenset({4180}),
        upstreams=tuple(
            int(found[1])
            for _, name, value in settings
            if name in ("upstream", "upstreams")
            for one in value.split(",")
            if (found := _LOCAL.fullmatch(one.strip()))
        ),
        lost=tuple(written for written, name, _ in settings if name not in _CARRIED),
        open_secrets=tuple(written for written, name, value in settings if name in _SECRETS and value),
    )


def _arguments(container: Data) -> Iterator[tuple[str, str, str]]:
    """As written, without its value; its name; its value."""
    given = [one for key in ("command", "args") for one in container.get(key) or () if isinstance(one, str)]
    for index, one in enumerate(given):
        if not one.startswith("-"):
            continue
        written, equals, value = one.partition("=")
        following = given[index + 1] if index + 1 < len(given) else ""
        yield written, written.lstrip("-"), value if equals or following.startswith("-") else following


def _variables(container: Data) -> Iterator[tuple[str, str, str]]:
    for one in items(container.get("env")):
        name = str(one.get("name") or "")
        if name.startswith("OAUTH2_PROXY_"):
            own = name.removeprefix("OAUTH2_PROXY_").lower().replace("_", "-")
            yield name, own, str(one.get("value") or "")
    for one in items(container.get("envFrom")):
        yield "envFrom", "envFrom", str(one)
