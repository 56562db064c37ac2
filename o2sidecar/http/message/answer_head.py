"""Reads the head of an app's answer, strictly: its fields, and how its body is framed (RFC 9112 §4, §6.3).

HOT: `AnswerHead`. Whatever two readers could understand differently is refused; the client then gets 502.
"""

from __future__ import annotations

from httptools import HttpParserError, HttpResponseParser

from o2sidecar.http.limits import UpstreamLimits
from o2sidecar.http.message.body import Chunked, Counted, Decoder, ToTheEnd
from o2sidecar.http.message.fields import DISGUISED, connection_options, index_fields, read_fields, values_of


class AnswerRefused(Exception):
    """What the app sent is not an answer in HTTP/1.1, or breaks a limit; the text says why, for the log."""


class _StatusLines(dict[bytes, tuple[bytes, int, bytes]]):
    """Status lines, without line ends, to version, status and reason phrase; bounded."""

    def __missing__(self, line: bytes) -> tuple[bytes, int, bytes]:
        version, _, rest = line.partition(b" ")
        code, _, reason = rest.partition(b" ")
        if version not in _VERSIONS:
            raise AnswerRefused("not an answer in HTTP/1")
        if len(code) != 3 or not code.isdigit() or not b"100" <= code < b"600":
            raise AnswerRefused("malformed status")
        if reason.translate(None, _TEXT):
            raise AnswerRefused("malformed reason phrase")
        known = version, int(code), reason
        if len(self) < 512 and len(line) <= 64:
            self[line] = known
        return known


_status_lines = _StatusLines()


class AnswerHead:
    """An answer's head, checked. Making one raises `AnswerRefused`.

    `length`: the announced length, `None` if there is none. `index`: the first value of each field by its name in
    lower case. `options`: the members of Connection. `keeps`: whether the connection may be used again.
    """

    __slots__ = ("_chunked", "fields", "index", "keeps", "length", "options", "reason", "status")

    def __init__(self, head: bytes) -> None:
        version, self.status, self.reason = _status_lines[head[: head.index(b"\r\n")]]
        try:
            self.fields = read_fields(HttpResponseParser, head)
        except (HttpParserError, ValueError) as error:
            raise AnswerRefused(f"malformed answer: {error}") from None
        self.index = index_fields(self.fields)
        self.options = connection_options(self.index, self.fields)
        self._read_framing(version)

    def _read_framing(self, version: bytes) -> None:
        index = self.index
        self.keeps = version == b"HTTP/1.1" and b"close" not in self.options
        self.length: int | None = None
        self._chunked = b"transfer-encoding" in index
        if DISGUISED in index:
            raise AnswerRefused("a framing field in disguise")
        if self._chunked:
            codings = values_of(b"transfer-encoding", self.fields)
            if len(codings) != 1 or codings[0].lower() != b"chunked":
                raise AnswerRefused("transfer coding not known")
            if b"content-length" in index or version != b"HTTP/1.1":
                raise AnswerRefused("two ways of framing")
        elif b"content-length" in index:
            length = index[b"content-length"]
            if not (length.isdigit() and len(length) <= 18):
                raise AnswerRefused("Content-Length is not valid")
            if len(index) < len(self.fields) and len(values_of(b"content-length", self.fields)) > 1:
                raise AnswerRefused("more than one Content-Length")
            self.length = int(length)

    def has_body(self, method: bytes) -> bool:
        """Whether an answer to `method` may have a body at all (RFC 9112 §6.3, steps 1 and 2)."""
        return method != b"HEAD" and self.status not in _BODILESS

    @property
    def announces_body(self) -> bool:
        """Whether it says that a body follows, even where there can be none."""
        return self._chunked or bool(self.length)

    def decoder(self, method: bytes, limits: UpstreamLimits) -> Decoder:
        """What takes the body off the wire, for an answer to `method` (RFC 9112 §6.3, steps 1 to 8)."""
        if not self.has_body(method):
            return Counted(0)
        if self._chunked:
            return Chunked(
                line_size=limits.chunk_line_size, extensions_size=_EXTENSIONS_SIZE, trailer_size=limits.trailer_size
            )
        if self.length is not None:
            return Counted(self.length)
        self.keeps = False
        return ToTheEnd()


_VERSIONS = frozenset({b"HTTP/1.1", b"HTTP/1.0"})
_BODILESS = frozenset({204, 304})
_TEXT = b"\t" + bytes(set(range(0x20, 0x100)) - {0x7F})
_EXTENSIONS_SIZE = 1 << 20
