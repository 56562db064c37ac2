"""Reads a block of the structured file key by key, and reports what is wrong by its path in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field

from o2sidecar.settings.files import ReadFile
from o2sidecar.settings.given import Given
from o2sidecar.settings.kinds import shown
from o2sidecar.settings.nearest import suggestion
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.shape import Key, Shape
from o2sidecar.settings.yaml_text import Data

_VARIABLE = re.compile(r"(?P<escaped>\$\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<otherwise>[^}]*))?\}|\$\{")


def escaped(text: str) -> str:
    """A text as the file has to write it so that nothing in it is substituted."""
    return text.replace("${", "$${")


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
        similar, such as `$1`, stays, and `$${` stands for `${`. A variable that is not set, or empty, gives nothing
        and a warning.
        """

        def value(match: re.Match[str]) -> str:
            if match["escaped"]:
                return "${"
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

    As oauth2-proxy has it, upper and lower case of a key do not matter: its older versions wrote `BindAddress`.

    Attributes:
        path: where it is, like `providers[0].oidcConfig`; empty at the root.
        content: what it holds.
        shape: what it may hold.
        reading: the file.
        taken: the keys that were asked for.
        written: the keys that the file writes in another way than the shape does.
    """

    path: str
    content: Mapping[str, Data] = field(repr=False)
    shape: Shape
    reading: Reading
    taken: set[str] = field(factory=set)
    written: Mapping[str, str] = field(init=False)

    @written.default
    def _written(self) -> Mapping[str, str]:
        by_letters = {name.lower(): name for name in self.shape.keys}
        names = {key: by_letters.get(key.lower(), key) for key in self.content if key not in self.shape.keys}
        return {name: key for key, name in names.items() if name not in self.content}

    def at(self, key: str) -> str:
        """The path of a key."""
        key = self.written.get(key, key)
        return f"{self.path}.{key}" if self.path else key

    def refuse(self, key: str, sentence: str) -> None:
        """The value of a key is wrong."""
        self.reading.refuse(self.at(key), sentence)

    def take(self, key: str) -> Data:
        """What a key of the shape holds, texts substituted; None if it is absent or null."""
        assert key in self.shape.keys, key
        self.taken.add(key)
        value = self.content.get(self.written.get(key, key))
        if isinstance(value, str):
            return self.reading.substituted(self.at(key), value)
        if isinstance(value, list):
            return [
                self.reading.substituted(f"{self.at(key)}[{index}]", item) if isinstance(item, str) else item
                for index, item in enumerate(value)
            ]
        return value

    def value(self, key: str) -> Any:
        """What a key holds, as a value of its kind; its default if it is absent, or wrong, which is reported."""
        found, known = self.take(key), self.shape.keys[key]
        if found is None:
            return known.default
        assert known.kind is not None
        try:
            return known.kind.read_file_value(found)
        except ValueError as error:
            self.refuse(key, str(error))
            return known.default

    def text(self, key: str) -> str:
        """A text."""
        found: str = self.value(key)
        return found

    def switch(self, key: str) -> bool:
        """A truth value."""
        found: bool = self.value(key)
        return found

    def given(self) -> Iterator[tuple[str, Given]]:
        """What the block's own keys say of options, by the option's key; the options read it."""
        for known in self.shape.keys.values():
            if known.option and (found := self.take(known.name)) is not None:
                yield known.option, self.as_given(known.name, found)

    def as_given(self, key: str, found: Data) -> Given:
        """What was found at a key, for an option to read."""
        return Given(name=self.reading.name(self.at(key)), read=lambda kind: kind.read_file_value(found))

    def block(self, key: str) -> Block | None:
        """The mapping at a key; None if it is absent, null or, which is reported, none."""
        found = self.take(key)
        if found is None:
            return None
        return self._as_block(self.at(key), found, self.shape.keys[key])

    def free(self, key: str) -> Iterator[tuple[str, Given]]:
        """What a block of any keys at a key says, by those keys."""
        found = self.take(key)
        if found is None:
            return
        if not isinstance(found, dict):
            self.refuse(key, "must be a block of keys and values")
            return
        names = [Key(name=name, help="") for name in found]
        block = Block(path=self.at(key), content=found, shape=Shape(keys=names), reading=self.reading)
        for name in found:
            if (value := block.take(name)) is not None:
                yield name, block.as_given(name, value)

    def blocks(self, key: str) -> Iterator[Block]:
        """The mappings in the list at a key."""
        found = self.take(key)
        if found is not None and not isinstance(found, list):
            self.refuse(key, "must be a list")
            return
        for index, item in enumerate(found or ()):
            block = self._as_block(f"{self.at(key)}[{index}]", item, self.shape.keys[key])
            if block is not None:
                yield block
                block.close()

    def _as_block(self, path: str, found: Data, known: Key) -> Block | None:
        assert known.shape is not None
        if isinstance(found, dict):
            return Block(path=path, content=found, shape=known.shape, reading=self.reading)
        self.reading.refuse(path, "must be a block of keys and values")
        return None

    def close(self) -> None:
        """Report the keys that nobody asked for, and those whose meaning this version lacks.

        False, 0 and nothing are no request for such a meaning.
        """
        for known in self.shape.keys.values():
            if not known.built and self.take(known.name) not in (None, "", "false", "0", [], {}):
                self.refuse(known.name, "is not supported by this version")
        taken = {self.written.get(key, key) for key in self.taken}
        for key in self.content:
            if key not in taken:
                hint = suggestion(key, sorted(self.shape.keys))
                self.refuse(shown(key)[1:-1], f"no such key is known here{hint}")
