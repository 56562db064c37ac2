"""RESP2, Redis's protocol (redis.io/docs/reference/protocol-spec): commands written, replies read piece by piece."""

from __future__ import annotations

import re
from typing import Any

from attrs import field, frozen

_INTEGER = re.compile(rb"-?[0-9]{1,19}")
_LENGTH = re.compile(rb"-1|[0-9]{1,10}")
_LONGEST_LINE = 4096
_DEEPEST = 8
_MOST_TOGETHER = 100_000
_MORE = object()
_LONGEST_SHOWN = 200


class NoRedis(ValueError):
    """What came is no reply of a Redis server, or more than anybody asked for; the text says why."""


@frozen
class ErrorReply:
    """A server's answer that it will not; `code` is its first word.

    `text` may repeat what was asked, secrets included, and is not shown: `shown` is.
    """

    code: str
    text: str = field(repr=False)

    @property
    def shown(self) -> str:
        """The text without what was asked, for the log."""
        told = self.text.partition(", with args")[0][:_LONGEST_SHOWN]
        return "".join(character if character.isprintable() else "?" for character in told)


Reply = bytes | int | None | ErrorReply | list[Any]
"""A simple or bulk string, an integer, nothing, an error, or a list of these."""


def command(*words: bytes) -> bytes:
    """A command on the wire: an array of bulk strings, so that no word can be taken for two."""
    pieces = [b"*%d\r\n" % len(words)]
    for word in words:
        pieces.append(b"$%d\r\n%b\r\n" % (len(word), word))
    return b"".join(pieces)


class Replies:
    """Reads replies from the pieces of a connection. `most`: bytes that a bulk string may have."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._buffer = bytearray()
        self._bulk: int | None = None
        self._open: list[tuple[int, list[Reply]]] = []
        self._together = 0

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that are complete with this piece; raises `NoRedis` if it makes none."""
        self._buffer += data
        complete: list[Reply] = []
        while (found := self._next()) is not _MORE:
            reply = self._placed(found)
            if reply is not _MORE:
                complete.append(reply)
                self._together = 0
        return complete

    def _next(self) -> Any:
        """The next element; an array that has elements gives what its last one completes."""
        if self._bulk is not None:
            return self._bulk_string(self._bulk)
        end = self._buffer.find(b"\r\n", 0, _LONGEST_LINE)
        if end < 0:
            if len(self._buffer) >= _LONGEST_LINE:
                raise NoRedis("a line without an end")
            return _MORE
        kind, line = bytes(self._buffer[:1]), bytes(self._buffer[1:end])
        del self._buffer[: end + 2]
        if kind == b"$":
            return self._begin_bulk(int(_matched(_LENGTH, line)))
        if kind == b"*":
            return self._begin_array(int(_matched(_LENGTH, line)))
        return _simple(kind, line)

    def _begin_bulk(self, length: int) -> Any:
        if length < 0:
            return None
        if length > self._most:
            raise NoRedis(f"a value of {length} bytes, of which {self._most} are allowed")
        self._bulk = length
        return self._bulk_string(length)

    def _bulk_string(self, length: int) -> Any:
        if len(self._buffer) < length + 2:
            return _MORE
        if self._buffer[length : length + 2] != b"\r\n":
            raise NoRedis("a value that goes on behind its end")
        self._bulk = None
        value = bytes(self._buffer[:length])
        del self._buffer[: length + 2]
        return value

    def _begin_array(self, length: int) -> Any:
        if length < 0:
            return None
        self._together += length
        if self._together > _MOST_TOGETHER or len(self._open) == _DEEPEST:
            raise NoRedis("a list of too much")
        if length == 0:
            return []
        self._open.append((length, []))
        return self._next()

    def _placed(self, reply: Any) -> Any:
        """The whole reply that this element completes; `_MORE` while it does not."""
        while self._open:
            length, elements = self._open[-1]
            elements.append(reply)
            if len(elements) < length:
                return _MORE
            self._open.pop()
            reply = elements
        return reply


def _simple(kind: bytes, line: bytes) -> Reply:
    if kind == b"+":
        return line
    if kind == b":":
        return int(_matched(_INTEGER, line))
    if kind == b"-":
        text = line.decode("utf-8", "replace")
        return ErrorReply(text.partition(" ")[0], text)
    raise NoRedis("a reply of no known kind")


def _matched(pattern: re.Pattern[bytes], line: bytes) -> bytes:
    if not pattern.fullmatch(line):
        raise NoRedis("a number that is none")
    return line
