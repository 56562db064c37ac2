"""Makes a PNG of a screen small: 256 colours at most, and deflated as well as zlib can (PNG, third edition)."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {2: 3, 6: 4}
_MOST_COLOURS = 256


def small(png: bytes) -> bytes:
    """The same picture, smaller: rare colours become the nearest of the frequent ones.

    For pictures as browsers write them: 8 bits, not interlaced, colours or colours with an opaque alpha.
    """
    chunks = list(_chunks(png))
    width, height, depth, kind, *_, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    assert (depth, interlaced) == (8, 0) and kind in _CHANNELS, "not as browsers write them"
    rows = _rows(zlib.decompress(b"".join(data for name, data in chunks if name == b"IDAT")), width, _CHANNELS[kind])
    pixels = [[row[at : at + 3] for at in range(0, len(row), _CHANNELS[kind])] for row in rows]
    palette, places = _palette(Counter(pixel for row in pixels for pixel in row))
    packed = b"".join(b"\0" + bytes(places[pixel] for pixel in row) for row in pixels)
    return _SIGNATURE + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", b"".join(palette)),
            _chunk(b"IDAT", zlib.compress(packed, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _palette(counted: Counter[bytes]) -> tuple[list[bytes], dict[bytes, int]]:
    """The colours that stay, and for each colour the place of the one that it becomes."""
    # Gradients have many colours that hardly differ: they are made coarser until the rest is few enough.
    for bits in range(8):
        grouped: dict[bytes, Counter[bytes]] = {}
        for colour, times in counted.items():
            grouped.setdefault(bytes(part >> bits for part in colour), Counter())[colour] += times
        if len(grouped) <= _MOST_COLOURS:
            break
    palette = [group.most_common(1)[0][0] for group in grouped.values()]
    return palette, {colour: place for place, group in enumerate(grouped.values()) for colour in group}


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    assert png.startswith(_SIGNATURE), "no PNG"
    at = len(_SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _rows(data: bytes, width: int, channels: int) -> Iterator[bytes]:
    """The rows, their filters undone (PNG §9.2)."""
    length = width * channels
    above = bytearray(length)
    for start in range(0, len(data), length + 1):
        kind, row = data[start], bytearray(data[start + 1 : start + 1 + length])
        for at in range(length):
            left = row[at - channels] if at >= channels else 0
            corner = above[at - channels] if at >= channels else 0
            row[at] = (row[at] + _predicted(kind, left, above[at], corner)) & 0xFF
        yield bytes(row)
        above = row


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    if kind < 4:
        return (0, left, up, (left + up) // 2)[kind]
    guess = left + up - corner
    return min((left, up, corner), key=lambda each: abs(guess - each))
