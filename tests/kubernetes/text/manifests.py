"""Generated manifests: data, and text that says it in randomly mixed styles with comments."""

from __future__ import annotations

import json
from random import Random

from hypothesis import strategies as st

from o2sidecar.kubernetes.operations import Data, Operation, Path, apply, look_up

KEYS = st.sampled_from(["a", "b", "name", "on", "app.io/x", "1", "", "~", "x y", "c: d", "long-key", "é"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-9, 99999)
    | st.sampled_from([0.5, 1e30])
    | st.sampled_from(
        ["", "x", "on", "yes", "0o7", "1e3", "2026-01-01", "12:30", "a: b", "a #b", "- a", "{a}", "nginx:1.2", "a\nb",
         "a\nb\n", "\n", "a\n\n", " a", "a ", "--x=y", "null", "it's", '"', "\t", "é", "\U0001f600", "{{ x }}", "|",
         "a, b", "\x85", "a\n  b\n\nc\n", "\r\n", "'", "~", "<<", "=", "a:", "@", "%", "\\"]
    )
)  # fmt: skip
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)
_TAGS = {"null": (type(None),), "bool": (bool,), "int": (int,), "float": (float,)}
ROOTS = st.dictionaries(KEYS, DATA, min_size=1, max_size=4)


class Writer:
    """Says data in a style that a random number chooses anew at each step."""

    def __init__(self, random: Random, newline: str) -> None:
        self.random = random
        self.newline = newline
        self.comments = random.random() < 0.7

    def document(self, data: dict[str, Data]) -> str:
        kind = self.random.random()
        if kind < 0.1:
            return json.dumps(data).replace("\n", self.newline)
        if kind < 0.2:
            return json.dumps(data, indent=self.random.choice([1, 2, 4])).replace("\n", self.newline) + self.newline
        if kind < 0.25:
            return self.random.choice(["", "--- "]) + self.flow(data) + self.newline
        lines = ["---"] if self.random.random() < 0.3 else []
        lines += self.block(data)
        # Without a line break at the end, a block scalar's text would have none either.
        ends = [self.newline] if any("|" in line for line in lines) else ["", self.newline, self.newline]
        return self.newline.join(lines) + self.random.choice(ends)

    def block(self, data: Data) -> list[str]:
        """Lines of a collection that is not empty."""
        lines: list[str] = []
        pairs = list(data.items()) if isinstance(data, dict) else [(None, item) for item in data]
        for key, value in pairs:
            lines += self.between()
            lines += self.pair(key, value) if key is not None else self.item(value)
        return lines + self.between(0.1)

    def pair(self, key: str, value: Data) -> list[str]:
        name = self.scalar(key) + ":"
        if isinstance(value, str) and "\n" in value and (literal := self.literal(value)):
            return [f"{name} {literal[0]}{self.comment()}", *literal[1]]
        if self.blocks(value):
            deeper = self.random.choice([1, 2, 4]) if isinstance(value, dict) else self.random.choice([0, 0, 2])
            return [name + self.comment(), *(line and " " * deeper + line for line in self.block(value))]
        written = self.flow(value)
        if value is None and self.random.random() < 0.5:
            return [name + self.comment()]
        return [name + "   " + written if self.random.random() < 0.2 else name + " " + written + self.comment()]

    def item(self, value: Data) -> list[str]:
        if self.blocks(value):
            lines = self.block(value)
            width = self.random.choice([2, 2, 2, 4])
            if lines[0].lstrip().startswith("#") or not lines[0] or self.random.random() < 0.1:
                return ["-" + self.comment(), *(line and " " * width + line for line in lines)]
            return ["-".ljust(width) + lines[0], *(line and " " * width + line for line in lines[1:])]
        if value is None and self.random.random() < 0.5:
            return ["-" + self.comment()]
        return ["- " + self.flow(value) + self.comment()]

    def blocks(self, value: Data) -> bool:
        return bool(value) and isinstance(value, dict | list) and self.random.random() < 0.8

    def literal(self, value: str) -> tuple[str, list[str]] | None:
        lines = value.split("\n")
        if not lines[0].strip() or lines[0][0] in " \t" or "\r" in value or "\x85" in value or lines[-2:] == ["", ""]:
            return None
        if lines[-1]:
            return "|-", [line and "    " + line for line in lines]
        return "|", [line and "    " + line for line in lines[:-1]]

    def flow(self, value: Data) -> str:
        comma, opening = self.random.choice([(", ", ""), (",", ""), (", ", " ")])
        if isinstance(value, dict):
            inside = comma.join(f"{self.scalar(key)}: {self.flow(inner)}" for key, inner in value.items())
            return "{" + opening + inside + opening + "}" if value else "{}"
        if isinstance(value, list):
            return "[" + opening + comma.join(map(self.flow, value)) + opening + "]" if value else "[]"
        return self.tagged(value)

    def tagged(self, value: Data) -> str:
        """A scalar, now and then with its tag, which says what it is whatever its quotes; and with an anchor."""
        kind = next((name for name, types in _TAGS.items() if type(value) in types), "str")
        if self.random.random() > 0.15 or (isinstance(value, str) and not value.isprintable()):
            return self.scalar(value)
        text = value if isinstance(value, str) else json.dumps(value)
        written = json.dumps(text) if kind == "str" or self.random.random() < 0.5 else text
        return self.random.choice(["!!{} {}", "&x !!{} {}"]).format(kind, written)

    def scalar(self, value: Data) -> str:
        """A scalar that is good in flow style and as a key as well."""
        if value is None:
            return self.random.choice(["null", "~"])
        if not isinstance(value, str):
            return json.dumps(value)
        if value in ("a", "b", "x", "name", "app.io/x", "long-key") and self.random.random() < 0.7:
            return value
        if self.random.random() < 0.3 and value.isprintable():
            return "'" + value.replace("'", "''") + "'"
        return json.dumps(value)

    def comment(self) -> str:
        return self.random.choice(["", "", " # c", "   # {{ c }}"]) if self.comments else ""

    def between(self, chance: float = 0.2) -> list[str]:
        if not self.comments or self.random.random() > chance:
            return []
        return self.random.choice([[""], ["# c: d"], ["# a", "# - b"], ["", "# a"], ["    # deep"], ["# a", ""]])


