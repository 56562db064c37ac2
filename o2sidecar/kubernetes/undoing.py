"""Undoes an injection by what its annotation says, around what people edited since."""

from __future__ import annotations

from o2sidecar.kubernetes.container import CONFIG_VOLUME, NAME, SECRET_VOLUME
from o2sidecar.kubernetes.difference import alike, plain
from o2sidecar.kubernetes.edits import unshared
from o2sidecar.kubernetes.objects import at, items, mapping
from o2sidecar.kubernetes.operations import Data, Verbatim
from o2sidecar.kubernetes.original import ABSENT, WRITTEN, Change, Original
from o2sidecar.kubernetes.ways import Way, resolve, way_text


class NotUndone(ValueError):
    """An edit is in the way; the message is a sentence. `way` says where."""

    def __init__(self, way: Way, sentence: str) -> None:
        self.way = way
        super().__init__(sentence)


def undo(root: Data, original: Original) -> Data:
    """The data as it was, with what people edited since. Raises `NotUndone`."""
    root = unshared(root)
    spec = mapping(root).get("spec")
    for key, names in (
        ("containers", {NAME}),
        ("initContainers", {NAME}),
        ("volumes", {CONFIG_VOLUME, SECRET_VOLUME}),
    ):
        siblings = mapping(spec).get(key)
        if isinstance(siblings, list):
            siblings[:] = [one for one in siblings if mapping(one).get("name") not in names]
    notes = at(root, ("metadata", "annotations"))
    for key in WRITTEN:
        if isinstance(notes, dict):
            notes.pop(key, None)
    for change in reversed(original.changes):
        (_put_back if change.index is not None else _set_back)(root, change)
    for way, text in reversed(original.created):
        _remove_if_empty(root, way, text)
    return root


def _put_back(root: Data, change: Change) -> None:
    path = resolve(root, change.way[:-1])
    siblings = at(root, path) if path is not None else None
    if not isinstance(siblings, list):
        raise NotUndone(change.way, f"{way_text(change.way[:-1])} is gone, to which {change.way[-1]} belongs")
    if resolve(root, change.way) is not None:
        raise NotUndone(change.way, f"{way_text(change.way)} is there again; inject had taken it out")
    siblings.insert(min(change.index or 0, len(siblings)), change.was)


def _set_back(root: Data, change: Change) -> None:
    path = resolve(root, change.way[:-1])
    key = change.way[-1]
    parent = at(root, path) if path is not None else None
    if not isinstance(parent, dict) or not isinstance(key, str):
        if _is_gone(root, change.way):
            return
        raise NotUndone(change.way, f"{way_text(change.way)} cannot be undone: it is not there any more")
    found = parent.get(key, ABSENT)
    if found is not ABSENT and change.was is not ABSENT and alike(found, change.was):
        return
    if found is change.now is ABSENT or (found is not ABSENT and change.now is not ABSENT and alike(found, change.now)):
        if change.was is ABSENT:
            parent.pop(key, None)
        else:
            parent[key] = change.was
        return
    if found is change.was is ABSENT:
        return
    raise NotUndone(
        change.way,
        f"{way_text(change.way)} is {plain(found)!r} now; inject had made {change.now!r} of {plain(change.was)!r}, so "
        "set it back to one of them",
    )


def _is_gone(root: Data, way: Way) -> bool:
    """Whether the container or the Service's port was removed, and all that was changed in it.

    A Service's port that leads to the sidecar was only given another number.
    """
    first = next((number for number, step in enumerate(way) if not isinstance(step, str)), len(way))
    siblings = resolve(root, way[:first])
    return (
        siblings is not None
        and resolve(root, way[: first + 1]) is None
        and not any(one.get("targetPort") == NAME for one in items(at(root, siblings)))
    )


def _remove_if_empty(root: Data, way: Way, text: str | None) -> None:
    path = resolve(root, way)
    if not path or at(root, path) not in ({}, []):
        return
    parent = at(root, path[:-1])
    if text is None:
        del parent[path[-1]]
    else:
        parent[path[-1]] = Verbatim(text=text, data=None)
