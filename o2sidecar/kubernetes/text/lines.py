"""A stream's text, and what is found in it between values: lines, blanks, comments."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property

from o2sidecar.kubernetes.findings import Place

BOM = "\ufeff"
_BETWEEN = re.compile(r"(?:[ \t\r\n\ufeff]|(?:(?<=[ \t\r\n\ufeff])|^)#[^\r\n]*)*")
_BETWEEN_ITEMS = re.compile(r"(?:[ \t\r\n,]|(?<=[ \t\r\n,{\[])#[^\r\n]*)*")
_PROPERTY = re.compile(r"!<[^>]*>|[&!][^ \t\r\n,\[\]{}]*")
_COMMENT_LINE = re.compile(r"(?:\r\n|\n|\r)([ \t]*)(#?)[^\r\n]*")
_BREAK = re.compile(r"\r\n|\n|\r")


class Text:
    """The characters of a stream, and questions about them; all positions are offsets."""

    def __init__(self, characters: str, name: str) -> None:
        self.characters = characters
        self.name = name

    @cached_property
    def newline(self) -> str:
        """What ends its lines: that of the first one."""
        found = _BREAK.search(self.characters)
        return found.group() if found else "\n"

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in _BREAK.finditer(self.characters))]

    def place(self, offset: int) -> Place:
        """The place as people count it; a byte order mark counts for no column."""
        line = bisect_right(self._starts, offset) - 1
        start = self._starts[line]
        marks = 1 if self.characters.startswith(BOM, start) else 0
        return Place(name=self.name, line=line + 1, column=max(offset - start - marks, 0) + 1)

    def line_start(self, offset: int) -> int:
        """Where the line begins that an offset is in; behind a byte order mark."""
        start = self._starts[bisect_right(self._starts, offset) - 1]
        return start + 1 if self.characters.startswith(BOM, start) and offset > start else start

    def line_end(self, offset: int) -> int:
        """Where the line ends that an offset is in, before its line break."""
        found = _BREAK.search(self.characters, offset)
        return found.start() if found else len(self.characters)

    def line_break_before(self, offset: int) -> int | None:
        """Where the line before ends; `None` on the first one."""
        line = bisect_right(self._starts, offset) - 1
        if line == 0:
            return None
        start = self._starts[line]
        return start - (2 if self.characters.startswith("\r\n", start - 2) else 1)

    def next_line(self, line_end: int) -> int:
        """Where the line begins after one that ends here."""
        found = _BREAK.match(self.characters, line_end)
        return found.end() if found else line_end

    def column(self, offset: int) -> int:
        """How many characters stand before an offset on its line."""
        return offset - self.line_start(offset)

    def indentation(self, offset: int) -> str:
        """The blanks at the start of the line that an offset is in."""
        start = self.line_start(offset)
        line = self.characters[start : self.line_end(start)]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def leads(self, offset: int) -> bool:
        """Whether nothing but blanks stands before an offset on its line."""
        return not self.characters[self.line_start(offset) : offset].strip(" \t")

    def next(self, offset: int) -> int:
        """Where the next thing stands that is neither blank nor comment."""
        found = _BETWEEN.match(self.characters, offset)
        assert found
        return found.end()

    def next_item(self, offset: int) -> int:
        """As `next`, in flow style: behind commas."""
        found = _BETWEEN_ITEMS.match(self.characters, offset)
        assert found
        return found.end()

    def behind_properties(self, offset: int) -> int:
        """Where a node's content begins whose anchor and tag begin here."""
        while found := _PROPERTY.match(self.characters, offset):
            offset = self.next(found.end())
        return offset

    def before_comments(self, offset: int) -> int:
        """Where the comments begin that stand right above a line, in the same column as what is there."""
        column, start = self.column(offset), offset
        while (before := self.line_break_before(start)) is not None:
            line_start = self.line_start(before)
            comment = line_start + len(self.indentation(line_start))
            if comment - line_start != column or not self.characters.startswith("#", comment):
                break
            start = comment
        return start

    def behind_comments(self, offset: int, column: int) -> int:
        """The end of the last line that belongs to what ends at an offset.

        That is the line's own rest, and the comments below that are indented deeper than a column.
        """
        end = at = self.line_end(offset)
        while found := _COMMENT_LINE.match(self.characters, at):
            at = found.end()
            if found.group(2):
                if len(found.group(1)) <= column:
                    break
                end = at
            elif found.group().strip():
                break
        return end
