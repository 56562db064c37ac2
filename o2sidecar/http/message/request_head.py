"""Reads the head of a request, strictly: what it means, or the status it is refused with.

HOT: `RequestHead.read`. llhttp judges the syntax of fields; the rest of RFC 9112 §3, §6 and RFC 9110 §7.2 is here, in
numbered steps, each a look-up where the request is an ordinary one.
"""

from __future__ import annotations

from httptools import HttpParserError, HttpParserInvalidMethodError, HttpRequestParser

from o2sidecar.http.limits import Limits
from o2sidecar.http.message.body import Chunked, Counted, Decoder
from o2sidecar.http.message.fields import (
    DISGUISED,
    Field,
    Index,
    connection_options,
    index_fields,
    read_fields,
    values_of,
)
from o2sidecar.http.message.host import is_host


class HeadRefused(Exception):
    """A head that is not served: `status` and a few words for the client. The connection ends behind the refusal."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


def split_head(held: bytes, data: bytes, limits: Limits) -> tuple[bytes, bytes]:
    """The head that begins with `held` and goes on in `data`, and what follows it.

    The head is empty while it is not all here; what there is of it then comes second. Raises `HeadRefused` as soon as
    it is too large, or can no longer become a head.
    """
    if held:
        data = held + data
    end = data.find(b"\r\n\r\n", max(0, len(held) - 3))
    if end > limits.head_size or (end < 0 and len(data) > limits.head_size):
        line_end = data.find(b"\r\n", 2)
        if 0 <= line_end <= limits.target_size:
            raise HeadRefused(431, "head too large")
        raise HeadRefused(414, "request target too long")
    if end < 0:
        if b"\n\n" in data:
            raise HeadRefused(400, "malformed request")
        return b"", data
    # RFC 9112 §2.2: one empty line before a request line is forgiven.
    return data[2 if data[:2] == b"\r\n" else 0 : end + 4], data[end + 4 :]


class _RequestLines(dict[bytes, tuple[bytes, bytes, bytes, bool]]):
    """Request lines, without line ends, to method, target, path and whether they are HTTP/1.0; bounded.

    The path is empty where the target is not in origin-form: what it means depends on Host.
    """

    def __missing__(self, line: bytes) -> tuple[bytes, bytes, bytes, bool]:
        # RFC 9112 §3: exactly one space between the parts.
        parts = line.split(b" ")
        if len(parts) != 3:
            raise HeadRefused(400, "malformed request line")
        method, target, version = parts
        # llhttp passes over CR and LF in front of a method; the app would get them there.
        if not method.replace(b"-", b"").isalpha():
            raise HeadRefused(400, "malformed request line")
        # RFC 9112 §2.3: llhttp would take 0.9 and 2.0 as well.
        if version not in _VERSIONS:
            raise HeadRefused(505 if version.startswith(b"HTTP/") else 400, "HTTP version not supported")
        path = _path_of(target)[1] if target[:1] == b"/" else b""
        known = method, target, path, version == b"HTTP/1.0"
        # A query may hold secrets.
        if len(line) <= 256 and b"?" not in line:
            if len(self) >= 1024:
                self.clear()
            self[line] = known
        return known


_request_lines = _RequestLines()


def _path_of(target: bytes) -> tuple[bytes, bytes]:
    """RFC 9112 §3.2.1: a path, perhaps a query, and no fragment. Gives the target and its path."""
    if target.translate(None, _TARGET_CHARACTERS):
        raise HeadRefused(400, "request target with characters that do not belong there")
    return target, target.partition(b"?")[0]


class RequestHead:
    """A request's head, checked.

    `content_length`: the announced length of the body, `None` with `chunked`. `index`: the first value of each field
    by its name in lower case. `options`: the members of Connection in lower case. `expects_continue`: whether the
    client waits for `100 Continue` before it sends the body.
    """

    __slots__ = (
        "chunked",
        "content_length",
        "expects_continue",
        "fields",
        "host",
        "http_1_0",
        "index",
        "method",
        "options",
        "path",
        "target",
    )

    method: bytes
    target: bytes
    path: bytes
    host: bytes
    http_1_0: bool
    fields: list[Field]
    index: Index
    content_length: int | None
    chunked: bool
    options: list[bytes]
    expects_continue: bool

    def read(self, head: bytes, limits: Limits) -> None:
        """Take a head apart: from its request line to its empty line. Raises `HeadRefused`."""
        self.method, self.target, self.path, self.http_1_0 = _request_lines[head[: head.find(b"\r\n")]]
        self._read_fields(head, limits)
        if len(self.target) > limits.target_size:
            raise HeadRefused(414, "request target too long")
        if self.method in _REFUSED_METHODS:
            raise HeadRefused(501, "method not served")
        self._read_host()
        if not self.path:
            self.target, self.path = _path_of(self._origin_form(self.target))
        index = self.index
        self._read_framing(limits)
        self.options = connection_options(index, self.fields)
        if not _FRAMING.isdisjoint(self.options):
            # Framing is not the client's to have removed on the way (security.md F6).
            raise HeadRefused(400, "Connection names a framing field")
        self.expects_continue = b"expect" in index and self._read_expectation(index[b"expect"])

    def _read_fields(self, head: bytes, limits: Limits) -> None:
        try:
            self.fields = read_fields(HttpRequestParser, head)
        except HttpParserInvalidMethodError:
            status = 501 if self.method.isalpha() and self.method.isupper() else 400
            raise HeadRefused(status, "method not known") from None
        except (HttpParserError, ValueError):
            raise HeadRefused(400, "malformed request") from None
        if len(self.fields) > limits.field_count:
            raise HeadRefused(431, "too many fields")
        self.index = index_fields(self.fields)
        if DISGUISED in self.index:
            raise HeadRefused(400, "a framing field in disguise")

    def _read_host(self) -> None:
        """RFC 9112 §3.2: exactly one valid Host; HTTP/1.0 may do without."""
        host = self.index.get(b"host")
        if host is None:
            if not self.http_1_0:
                raise HeadRefused(400, "Host is missing")
            host = b""
        elif host and not is_host(host):
            # An empty one is legal: the target has no authority then (RFC 9110 §7.2).
            raise HeadRefused(400, "Host is not valid")
        elif len(self.values(b"host")) > 1:
            raise HeadRefused(400, "more than one Host")
        self.host = host

    def _origin_form(self, target: bytes) -> bytes:
        """RFC 9112 §3.2.2 to §3.2.4: of the other forms, asterisk is OPTIONS' alone and authority is CONNECT's."""
        if target == b"*" and self.method == b"OPTIONS":
            return target
        scheme, found, rest = target.partition(b"://")
        if not found or scheme.lower() not in _SCHEMES:
            raise HeadRefused(400, "request target is not a path")
        authority, slash, path = rest.partition(b"/")
        if b"?" in authority or b"#" in authority:
            raise HeadRefused(400, "request target without a path")
        # RFC 9112 §3.2.2 lets the target win over Host; two different hosts in a request only ever help an attacker.
        if self.host and authority.lower() != self.host.lower():
            raise HeadRefused(400, "request target and Host differ")
        if not is_host(authority):
            raise HeadRefused(400, "request target with an invalid host")
        self.host = authority
        return slash + path or b"/"

    def _read_framing(self, limits: Limits) -> None:
        """RFC 9112 §6.3, as a server that refuses whatever two readers could frame differently."""
        index = self.index
        self.chunked = False
        length = index.get(b"content-length")
        if b"transfer-encoding" in index:
            # Steps 3 and 4: never beside Content-Length, never in HTTP/1.0, once, and nothing but `chunked`.
            codings = self.values(b"transfer-encoding")
            if length is not None or self.http_1_0:
                raise HeadRefused(400, "two ways of framing")
            if len(codings) != 1 or codings[0].lower() != b"chunked":
                raise HeadRefused(400, "transfer coding not known")
            self.chunked = True
            self.content_length = None
        elif length is None:
            self.content_length = 0
        else:
            # Steps 5 and 6.
            if not (length.isdigit() and len(length) <= 18):
                raise HeadRefused(400, "Content-Length is not valid")
            if len(self.values(b"content-length")) > 1:
                raise HeadRefused(400, "more than one Content-Length")
            self.content_length = int(length)
            if limits.body_size and self.content_length > limits.body_size:
                raise HeadRefused(413, "body too large")

    @property
    def has_body(self) -> bool:
        """Whether a body follows the head."""
        return self.content_length != 0

    def header(self, name: bytes) -> bytes | None:
        """The first value of a field, `name` in lower case; `None` if it is absent."""
        return self.index.get(name)

    def values(self, name: bytes) -> list[bytes]:
        """All values of a field, `name` in lower case, in order."""
        if name not in self.index:
            return []
        if len(self.index) == len(self.fields):
            return [self.index[name]]
        return values_of(name, self.fields)

    def decoder(self, limits: Limits) -> Decoder:
        """What takes the body off the wire."""
        if self.content_length is not None:
            return Counted(self.content_length)
        return Chunked(
            line_size=limits.chunk_line_size,
            extensions_size=limits.chunk_extensions_size,
            trailer_size=limits.trailer_size,
            size=limits.body_size,
        )

    def _read_expectation(self, expectation: bytes) -> bool:
        """RFC 9110 §10.1.1."""
        if expectation.lower() != b"100-continue":
            raise HeadRefused(417, "expectation not known")
        # HTTP/1.0 knows no interim answers, and without a body there is nothing to wait with.
        return not self.http_1_0 and self.content_length != 0


_VERSIONS = frozenset({b"HTTP/1.1", b"HTTP/1.0"})
_SCHEMES = frozenset({b"http", b"https"})
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_REFUSED_METHODS = frozenset({b"CONNECT", b"TRACE", b"PRI"})
_TARGET_CHARACTERS = bytes(set(range(0x21, 0x7F)) - set(b"#"))
