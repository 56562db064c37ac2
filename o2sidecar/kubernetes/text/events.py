"""The events of two parsers, which are to read the same or refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_OTHER_BREAKS = re.compile("[\u0085\u2028\u2029]")
"""They end a line for libyaml and Kubernetes (YAML 1.1), and for ruamel.yaml (1.2) they do not."""


class UnreadableText(Exception):
    """The parser gave up."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        super().__init__(error)


def quick_events(characters: str) -> Iterator[Any]:
    """By libyaml, which Kubernetes' own parser is made after."""
    import yaml  # noqa: PLC0415 (only where there are manifests)

    try:
        yield from yaml.parse(characters, Loader=yaml.CLoader)
    except Exception as error:  # not there, or what either parser lets through
        raise UnreadableText(error) from None


def slow_events(characters: str) -> Iterator[Any]:
    """By ruamel.yaml, twenty times slower."""
    import ruamel.yaml  # noqa: PLC0415 (only where there are manifests)

    try:
        for event in ruamel.yaml.YAML(typ="safe", pure=True).parse(characters):
            _refuse_other_breaks(event, characters)
            yield event
    except Exception as error:  # besides its own errors, the parser lets through those of what it calls
        raise UnreadableText(error) from None


class _OtherBreak(ValueError):
    """A line break that is one for some; `problem` and `problem_mark` are as parsers have them."""

    problem = "it has U+0085, U+2028 or U+2029 outside of quotes, a line break to some parsers only; take it out"

    def __init__(self, mark: Any) -> None:
        self.problem_mark = mark
        super().__init__(self.problem)


def _refuse_other_breaks(event: Any, characters: str) -> None:
    """Raise `_OtherBreak` where the parsers would not read the same."""
    if getattr(event, "value", None) is None or event.style in ('"', "'"):
        return
    if _OTHER_BREAKS.search(characters, event.start_mark.index, event.end_mark.index):
        raise _OtherBreak(event.start_mark)
