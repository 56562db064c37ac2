"""The pod template with the sidecar in it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from attrs import frozen

from o2sidecar import __version__
from o2sidecar.kubernetes.container import NAME, SidecarSpec
from o2sidecar.kubernetes.difference import plain
from o2sidecar.kubernetes.edits import Edits
from o2sidecar.kubernetes.inject import former_proxy, probes
from o2sidecar.kubernetes.inject.app_port import AppPort
from o2sidecar.kubernetes.inject.former_proxy import FormerProxy
from o2sidecar.kubernetes.inject.wishes import Wishes
from o2sidecar.kubernetes.objects import MESH, at, containers, items, mapping, native_sidecars, ports, protocol
from o2sidecar.kubernetes.operations import Data
from o2sidecar.kubernetes.original import CONFIG_HASH, STATUS
from o2sidecar.kubernetes.ways import Way, way_text


@frozen(kw_only=True)
class Injection:
    """All that is decided about the pods of one workload.

    Attributes:
        app_port: where the app listens.
        takes_over: whether the sidecar takes the name of the app's port, because no Service is led to it.
        native: whether it is an init container that goes on running.
        former: the proxy that it replaces.
        referenced: its ConfigMap and Secret, where they are known.
    """

    wishes: Wishes
    app_port: AppPort
    takes_over: bool
    native: bool
    former: FormerProxy | None
    referenced: Sequence[Data]

    @property
    def relays_probes(self) -> bool:
        """Whether the app's probes come by the metrics port."""
        return self.wishes.flags.restrict_network or self.wishes.relay_probes


def put_in(edits: Edits, injection: Injection, current: Data) -> list[tuple[Way, str]]:
    """Add the sidecar; `current` says where it has stood before. What was left as it is, each with a sentence.

    Raises `ValueError` with a sentence for what a container cannot have.
    """
    flags = injection.wishes.flags
    port = injection.app_port
    if injection.former is not None:
        former_proxy.take_out(edits, injection.former)
    relays: list[str] = []
    left: list[tuple[Way, str]] = []
    if injection.relays_probes:
        relays, left = probes.relayed(edits, native=injection.native)
    if injection.takes_over:
        _rename(edits, port)
    spec = SidecarSpec(
        app_port=port.number,
        image=flags.image,
        mode="native" if injection.native else "container",
        port_name=port.name if injection.takes_over else NAME,
        config_map=flags.config_map,
        secret=flags.secret,
        hosts=flags.hosts,
        groups=flags.groups,
        public_paths=flags.public_paths,
        options=injection.wishes.arguments,
        relays=relays,
        **({"resources": injection.wishes.resources} if injection.wishes.resources else {}),
    )
    place = "initContainers" if injection.native else "containers"
    _insert(edits.ensure(("spec", place), []), at(current, ("spec", place)), spec.container)
    for volume in spec.volumes:
        _insert(edits.ensure(("spec", "volumes"), []), at(current, ("spec", "volumes")), volume)
    status = {"hash": spec.config_hash(), "version": __version__}
    edits.annotate(
        {
            CONFIG_HASH: spec.config_hash(*injection.referenced),
            STATUS: json.dumps(status, separators=(",", ":"), sort_keys=True),
        }
    )
    return [(way, f"{way_text(way)} stays as it is: {reason}") for way, reason in left]


def _rename(edits: Edits, port: AppPort) -> None:
    """Give the app's port another name, so that its own can be the sidecar's."""
    name = f"app-{port.number}"
    if any(one.get("name") == name for container in containers(plain(edits.root)) for one in ports(container)):
        raise ValueError(f"the port named {name} leaves no name for the app's port {port.number}; give it another name")
    container: Way = ("spec", "containers", {"name": port.container}, "ports")
    probes.by_number(edits, port.container, port.name, port.number)
    edits.set(
        (*container, {"name": port.name, "containerPort": port.number}, "name"),
        name,
        afterwards=(*container, {"name": name}, "name"),
    )
    template = plain(edits.root)
    for one in (*containers(template), *native_sidecars(template)):
        if any(other.get("name") == port.name and protocol(other) == "TCP" for other in ports(one)):
            raise ValueError(
                f"container {one.get('name')} has a port named {port.name} too, which Services would lead to, past the "
                "sidecar; give it another name"
            )


def _insert(siblings: list[Data], current: Data, item: Data) -> None:
    """Where it has stood among its siblings, but behind the mesh's proxy; else at the end."""
    names = [one.get("name") for one in items(current)]
    index = len(siblings)
    if item["name"] in names:
        before = names[: names.index(item["name"])]
        index = sum(mapping(plain(one)).get("name") in before for one in siblings)
    for number, one in enumerate(siblings):
        if mapping(plain(one)).get("name") in MESH and mapping(one).get("restartPolicy") == "Always":
            index = max(index, number + 1)
    siblings.insert(index, item)
