"""Field sections: names folded once and looked up ever after, and heads taken apart by llhttp.

HOT: `read_fields` runs twice per request (request and answer). A field costs a call from llhttp and two list appends;
nothing is folded or validated in Python on the way, since llhttp (strict) leaves only tokens as names, and values
without control characters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from httptools import HttpParserUpgrade


class FoldedNames(dict[bytes, bytes]):
    """Field names as they come, to their lower case; bounded.

    A name that turns into that of a framing field or Host when `_` is read as `-` becomes `DISGUISED`.
    """

    def __init__(self, size: int = 1024) -> None:
        """`size`: how many names are remembered."""
        super().__init__()
        self._size = size

    def __missing__(self, name: bytes) -> bytes:
        lower = name.lower()
        if b"_" in lower and lower.replace(b"_", b"-") in _NEVER_DISGUISED:
            lower = DISGUISED
        if len(name) <= 64:
            if len(self) >= self._size:
                self.clear()
            self[name] = lower
        return lower


DISGUISED = b" "
"""Stands for names such as `Transfer_Encoding`, which CGI and WSGI read as the framing field."""

_NEVER_DISGUISED = frozenset({b"content-length", b"transfer-encoding"})

lower_case: Callable[[bytes], bytes] = FoldedNames().__getitem__
"""A field name in lower case."""

Index = dict[bytes, bytes]
"""Lower-case field names to the first value of each."""


def index_fields(names: list[bytes], contents: list[bytes]) -> Index:
    """The first value of each name."""
    return dict(zip(map(lower_case, reversed(names)), reversed(contents), strict=True))


def values_of(name: bytes, names: list[bytes], contents: list[bytes]) -> list[bytes]:
    """All values of a field, `name` in lower case, in order."""
    return [value for each, value in zip(names, contents, strict=True) if lower_case(each) == name]


class _Sink:
    """What llhttp calls."""

    __slots__ = ("on_header", "on_headers_complete")

    def __init__(self, on_header: Callable[[bytes, bytes], None], on_headers_complete: Callable[[], None]) -> None:
        self.on_header = on_header
        self.on_headers_complete = on_headers_complete


def read_fields(parser: Callable[[Any], Any], head: bytes) -> tuple[list[bytes], list[bytes]]:
    """Have llhttp judge a head and give its fields' names and values.

    `parser`: httptools' parser class. `head`: from its first line to the empty line, nothing behind it. Raises
    `HttpParserError`, or `ValueError` when llhttp sees the head's end somewhere else than we do.
    """
    names: list[bytes] = []
    contents: list[bytes] = []
    add_name = names.append
    add_content = contents.append
    complete = False

    def on_header(name: bytes, value: bytes) -> None:
        add_name(name)
        # RFC 9110 §5.5: white space at the end is no part of the value; llhttp leaves it there.
        add_content(value.rstrip())

    def on_headers_complete() -> None:
        nonlocal complete
        complete = True

    try:
        parser(_Sink(on_header, on_headers_complete)).feed_data(head)
    except HttpParserUpgrade as upgrade:
        complete = upgrade.args[0] == len(head)
    if not complete:
        raise ValueError("the head does not end where it seems to")
    return names, contents


def connection_options(index: Index, names: list[bytes], contents: list[bytes]) -> list[bytes]:
    """The members of all Connection fields in lower case (RFC 9110 §7.6.1)."""
    if b"connection" not in index:
        return _NONE
    if len(index) == len(names):
        options = index[b"connection"].lower()
        return _USUAL.get(options) or _listed(options)
    return _listed(b",".join(values_of(b"connection", names, contents)).lower())


def _listed(text: bytes) -> list[bytes]:
    """RFC 9110 §5.6.1: a list, whose empty members do not count."""
    return [member for part in text.split(b",") if (member := part.strip(b" \t"))]


_NONE: list[bytes] = []
_USUAL = {b"keep-alive": [b"keep-alive"], b"close": [b"close"], b"upgrade": [b"upgrade"]}
