"""`o2sidecar migrate plan`: what was found and what to do about it, for people or as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import asdict

from o2sidecar.kubernetes import objects
from o2sidecar.kubernetes.arguments import parser_of
from o2sidecar.kubernetes.ending import ended
from o2sidecar.kubernetes.findings import Finding, Severity
from o2sidecar.kubernetes.manifest_folder import listed
from o2sidecar.kubernetes.migrate.landscape import Landscape
from o2sidecar.kubernetes.migrate.plan import plan
from o2sidecar.kubernetes.migrate.steps import Step
from o2sidecar.kubernetes.terminal import STANDARD, Terminal
from o2sidecar.kubernetes.text import Stream

_DESCRIPTION = """\
Plans the way from one central oauth2-proxy that Istio asks (ext_authz) to a sidecar in front of each app. Every step
has its commands, how to see that it worked, and how to undo it. Nothing is done, and no cluster is talked to.
"""
_EPILOG = """\
examples:
  o2sidecar migrate plan -f k8s/
  o2sidecar migrate plan -f proxy.yaml istio.yaml -f apps/ --format json

Give the files of the central proxy (Deployment, ConfigMap, Service, VirtualService), of Istio's side of it
(EnvoyFilter, AuthorizationPolicy, mesh configuration) and of the apps: those that you apply, since the way back
is to apply them again. What `kubectl get -o yaml` gives cannot make again what was deleted.

Exit status 0 with a plan, or where there is nothing to migrate; 1 when no safe plan can be made of these files; 2 for
arguments that make no sense.
"""
_NAME = "migrate plan"


def main(arguments: Sequence[str], terminal: Terminal | None = None) -> int:
    """Print the plan; see the `--help` for the exit status."""
    terminal = terminal or Terminal.of_process()
    given = _parsed(arguments)

    def do() -> int:
        streams = [Stream.read(terminal.text(name), name) for name in _names(given.file)]
        landscape = Landscape.of(streams, given.namespace)
        steps = plan(landscape)
        for seen in landscape.everything if steps else ():
            if objects.metadata(seen.data).get("resourceVersion"):
                sentence = "this is what a cluster tells; the way back wants the file that was applied"
                note = Finding(severity=Severity.WARNING, sentence=sentence, object=seen.title, place=seen.place)
                terminal.say(f"o2sidecar {_NAME}: {note}")
        terminal.out(_as_json(landscape, steps) if given.format == "json" else _as_text(landscape, steps))
        return 0

    return ended(_NAME, terminal, do)


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = parser_of("migrate", _DESCRIPTION, _EPILOG)
    kinds = parser.add_subparsers(dest="what", required=True, metavar="plan")
    planning = kinds.add_parser("plan", help="print the steps", allow_abbrev=False)
    add = planning.add_argument
    add("-f", "--file", action="extend", nargs="+", required=True, help="manifests, or folders of them; -: stdin")
    add("-n", "--namespace", default="default", metavar="NS", help="of objects that say none (default)")
    add("--format", choices=("text", "json"), default="text", help="for people, or for programs")
    return parser.parse_args(list(arguments))


def _names(given: Sequence[str]) -> Iterator[str]:
    """The files that are meant, those of folders in the order of their names."""
    for name in dict.fromkeys(given):
        if name == STANDARD or not Path(name).is_dir():
            yield name
        else:
            yield from _names([str(path) for path in listed(Path(name))])


def _as_text(landscape: Landscape, steps: Sequence[Step]) -> str:
    if not steps:
        return "Nothing of a central oauth2-proxy behind ext_authz was found.\n"
    return "".join(f"{line}\n" for line in _lines(landscape, steps))


def _lines(landscape: Landscape, steps: Sequence[Step]) -> Iterator[str]:
    yield "Found:"
    for seen, what in landscape.leftovers:
        yield f"  {seen.place}: {seen.title} {what}"
    yield ""
    yield f"{len(steps)} steps. Go on to the next when the check holds; to go back, undo them from the last one done."
    for number, step in enumerate(steps, 1):
        yield ""
        yield f"{number}. {step.title}"
        yield f"   {step.why}"
        for title, commands in (("do", step.do), ("check", step.check), ("undo", step.back)):
            yield f"   {title}:"
            yield from (f"     {one}" for one in commands)


def _as_json(landscape: Landscape, steps: Sequence[Step]) -> str:
    found = [
        {"object": seen.title, "file": seen.place.name, "line": seen.place.line, "what": what}
        for seen, what in landscape.leftovers
    ]
    numbered = [{"number": number, **asdict(step)} for number, step in enumerate(steps, 1)]
    return json.dumps({"found": found, "steps": numbered}, indent=2) + "\n"
