"""Mutations of messages, as Hypothesis draws them: what goes wrong on wires, and what attackers have tried."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("O2SIDECAR_EXAMPLES", "300"))
"""How many examples a fuzzing test looks at; a long session is asked for by that variable."""

Mutation = tuple[Callable[[bytes, int, int, bytes], bytes], int, int, bytes]
"""What to do, two places, and bytes to do it with."""

SNIPPETS = (
    b"\r\n", b"\n", b"\r", b"\n\n", b"\r\n\r\n", b" ", b"\t", b"\0", b"\x0b", b"\x7f", b"\x80", b"\xff", b":", b";",
    b",", b"_", b"-", b"+", b"0", b"1", b"x", b"%", b"#", b"?", b"/", b"\\", b'"', b"\r\n ", b"\r\n\t",
    b"0\r\n\r\n", b"5\r\nhello\r\n", b"0x5\r\n", b"1_0\r\n", b"5;a=b\r\n", b"fffffffffffffffff\r\n",
    b"Content-Length: 0\r\n", b"Content-Length: 5\r\n", b"Content-Length: 05\r\n", b"Content-Length: +5\r\n",
    b"Content-Length: 5, 5\r\n", b"content-length: 99999999999999999999\r\n", b"Content_Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n", b"transfer-encoding: CHUNKED\r\n", b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n", b"Transfer-Encoding : chunked\r\n", b"Transfer_Encoding: chunked\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n", b"Transfer-Encoding: chunked, identity\r\n", b"TE: trailers\r\n",
    b"Trailer: X-Forwarded-User\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n",
    b"Connection: upgrade\r\n",
    b"Connection: Content-Length\r\n", b"Connection: X-Forwarded-User, Host, Cookie\r\n", b"Upgrade: websocket\r\n",
    b"Upgrade: h2c\r\n", b"Expect: 100-continue\r\n", b"Expect: x\r\n", b"Host: evil.example\r\n", b"Host:\r\n",
    b"X-Forwarded-User: evil\r\n", b"x_forwarded_email: evil\r\n", b"X-Auth-Request-Groups: evil\r\n",
    b"X-Forwarded-Uri: /public/\r\n", b"X-Forwarded-For: 1.1.1.1\r\n", b"GAP-Auth: evil\r\n",
    b"HTTP/1.0", b"HTTP/1.1", b"HTTP/2.0", b"HEAD ", b"POST ", b"OPTIONS ", b"CONNECT ", b"http://app.example.com",
    b"/public/../admin", b"/oauth2/callback?code=1&state=2", b"/oauth2/auth", b"* ",
    b"GET /public/smuggled HTTP/1.1\r\nHost: app.example.com\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"Set-Cookie: _oauth2_proxy=evil\r\n", b"204", b"304", b"999",
)  # fmt: skip


def _flip(data: bytes, at: int, bit: int, _: bytes) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit % 8]) + data[at + 1 :]


def _insert(data: bytes, at: int, _: int, snippet: bytes) -> bytes:
    return data[:at] + snippet + data[at:]


def _overwrite(data: bytes, at: int, _: int, snippet: bytes) -> bytes:
    return data[:at] + snippet + data[at + len(snippet) :]


def _drop(data: bytes, at: int, size: int, _: bytes) -> bytes:
    return data[:at] + data[at + size % 20 + 1 :]


def _cut_off(data: bytes, at: int, _: int, __: bytes) -> bytes:
    return data[: at + 1]


def _lines(data: bytes, at: int, change: Callable[[list[bytes], int], None]) -> bytes:
    lines = data.split(b"\r\n")
    change(lines, at % len(lines))
    return b"\r\n".join(lines)


def _repeat_line(data: bytes, at: int, _: int, __: bytes) -> bytes:
    return _lines(data, at, lambda lines, index: lines.insert(index, lines[index]))


def _drop_line(data: bytes, at: int, _: int, __: bytes) -> bytes:
    return _lines(data, at, lambda lines, index: lines.__delitem__(index))


def _add_line(data: bytes, at: int, _: int, snippet: bytes) -> bytes:
    return _lines(data, at, lambda lines, index: lines.insert(index, snippet.removesuffix(b"\r\n")))


def _begin_line(data: bytes, at: int, _: int, snippet: bytes) -> bytes:
    def begin(lines: list[bytes], index: int) -> None:
        lines[index] = snippet + lines[index]

    return _lines(data, at, begin)


def _move_line(data: bytes, at: int, to: int, _: bytes) -> bytes:
    return _lines(data, at, lambda lines, index: lines.insert(to % len(lines), lines.pop(index)))


def _merge_lines(data: bytes, at: int, _: int, __: bytes) -> bytes:
    def merge(lines: list[bytes], index: int) -> None:
        lines[index : index + 2] = [b"".join(lines[index : index + 2])]

    return _lines(data, at, merge)


def _swap_case(data: bytes, at: int, _: int, __: bytes) -> bytes:
    def swap(lines: list[bytes], index: int) -> None:
        lines[index] = lines[index].swapcase()

    return _lines(data, at, swap)


def _lone_line_feed(data: bytes, at: int, _: int, __: bytes) -> bytes:
    before, end, behind = data[at:].partition(b"\r\n")
    return data[:at] + before + end[1:] + behind


KINDS = (
    _flip, _insert, _overwrite, _drop, _cut_off, _repeat_line, _drop_line, _add_line, _begin_line, _move_line,
    _merge_lines, _swap_case, _lone_line_feed,
)  # fmt: skip

_places = st.integers(min_value=0, max_value=4000)

mutations: st.SearchStrategy[list[Mutation]] = st.lists(
    st.tuples(st.sampled_from(KINDS), _places, _places, st.sampled_from(SNIPPETS) | st.binary(max_size=4)), max_size=4
)

cuts: st.SearchStrategy[list[int] | None] = st.lists(_places, max_size=6) | st.none()
"""Where pieces end that messages arrive in; `None`: byte by byte."""


def mutated(data: bytes, changes: Sequence[Mutation]) -> bytes:
    """A message after these changes."""
    for kind, at, to, snippet in changes:
        if data:
            data = kind(data, at % len(data), to, snippet)
    return data
