"""What an injection changed: kept in an annotation, so that it can be undone around what people edited since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from o2sidecar.kubernetes.container import CONFIG_VOLUME, NAME, SECRET_VOLUME
from o2sidecar.kubernetes.difference import alike, plain
from o2sidecar.kubernetes.objects import at, items, mapping
from o2sidecar.kubernetes.operations import Data, Path, Verbatim

PREFIX = "o2sidecar/"
ORIGINAL = PREFIX + "original"
STATUS = PREFIX + "status"
CONFIG_HASH = PREFIX + "config-hash"
WRITTEN = (CONFIG_HASH, STATUS, ORIGINAL)
"""The annotations that an injection writes."""

ADDED_KINDS = frozenset({"VirtualService", "HTTPRoute", "Ingress", "NetworkPolicy"})
"""What an injection adds as a whole."""

NOT_OURS = "is not what inject wrote; take it from your history"

Step = str | Mapping[str, Any]
Way = tuple[Step, ...]
"""A path that survives edits: keys of mappings, and for items of lists what they have to hold."""

Source = Callable[[Path], str | None]


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


ABSENT: Any = _Absent()


class NotUndone(ValueError):
    """An edit is in the way; the message is a sentence. `way` says where."""

    def __init__(self, way: Way, sentence: str) -> None:
        self.way = way
        super().__init__(sentence)


@frozen(kw_only=True)
class Change:
    """One value that an injection replaced.

    Attributes:
        way: to the value; with `index`, to an item of a list that was taken out there.
        was: the former value, `Verbatim` where it was written in another way than we would; `ABSENT`: there was none.
        now: what stands there since; `ABSENT`: nothing.
    """

    way: Way
    was: Data = ABSENT
    now: Data = ABSENT
    index: int | None = None


@frozen(kw_only=True)
class Original:
    """All that has to be known to undo an injection.

    Attributes:
        changes: in the order in which they were made.
        created: mappings and lists that were not there; where there was an empty value, with its text.
        digest: of an object that is an injection's as a whole: tells whether somebody edited it since.
    """

    changes: tuple[Change, ...] = ()
    created: tuple[tuple[Way, str | None], ...] = ()
    digest: str = ""

    @classmethod
    def of_new_object(cls, data: Data, separator: str | None = None) -> Original:
        """Of an object that is an injection's as a whole; `separator` is what is written before it."""
        return cls(created=(((), separator),), digest=_digest(data))

    def is_as_made(self, data: Data) -> bool:
        """Whether an object that is an injection's as a whole is what it was then."""
        return self.digest == _digest(data)

    @property
    def is_of_new_object(self) -> bool:
        """Whether the object as a whole was added."""
        return any(way == () for way, _ in self.created)

    def to_text(self) -> str:
        """The annotation's value."""
        said: dict[str, Any] = {}
        if self.changes:
            said["changes"] = [_change_to_json(one) for one in self.changes]
        if self.created:
            said["created"] = [
                {"path": list(way)} | ({} if text is None else {"text": text}) for way, text in self.created
            ]
        if self.digest:
            said["digest"] = self.digest
        return json.dumps(said, separators=(",", ":"), sort_keys=True, ensure_ascii=False)

    @property
    def separator(self) -> str | None:
        """What was written before an object that was added as a whole; `None` where there was nothing to write."""
        return next((text for way, text in self.created if way == ()), None)

    @classmethod
    def from_text(cls, text: str) -> Original:
        """Raises `ValueError` with a sentence."""
        try:
            said = json.loads(text)
            return cls(
                changes=tuple(map(_change_from_json, said.get("changes", ()))),
                created=tuple(map(_created_from_json, said.get("created", ()))),
                digest=str(said.get("digest", "")),
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise ValueError(f"its annotation {ORIGINAL} {NOT_OURS}") from None


def _copy(data: Data) -> Data:
    """Without shared parts: what a YAML alias stands for is changed in one place only."""
    if isinstance(data, dict):
        return {key: _copy(value) for key, value in data.items()}
    return [_copy(one) for one in data] if isinstance(data, list) else data


def _digest(data: Data) -> str:
    """Of all that an object says but what is noted about it."""
    own = mapping(mapping(data).get("metadata"))
    notes = {key: one for key, one in mapping(own.get("annotations")).items() if key != ORIGINAL}
    said = plain({**mapping(data), "metadata": {**own, "annotations": notes}})
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


def _change_to_json(change: Change) -> dict[str, Any]:
    said: dict[str, Any] = {"path": list(change.way)}
    if change.was is not ABSENT:
        said["was"] = plain(change.was)
    if isinstance(change.was, Verbatim):
        said["text"] = change.was.text
    if change.now is not ABSENT:
        said["is"] = change.now
    if change.index is not None:
        said["index"] = change.index
    return said


def _change_from_json(said: Any) -> Change:
    was = said.get("was", ABSENT)
    if isinstance(said.get("text"), str):
        was = Verbatim(text=said["text"], data=was)
    index = said.get("index")
    if index is not None and (not isinstance(index, int) or index < 0):
        raise ValueError
    way = _way(said["path"])
    if not way or isinstance(way[-1], str) is not (index is None):
        raise ValueError
    return Change(way=way, was=was, now=said.get("is", ABSENT), index=index)


def _created_from_json(said: Any) -> tuple[Way, str | None]:
    way, text = _way(said["path"]), said.get("text")
    if not all(isinstance(step, str) for step in way) or not isinstance(text, str | None):
        raise ValueError
    return way, text


def _way(said: Any) -> Way:
    if not isinstance(said, list) or not all(isinstance(step, (str, dict)) for step in said):
        raise ValueError
    return tuple(said)


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


class Edits:
    """Changes a copy of an object, or of a pod template, and remembers what has to be undone.

    `root`: the data; `source`: the text of what lies at a path of the document as it was read.
    """

    def __init__(self, root: Data, source: Source = lambda _: None, current: Data = None) -> None:
        """`current`: the data that `source` knows, if it is not the root."""
        self.root = _copy(root)
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
            parent[way[-1]] = _copy(empty)
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
        return Verbatim(text=text, data=_copy(plain(value))) if unlike_ours and text is not None else _copy(value)

    def _text(self, value: Data, path: Path) -> str | None:
        """Only if the document has just this value there: what was undone before may have moved it."""
        if isinstance(value, Verbatim):
            return value.text
        found = at(self._current, path, ABSENT)
        return self._source(path) if found is not ABSENT and alike(found, value) else None


def undo(root: Data, original: Original) -> Data:
    """The data as it was, with what people edited since. Raises `NotUndone`."""
    root = _copy(root)
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
