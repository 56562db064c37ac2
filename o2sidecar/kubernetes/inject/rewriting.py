"""What `inject` and `uninject` have in common as commands: where text comes from and goes to, and what is said."""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
from pathlib import Path

from o2sidecar.kubernetes.findings import ManifestProblem
from o2sidecar.kubernetes.inject.transforming import Decide, transform
from o2sidecar.kubernetes.terminal import STANDARD, Terminal


def add_files(parser: argparse.ArgumentParser) -> None:
    """The arguments that both commands have."""
    parser.add_argument("-f", metavar="FILE|-", dest="file", required=True, help="the manifest; -: standard input")
    parser.add_argument("-o", metavar="FILE", dest="output", default=STANDARD, help="else standard output")
    parser.add_argument("-n", "--namespace", metavar="NS", default="", help="of objects that say none, as kubectl's -n")


def rewrite(command: str, given: argparse.Namespace, decide: Decide, terminal: Terminal) -> int:
    """Read, decide, write; the exit status."""
    try:
        content = terminal.read() if given.file == STANDARD else Path(given.file).read_bytes()
    except OSError as error:
        return terminal.refuse(command, [f"{given.file} cannot be read: {error.strerror}"], 2)
    try:
        transformed = transform(content, given.file, decide)
    except ManifestProblem as problem:
        return terminal.refuse(command, problem.findings)
    except ImportError:
        sentence = "manifests are read by ruamel.yaml, which is not here: pip install 'o2sidecar[kubernetes]'"
        return terminal.refuse(command, [sentence], 2)
    for finding in transformed.findings:
        terminal.say(f"o2sidecar {command}: {finding}")
    return 1 if transformed.text is None else _put(command, given.output, transformed.text, terminal)


def _put(command: str, output: str, text: str, terminal: Terminal) -> int:
    if output == STANDARD:
        terminal.out(text)
        return 0
    try:
        _write(Path(output), text.encode())
    except OSError as error:
        return terminal.refuse(command, [f"{output} cannot be written: {error.strerror}"])
    return 0


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing: whoever reads the file meanwhile, or after a crash, has the old or the new text."""
    path = path.resolve()  # a link stays one
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            os.chmod(name, path.stat().st_mode & 0o777)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
