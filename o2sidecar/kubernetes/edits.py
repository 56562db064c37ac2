"""Edits of an object that remember what has to be known to undo them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from o2sidecar.kubernetes.difference import alike, plain
from o2sidecar.kubernetes.objects import at
from o2sidecar.kubernetes.operations import Data, Path, Verbatim
from o2sidecar.kubernetes.original import ABSENT, ORIGINAL, Change, Original
from o2sidecar.kubernetes.ways import Way, resolve, way_text

Source = Callable[[Path], str | None]


def unshared(data: Data) -> Data:
    """Without shared parts: what a YAML alias stands for is changed in one place only."""
    if isinstance(data, dict):
        return {key: unshared(value) for key, value in data.items()}
    return [unshared(one) for one in data] if isinstance(data, list) else data


class Edits:
    """Changes a copy of an object, or of a pod template, and remembers what has to be undone.

    `root`: the data; `source`: the text of what lies at a path of the document as it was read.
    """

    def __init__(self, root: Data, source: Source = lambda _: None, current: Data = None) -> None:
        """`current`: the data that `source` knows, if it is not the root."""
        self.root = unshared(root)
        self._source = source
        self._current = root if current is None else current
        self._changes: list[Change] = []
        self._created: list[tuple[Way, str | None]] = []

    def set(self, way: Way, value: Data, *, afterwards: Way | None = None) -> None:
        """Put a value where the parent is there; `afterwards`: the way to it once it is changed."""
        parent_path = resolve(self.root, way[:-1])
        if parent_path is None or not isinstance(way[-1], str):
            raise ValueError(f"there is nothing at {way_text(way)}")
        parent = at(self.root, parent_path)
        was = parent.get(way[-1], ABSENT)
        if was is not ABSENT and alike(was, value):
            return
        self._changes.append(
            Change(way=afterwards or way, was=self._as_written(was, (*parent_path, way[-1])), now=value)
        )
        parent[way[-1]] = value

    def take_out(self, way: Way) -> None:
        """Remove an item of a list."""
        path = resolve(self.root, way)
        if path is None or not isinstance(path[-1], int):
            raise ValueError(f"there is nothing at {way_text(way)}")
        siblings = at(self.root, path[:-1])
        was = self._as_written(siblings[path[-1]], path, whole=True)
        self._changes.append(Change(way=way, was=was, index=path[-1]))
        del siblings[path[-1]]

    def ensure(self, way: tuple[str, ...], empty: Data) -> Data:
        """The mapping or list at a way, made from nothing where there is none."""
        parent = self.root if len(way) == 1 else self.ensure(way[:-1], {})
        was = parent.get(way[-1], ABSENT)
        if was is ABSENT or plain(was) is None:
            text = None if was is ABSENT else self._text(was, way) or ""
            self._created.append((way, text))
            parent[way[-1]] = unshared(empty)
        return parent[way[-1]]

    def annotate(self, values: Mapping[str, str]) -> None:
        """Add annotations of ours, and the one that holds what has to be undone."""
        into = self.ensure(("metadata", "annotations"), {})
        into.update(values)
        into[ORIGINAL] = Original(changes=tuple(self._changes), created=tuple(self._created)).to_text()

    @property
    def changed(self) -> bool:
        """Whether anything was replaced."""
        return bool(self._changes)

    def _as_written(self, value: Data, path: Path, *, whole: bool = False) -> Data:
        if value is ABSENT or isinstance(value, Verbatim):
            return value
        text = self._text(value, path)
        unlike_ours = text is not None and (whole or text != str(value))
        return Verbatim(text=text, data=unshared(plain(value))) if unlike_ours and text is not None else unshared(value)

    def _text(self, value: Data, path: Path) -> str | None:
        """Only if the document has just this value there: what was undone before may have moved it."""
        if isinstance(value, Verbatim):
            return value.text
        found = at(self._current, path, ABSENT)
        return self._source(path) if found is not ABSENT and alike(found, value) else None
