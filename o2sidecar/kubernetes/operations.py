"""Changes to plain data as values: JSON Patch (RFC 6902), with paths as tuples.

The same operations are applied to data here, to text in `o2sidecar.kubernetes.text`, and by the API server as
`to_json_patch` writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from attrs import frozen

Data = Any
"""Plain data: `dict` with text keys, `list`, `str`, `int`, `float`, `bool`, `None`."""

Path = tuple[str | int, ...]
"""The way to a value: keys of mappings, indices of lists counted from 0; `-` as the last is the end of a list."""

END = "-"
"""As the last step of an `add`: behind a list's last item (RFC 6901 section 4)."""


@frozen(kw_only=True)
class Verbatim:
    """A value together with the text that it has to be written as.

    Only `o2sidecar.kubernetes.text` heeds the text; all others see the data.

    Attributes:
        text: what stands in the file, as `Document.source` gives it.
        data: what it says.
    """

    text: str
    data: Data


@frozen(kw_only=True)
class Operation:
    """One change.

    Attributes:
        op: `add` puts a value into a mapping (in the place of what is there) or before an item of a list; `replace` and
            `remove` want a value to be there; `test` wants just this value to be there.
        path: where; empty is the whole document.
        value: plain data or `Verbatim`; counts for nothing with `remove`.
        before: with `add` to a mapping: the key that the new one is written before; one that is not there, or `None`,
            is behind the last. JSON Patch does not know it: it is about order only.
    """

    op: Literal["add", "replace", "remove", "test"]
    path: Path
    value: Data = None
    before: str | None = None

    @property
    def data(self) -> Data:
        """The value as plain data."""
        return self.value.data if isinstance(self.value, Verbatim) else self.value


def apply(data: Data, operations: Iterable[Operation]) -> Data:
    """The data after all operations in turn; what is given stays as it is, and parts that nothing changes are shared.

    Raises `ValueError` with a sentence that names the path of the first operation that does not fit.
    """
    for operation in operations:
        data = _at(data, operation, 0)
    return data


def look_up(data: Data, path: Path) -> Data:
    """The value at a path. Raises `ValueError` with a sentence if there is none."""
    for depth, step in enumerate(path):
        data = data[_step(data, step, path[: depth + 1])]
    return data


def to_json_patch(operations: Iterable[Operation]) -> list[dict[str, Data]]:
    """The operations as the JSON of RFC 6902 section 3."""
    return [
        {"op": operation.op, "path": pointer(operation.path)}
        | ({} if operation.op == "remove" else {"value": operation.data})
        for operation in operations
    ]


def pointer(path: Path) -> str:
    """The JSON Pointer of a path (RFC 6901 section 3)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _at(data: Data, operation: Operation, depth: int) -> Data:
    """The data below the first steps of a path, changed."""
    path = operation.path
    if depth == len(path):
        if operation.op == "test" and not same(data, operation.data):
            raise ValueError(f"{pointer(path) or 'the document'} holds something else than expected")
        return None if operation.op == "remove" else data if operation.op == "test" else operation.data
    step = path[depth]
    if depth == len(path) - 1 and operation.op in ("add", "remove"):
        return _LAST[operation.op](data, operation)
    found = _step(data, step, path[: depth + 1])
    changed = _at(data[found], operation, depth + 1)
    if changed is data[found]:
        return data
    if isinstance(data, list):
        return [*data[:found], changed, *data[found + 1 :]]
    return {**data, found: changed}


def _add(data: Data, operation: Operation) -> Data:
    step = operation.path[-1]
    if isinstance(data, list):
        index = len(data) if step == END else step
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index <= len(data):
            raise ValueError(f"{pointer(operation.path)} is no place in a list of {len(data)}")
        return [*data[:index], operation.data, *data[index:]]
    if not isinstance(data, dict) or not isinstance(step, str):
        raise ValueError(f"{pointer(operation.path)} cannot be added: what is there has no place for it")
    if step in data or operation.before not in data:
        return {**data, step: operation.data}
    added: dict[str, Data] = {}
    for key, value in data.items():
        if key == operation.before:
            added[step] = operation.data
        added[key] = value
    return added


def _remove(data: Data, operation: Operation) -> Data:
    found = _step(data, operation.path[-1], operation.path)
    if isinstance(data, list):
        return [*data[:found], *data[found + 1 :]]
    return {key: value for key, value in data.items() if key != found}


_LAST: dict[str, Callable[[Data, Operation], Data]] = {"add": _add, "remove": _remove}


def _step(data: Data, step: str | int, path: Path) -> Any:
    """A step of a path that leads to something that is there."""
    fits = (isinstance(data, dict) and isinstance(step, str) and step in data) or (
        isinstance(data, list) and isinstance(step, int) and not isinstance(step, bool) and 0 <= step < len(data)
    )
    if not fits:
        raise ValueError(f"there is nothing at {pointer(path)}")
    return step


def same(one: Data, other: Data) -> bool:
    """Equality of JSON (RFC 6902 section 4.6): true is not 1, but 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
