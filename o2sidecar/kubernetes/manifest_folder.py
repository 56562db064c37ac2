"""What a folder of manifests has: the same for every command that takes one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_SUFFIXES = (".yaml", ".yml", ".json")


def listed(folder: Path) -> Iterator[Path]:
    """Its manifests and its folders, by name; a link to a folder may lead in circles, and is left out."""
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if not path.is_symlink():
                yield path
        elif path.suffix in _SUFFIXES:
            yield path
