"""Finds the Kubernetes objects in the repository's YAML files and in the YAML blocks of its pages."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from attrs import frozen

from tests.kubernetes_tools.programs import ROOT

_BLOCK = re.compile(r"^(?P<indent> *)```ya?ml\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)


@frozen(kw_only=True)
class Found:
    """An object as somebody wrote it: its plain data, its nodes, its file and the line before its text."""

    data: dict[str, Any]
    node: yaml.Node
    path: Path
    before: int

    def place(self, path: Sequence[str | int] = ()) -> str:
        """`FILE:LINE` of what is at a path, or of the nearest thing around it."""
        node = self.node
        for key in path:
            inside = _inside(node, key)
            if inside is None:
                break
            node = inside
        name = self.path.relative_to(ROOT) if self.path.is_relative_to(ROOT) else self.path
        return f"{name}:{self.before + node.start_mark.line + 1}"


def repository_files(*suffixes: str) -> list[Path]:
    """The repository's files with these suffixes, committed or not yet; helm's templates are none."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    paths = [ROOT / line for line in listed if line.endswith(suffixes) and "/templates/" not in line]
    return sorted(path for path in paths if path.is_file() and not path.is_symlink())


def found_in(path: Path) -> Iterator[Found]:
    """Every Kubernetes object in a file. Raises `yaml.YAMLError` with the line, counted from the block's first."""
    text = path.read_text("utf-8-sig")
    if path.suffix != ".md":
        yield from _found(text, path, 0)
        return
    for block in _BLOCK.finditer(text):
        indent, inside = block["indent"], block["text"]
        yield from _found(
            re.sub(f"^{indent}", "", inside, flags=re.MULTILINE), path, text[: block.start("text")].count("\n")
        )


def _found(text: str, path: Path, before: int) -> Iterator[Found]:
    nodes = yaml.compose_all(text, yaml.SafeLoader)
    for node, data in zip(nodes, yaml.safe_load_all(text), strict=True):
        if node is not None and isinstance(data, dict) and {"apiVersion", "kind"} <= data.keys():
            yield Found(data=data, node=node, path=path, before=before)


def _inside(node: yaml.Node, key: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int):
        return node.value[key] if key < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == str(key)), None)
    return None
