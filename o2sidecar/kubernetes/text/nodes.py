"""A document's values with the places where they stand in the text."""

from __future__ import annotations

from attrs import Factory, define

from o2sidecar.kubernetes.operations import Data


@define(kw_only=True, eq=False)
class Node:
    """A value as it is written.

    Offsets count characters of the stream.

    Attributes:
        kind: `scalar`, `sequence`, `mapping` or `alias`.
        start: of its anchor and tag, if it has any; where it would stand, for a null that is not written.
        content: behind anchor and tag; a scalar's tag, with the anchor beside it, is a part of it.
        end: behind its last character; a block scalar's last line break is not one of them.
        flow: whether it is a collection in brackets or braces.
        style: a scalar's quote, `|`, `>`, or nothing.
        data: what it says.
        entries: of a collection, in the order of the text; merge keys are among them.
        merged: whether merge keys give it keys.
        used: where its first alias stands, if it has any.
        weight: values in it, those behind aliases counted.
    """

    kind: str
    start: int
    content: int
    end: int
    flow: bool = False
    style: str = ""
    data: Data = None
    entries: list[Entry] = Factory(list)
    merged: bool = False
    used: int | None = None
    weight: int = 1

    @property
    def written(self) -> bool:
        """Whether there is anything in the text."""
        return self.end > self.start


@define(kw_only=True, eq=False)
class Entry:
    """A pair of a mapping or an item of a list.

    Attributes:
        start: of the key, of `?` or of `-`; in flow style, of the item.
        header: behind `:` or `-`; in flow style, a list's item begins there.
        key: of a pair; `None` for an item and for a merge key.
        quoted: whether the key is in double quotes.
        value: the value.
    """

    start: int
    header: int
    key: str | None
    quoted: bool = False
    value: Node

    @property
    def end(self) -> int:
        """Behind the last character."""
        return max(self.header, self.value.end)
