"""Packages of somebody else that add providers, installed for as long as a test runs."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

GROUP = "o2sidecar.providers"


def install_package(
    case: SynchronousTestCase, modules: Mapping[str, str], entry_points: Mapping[str, str], name: str = "other-package"
) -> None:
    """Install modules by their text, and entry points for providers."""
    folder = Path(case.mktemp()).resolve()
    info = folder / f"{name.replace('-', '_')}-1.dist-info"
    info.mkdir(parents=True)
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
        case.addCleanup(sys.modules.pop, module, None)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    lines = [f"{key} = {value}" for key, value in entry_points.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines, ""]))
    case.patch(sys, "path", [str(folder), *sys.path])


def install_project(case: SynchronousTestCase, folder: Path) -> None:
    """Install the modules that a folder's pyproject.toml names, by what it says of itself."""
    said = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    modules = {name: (folder / f"{name}.py").read_text("utf-8") for name in said["tool"]["setuptools"]["py-modules"]}
    install_package(case, modules, said["project"]["entry-points"][GROUP], said["project"]["name"])
