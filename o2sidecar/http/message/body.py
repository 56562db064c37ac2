"""Message bodies off the wire: by length, chunked, or to the end of the connection (RFC 9112 §6.3, §7.1).

A decoder takes bytes as they come and gives the body's bytes out of them; it holds back no more than one chunk-size
line or one trailer section.
"""

from __future__ import annotations

from typing import Protocol


class BodyRefused(Exception):
    """A body that breaks its framing, or a limit: `status` is for the client that sent it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


class Decoder(Protocol):
    """Takes a body off the wire."""

    to_the_end: bool
    """Whether the end of the connection completes it."""
    complete: bool
    surplus: bytes
    """Once complete: what came behind the body."""

    def decode(self, data: bytes) -> bytes:
        """The body's bytes in `data`. Raises `BodyRefused`. Not called once complete."""


class Counted:
    """A body with a Content-Length."""

    __slots__ = ("complete", "left", "surplus")
    to_the_end = False

    def __init__(self, length: int) -> None:
        self.left = length
        self.complete = length == 0
        self.surplus = b""

    def decode(self, data: bytes) -> bytes:
        """The next bytes of the body."""
        self.left -= len(data)
        if self.left > 0:
            return data
        self.complete = True
        if self.left == 0:
            return data
        body, self.surplus = data[: self.left], data[self.left :]
        return body


class ToTheEnd:
    """A body that ends with its connection."""

    __slots__ = ("complete", "surplus")
    to_the_end = True

    def __init__(self) -> None:
        self.complete = False
        self.surplus = b""

    def decode(self, data: bytes) -> bytes:
        """All of it."""
        return data


class Chunked:
    """A chunked body; strict: CRLF line ends, hexadecimal digits, nothing around them, bounded extensions and trailers.

    Extensions and trailers are thrown away once they are known to be well formed (RFC 9112 §7.1.1, §7.1.2): trailers
    never become fields. Each byte is looked at a bounded number of times, whatever the chunks' sizes.
    """

    __slots__ = ("_extensions", "_left", "_line_size", "_room", "_state", "_trailer", "_waiting", "complete", "surplus")
    to_the_end = False

    def __init__(self, *, line_size: int, extensions_size: int, trailer_size: int, size: int = 0) -> None:
        """`line_size`: most of one chunk-size line. `size`: most of the body; 0: any."""
        self.complete = False
        self.surplus = b""
        self._room = size or None
        self._line_size = line_size
        self._extensions = extensions_size
        self._trailer = trailer_size
        self._left = 0
        self._waiting = b""
        self._state = self._size_line

    def decode(self, data: bytes) -> bytes:
        """The next bytes of the body."""
        if self._waiting:
            data = self._waiting + data
            self._waiting = b""
        pieces: list[bytes] = []
        position = 0
        while position >= 0 and not self.complete:
            position = self._state(data, position, pieces)
        return b"".join(pieces)

    # Each state takes what it needs from `data` at `position` and gives the position behind it, or -1 when it needs
    # more than there is; what it could not use waits.

    def _size_line(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        end = data.find(b"\n", position, position + self._line_size)
        if end < 0:
            if len(data) - position >= self._line_size:
                raise BodyRefused(400, "chunk-size line too long")
            return self._wait(data, position)
        self._left = self._chunk_size(data[position : end + 1])
        if self._left == 0:
            self._state = self._trailers
        else:
            self._state = self._chunk
            if self._room is not None:
                self._room -= self._left
                if self._room < 0:
                    raise BodyRefused(413, "body too large")
        return end + 1

    def _chunk_size(self, line: bytes) -> int:
        digits = line[:-2]
        if line[-2:] != b"\r\n":
            raise BodyRefused(400, "chunk-size line ends without CRLF")
        if b";" in digits:
            digits, _, extension = digits.partition(b";")
            self._extensions -= len(extension) + 1
            # RFC 9112 §7.1.1 allows white space before the semicolon only as bad form; nobody needs it.
            if self._extensions < 0 or extension.translate(None, _VISIBLE):
                raise BodyRefused(400, "chunk extension refused")
        if not digits or len(digits) > 15 or digits.translate(None, _HEXADECIMAL):
            raise BodyRefused(400, "chunk size is not a number")
        return int(digits, 16)

    def _chunk(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        piece = data[position : position + self._left]
        if piece:
            pieces.append(piece)
            self._left -= len(piece)
        if self._left:
            return -1
        self._state = self._chunk_end
        return position + len(piece)

    def _chunk_end(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        end = data[position : position + 2]
        if end == b"\r\n":
            self._state = self._size_line
            return position + 2
        if end and end != b"\r":
            raise BodyRefused(400, "chunk does not end where it should")
        return self._wait(data, position)

    def _trailers(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        end = data.find(b"\n", position)
        if end < 0:
            if len(data) - position > self._trailer + 2:
                raise BodyRefused(431, "trailers too large")
            return self._wait(data, position)
        line = data[position : end + 1]
        if line == b"\r\n":
            self.complete = True
            self.surplus = data[end + 1 :]
            return -1
        self._trailer -= len(line)
        if self._trailer < 0:
            raise BodyRefused(431, "trailers too large")
        name, colon, value = line[:-2].partition(b":")
        if (
            line[-2:] != b"\r\n"
            or not colon
            or not name
            or name.translate(None, _TOKEN)
            or value.translate(None, _TEXT)
        ):
            raise BodyRefused(400, "malformed trailer")
        return end + 1

    def _wait(self, data: bytes, position: int) -> int:
        self._waiting = data[position:]
        return -1


_HEXADECIMAL = b"0123456789abcdefABCDEF"
_VISIBLE = bytes(range(0x20, 0x7F)) + b"\t"
_TEXT = _VISIBLE + bytes(range(0x80, 0x100))
_TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
