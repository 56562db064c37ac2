"""The languages of our pages: one catalogue a language, by the English sentences, and which one a browser asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from typing import Any

from attrs import define, frozen

ENGLISH = "en"

_PLACE = re.compile(r"\{([a-z]+)\}")
_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
_MOST_RANGES = 20
_PART = "what"


@frozen
class Said:
    """A text in a language; `language` is English where the catalogue does not have it."""

    text: str
    language: str


@define(slots=False)
class Language:
    """A language by its tag (BCP 47), with its sentences by the English ones; English itself needs none.

    A sentence may have places for what changes, such as `{who}`.
    """

    tag: str
    sentences: Mapping[str, str]

    def template(self, sentence: str) -> str:
        """One of our own sentences as it is written in this language, its places still empty."""
        return self.sentences.get(sentence, sentence)

    def say(self, sentence: str, **values: str) -> str:
        """One of our own sentences, with its places filled."""
        return self.template(sentence).format(**values)

    def translated(self, text: str) -> Said:
        """A text of which only the words are known, such as a refusal's: it is never taken for a template."""
        if self.tag == ENGLISH or not text:
            return Said(text, self.tag)
        if text in self.sentences:
            return Said(self.sentences[text], self.tag)
        for pattern, template in self._patterns:
            if match := pattern.fullmatch(text):
                return Said(template.format(**dict(self._values(match))), self.tag)
        return Said(text, ENGLISH)

    def _values(self, match: re.Match[str]) -> Iterator[tuple[str, str]]:
        for name, value in match.groupdict().items():
            # `{what}` is a sentence in a sentence; anything else is a name, or what somebody else said.
            yield name, self.translated(value).text if name == _PART else value

    @cached_property
    def _patterns(self) -> Sequence[tuple[re.Pattern[str], str]]:
        return [(_pattern(sentence), text) for sentence, text in self.sentences.items() if _PLACE.search(sentence)]


def _pattern(sentence: str) -> re.Pattern[str]:
    """What fits a sentence with places, whatever is in them."""
    parts = _PLACE.split(sentence)
    texts, names = parts[::2], parts[1::2]
    places = [f"(?P<{name}>.*)" for name in names] + [""]
    return re.compile("".join(re.escape(text) + place for text, place in zip(texts, places, strict=True)), re.DOTALL)


@frozen
class Languages:
    """The languages that there are, by their tags in lower case; English is always among them."""

    known: Mapping[str, Language]

    @classmethod
    def shipped(cls) -> Languages:
        """Those of this package: a file of `translations/` each, named by its tag."""
        import tomllib  # noqa: PLC0415 - at the first page

        known = {ENGLISH: Language(ENGLISH, {})}
        for file in sorted(files(__package__).joinpath("translations").iterdir(), key=lambda each: each.name):
            tag, _, ending = file.name.rpartition(".")
            if ending == "toml":
                read: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
                known[tag.lower()] = Language(tag, read["sentences"])
        return cls(known)

    def named(self, tag: str) -> Language:
        """A language by its tag; raises `ValueError` if there is none."""
        found = self._fitting(tag)
        if found is None:
            raise ValueError(f"there are no pages in the language {tag!r}; there are {', '.join(sorted(self.known))}")
        return found

    def asked_for(self, accept_language: bytes | None) -> Language:
        """The best for a browser that sends this field (RFC 9110 §12.5.4; RFC 4647 §3.4, Lookup); else English."""
        for tag in _by_preference((accept_language or b"").decode("latin-1")):
            if found := self._fitting(tag):
                return found
        return self.known[ENGLISH]

    def _fitting(self, tag: str) -> Language | None:
        parts = tag.lower().split("-")
        shorter = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
        return next((self.known[each] for each in shorter if each in self.known), None)


def _by_preference(field: str) -> list[str]:
    """The tags of an Accept-Language field that are wanted, best first; what makes no sense is not among them."""
    weighed = []
    for item in field.split(",")[:_MOST_RANGES]:
        tag, *parameters = (part.strip(" \t") for part in item.split(";"))
        quality = next((each[2:] for each in parameters if each[:2].lower() == "q="), "1")
        if _TAG.fullmatch(tag) and _QUALITY.fullmatch(quality) and float(quality) > 0:
            weighed.append((-float(quality), tag))
    return [tag for _, tag in sorted(weighed, key=lambda each: each[0])]
