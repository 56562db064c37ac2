"""Kubernetes objects, as plain data, written as YAML that people read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

_WIDEST = 10**6
"""No line is broken: a long value stays one that people can copy."""


class _Dumper(yaml.SafeDumper):
    """Items of a list stand below its key, texts of several lines as a block, and nothing is an alias."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """As YAML in Kubernetes' own documentation: lists are not indented further than their key."""
        return super().increase_indent(flow, indentless)

    def ignore_aliases(self, data: Any) -> bool:
        """Never an anchor: the same list in two places is written twice."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def manifest_text(objects: Iterable[Mapping[str, Any]]) -> str:
    """The stream of these objects, keys in the order that they have; texts are quoted as YAML 1.1 needs it."""
    documents = (
        yaml.dump(dict(one), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDEST) for one in objects
    )
    return "---\n".join(documents)
