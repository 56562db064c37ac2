"""Tests of Redis's protocol."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.stores.resp import ErrorReply, NoRedis, Replies, command
from tests.stores.memory import resp

SIMPLE = st.none() | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=40)
VALUES = st.recursive(SIMPLE, lambda inner: st.lists(inner, max_size=4), max_leaves=8)


def read(data: bytes, most: int = 1 << 16) -> list[Any]:
    return Replies(most).feed(data)


class RespTests(SynchronousTestCase):
    """Replies are read as they were meant, or refused."""

    def test_commands(self) -> None:
        """Words of any bytes stay one word each."""
        self.assertEqual(command(b"GET", b"a b\r\n"), b"*2\r\n$3\r\nGET\r\n$5\r\na b\r\n\r\n")
        self.assertEqual(read(command(b"SET", b"", b"\x00$5\r\n")), [[b"SET", b"", b"\x00$5\r\n"]])

    def test_kinds(self) -> None:
        """Every kind of reply is read."""
        self.assertEqual(read(b"+OK\r\n:-7\r\n$-1\r\n*-1\r\n$0\r\n\r\n*0\r\n"), [b"OK", -7, None, None, b"", []])
        self.assertEqual(read(b"*3\r\n*1\r\n:1\r\n*0\r\n$1\r\na\r\n"), [[[1], [], b"a"]])
        [error] = read(b"-MOVED 3999 127.0.0.1:6381\r\n")
        self.assertEqual((error.code, error.shown), ("MOVED", "MOVED 3999 127.0.0.1:6381"))

    def test_errors_show_nothing_that_was_asked(self) -> None:
        """A server that repeats a password, or has control characters in its error, does not get them into the log."""
        error = ErrorReply("ERR", "ERR unknown command 'AUTH', with args beginning with: 'hunter2'")
        self.assertNotIn("hunter2", error.shown + repr(error))
        self.assertEqual(ErrorReply("ERR", "ERR a\x1b[31mb\n").shown, "ERR a?[31mb?")

    @given(st.lists(VALUES, max_size=5), st.data())
    def test_in_pieces(self, values: list[Any], data: st.DataObject) -> None:
        """However the bytes are cut, the same replies come, each with its last byte."""
        wire = b"".join(map(resp, values))
        replies, found = Replies(1 << 16), []
        while wire:
            size = data.draw(st.integers(1, len(wire)))
            found += replies.feed(wire[:size])
            wire = wire[size:]
        self.assertEqual(found, values)

    @given(st.binary(max_size=200) | st.text(alphabet="+-:$*019\r\nO", max_size=80).map(str.encode))
    def test_any_bytes(self, data: bytes) -> None:
        """Whatever comes, it is replies, the beginning of one, or refused."""
        with contextlib.suppress(NoRedis):
            read(data)

    def test_hostile(self) -> None:
        """What no Redis says, and what is too much of it, is refused and not waited for."""
        for data in (
            *(b"HTTP/1.1 200 OK\r\n", b"\r\n", b"$x\r\n", b"$-2\r\n", b":1x\r\n", b":\r\n", b"*1_0\r\n", b"$ 1\r\n"),
            *(b"$3\r\nabcd\r\n", b"$65537\r\n", b"*1000000\r\n", b"*2\r\n*90000\r\n*90000\r\n", b"*1\r\n" * 9),
            *(b"+" + b"a" * 5000, b":" + b"1" * 20 + b"\r\n", b"$99999999999999999999\r\n"),
        ):
            self.assertRaises(NoRedis, read, data)

    def test_the_largest(self) -> None:
        """A value of just the size that is allowed is read."""
        self.assertEqual(read(b"$10\r\n0123456789\r\n", most=10), [b"0123456789"])
        self.assertRaises(NoRedis, read, b"$11\r\n", most=10)
