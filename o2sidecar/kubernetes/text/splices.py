"""Cuts and insertions in a text, made all at once."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import Factory, define

from o2sidecar.kubernetes.text.lines import Text
from o2sidecar.kubernetes.text.values import Raw


@define(kw_only=True)
class Splices:
    """What is cut out of a text and what is put into it; where several meet, in the order of their coming."""

    text: Text
    pieces: list[tuple[int, int, str]] = Factory(list)

    def replace(self, start: int, end: int, text: str) -> None:
        """Puts a text into the place of another."""
        if start < end or text:
            self.pieces.append((start, end, text))

    def cut(self, start: int, end: int) -> None:
        """Takes a text out."""
        self.replace(start, end, "")

    def lines_after(self, line_end: int, lines: Iterable[str], column: int) -> None:
        """Puts lines behind the one that ends here."""
        for line in self._at(lines, column):
            self.replace(line_end, line_end, self.text.newline + line)

    def lines_before(self, offset: int, lines: Iterable[str], column: int) -> None:
        """Puts lines before what stands here, which goes on to the same column of a line of its own."""
        first, *rest = lines
        whole = [first.lstrip(" "), *self._at(rest, column), " " * column]
        self.replace(offset, offset, self.text.newline.join(whole))

    def cut_lines(self, start: int, line_end: int) -> None:
        """Takes out the lines from the one that an offset is in to the one that ends there."""
        before = self.text.line_break_before(start)
        if before is None:
            self.cut(self.text.line_start(start), self.text.next_line(line_end))
        else:
            self.cut(before, line_end)

    def applied(self) -> str:
        """The text after all of them."""
        parts, at = [], 0
        for start, end, text in sorted(self.pieces, key=lambda piece: piece[:2]):
            parts += [self.text.characters[at:start], text]
            at = max(at, end)
        return "".join([*parts, self.text.characters[at:]])

    def _at(self, lines: Iterable[str], column: int) -> list[str]:
        return [line if isinstance(line, Raw) or not line else " " * column + line for line in lines]
