"""Tests of where WebSocket frames end: whatever the frames, and however the stream is cut."""

from __future__ import annotations

from itertools import pairwise

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.websocket_frames import Frames, close_frame

LONGEST_HEADER = 14


@frozen
class Frame:
    """A frame as bytes, and whether it closes."""

    data: bytes
    closes: bool


def frame(first: int, payload: bytes, masked: bool, width: int = 0) -> bytes:
    """A frame of a first byte and a payload; `width`: bytes of the extended length, at least what it needs."""
    size = len(payload)
    width = max(width, 0 if size < 126 else 2 if size < 1 << 16 else 8)
    short = {0: size, 2: 126, 8: 127}[width]
    header = bytes((first, short | 0x80 * masked)) + size.to_bytes(8, "big")[8 - width :]
    return header + (b"mask" if masked else b"") + payload


@st.composite
def frames(draw: st.DrawFn, masked: bool) -> Frame:
    """Valid frames: data frames of any length, whole or fragments, and control frames; extensions' bits at will."""
    reserved = draw(st.integers(min_value=0, max_value=7)) << 4
    if draw(st.booleans()):
        opcode = draw(st.sampled_from((0x8, 0x9, 0xA)))
        payload = draw(st.binary(max_size=125))
        return Frame(frame(0x80 | reserved | opcode, payload, masked), opcode == 0x8)
    first = draw(st.sampled_from((0x00, 0x80))) | reserved | draw(st.sampled_from((0x0, 0x1, 0x2)))
    size = draw(st.sampled_from((0, 1, 125, 126, 127, 300, 65535, 65536, 70000)))
    return Frame(frame(first, b"p" * size, masked, draw(st.sampled_from((0, 2, 8)))), False)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The data, cut at these places."""
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(places)]


class FollowingTests(SynchronousTestCase):
    """A stream is followed, and nothing of it is kept."""

    @given(st.booleans().flatmap(lambda masked: st.tuples(st.just(masked), st.lists(frames(masked), max_size=6))),
           st.lists(st.integers(min_value=0), max_size=30))  # fmt: skip
    def test_ends(self, sent: tuple[bool, list[Frame]], cuts: list[int]) -> None:
        """At any cut, a frame has just ended or it has not; a Close frame was there or it was not."""
        masked, given_frames = sent
        ends, closed_from, length = {0}, 1 << 62, 0
        for each in given_frames:
            if each.closes:
                closed_from = min(closed_from, length + len(frame(0x88, b"", masked)))
            length += len(each.data)
            ends.add(length)
        followed, passed = Frames(masked=masked), 0
        for piece in pieces(b"".join(each.data for each in given_frames), cuts):
            followed.follow(piece)
            passed += len(piece)
            self.assertTrue(followed.valid)
            self.assertEqual(followed.between, passed in ends)
            self.assertEqual(followed.closed, passed >= closed_from)
            self.assertLess(len(followed._header), LONGEST_HEADER)

    @given(st.lists(frames(True), min_size=1, max_size=6), st.lists(st.integers(min_value=0), max_size=30))
    def test_steps(self, sent: list[Frame], cuts: list[int]) -> None:
        """A step goes to the end of the frame under way, or of the piece."""
        lengths = [len(each.data) for each in sent]
        ends = {sum(lengths[:count]) for count in range(1, len(sent) + 1)}
        followed, passed = Frames(masked=True), 0
        for piece in pieces(b"".join(each.data for each in sent), cuts):
            place = 0
            while place < len(piece):
                place = followed.step(piece, place)
                reached = passed + place
                self.assertEqual(followed.between, reached in ends)
                self.assertTrue(reached in ends or place == len(piece))
            passed += len(piece)

    @given(st.lists(st.binary(max_size=40)), st.booleans())
    def test_anything(self, data: list[bytes], masked: bool) -> None:
        """Whatever comes, nothing is raised and next to nothing kept; what is broken stays broken."""
        followed = Frames(masked=masked)
        for piece in data:
            was_valid = followed.valid
            followed.follow(piece)
            self.assertLess(len(followed._header), LONGEST_HEADER)
            if not was_valid:
                self.assertFalse(followed.valid)
            if not followed.valid:
                self.assertFalse(followed.between)

    def test_broken(self) -> None:
        """What RFC 6455 §5.2 and §5.5 forbid ends the framing; so do frames that are not masked as they must be."""
        for data, masked in (
            (frame(0x83, b"", True), True),
            (frame(0x8B, b"", True), True),
            (frame(0x08, b"", True), True),
            (frame(0x09, b"x", False), False),
            (frame(0x89, b"x" * 126, False), False),
            (frame(0x89, b"x", False, width=2), False),
            (b"\x82\x7f\x80" + bytes(7), False),
            (b"\x82\xff\xff" + bytes(11), True),
            (frame(0x81, b"x", True), False),
            (frame(0x81, b"x", False), True),
            (b"GET / HTTP/1.1\r\n", True),
        ):
            for step in (1, len(data)):
                followed = Frames(masked=masked)
                for start in range(0, len(data), step):
                    followed.follow(data[start : start + step])
                followed.follow(frame(0x82, b"y", masked))
                self.assertFalse(followed.valid, data)
                self.assertFalse(followed.between, data)

    def test_longest(self) -> None:
        """A frame may be as long as a frame can be."""
        followed = Frames(masked=False)
        followed.follow(b"\x82\x7f\x7f" + b"\xff" * 7)
        followed.follow(b"x" * 65536)
        self.assertTrue(followed.valid)
        self.assertFalse(followed.between)


class CloseFrameTests(SynchronousTestCase):
    """The one frame that is ours."""

    def test_from_a_server(self) -> None:
        """A server's is not masked."""
        self.assertEqual(close_frame(1012, "service restart"), b"\x88\x11\x03\xf4service restart")

    def test_from_a_client(self) -> None:
        """A client's is masked; RFC 6455 §5.3 says how."""
        data = close_frame(1001, "é", b"\x01\x02\x03\x04")
        self.assertEqual(data[:6], b"\x88\x84\x01\x02\x03\x04")
        self.assertEqual(bytes(byte ^ key for byte, key in zip(data[6:], data[2:6], strict=True)), b"\x03\xe9\xc3\xa9")

    def test_too_long(self) -> None:
        """A reason has to fit into a control frame (§5.5)."""
        self.assertEqual(len(close_frame(1000, "x" * 123)), 127)
        with self.assertRaises(ValueError):
            close_frame(1000, "x" * 124)
