"""`o2sidecar check`: judges manifests, settings, a running site or a cluster; exit status 1 for errors."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from o2sidecar.kubernetes.arguments import parser_of
from o2sidecar.kubernetes.check.cluster import ClusterUnreachable, read_cluster
from o2sidecar.kubernetes.check.configuration import Configuration, of_file
from o2sidecar.kubernetes.check.live.statements import STATEMENTS
from o2sidecar.kubernetes.check.report import as_json, as_text, count
from o2sidecar.kubernetes.check.rule import Statement
from o2sidecar.kubernetes.check.rules import RULES, judge
from o2sidecar.kubernetes.check.sarif import as_sarif
from o2sidecar.kubernetes.check.scene import External, Scene
from o2sidecar.kubernetes.check.sources import Reader
from o2sidecar.kubernetes.ending import ended
from o2sidecar.kubernetes.findings import Finding, Severity
from o2sidecar.kubernetes.terminal import STANDARD, Misused, Terminal
from o2sidecar.settings.provider_kind import ProviderKinds

_NAME = "check"
_EPILOG = """\
examples:
  o2sidecar check -f k8s/                                     # a folder; one with a kustomization as kustomize has it
  helm template my-app | o2sidecar check -f - -n apps
  o2sidecar check -f app.yaml --external Secret/apps/oauth2-proxy-secret --external Gateway/istio-system/main
  o2sidecar check --config oauth2_proxy.cfg                   # the settings on their own
  o2sidecar check -f k8s/ --format sarif > check.sarif        # for code scanning
  o2sidecar check --live https://my-app.example.com           # plays the way to the provider; changes nothing
  o2sidecar check --cluster -n apps                           # reads by kubectl

A comment in an object accepts a finding: `# o2sidecar: accept O2S079`. All rules are in docs/checks.md.

Exit status: 0 nothing found, 1 errors found (with --fail-on warning: or warnings), 2 the input cannot be read.
"""


def main(arguments: Sequence[str], terminal: Terminal | None = None) -> int:
    """Judge, print, and say by the status whether anything is wrong."""
    terminal = terminal or Terminal.of_process()
    asked = _parser().parse_args(arguments)
    if not (asked.files or asked.config or asked.live or asked.cluster):
        _parser().error("nothing to check: give -f, --config, --live or --cluster")

    def do() -> int:
        try:
            findings = _findings(asked, terminal)
        except (ClusterUnreachable, ValueError) as problem:
            raise Misused(str(problem)) from None
        terminal.out(_shown(findings, asked.format))
        failing = count(findings, Severity.ERROR)
        if asked.fail_on == "warning":
            failing += count(findings, Severity.WARNING)
        return 1 if failing else 0

    return ended(_NAME, terminal, do, broken=2)


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("check", "Finds what opens a bypass, breaks sign-in or cannot be applied.", _EPILOG)
    add = parser.add_argument
    add("-f", "--file", dest="files", metavar="FILE", nargs="+", action="extend", default=[], help="manifests: files or folders; - is the standard input")  # fmt: skip # noqa: E501
    add("--config", metavar="FILE", action="append", default=[], help="a configuration file, oauth2_proxy.cfg, on its own")  # fmt: skip # noqa: E501
    add("--external", metavar="KIND/[NS/]NAME", action="append", default=[], help="what exists elsewhere; a host too: Host/auth.example.com")  # fmt: skip # noqa: E501
    add("-n", "--namespace", default="", help="where objects go that name no namespace (default), or what --cluster reads")  # fmt: skip # noqa: E501
    add("--live", metavar="URL", help="a running site to play the flow against")
    add("--ca-file", metavar="FILE", help="with --live: the authority of a private certificate")
    add("--cluster", action="store_true", help="read the cluster's objects by kubectl")
    add("--format", choices=("text", "json", "sarif"), default="text")
    add("--fail-on", choices=("error", "warning"), default="error", help="from which severity on the exit status is 1")
    return parser


def _findings(asked: argparse.Namespace, terminal: Terminal) -> list[Finding]:
    from o2sidecar.providers.registry import KnownProviders  # noqa: PLC0415 (it looks for those of other packages)

    kinds: ProviderKinds = KnownProviders()
    external = [External.parse(text) for text in asked.external]
    things = Reader(namespace=asked.namespace or "default", standard_input=lambda: terminal.text(STANDARD)).things(
        asked.files
    )
    if asked.cluster:
        answer = read_cluster(asked.namespace)
        things += answer.things
        external += answer.external
        for note in answer.notes:
            terminal.say(f"o2sidecar {_NAME}: note: {note}")
    files = [_of_file(path, terminal, kinds) for path in asked.config]
    scene = Scene(things=tuple(things), kinds=kinds, external=tuple(external), files=tuple(files))
    found = judge(scene)
    if asked.live:
        from o2sidecar.kubernetes.check.live.visit import visit  # noqa: PLC0415 (only this needs a network)

        found += visit(asked.live, ca_file=asked.ca_file)
    return found


def _of_file(path: str, terminal: Terminal, kinds: ProviderKinds) -> Configuration:
    content = terminal.content(path)
    return of_file(path, lambda name: content if name == path else Path(name).read_bytes(), kinds)


def _shown(findings: list[Finding], form: str) -> str:
    if form == "json":
        return as_json(findings)
    if form == "sarif":
        statements: tuple[Statement, ...] = (*RULES, *STATEMENTS)
        return as_sarif(findings, statements)
    return as_text(findings)
