"""Patterns of the settings: regular expressions as oauth2-proxy reads them, by the engine that Go's is modelled on.

RE2 never backtracks: whatever the pattern and the text, a search takes time linear in the text (security.md U14, D12).
"""

from __future__ import annotations

import re
from typing import Any

LONGEST = 4096
"""Characters of a pattern."""

_OPENINGS = re.compile(r"(?:\((?:\?(?:[imsU-]*:|P?<\w+>)?[imsU-]*\)?)?)*")
_AT_START = ("^", r"\A")


class Pattern:
    """A compiled pattern.

    Attributes:
        text: as it was written.
        groups: how many groups it has.
        group_names: the names of those that have one.
        anchored: whether it can only match at the start of a text, as far as one sees at a glance: it begins with `^`
            and has no alternative to that.
    """

    def __init__(self, text: str) -> None:
        """`text` is RE2 syntax; raises `ValueError` with a sentence that names it."""
        # 3 MB that only those pay who have patterns.
        import re2  # noqa: PLC0415

        options = re2.Options()
        options.log_errors = False
        try:
            if len(text) > LONGEST:
                raise ValueError(f"it has more than {LONGEST} characters")
            compiled: Any = re2.compile(text, options=options)
        except (re2.error, ValueError, UnicodeError) as error:
            raise ValueError(f"the pattern {text!r} cannot be used: {_reason(error)}") from None
        self.text = text
        self.anchored = "|" not in text and text[_openings(text) :].startswith(_AT_START)
        self.groups: int = compiled.groups
        self.group_names = frozenset[str](compiled.groupindex)
        self._search = compiled.search

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    def found_in(self, text: str) -> bool:
        """Whether it matches anywhere in a text."""
        return self._search(text) is not None

    def find(self, text: str) -> re.Match[str] | None:
        """The first match in a text, as Python's own would be; `None` if there is none."""
        found: re.Match[str] | None = self._search(text)
        return found


def _openings(text: str) -> int:
    """How many characters at the start only open groups and set flags."""
    found = _OPENINGS.match(text)
    return found.end() if found else 0


def _reason(error: Exception) -> str:
    """Why, without the piece of the pattern that RE2 repeats: it may hold anything."""
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace").partition(": ")[0] if isinstance(said, bytes) else str(said)
