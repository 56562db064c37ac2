"""Assembles the wire: its limits, and the tree."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping

from twisted.web.resource import IResource

from o2sidecar.assembly.checked import checked
from o2sidecar.assembly.edge import Edge
from o2sidecar.guard import HttpsOnly, KnownHosts
from o2sidecar.http.exchange import Served
from o2sidecar.http.limits import Limits
from o2sidecar.http.twisted_web.resources import TwistedResource
from o2sidecar.settings.listeners import Address
from o2sidecar.settings.options import Settings
from o2sidecar.signin.answers import Answers
from o2sidecar.signin.paths import FOLDER, PATHS
from o2sidecar.site import ROBOTS, Fixed, Late, Outage, Sidecar, probes

_HTTPS = 443


def limits_of(settings: Settings, bearable: int) -> Limits:
    """What clients may cost; `bearable`: how many of them the process can have at a time."""
    return Limits(
        head_size=settings.head_size_limit,
        target_size=settings.target_size_limit,
        field_count=settings.header_count_limit,
        chunk_line_size=settings.chunk_line_size_limit,
        chunk_extensions_size=settings.chunk_extensions_limit,
        trailer_size=settings.trailer_size_limit,
        body_size=settings.body_size_limit,
        head_time=settings.head_timeout,
        body_time=settings.body_idle_timeout,
        write_time=settings.write_timeout,
        linger_time=settings.linger_timeout,
        half_closed_time=settings.half_closed_timeout,
        tunnel_time=settings.tunnel_idle_timeout,
        farewell_time=settings.websocket_close_timeout,
        idle_time=settings.keepalive_timeout,
        connections=min(settings.max_connections or bearable, bearable),
    )


def tree_of(
    settings: Settings,
    *,
    guard: Served,
    endpoints: Callable[[], IResource],
    callbacks: Iterable[str],
    auth: Served,
    beside: Mapping[str, Served],
    trouble: Callable[[], str],
    outage: Callable[[], Outage],
    ending: Callable[[], bool],
    only: Callable[[Served], Served] | None,
) -> Sidecar:
    """The whole tree: probes, own endpoints, and the guard before everything else.

    `callbacks`: the segments below the callback endpoint that are callbacks of single providers.
    `beside`: endpoints that need no Klein, by their paths below the prefix.
    `only`: gives what stands before all that is no probe; None: nothing does.
    """
    prefix = settings.proxy_prefix
    klein = Late(lambda: TwistedResource(endpoints(), limit=settings.own_body_size_limit))
    own: dict[bytes, Served] = {f"{prefix}{path}".encode(): klein for path in PATHS}
    own |= {f"{prefix}/callback/{segment}".encode(): klein for segment in callbacks}
    own |= {f"{prefix}{path}".encode(): served for path, served in beside.items()}
    # The auth endpoint is asked before every request of a proxy in front: it goes the short way, past Klein.
    own[f"{prefix}/auth".encode()] = auth
    own[b"/robots.txt"] = checked("custom_templates_dir", lambda: _robots(settings.custom_templates_dir))
    folders: dict[bytes, Served] = {f"{prefix}{FOLDER}".encode(): klein}
    otherwise = guard if only is None else only(Sidecar(own=own, folders=folders, guarded=guard))
    health = probes(
        ping_path=settings.ping_path,
        ready_path=settings.ready_path,
        ping_user_agent=settings.ping_user_agent,
        gcp_healthchecks=settings.gcp_healthchecks,
        trouble=trouble,
        outage=outage,
        ending=ending,
        otherwise=otherwise,
    )
    if only is None:
        return Sidecar(own=own | health, folders=folders, guarded=guard)
    return Sidecar(own=health, folders={}, guarded=otherwise)


def before_all(settings: Settings, edge: Edge, answers: Answers) -> Callable[[Served], Served] | None:
    """What stands before all that is no probe: for hosts that are ours, and by https; None if nobody wants either."""
    if not settings.force_https and not settings.allowed_hosts:
        return None

    def around(inner: Served) -> Served:
        if settings.force_https:
            port = Address.parse(settings.https_address, secure=True).port or _HTTPS
            inner = HttpsOnly(inner, forwarding=edge.forwarding, port=port, refuse=answers.refuse)
        if settings.allowed_hosts:
            hosts = settings.allowed_hosts
            inner = KnownHosts(inner, hosts=hosts, forwarding=edge.forwarding, refuse=answers.refuse)
        return inner

    return around


def _robots(folder: str) -> Fixed:
    path = os.path.join(folder, "robots.txt")
    if not folder or not os.path.lexists(path):
        return ROBOTS
    try:
        with open(path, "rb") as file:
            return Fixed(body=file.read())
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
