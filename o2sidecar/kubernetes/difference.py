"""The operations that make one piece of plain data of another, as few and as small as people would write them."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from o2sidecar.kubernetes.operations import Data, Operation, Path, Verbatim


def plain(data: Data) -> Data:
    """The data without the texts that parts of it have to be written as."""
    if isinstance(data, Verbatim):
        return data.data
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    return [plain(one) for one in data] if isinstance(data, list) else data


def alike(one: Data, other: Data) -> bool:
    """Whether people would write both alike: the order of keys does not count, but 1 is neither true nor 1.0."""
    one, other = plain(one), plain(other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return type(one) is type(other) and bool(one == other)


def differences(before: Data, after: Data, path: Path = ()) -> Iterator[Operation]:
    """Operations in the order in which they have to be applied; `after` may hold `Verbatim` values.

    Items of lists are known by their names or ports, so that one that moved nowhere is changed in its place.
    """
    if alike(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before:
            if key not in after:
                yield Operation(op="remove", path=(*path, key))
            else:
                yield from differences(before[key], after[key], (*path, key))
        for key, value in after.items():
            if key not in before:
                yield Operation(op="add", path=(*path, key), value=value)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _in_list(before, after, path)
    else:
        yield Operation(op="replace", path=path, value=after)


def _in_list(before: list[Data], after: list[Data], path: Path) -> Iterator[Operation]:
    """From the end to the start, so that no operation moves what a later one is about."""
    matcher = SequenceMatcher(None, [*map(_identity, before)], [*map(_identity, after)], autojunk=False)
    for tag, start, end, new_start, new_end in reversed(matcher.get_opcodes()):
        kept = end - start if tag == "equal" else 0
        if tag == "replace" and not any(isinstance(plain(one), (dict, list)) for one in before[start:end]):
            kept = min(end - start, new_end - new_start)
        for index in reversed(range(start + kept, end)):
            yield Operation(op="remove", path=(*path, index))
        for offset, value in enumerate(after[new_start + kept : new_end]):
            yield Operation(op="add", path=(*path, start + kept + offset), value=value)
        for offset in reversed(range(kept)):
            yield from differences(before[start + offset], after[new_start + offset], (*path, start + offset))


def _identity(item: Any) -> Any:
    """By what people know an item of a list."""
    item = plain(item)
    if isinstance(item, dict):
        for key in ("containerPort", "port", "name"):
            if isinstance(item.get(key), (str, int)):
                return (key, item[key], item.get("protocol", "TCP") if key != "name" else "")
        return repr(sorted(item.items(), key=repr))
    return repr(item)
