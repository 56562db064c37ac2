"""Field sections: heads judged by llhttp, and their lines taken apart once and remembered.

HOT: `read_fields` runs twice per request (request and answer). llhttp (strict) leaves only tokens as names, and values
without control characters, on lines that end with CRLF; so a line that it let pass is taken apart without looking for
more. Clients and apps repeat most lines word for word: a line that was seen before costs one look-up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define
from httptools import HttpParserUpgrade

from o2sidecar.identity import folded


@define(kw_only=True, eq=False)
class Field:
    """One field of a message; never changed, since messages share it.

    Attributes:
        name: as it came.
        lower: the name in lower case, or `DISGUISED`.
        folded: the name as the worst of origins reads it (`o2sidecar.identity.folded`).
        value: without the white space around it (RFC 9110 §5.5).
        line: `Name: value`, without a line end.
    """

    name: bytes
    lower: bytes
    folded: bytes
    value: bytes
    line: bytes


Index = dict[bytes, bytes]
"""Lower-case field names to the first value of each."""

DISGUISED = b" "
"""Stands for names such as `Transfer_Encoding`, which CGI and WSGI read as the framing field."""

_NEVER_DISGUISED = frozenset({b"content-length", b"transfer-encoding"})

_NOT_REMEMBERED = frozenset({b"authorization", b"cookie", b"proxy-authorization", b"set-cookie"})
"""Secrets, which are not kept beyond their message."""


class FieldLines(dict[bytes, Field]):
    """Field lines that llhttp let pass, without line ends, to what they say; bounded."""

    def __init__(self, *, size: int = 2048, longest: int = 192) -> None:
        """`size`: how many lines are remembered. `longest`: the bytes of a line that is."""
        super().__init__()
        self._size = size
        self._longest = longest

    def __missing__(self, line: bytes) -> Field:
        name, _, value = line.partition(b":")
        value = value.strip(b" \t")
        lower, fold = name.lower(), folded(name)
        if lower != fold and fold in _NEVER_DISGUISED:
            lower = DISGUISED
        found = Field(name=name, lower=lower, folded=fold, value=value, line=b"%s: %s" % (name, value))
        if len(line) <= self._longest and lower not in _NOT_REMEMBERED:
            if len(self) >= self._size:
                self.clear()
            self[line] = found
        return found


_field_of = FieldLines().__getitem__


def read_fields(parser: Callable[[Any], Any], head: bytes) -> list[Field]:
    """Have llhttp judge a head and give its fields, in order.

    `parser`: httptools' parser class. `head`: from its first line to the empty line, nothing behind it. Raises
    `HttpParserError`, or `ValueError` when llhttp sees the head's end somewhere else than we do.
    """
    end = _End()
    try:
        parser(end).feed_data(head)
    except HttpParserUpgrade as upgrade:
        end.seen = upgrade.args[0] == len(head)
    if not end.seen:
        raise ValueError("the head does not end where it seems to")
    return list(map(_field_of, head.split(b"\r\n")[1:-2]))


class _End:
    """What llhttp tells us: that it has seen the head's end."""

    __slots__ = ("seen",)

    def __init__(self) -> None:
        self.seen = False

    def on_headers_complete(self) -> None:
        """Called by llhttp."""
        self.seen = True


def index_fields(fields: list[Field]) -> Index:
    """The first value of each name."""
    return {field.lower: field.value for field in reversed(fields)}


def values_of(name: bytes, fields: list[Field]) -> list[bytes]:
    """All values of a field, `name` in lower case, in order."""
    return [field.value for field in fields if field.lower == name]


def connection_options(index: Index, fields: list[Field]) -> list[bytes]:
    """The members of all Connection fields in lower case (RFC 9110 §7.6.1)."""
    if b"connection" not in index:
        return _NONE
    if len(index) == len(fields):
        options = index[b"connection"].lower()
        return _USUAL.get(options) or _listed(options)
    return _listed(b",".join(values_of(b"connection", fields)).lower())


def _listed(text: bytes) -> list[bytes]:
    """RFC 9110 §5.6.1: a list, whose empty members do not count."""
    return [member for part in text.split(b",") if (member := part.strip(b" \t"))]


_NONE: list[bytes] = []
_USUAL = {b"keep-alive": [b"keep-alive"], b"close": [b"close"], b"upgrade": [b"upgrade"]}
