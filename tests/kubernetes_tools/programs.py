"""Runs helm, kustomize and kubeconform as the set-up built them, without a cluster and without a network."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("O2SIDECAR_KUBERNETES_TOOLS") or ROOT / ".cache" / "kubernetes")
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "o2sidecar"
LIBRARY = DEPLOY / "helm" / "o2sidecar-lib"


class ProgramFailed(Exception):
    """A program ended badly; the message is what it wrote to stderr."""


def run(program: str, *arguments: str, given: str = "") -> str:
    """What a program writes to stdout. Raises `ProgramFailed`, and says what to do if it is not there."""
    path = TOOLS / "bin" / program
    if not path.is_file():
        raise ProgramFailed(f"{path} is missing: run `make kubernetes-tools`")
    # Nothing of the user's own: no repositories, no plugins, no cluster.
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(TOOLS / "home")}
    ended = subprocess.run(
        [str(path), *arguments], input=given, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    if ended.returncode:
        raise ProgramFailed(ended.stderr.strip() or ended.stdout.strip())
    return ended.stdout


def helm_template(
    chart: Path, values: Mapping[str, Any], *, namespace: str = "apps", options: Sequence[str] = ()
) -> str:
    """A chart as helm renders it for a release `realm`."""
    arguments = ["template", "realm", str(chart), f"--namespace={namespace}", "--values=-", *options]
    return run("helm", *arguments, given=json.dumps(values))


def kustomize_build(folder: Path) -> str:
    """A kustomization as kustomize builds it."""
    return run("kustomize", "build", str(folder))


def objects(text: str) -> list[dict[str, Any]]:
    """The objects of a stream."""
    return [each for each in yaml.safe_load_all(text) if each is not None]


def the(kind: str, among: Sequence[dict[str, Any]], name: str = "") -> dict[str, Any]:
    """The one object of a kind, or of a kind and name."""
    found = [each for each in among if each["kind"] == kind and name in ("", each["metadata"]["name"])]
    if len(found) != 1:
        raise LookupError(f"{len(found)} objects of kind {kind} {name}")
    return found[0]
