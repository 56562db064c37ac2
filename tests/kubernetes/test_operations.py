"""Tests of operations on plain data, against a JSON Patch library."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonpatch
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.operations import Operation, Path, Verbatim, apply, look_up, to_json_patch

KEYS = st.sampled_from(["a", "b", "-", "0", "a/b", "~", "~1", "", "é", "o2sidecar/host"])
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "x", "on"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def add(*path: str | int, value: Any = "new", before: str | None = None) -> Operation:
    return Operation(op="add", path=path, value=value, before=before)


def places(data: Any, path: Path = ()) -> list[Path]:
    """The paths of everything within."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(place for step, value in inner for place in places(value, (*path, step)))]


@st.composite
def changes(draw: st.DrawFn, data: Any) -> list[Operation]:
    """Operations that fit."""
    operations = []
    for _ in range(draw(st.integers(0, 4))):
        path = draw(st.sampled_from(places(data)))
        op = draw(st.sampled_from(["add", "replace", "remove"]))
        target = look_up(data, path)
        if op == "add" and isinstance(target, list):
            operation = add(*path, draw(st.integers(0, len(target)) | st.just("-")), value=draw(DATA))
        elif op == "add" and isinstance(target, dict):
            operation = add(*path, draw(KEYS), value=draw(DATA), before=draw(st.none() | KEYS))
        elif op == "remove" and path:
            operation = Operation(op="remove", path=path)
        else:
            operation = Operation(op="replace", path=path, value=draw(DATA))
        operations.append(operation)
        data = apply(data, [operation])
    return operations


class ApplyTests(SynchronousTestCase):
    """Operations change data as RFC 6902 says."""

    def test_mappings(self) -> None:
        """A key is added, replaced and removed."""
        self.assertEqual(apply({"a": 1}, [add("b")]), {"a": 1, "b": "new"})
        self.assertEqual(apply({"a": 1}, [add("a")]), {"a": "new"})
        self.assertEqual(apply({"a": {"b": 1}}, [Operation(op="replace", path=("a", "b"), value=2)]), {"a": {"b": 2}})
        self.assertEqual(apply({"a": 1, "b": 2}, [Operation(op="remove", path=("a",))]), {"b": 2})

    def test_lists(self) -> None:
        """An item is added before another or at the end."""
        self.assertEqual(apply([1, 2], [add(1)]), [1, "new", 2])
        self.assertEqual(apply([1, 2], [add(2), add("-", value=3)]), [1, 2, "new", 3])
        self.assertEqual(apply([1, 2], [Operation(op="remove", path=(0,))]), [2])

    def test_order(self) -> None:
        """A key goes behind the last, or before the one that is named."""
        self.assertEqual(list(apply({"a": 1, "b": 2}, [add("c", before="b")])), ["a", "c", "b"])
        self.assertEqual(list(apply({"a": 1}, [add("c", before="gone")])), ["a", "c"])

    def test_input_stays(self) -> None:
        """What was given is not changed, not even by operations within added values."""
        data: Any = {"a": [1, {"b": 2}]}
        value: Any = {"x": []}
        former = copy.deepcopy((data, value))
        apply(data, [add("c", value=value), add("c", "x", "-"), add("a", 1, "d"), add("a", 0)])
        self.assertEqual((data, value), former)

    def test_test(self) -> None:
        """A test passes on equal data of the same JSON kind only."""
        for value, other in [(1, 2), (1, True), (0, False), ([], {}), ({"a": 1}, {"a": True}), ("1", 1), ([1], [1, 1])]:
            apply({"a": value}, [Operation(op="test", path=("a",), value=value)])
            with self.assertRaises(ValueError):
                apply({"a": value}, [Operation(op="test", path=("a",), value=other)])
        apply({"a": 1}, [Operation(op="test", path=("a",), value=1.0)])

    def test_refused(self) -> None:
        """What does not fit is refused by a sentence with the path."""
        data = {"a": [1], "b": "text", "0": 1}
        wrong: list[tuple[str, Path]] = [
            ("add", ("a", 2)), ("add", ("a", -1)), ("add", ("a", "x")), ("add", ("a", True)), ("add", ("b", "x")),
            ("add", ("c", "x")), ("add", (0,)), ("remove", ("c",)), ("remove", ("a", -1)), ("remove", ("a", "0")),
            ("remove", ("a", "-")), ("replace", ("a", 1)), ("replace", (0,)), ("test", ("c",)), ("remove", ("b", 0)),
        ]  # fmt: skip
        for op, path in wrong:
            with self.assertRaises(ValueError) as raised:
                apply(data, [Operation(op=op, path=path, value=1)])  # type: ignore[arg-type]
            self.assertIn(f"/{path[0]}", str(raised.exception))

    def test_verbatim(self) -> None:
        """A value that is given as text counts as what it says."""
        operation = add("b", value=Verbatim(text='"on"', data="on"))
        self.assertEqual(apply({}, [operation]), {"b": "on"})
        self.assertEqual(to_json_patch([operation]), [{"op": "add", "path": "/b", "value": "on"}])

    @given(st.data())
    def test_as_the_library(self, draw: st.DataObject) -> None:
        """A JSON Patch library comes to the same data by the written patch."""
        data = draw.draw(DATA)
        operations = draw.draw(changes(data))
        patch = json.loads(json.dumps(to_json_patch(operations)))
        self.assertEqual(apply(data, operations), jsonpatch.apply_patch(data, patch))
