"""What an injection changed, as an annotation keeps it: all that has to be known to undo it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from attrs import frozen

from o2sidecar.kubernetes.difference import plain
from o2sidecar.kubernetes.objects import mapping
from o2sidecar.kubernetes.operations import Data, Verbatim
from o2sidecar.kubernetes.ways import Way

PREFIX = "o2sidecar/"
ORIGINAL = PREFIX + "original"
STATUS = PREFIX + "status"
CONFIG_HASH = PREFIX + "config-hash"
WRITTEN = (CONFIG_HASH, STATUS, ORIGINAL)
"""The annotations that an injection writes."""

ADDED_KINDS = frozenset({"VirtualService", "HTTPRoute", "Ingress", "NetworkPolicy"})
"""What an injection adds as a whole."""

NOT_OURS = "is not what inject wrote; take it from your history"


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


ABSENT: Any = _Absent()


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
