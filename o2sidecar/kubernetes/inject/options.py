"""What a person asks of an injection, for all workloads of a stream."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from attrs import field, frozen

from o2sidecar.kubernetes.container import CONFIG_MAP, IMAGE, OBJECT_NAME, SECRET, SidecarSpec
from o2sidecar.kubernetes.terminal import Misused

Mode = Literal["auto", "container", "native"]
Route = Literal["none", "istio", "gateway-api", "ingress"]


def _texts(value: Iterable[str]) -> tuple[str, ...]:
    """Each once: a route's hosts must differ."""
    return tuple(dict.fromkeys(value))


@frozen(kw_only=True)
class InjectOptions:
    """The flags of `o2sidecar inject`. What a workload's annotations say wins over them.

    Attributes:
        namespace: of objects that say none.
        app_port: a number, or the name of a container's port; empty: found out.
        strict: ways past the sidecar are errors.
        force: also what may make no sense: Jobs, and the loss of a former proxy's arguments.
        gateway: `NAMESPACE/NAME` or `NAME`, for routes.
        monitoring_namespace: may reach the metrics with `restrict_network`.
        services_are_known: whether Services that lead to the pods would be among the objects. If not, as in the
            webhook, the sidecar takes the name of the app's port over without a word about it.
    """

    namespace: str = ""
    hosts: tuple[str, ...] = field(default=(), converter=_texts)
    app_port: str = ""
    mode: Mode = "auto"
    image: str = IMAGE
    config_map: str = CONFIG_MAP
    secret: str = SECRET
    public_paths: tuple[str, ...] = field(default=(), converter=_texts)
    groups: tuple[str, ...] = field(default=(), converter=_texts)
    route: Route = "none"
    gateway: str = ""
    ingress_class: str = ""
    tls_secret: str = ""
    restrict_network: bool = False
    monitoring_namespace: str = "monitoring"
    replace_oauth2_proxy: bool = False
    strict: bool = False
    force: bool = False
    services_are_known: bool = True

    def __attrs_post_init__(self) -> None:
        """What a container cannot have is refused here; raises `ValueError` with a sentence."""
        SidecarSpec(
            app_port=1,
            image=self.image,
            config_map=self.config_map,
            secret=self.secret,
            hosts=self.hosts,
            groups=self.groups,
            public_paths=self.public_paths,
        )
        if self.route in ("istio", "gateway-api") and not self.gateway:
            raise ValueError(f"--route {self.route} needs --gateway NAMESPACE/NAME")
        if self.route != "none" and any(host.startswith(".") or ":" in host for host in self.hosts):
            raise ValueError("with --route, --host has to be one host name, without a port or a dot before it")
        if self.gateway.count("/") > 1 or self.gateway.startswith("/") or self.gateway.endswith("/"):
            raise ValueError("--gateway is NAMESPACE/NAME, or NAME in the app's own namespace")
        for flag, said in (
            ("-n", self.namespace),
            ("--gateway", self.gateway.replace("/", "")),
            ("--ingress-class", self.ingress_class),
            ("--tls-secret", self.tls_secret),
            ("--monitoring-namespace", self.monitoring_namespace),
        ):
            if said and OBJECT_NAME.fullmatch(said) is None:
                raise ValueError(f"{flag}: {said!r} is no name of an object")


def from_flags(**flags: Any) -> InjectOptions:
    """Those of a command line; raises `Misused` with a sentence."""
    try:
        return InjectOptions(**flags)
    except ValueError as error:
        raise Misused(str(error)) from None
