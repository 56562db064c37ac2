"""Values as text: lines of block style, and flow style, JSON among it, in the manner of what is around."""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import evolve, frozen

from o2sidecar.kubernetes.operations import Data, Verbatim
from o2sidecar.kubernetes.text.written import literal_lines, scalar_text


class Raw(str):
    """A line that is written from the line's very start, whatever it is in."""

    __slots__ = ()


@frozen(kw_only=True)
class BlockStyle:
    """How block style is indented.

    Attributes:
        step: columns from a key to the keys below it.
        dashes: columns from a key to the dashes of the list below it.
        width: columns from a dash to what follows it.
    """

    step: int = 2
    dashes: int = 0
    width: int = 2


@frozen(kw_only=True)
class FlowStyle:
    """How flow style is written.

    Attributes:
        json: whether keys and texts are in double quotes always.
        colon: with the blank behind it, if there is one.
        comma: with the blank behind it, if there is one.
        step: what a level is indented by; `None` on one line.
        newline: what ends a line.
    """

    json: bool = False
    colon: str = ": "
    comma: str = ", "
    step: str | None = None
    newline: str = "\n"

    @property
    def one_line(self) -> FlowStyle:
        """The same on one line."""
        return evolve(self, step=None)


def block(value: Data, style: BlockStyle, *, dash: bool) -> tuple[str, list[str]]:
    """What follows `key:` or `-` on the line, and the lines below, indented from the key's or the dash's column."""
    if isinstance(value, Verbatim):
        return _verbatim(value, style, dash=dash)
    if isinstance(value, str) and (literal := literal_lines(value)):
        # An item's text must be indented deeper than the list, and that it is by the same step.
        return literal[0], [line and " " * style.step + line for line in literal[1]]
    if not isinstance(value, dict | list) or not value:
        return scalar_text(value, flow=False, quoted=False), []
    lines = [line for part in _parts(value, style) for line in part]
    if dash:
        return lines[0].lstrip(" "), indented(lines[1:], style.width)
    return "", indented(lines, style.step if isinstance(value, dict) else style.dashes)


def document_lines(value: Data, style: BlockStyle) -> list[str]:
    """A whole document."""
    if isinstance(value, dict | list) and value:
        return [line for part in _parts(value, style) for line in part]
    head, body = block(value, style, dash=True)
    return [head, *body]


def entry_lines(key: str | None, value: Data, style: BlockStyle) -> list[str]:
    """A pair, or an item where the key is `None`, indented from its own column."""
    head, body = block(value, style, dash=key is None)
    if key is None:
        return ["-".ljust(style.width) + head if head else "-", *body]
    name = scalar_text(key, flow=False, quoted=False)
    return [f"{name}: {head}" if head else f"{name}:", *body]


def flow(value: Data, style: FlowStyle, indentation: str) -> str:
    """Flow style; `indentation` is that of the line that it begins on."""
    if isinstance(value, Verbatim):
        return value.text or scalar_text(value.data, flow=True, quoted=style.json)
    if not isinstance(value, dict | list) or not value:
        return scalar_text(value, flow=True, quoted=style.json)
    inner = indentation + (style.step or "")
    pairs: Iterable[tuple[str | None, Data]] = (
        value.items() if isinstance(value, dict) else ((None, item) for item in value)
    )
    items = [flow_entry(key, item, style, inner) for key, item in pairs]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    if style.step is None:
        return opening + style.comma.join(items) + closing
    line = style.newline + inner
    return opening + line + ("," + line).join(items) + style.newline + indentation + closing


def flow_entry(key: str | None, value: Data, style: FlowStyle, indentation: str) -> str:
    """A pair, or an item where the key is `None`."""
    written = flow(value, style, indentation)
    return written if key is None else scalar_text(key, flow=True, quoted=style.json) + style.colon + written


def indented(lines: list[str], columns: int) -> list[str]:
    """Lines moved to the right, but for raw and empty ones."""
    return [line if isinstance(line, Raw) or not line else " " * columns + line for line in lines]


def _parts(value: dict[str, Data] | list[Data], style: BlockStyle) -> Iterable[list[str]]:
    if isinstance(value, dict):
        return (entry_lines(key, inner, style) for key, inner in value.items())
    return (entry_lines(None, item, style) for item in value)


def _verbatim(value: Verbatim, style: BlockStyle, *, dash: bool) -> tuple[str, list[str]]:
    first, *rest = _lines(value.text)
    collection = isinstance(value.data, dict | list) and first[:1] not in ("{", "[")
    if not collection or dash:
        return first, [Raw(line) for line in rest]
    return "", [*indented([first], style.step if isinstance(value.data, dict) else style.dashes), *map(Raw, rest)]


def _lines(text: str) -> list[str]:
    return re.split(r"\r\n|\n|\r", text)
