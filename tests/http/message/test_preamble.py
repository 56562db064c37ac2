"""Tests of reading the PROXY protocol's preamble."""

from __future__ import annotations

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.message.preamble import PreambleRefused, Source, split_preamble

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V4 = socket.inet_pton(socket.AF_INET, "203.0.113.7") + socket.inet_pton(socket.AF_INET, "10.0.0.1")
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7") + socket.inet_pton(socket.AF_INET6, "::1")
PORTS = struct.pack("!HH", 54321, 443)


def second(rest: bytes, *, command: int = 0x21, family: int = 0x11, size: int | None = None) -> bytes:
    """A preamble of version 2."""
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(rest) if size is None else size) + rest


GOOD: list[tuple[bytes, Source | None]] = [
    (b"PROXY TCP4 203.0.113.7 10.0.0.1 54321 443\r\n", ("203.0.113.7", 54321)),
    (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", ("255.255.255.255", 65535)),
    (b"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", ("0.0.0.0", 0)),
    (b"PROXY TCP6 2001:DB8::7 ::1 1 2\r\n", ("2001:db8::7", 1)),
    (b"PROXY TCP6 ::ffff:203.0.113.7 ::1 1 2\r\n", ("203.0.113.7", 1)),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff:f::1 whatever 65535 65535\r\n", None),
    (second(V4 + PORTS), ("203.0.113.7", 54321)),
    (second(V4 + PORTS + b"\x04\x00\x01x"), ("203.0.113.7", 54321)),
    (second(V6 + PORTS, family=0x21), ("2001:db8::7", 54321)),
    (second(b"/client".ljust(108, b"\0") + b"/server".ljust(108, b"\0"), family=0x31), None),
    (second(b"", family=0), None),
    (second(b"\x04\x00\x00", family=0), None),
    (second(b"", command=0x20, family=0), None),
    (second(V4 + PORTS, command=0x20), None),
    (second(b"anything", command=0x20, family=0xFF), None),
]
BAD = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\n",
    b"\x16\x03\x01\x02\x00",
    b"\r\n\r\nGET / HTTP/1.1\r\n",
    b"\0",
    b" PROXY UNKNOWN\r\n",
    b"proxy UNKNOWN\r\n",
    b"PROXY\r\n",
    b"PROXY \r\n",
    b"PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
    b"PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2\r\n",
    b"PROXY TCP4 1.1.1.1\r\n",
    b"PROXY TCP4\t1.1.1.1 2.2.2.2 1 2\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 65536 1\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1_0 2\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 0x1 2\r\n",
    b"PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n",
    b"PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n",
    b"PROXY TCP4 1.1.1.256 2.2.2.2 1 2\r\n",
    b"PROXY TCP4 1.1.1.1 nowhere 1 2\r\n",
    b"PROXY TCP4 127.0.0.1\n 2.2.2.2 1 2\r\n",
    b"PROXY TCP4 ::1 ::1 1 2\r\n",
    b"PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
    b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
    b"PROXY TCP6 1::2::3 ::1 1 2\r\n",
    b"PROXY TCP6 :::1 ::1 1 2\r\n",
    b"PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n",
    b"PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
    b"PROXY UNKNOWNX\r\n",
    b"PROXY UNKNOWN \0\r\n",
    b"PROXY UNKNOWN " + b"x" * 93 + b"\r\n",
    b"PROXY UNKNOWN\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n" + b"x" * 100,
    second(V4 + PORTS, command=0x11),
    second(V4 + PORTS, command=0x31),
    second(V4 + PORTS, command=0x22),
    second(V4 + PORTS, command=0x2F),
    second(V4 + PORTS, family=0x12),
    second(V4 + PORTS, family=0x10),
    second(V4 + PORTS, family=0x01),
    second(V4 + PORTS, family=0x41),
    second(V4 + PORTS[:3]),
    second(V6 + PORTS[:3], family=0x21),
    second(V4 + PORTS, family=0x21),
    second(b"x" * 215, family=0x31),
    second(b"x" * 4096, family=0x41),
    second(b"", command=0x20, size=4097),
    second(V4 + PORTS, size=65535),
    SIGNATURE[:-1] + b"X" + second(V4 + PORTS)[12:],
]
BEHIND = b"GET / HTTP/1.1\r\n"


class PreambleTests(SynchronousTestCase):
    """What is exactly as specified is believed, nothing else is."""

    def test_good(self) -> None:
        """Both versions are read, and what comes behind them is untouched."""
        for preamble, source in GOOD:
            self.assertEqual(split_preamble(preamble + BEHIND), (source, BEHIND), preamble)
            self.assertEqual(split_preamble(preamble), (source, b""), preamble)

    def test_piece_by_piece(self) -> None:
        """Of a part of one nothing can be said yet."""
        for preamble, _ in GOOD:
            for end in range(1, len(preamble)):
                self.assertIsNone(split_preamble(preamble[:end]), preamble[:end])

    def test_the_longest_line(self) -> None:
        """A line may have 107 bytes with its end, as the specification says."""
        line = b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n"
        self.assertEqual((len(line), split_preamble(line)), (107, (None, b"")))

    def test_bad(self) -> None:
        """Everything else is refused, with a reason."""
        for preamble in BAD:
            refused = self.assertRaises(PreambleRefused, split_preamble, preamble)
            self.assertRegex(str(refused), "^it")

    def test_refused_at_once(self) -> None:
        """What can no longer become a preamble is not waited for."""
        for begin in (b"G", b"PX", b"PROXY_", b"\r\n\r\nG", b"\r\nG"):
            self.assertRaises(PreambleRefused, split_preamble, begin)

    @given(st.sampled_from([preamble for preamble, _ in GOOD]), st.integers(0, 60), st.binary(max_size=4))
    def test_damaged(self, preamble: bytes, where: int, what: bytes) -> None:
        """Whatever is damaged: a source with a real address, nobody, more to wait for, or a refusal."""
        damaged = preamble[:where] + what + preamble[where + len(what) :]
        try:
            found = split_preamble(damaged)
        except PreambleRefused:
            return
        if found is not None and found[0] is not None:
            host, port = found[0]
            socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
            self.assertLessEqual(port, 65535)

    @given(st.binary(max_size=300))
    def test_any_bytes(self, data: bytes) -> None:
        """Any bytes come to one of these ends."""
        for begin in (b"", SIGNATURE, b"PROXY "):
            try:
                split_preamble(begin + data)
            except PreambleRefused as refused:
                self.assertTrue(str(refused))