@st.composite
def manifests(draw: st.DrawFn) -> tuple[Data, str]:
    """Data, and a text that says it."""
    data = draw(ROOTS)
    random = draw(st.randoms(use_true_random=False))
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    mark = draw(st.sampled_from(["", "", "\ufeff"]))
    return data, mark + Writer(random, newline).document(data)


def places(data: Data, path: Path = ()) -> list[Path]:
    """The paths of everything within."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(place for step, value in inner for place in places(value, (*path, step)))]


@st.composite
def changes(draw: st.DrawFn, data: Data, kinds: tuple[str, ...] = ("add", "replace", "remove")) -> list[Operation]:
    """Operations that fit, below the root."""
    operations: list[Operation] = []
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(places(data)))
        target = look_up(data, path)
        op = draw(st.sampled_from(kinds))
        if op == "add" and isinstance(target, list):
            operation = Operation(op="add", path=(*path, draw(st.integers(0, len(target)))), value=draw(DATA))
        elif op == "add" and isinstance(target, dict):
            key = draw(KEYS)
            if key in target:
                continue
            before = draw(st.none() | st.sampled_from(list(target))) if target else None
            operation = Operation(op="add", path=(*path, key), value=draw(DATA), before=before)
        elif path and op == "remove":
            operation = Operation(op="remove", path=path)
        elif path and op == "replace" and (kinds != ("replace",) or not isinstance(target, dict | list)):
            operation = Operation(op="replace", path=path, value=draw(DATA))
        else:
            continue
        operations.append(operation)
        data = apply(data, [operation])
    return operations
