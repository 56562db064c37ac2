"""Rules about what former set-ups leave behind: ext_authz, and alerts on metrics that never were."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from o2sidecar.kubernetes.check.rule import Remark, warning
from o2sidecar.kubernetes.check.scene import Scene
from o2sidecar.kubernetes.check.thing import dig, numbered, text

_METRIC = re.compile(r"\boauth2_proxy_\w+")
_REAL = re.compile(
    r"oauth2_proxy_(?:requests_total|requests_in_flight|response_duration_seconds(?:_(?:bucket|sum|count))?)"
)


def _ext_authz(scene: Scene) -> Iterator[Remark]:
    for thing in scene.of("EnvoyFilter"):
        if "ext_authz" in json.dumps(dict(thing.data), default=str):
            sentence = "this filter asks a central service about every request of its gateway"
            yield Remark(sentence=sentence, thing=thing)
    for thing in scene.of("AuthorizationPolicy"):
        if dig(thing.data, "spec", "action") == "CUSTOM":
            provider = text(dig(thing.data, "spec", "provider", "name")) or "a provider"
            # Who asks o2sidecar itself has meant it.
            if not provider.startswith("o2sidecar"):
                sentence = f"this policy asks {provider} about every request"
                yield Remark(sentence=sentence, thing=thing, path=("spec",))


def _metrics(scene: Scene) -> Iterator[Remark]:
    for thing in scene.of("PrometheusRule"):
        for path, group in numbered(thing.data, "spec", "groups"):
            for inner, rule in numbered(group, "rules"):
                names = sorted(set(_METRIC.findall(str(rule.get("expr") or ""))))
                for name in names:
                    if not _REAL.fullmatch(name):
                        sentence = f"no version of oauth2-proxy or o2sidecar has the metric {name}"
                        yield Remark(sentence=sentence, thing=thing, path=(*path, *inner))


RULES = (
    warning(
        "O2S090",
        "External authorization is left over",
        "Requests are still asked about at a central proxy, beside the sidecar: two sign-ins, two points of failure.",
        "`o2sidecar migrate` prints the order in which to take it out.",
        _ext_authz,
    ),
    warning(
        "O2S091",
        "An alert is about a metric that does not exist",
        "It never fires.",
        "Take the names from the /metrics of a running proxy: oauth2_proxy_requests_total, o2sidecar_sign_ins_total.",
        _metrics,
    ),
)
