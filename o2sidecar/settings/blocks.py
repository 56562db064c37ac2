"""Reads a block of the structured file key by key, and reports what is wrong by its path in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, evolve, field

from o2sidecar.settings.files import ReadFile
from o2sidecar.settings.given import Given
from o2sidecar.settings.kinds import SWITCH, TEXT, Kind, shown
from o2sidecar.settings.nearest import suggestion
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.yaml_text import Data

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<otherwise>[^}]*))?\}|\$\{")


@define(kw_only=True)
class Reading:
    """One structured file being read, and what there is to say about it."""

    file: str
    environment: Mapping[str, str] = field(repr=False)
    read_file: ReadFile
    problems: list[Problem] = field(factory=list)
    cautions: list[Problem] = field(factory=list)

    def name(self, path: str) -> str:
        """A place in the file as messages name it."""
        file = shown(self.file)[1:-1]
        return f"{path} ({file})" if path else file

    def refuse(self, path: str, sentence: str) -> None:
        """Something is wrong at a place."""
        self.problems.append(Problem(names=(self.name(path),), sentence=sentence))

    def substituted(self, path: str, text: str) -> str:
        """A text with `${NAME}` and `${NAME:-otherwise}` replaced from the environment.

        This is done in each text by itself, so that no value can change the structure of the file; what only looks
        similar, such as `$1`, stays. A variable that is not set, or empty, gives nothing and a warning.
        """

        def value(match: re.Match[str]) -> str:
            if match["name"] is None:
                self.refuse(path, "only ${NAME} and ${NAME:-otherwise} can be substituted")
                return ""
            found = self.environment.get(match["name"]) or match["otherwise"]
            if found is None:
                sentence = f"the variable {match['name']} is not set; nothing is put in its place."
                self.cautions.append(Problem(names=(self.name(path),), sentence=sentence))
            return found or ""

        return _VARIABLE.sub(value, text)


@define(kw_only=True)
class Block:
    """A mapping in the file; each key is taken once, and what is left in the end is unknown.

    Attributes:
        path: where it is, like `providers[0].oidcConfig`; empty at the root.
        content: what it holds.
        reading: the file.
        taken: the keys that were asked for.
    """

    path: str
    content: Mapping[str, Data] = field(repr=False)
    reading: Reading
    taken: set[str] = field(factory=set)

    def at(self, key: str) -> str:
        """The path of a key."""
        return f"{self.path}.{key}" if self.path else key

    def refuse(self, key: str, sentence: str) -> None:
        """The value of a key is wrong."""
        self.reading.refuse(self.at(key), sentence)

    def take(self, key: str) -> Data:
        """What a key holds, texts substituted; None if it is absent or null."""
        self.taken.add(key)
        value = self.content.get(key)
        if isinstance(value, str):
            return self.reading.substituted(self.at(key), value)
        if isinstance(value, list):
            return [
                self.reading.substituted(f"{self.at(key)}[{index}]", item) if isinstance(item, str) else item
                for index, item in enumerate(value)
            ]
        return value

    def value(self, key: str, kind: Kind, default: Any) -> Any:
        """What a key holds, as a value of a kind; the default if it is absent, or wrong, which is reported."""
        found = self.take(key)
        if found is None:
            return default
        try:
            return kind.read_file_value(found)
        except ValueError as error:
            self.refuse(key, str(error))
            return default

    def text(self, key: str, default: str = "") -> str:
        """A text."""
        found: str = self.value(key, TEXT, default)
        return found

    def switch(self, key: str, default: bool = False) -> bool:
        """A truth value."""
        found: bool = self.value(key, SWITCH, default)
        return found

    def given(self, key: str) -> Given | None:
        """What a key holds, for an option to read; None if it is absent or null."""
        found = self.take(key)
        if found is None:
            return None
        return Given(name=self.reading.name(self.at(key)), read=lambda kind: kind.read_file_value(found))

    def block(self, key: str) -> Block | None:
        """The mapping at a key; None if it is absent, null or, which is reported, none."""
        found = self.take(key)
        if found is None:
            return None
        return self._as_block(self.at(key), found)

    def blocks(self, key: str) -> Iterator[Block]:
        """The mappings in the list at a key."""
        found = self.take(key)
        if found is not None and not isinstance(found, list):
            self.refuse(key, "must be a list")
            return
        for index, item in enumerate(found or ()):
            block = self._as_block(f"{self.at(key)}[{index}]", item)
            if block is not None:
                yield block
                block.close()

    def _as_block(self, path: str, found: Data) -> Block | None:
        if isinstance(found, dict):
            return evolve(self, path=path, content=found, taken=set())
        self.reading.refuse(path, "must be a block of keys and values")
        return None

    def not_built(self, *keys: str) -> None:
        """Refuse keys whose meaning this version lacks; false, 0 and nothing are no request for it."""
        for key in keys:
            if self.take(key) not in (None, "", "false", "0", [], {}):
                self.refuse(key, "is not supported by this version")

    def close(self) -> None:
        """Report the keys that nobody asked for."""
        for key in self.content:
            if key not in self.taken:
                self.refuse(shown(key)[1:-1], f"no such key is known here{suggestion(key, sorted(self.taken))}")
