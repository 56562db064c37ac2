"""Ways to values that survive edits: list items are found by what they hold, not by where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from o2sidecar.kubernetes.difference import plain
from o2sidecar.kubernetes.objects import mapping
from o2sidecar.kubernetes.operations import Data, Path

Step = str | Mapping[str, Any]
Way = tuple[Step, ...]
"""A path that survives edits: keys of mappings, and for items of lists what they have to hold."""


def resolve(root: Data, way: Sequence[Step]) -> Path | None:
    """The path that a way is now; `None` if it leads nowhere."""
    path: list[str | int] = []
    for step in way:
        if isinstance(step, str):
            if not isinstance(root, dict) or step not in root:
                return None
            path.append(step)
            root = root[step]
            continue
        for index, one in enumerate(root if isinstance(root, list) else ()):
            if all(mapping(plain(one)).get(key) == value for key, value in step.items()):
                path.append(index)
                root = one
                break
        else:
            return None
    return tuple(path)


def way_text(way: Way) -> str:
    """A way as sentences name it: `spec.ports[port=80].targetPort`."""
    text = ""
    for step in way:
        if isinstance(step, str):
            text += f".{step}" if text else step
        else:
            text += "[" + ",".join(f"{key}={value}" for key, value in step.items()) + "]"
    return text
