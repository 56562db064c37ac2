"""Rules about routes to guarded apps."""

from __future__ import annotations

import re
from collections.abc import Iterator

from o2sidecar.durations import parse_duration
from o2sidecar.kubernetes.check.routing import Route
from o2sidecar.kubernetes.check.rule import Remark, error, warning
from o2sidecar.kubernetes.check.scene import Scene
from o2sidecar.kubernetes.check.thing import dig, items, mapping, text


def _guarded_routes(scene: Scene) -> list[Route]:
    return list(dict.fromkeys(route for pod in scene.guarded for route in scene.routes_to(pod)))


def _takes_sign_in(route: Route) -> bool:
    return any("/oauth2/".startswith(prefix) or prefix.startswith("/oauth2") for prefix in route.prefixes)


def _retries(scene: Scene) -> Iterator[Remark]:
    for route in _guarded_routes(scene):
        attempts = dig(route.settings, "retries", "attempts") or dig(route.settings, "retry", "attempts")
        if isinstance(attempts, int) and attempts > 0 and _takes_sign_in(route):
            sentence = f"retries: attempts {attempts} on a route that has /oauth2/: a code is spent once"
            path = (*route.path, "retries" if "retries" in route.settings else "retry")
            yield Remark(sentence=sentence, thing=route.thing, path=path)


def _too_short(scene: Scene) -> Iterator[Remark]:
    for route in _guarded_routes(scene):
        given = text(route.settings.get("timeout")) or text(dig(route.settings, "timeouts", "request"))
        if not given or not _takes_sign_in(route):
            continue
        wanted = max(
            (one.values["provider_timeout"] for one in scene.proxies if one.pod and route in scene.routes_to(one.pod)),
            default=0,
        )
        try:
            seconds = parse_duration(given)
        except ValueError:
            continue
        if 0 < seconds < wanted:
            sentence = f"time-out {given} is shorter than the provider may take ({wanted:g}s): sign-ins are cut off"
            yield Remark(sentence=sentence, thing=route.thing, path=route.path)


def _port_absent(scene: Scene) -> Iterator[Remark]:
    for route in scene.routes:
        for to in route.destinations:
            service = scene.find("Service", to.namespace, to.service)
            if service is None:
                continue
            ports = [mapping(port) for port in items(dig(service.data, "spec", "ports"))]
            known = [value for port in ports for value in (port.get("port"), port.get("name"))]
            if to.port is not None and to.port not in known:
                sentence = f"Service {to.service} has no port {to.port}: 503 for everybody"
                yield Remark(sentence=sentence, thing=route.thing, path=route.path)


def _service_absent(scene: Scene) -> Iterator[Remark]:
    for route in scene.routes:
        for to in route.destinations:
            local = re.fullmatch(r"[a-z0-9-]+", to.service) is not None
            known = scene.find("Service", to.namespace, to.service)
            if local and known is None and not scene.is_external("Service", to.namespace, to.service):
                sentence = f"Service {to.namespace}/{to.service} is not there"
                yield Remark(sentence=sentence, thing=route.thing, path=route.path)


RULES = (
    error(
        "O2S064",
        "The callback is tried again",
        "A code can be spent once. A retry spends it twice, and people see an error although they were signed in.",
        "Set retries: {attempts: 0} on the route that has /oauth2/.",
        _retries,
    ),
    warning(
        "O2S065",
        "The route's time-out is shorter than the provider's",
        "The gateway gives up (504) while the proxy still waits for the provider; the code is spent by then.",
        "Make it at least provider_timeout, or leave it out.",
        _too_short,
    ),
    error(
        "O2S066",
        "A route leads to a port that its Service does not have",
        "The gateway answers 503.",
        "Use the Service's port, not the container's.",
        _port_absent,
    ),
    error(
        "O2S067",
        "A route leads to a Service that is not there",
        "The gateway answers 503 or 404.",
        "Add the Service to the set, or declare it with --external Service/NS/NAME.",
        _service_absent,
    ),
)
