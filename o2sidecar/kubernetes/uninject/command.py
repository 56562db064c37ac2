"""`o2sidecar uninject`: a manifest in, the same manifest as it was before an injection out."""

from __future__ import annotations

from collections.abc import Sequence

from o2sidecar.kubernetes.arguments import parser_of
from o2sidecar.kubernetes.ending import ended
from o2sidecar.kubernetes.inject.rewriting import add_files, rewrite
from o2sidecar.kubernetes.terminal import Terminal
from o2sidecar.kubernetes.uninject.plan import uninject

_EPILOG = """\
examples:
  o2sidecar uninject -f my-app.yaml -o my-app.yaml
  o2sidecar uninject -f my-app.yaml | kubectl apply -f -

What people edited since the injection stays. Objects that inject has added are taken out of the text; in a cluster,
delete them.

Exit status 0 when it is done, 1 when an edit is in the way (it is named, and nothing is written), 2 for arguments that
make no sense.
"""


def main(arguments: Sequence[str], terminal: Terminal | None = None) -> int:
    """Take the sidecar out; see the usage for the exit status."""
    terminal = terminal or Terminal.of_process()
    parser = parser_of("uninject", "Takes out of a manifest what inject has put into it: its exact inverse.", _EPILOG)
    add_files(parser)
    try:
        given = parser.parse_args(list(arguments))
    except SystemExit as stop:
        return int(stop.code or 0)

    def do() -> int:
        return rewrite("uninject", given, lambda subjects: uninject(subjects, given.namespace), terminal)

    return ended("uninject", terminal, do)
