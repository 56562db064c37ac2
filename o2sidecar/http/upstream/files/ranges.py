"""Byte ranges: what a Range field asks for, and the body that answers it (RFC 9110 §14)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import frozen

_RANGE = re.compile(rb"([0-9]*)-([0-9]*)")
_MOST = 32
"""Ranges in one request; more cost more than the whole (RFC 9110 §17.15)."""
_FAR = 10**18


@frozen(kw_only=True)
class Span:
    """Some bytes of a representation: `first` is the offset, `length` at least 1."""

    first: int
    length: int

    def content_range(self, size: int) -> bytes:
        """The value of Content-Range for a representation of this size (§14.4)."""
        return b"bytes %d-%d/%d" % (self.first, self.first + self.length - 1, size)


Part = bytes | Span
"""Bytes of our own, or of the representation."""


def spans_of(value: bytes, size: int) -> list[Span] | None:
    """What a Range field's value asks for of a representation of this size.

    `None`: the field does not count, and the whole is to be given. Empty: none of it can be satisfied (416). The rules
    are those of §14.1.1 and §14.1.2; ranges that together are more than the whole do not count either (§14.2).
    """
    unit, _, members = value.partition(b"=")
    if unit.strip().lower() != b"bytes" or not size:
        return None
    ranges = [member for part in members.split(b",") if (member := part.strip(b" \t"))]
    if not ranges or len(ranges) > _MOST:
        return None
    spans = []
    for each in ranges:
        found = _RANGE.fullmatch(each)
        if found is None or not (found[1] or found[2]):
            return None
        if found[1]:
            first, last = _number(found[1]), _number(found[2]) if found[2] else _FAR
            if last < first:
                return None
        else:
            # §14.1.2: the last bytes, of which there may be fewer.
            first, last = max(0, size - _number(found[2])), _FAR
        if first < size:
            spans.append(Span(first=first, length=min(last + 1, size) - first))
    return spans if sum(span.length for span in spans) <= size else None


def _number(digits: bytes) -> int:
    return int(digits) if len(digits) <= 18 else _FAR


def multipart(spans: Sequence[Span], size: int, media_type: bytes, boundary: bytes) -> list[Part]:
    """The body of a `multipart/byteranges` answer (§14.6)."""
    parts: list[Part] = []
    begin = b"--"
    for span in spans:
        fields = (boundary, media_type, span.content_range(size))
        parts += [begin + b"%s\r\nContent-Type: %s\r\nContent-Range: %s\r\n\r\n" % fields, span]
        begin = b"\r\n--"
    return [*parts, b"\r\n--%s--\r\n" % boundary]


def length_of(parts: Sequence[Part]) -> int:
    """The length of a body."""
    return sum(part.length if isinstance(part, Span) else len(part) for part in parts)
