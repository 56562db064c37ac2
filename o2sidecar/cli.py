"""The `o2sidecar` command: finds the module of a sub-command and calls it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from o2sidecar import __version__

COMMANDS = {
    "run": ("o2sidecar.tap", "run the sidecar in the foreground; takes every option of the configuration"),
    "demo": ("o2sidecar.demo.run", "run an embedded provider and two small apps behind sidecars, on loopback"),
    "revoke": ("o2sidecar.revoke", "end sessions on every sidecar: a user's, a single one, or all of them"),
    "check": ("o2sidecar.kubernetes.check.command", "find what is wrong with manifests, settings, a site or a cluster"),
    "init": ("o2sidecar.kubernetes.init.command", "write what all apps of a domain share in Kubernetes"),
    "keys": ("o2sidecar.kubernetes.keys", "make a cookie secret, or put another one into a Secret"),
    "convert": ("o2sidecar.kubernetes.convert.command", "write pods and files of oauth2-proxy as those of o2sidecar"),
    "migrate": ("o2sidecar.kubernetes.migrate.command", "plan the way from Istio's ext_authz to sidecars"),
    "webhook": ("o2sidecar.kubernetes.webhook.command", "serve the admission webhook that puts the sidecar into pods"),
    "inject": ("o2sidecar.kubernetes.inject.command", "add the sidecar to the workloads of a manifest"),
    "uninject": ("o2sidecar.kubernetes.uninject.command", "take it out of a manifest again"),
    "schema": ("o2sidecar.settings.schema", "print the JSON Schema of the structured file, for editors"),
    "healthcheck": ("o2sidecar.healthcheck", "ask a running sidecar's /ping; for container health checks"),
}
"""Sub-command to the module whose `main(arguments) -> exit status` does it, and what it does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command; its exit status, 2 when there is none of that name."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in {"-h", "--help", "help"}:
        sys.stdout.write(_usage())
        return 0 if given else 2
    if given[0] in {"--version", "version"}:
        sys.stdout.write(f"o2sidecar {__version__}\n")
        return 0
    if given[0] not in COMMANDS:
        kind = "flag" if given[0].startswith("-") else "command"
        sys.stderr.write(f"o2sidecar: unknown {kind}: {given[0]}\n\n{_usage()}")
        return 2
    module, _ = COMMANDS[given[0]]
    status: int = import_module(module).main(given[1:])
    return status


def _usage() -> str:
    lines = [f"  {name:<12} {summary}" for name, (_, summary) in COMMANDS.items()]
    return "\n".join(
        [
            "Usage: o2sidecar COMMAND [OPTION ...]",
            "",
            "An authentication sidecar in front of one web app.",
            "",
            "Commands:",
            *lines,
            "",
            "`o2sidecar COMMAND --help` says more. `twistd -n o2sidecar` is `o2sidecar run` as a twistd plugin.",
            "",
        ]
    )
