"""`o2sidecar inject`: a manifest in, the same manifest with the sidecar out, or nothing if anything is refused."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from o2sidecar.kubernetes.arguments import parser_of
from o2sidecar.kubernetes.container import CONFIG_MAP, IMAGE, SECRET
from o2sidecar.kubernetes.ending import ended
from o2sidecar.kubernetes.inject.options import InjectOptions, from_flags
from o2sidecar.kubernetes.inject.plan import inject
from o2sidecar.kubernetes.inject.rewriting import add_files, rewrite
from o2sidecar.kubernetes.terminal import Terminal

_EPILOG = """\
examples:
  o2sidecar inject -f my-app.yaml --host my-app.example.com | kubectl apply -f -
  kubectl kustomize . | o2sidecar inject -f - -n apps | kubectl apply -f -
  o2sidecar inject -f my-app.yaml -o my-app.yaml --allow-group acme/platform --public-path 'GET=^/healthz$'
  o2sidecar inject -f my-app.yaml --host my-app.example.com --route istio --gateway istio-system/main

Every flag about the sidecar is an annotation of the pod template too (o2sidecar/host, o2sidecar/app-port,
o2sidecar/allow-groups, o2sidecar/public-paths, ...), which wins over the flag; both win over the ConfigMap.
The label o2sidecar/inject: "false" of the pod template leaves a workload out.

Exit status 0 when it is done, 1 when something cannot be injected (nothing is written then), 2 for arguments that make
no sense.
"""


def main(arguments: Sequence[str], terminal: Terminal | None = None) -> int:
    """Inject; see the usage for the exit status."""
    terminal = terminal or Terminal.of_process()
    try:
        given = _parser().parse_args(list(arguments))
    except SystemExit as stop:
        return int(stop.code or 0)

    def do() -> int:
        flags = _flags(given)
        return rewrite("inject", given, lambda subjects: inject(subjects, flags), terminal)

    return ended("inject", terminal, do)


def _flags(given: argparse.Namespace) -> InjectOptions:
    return from_flags(
        namespace=given.namespace,
        hosts=given.host,
        app_port=given.app_port,
        mode=given.mode,
        image=given.image,
        config_map=given.config_map,
        secret=given.secret,
        public_paths=given.public_path,
        groups=given.allow_group,
        route=given.route,
        gateway=given.gateway,
        ingress_class=given.ingress_class,
        tls_secret=given.tls_secret,
        restrict_network=given.restrict_network,
        monitoring_namespace=given.monitoring_namespace,
        replace_oauth2_proxy=given.replace_oauth2_proxy,
        strict=given.strict,
        force=given.force,
    )


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(
        "inject", "Adds the sidecar to every workload of a manifest, and leads their Services to it.", _EPILOG
    )
    add_files(parser)
    several: Any = {"action": "append", "default": []}
    sidecar = parser.add_argument_group("the sidecar")
    sidecar.add_argument("--host", metavar="H", help="a host that is served, all others are answered 421", **several)
    sidecar.add_argument("--app-port", metavar="N|NAME", default="", help="where the app listens; else found out")
    sidecar.add_argument("--mode", choices=("auto", "container", "native"), default="auto", help="auto: container")
    sidecar.add_argument("--image", metavar="I", default=IMAGE, help=f"default: {IMAGE}")
    sidecar.add_argument("--config-map", metavar="C", default=CONFIG_MAP, help=f"default: {CONFIG_MAP}")
    sidecar.add_argument("--secret", metavar="S", default=SECRET, help=f"default: {SECRET}")
    sidecar.add_argument(
        "--public-path",
        metavar="[METHOD=]PATTERN",
        help="a path that is open to everybody; with any, those of the ConfigMap are not",
        **several,
    )
    sidecar.add_argument(
        "--allow-group", metavar="G", help="a group whose members may pass; else whom the ConfigMap admits", **several
    )
    around = parser.add_argument_group("around it")
    around.add_argument(
        "--route", choices=("istio", "gateway-api", "ingress", "none"), default="none", help="add a way from outside"
    )
    around.add_argument("--gateway", metavar="NS/NAME", default="", help="of --route istio or gateway-api")
    around.add_argument("--ingress-class", metavar="NAME", default="", help="of --route ingress")
    around.add_argument("--tls-secret", metavar="NAME", default="", help="of --route ingress")
    around.add_argument(
        "--restrict-network", action="store_true", help="add a NetworkPolicy that leaves no way but the sidecar's"
    )
    around.add_argument(
        "--monitoring-namespace", metavar="NS", default="monitoring", help="may reach the metrics then (monitoring)"
    )
    around.add_argument("--replace-oauth2-proxy", action="store_true", help="take a sidecar of oauth2-proxy out")
    around.add_argument("--strict", action="store_true", help="ways past the sidecar are errors")
    around.add_argument("--force", action="store_true", help="also Jobs (native), and what oauth2-proxy's flags said")
    return parser
