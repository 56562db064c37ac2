"""What `inject` and `uninject` have in common as commands: where text comes from and goes to, and what is said."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from o2sidecar.kubernetes.arguments import Once
from o2sidecar.kubernetes.inject.transforming import Decide, transform
from o2sidecar.kubernetes.terminal import STANDARD, Terminal
from o2sidecar.kubernetes.whole_file import put


def add_files(parser: argparse.ArgumentParser) -> None:
    """The arguments that both commands have."""
    add: Any = partial(parser.add_argument, action=Once)
    add("-f", "--file", metavar="FILE|-", required=True, help="the manifest; -: standard input")
    add("-o", "--output", metavar="FILE", default=STANDARD, help="else standard output")
    parser.add_argument("-n", "--namespace", metavar="NS", default="", help="of objects that say none, as kubectl's -n")


def rewrite(command: str, given: argparse.Namespace, decide: Decide, terminal: Terminal) -> int:
    """Read, decide, write; the exit status. Raises what `ended` knows."""
    transformed = transform(terminal.content(given.file), given.file, decide)
    for finding in transformed.findings:
        terminal.say(f"o2sidecar {command}: {finding}")
    if transformed.text is None:
        return 1
    if given.output == STANDARD:
        terminal.out(transformed.text)
    else:
        put(given.output, transformed.text)
    return 0
