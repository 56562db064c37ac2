"""A strict reader of HTTP/1.1, written apart from the product: the judge of what it sends and of what it was sent.

It follows RFC 9112 by regular expressions over whole messages, where the product takes bytes as they come. It has one
meaning for a message or a complaint about it: whatever two readers could frame differently ends the reading.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from attrs import evolve, field, frozen

Fields = tuple[tuple[bytes, bytes], ...]

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb') ([!"$-~]+) HTTP/1\.([01])')
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: ([\t -~\x80-\xff]*))?")
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*((?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)[ \t]*")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[\t -~]*)?")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_HOST = re.compile(rb"(?:[\w.~%!$&'()*+,;=-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{0,5}))?", re.ASCII)
_INTERIM = frozenset(b"%d" % status for status in range(100, 200))
_FRAMING = (b"content-length", b"transfer-encoding")


class Unclear(Exception):
    """A message that two readers could understand differently."""


@frozen(kw_only=True)
class Message:
    """A request or an answer.

    Attributes:
        start: method and target, or status and reason.
        minor: of the version 1.x.
        framing: how its body is framed: "none", "length", "chunked", or "end" (of the connection).
        complete: whether all of its body is there.
    """

    start: tuple[bytes, bytes]
    minor: int
    fields: Fields = field(repr=False)
    framing: str = "none"
    body: bytes = b""
    complete: bool = False

    @property
    def method(self) -> bytes:
        """Of a request."""
        return self.start[0]

    @property
    def target(self) -> bytes:
        """Of a request: in origin-form, whatever form it came in (RFC 9112 §3.2)."""
        scheme, found, rest = self.start[1].partition(b"://")
        if not found or scheme.lower() not in (b"http", b"https"):
            return self.start[1]
        return b"/" + rest.partition(b"/")[2]

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.start[0])

    @property
    def persists(self) -> bool:
        """Whether another message may follow on the connection (RFC 9112 §9.3)."""
        options = [each.strip(b" \t").lower() for each in b",".join(self.values(b"connection")).split(b",")]
        if self.framing == "end" or b"close" in options:
            return False
        return self.minor == 1 or b"keep-alive" in options

    def values(self, name: bytes) -> list[bytes]:
        """All values of a field, `name` in lower case."""
        return [value for each, value in self.fields if each.lower() == name]


@frozen(kw_only=True)
class Reading:
    """What a stream of bytes says.

    Attributes:
        messages: the complete ones, in order, up to one that ends the connection.
        partial: the one behind them, if its head is there but not its body, or not all of that can be read.
        rest: the bytes behind the complete messages.
        complaint: why the rest cannot be read, or empty.
    """

    messages: list[Message]
    partial: Message | None = None
    rest: bytes = b""
    complaint: str = ""


def read_requests(data: bytes) -> Reading:
    """The requests in what a client sent on one connection."""
    return _read(data, lambda head, _: _request(head), forgives=2)


def read_answers(data: bytes, methods: Sequence[bytes], *, ended: bool = False) -> Reading:
    """The answers, interim ones included, in what a server sent on one connection.

    `methods`: of the requests; the last one counts for all that follow. `ended`: whether the connection was closed in
    order behind the bytes.
    """
    return _read(data, lambda head, count: _answer(head, methods[min(count, len(methods) - 1)]), ended=ended)


def _read(data: bytes, head_of: Callable[[bytes, int], Message], *, forgives: int = 0, ended: bool = False) -> Reading:
    messages: list[Message] = []
    final = 0
    while data:
        # RFC 9112 §2.2: one empty line in front of a request is forgiven.
        start = forgives if data.startswith(b"\r\n") else 0
        end = data.find(b"\r\n\r\n", start)
        if end < 0:
            return Reading(messages=messages, rest=data)
        message = None
        try:
            message = head_of(data[start:end], final)
            message, behind = _body(message, data[end + 4 :], ended)
        except Unclear as unclear:
            return Reading(messages=messages, partial=message, rest=data, complaint=str(unclear))
        if not message.complete:
            return Reading(messages=messages, rest=data, partial=message)
        messages.append(message)
        data = behind
        if message.start[0] in _INTERIM:
            continue
        final += 1
        if not message.persists:
            break
    return Reading(messages=messages, rest=data)


def _request(head: bytes) -> Message:
    found, fields = _parts(head, _REQUEST_LINE)
    minor = int(found[3])
    message = Message(start=(found[1], found[2]), minor=minor, fields=fields)
    hosts = message.values(b"host")
    if len(hosts) > 1 or (not hosts and minor == 1):
        raise Unclear(f"{len(hosts)} Host fields")
    for host in filter(None, hosts):
        port = _HOST.fullmatch(host)
        if port is None or int(port[1] or 0) > 65535:
            raise Unclear("Host is not valid")
    return evolve(message, framing=_framing(message, bodiless=False, unframed="none"))


def _answer(head: bytes, method: bytes) -> Message:
    found, fields = _parts(head, _STATUS_LINE)
    message = Message(start=(found[2], found[3] or b""), minor=int(found[1]), fields=fields)
    if message.status == 101:
        raise Unclear("what follows is another protocol")
    bodiless = method == b"HEAD" or message.status in (204, 304) or message.status < 200
    return evolve(message, framing=_framing(message, bodiless=bodiless, unframed="end"))


def _parts(head: bytes, first: re.Pattern[bytes]) -> tuple[re.Match[bytes], Fields]:
    line, *lines = head.split(b"\r\n")
    found = first.fullmatch(line)
    if found is None:
        raise Unclear(f"malformed first line {line[:60]!r}")
    return found, tuple(map(_field, lines))


def _field(line: bytes) -> tuple[bytes, bytes]:
    found = _FIELD.fullmatch(line)
    if found is None:
        raise Unclear(f"malformed field {line[:60]!r}")
    name = found[1].lower()
    if name not in _FRAMING and name.replace(b"_", b"-") in _FRAMING:
        raise Unclear("a framing field in disguise")
    return found[1], found[2]


def _framing(message: Message, *, bodiless: bool, unframed: str) -> str:
    """RFC 9112 §6.3: one way at most, in one field."""
    lengths, codings = message.values(b"content-length"), message.values(b"transfer-encoding")
    if len(lengths) + len(codings) > 1:
        raise Unclear("more than one way of framing")
    if codings and (codings[0].lower() != b"chunked" or message.minor == 0):
        raise Unclear("transfer coding not known")
    if lengths and not _LENGTH.fullmatch(lengths[0]):
        raise Unclear("Content-Length is not valid")
    if bodiless:
        return "none"
    return "chunked" if codings else "length" if lengths else unframed


def _body(message: Message, data: bytes, ended: bool) -> tuple[Message, bytes]:
    """The message with what is there of its body, and what is behind it."""
    if message.framing == "chunked":
        return _chunked(message, data)
    size = len(data)
    if message.framing == "length":
        size = int(message.values(b"content-length")[0])
    elif message.framing == "none":
        size = 0
    complete = ended if message.framing == "end" else size <= len(data)
    return evolve(message, body=data[:size], complete=complete), data[size:]


def _chunked(message: Message, data: bytes) -> tuple[Message, bytes]:
    """RFC 9112 §7.1, without leniency."""
    body = b""
    while True:
        line, end, data = _line(data)
        if not end:
            return evolve(message, body=body), b""
        found = _CHUNK.fullmatch(line)
        if found is None:
            raise Unclear(f"malformed chunk size {line[:40]!r}")
        size = int(found[1], 16)
        if size == 0:
            break
        body += data[:size]
        terminator, data = data[size : size + 2], data[size + 2 :]
        if not b"\r\n".startswith(terminator):
            raise Unclear("a chunk that does not end where it should")
        if terminator != b"\r\n":
            return evolve(message, body=body), b""
    while True:
        line, end, data = _line(data)
        if not end:
            return evolve(message, body=body), b""
        if not line:
            return evolve(message, body=body, complete=True), data
        _field(line)


def _line(data: bytes) -> tuple[bytes, bytes, bytes]:
    """The first line, its end (empty if it is not there yet), and what is behind it."""
    line, end, rest = data.partition(b"\n")
    if not end:
        return data, b"", b""
    if not line.endswith(b"\r"):
        raise Unclear("a line that ends without CRLF")
    return line[:-1], end, rest
