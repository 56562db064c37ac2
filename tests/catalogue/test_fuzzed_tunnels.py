"""Mutations of WebSocket streams: both pass byte for byte, and end where a frame ends, or are cut."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.catalogue.mutations import EXAMPLES, Mutation, cuts, mutated, mutations
from tests.catalogue.whole import HOST, Whole, pieces

UPGRADE = (
    b"GET /public/ws HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
)
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
MASK = b"\x01\x02\x03\x04"
GOODBYE = b"service restart"

Frame = tuple[int, int, bool]
"""First byte of a frame, size of its payload, and whether it is masked as it should be."""

_FIRST_BYTES = (0x81, 0x82, 0x01, 0x00, 0x80, 0x89, 0x8A, 0xC2, 0x88)
frames: st.SearchStrategy[list[Frame]] = st.lists(
    st.tuples(
        st.sampled_from(_FIRST_BYTES), st.sampled_from((0, 1, 5, 125, 126, 300)), st.sampled_from([True] * 9 + [False])
    ),
    max_size=5,
)


def stream(parts: list[Frame], *, masked: bool) -> bytes:
    """These frames on the wire (RFC 6455 §5.2)."""
    data = b""
    for first, size, well in parts:
        mask = MASK if masked is well else b""
        bit = 0x80 if mask else 0
        if size < 126:
            data += bytes([first, bit | size])
        else:
            data += bytes([first, bit | 127]) + size.to_bytes(8, "big")
        data += mask + b"x" * size
    return data


def frame_ends(data: bytes, *, masked: bool) -> list[int]:
    """The places in a stream where a frame has ended, as far as it is one of frames; the first is its beginning."""
    ends, at = [0], 0
    while len(data) >= at + 2:
        first, second = data[at], data[at + 1]
        extended = {126: 2, 127: 8}.get(second & 0x7F, 0)
        head = at + 2 + extended + (4 if masked else 0)
        size = int.from_bytes(data[at + 2 : at + 2 + extended], "big") if extended else second & 0x7F
        control = first & 0x08
        if bool(second & 0x80) is not masked or (first & 0x0F) not in (0, 1, 2, 8, 9, 10) or size >> 63:
            break
        if (control and (size > 125 or not first & 0x80)) or len(data) < head + size:
            break
        at = head + size
        ends.append(at)
    return ends


class FuzzedTunnelTests(SynchronousTestCase):
    """Whatever passes, nothing is added, lost or changed but one Close frame at the end of each direction."""

    @settings(max_examples=EXAMPLES, report_multiple_bugs=False)
    @given(frames, frames, mutations, mutations, cuts, cuts, st.integers(min_value=0, max_value=12) | st.none())
    def test_mutations(
        self,
        from_client: list[Frame],
        from_app: list[Frame],
        client_changes: list[Mutation],
        app_changes: list[Mutation],
        client_cuts: list[int] | None,
        app_cuts: list[int] | None,
        restart: int | None,
    ) -> None:
        """Until the process ends each gets what the other sent; then a goodbye behind a whole frame, or a cut."""
        sent = mutated(stream(from_client, masked=True), client_changes)
        said = mutated(stream(from_app, masked=False), app_changes)
        whole = Whole(respond=None)
        client = whole.client()
        client.send(UPGRADE % (HOST, HOST))
        whole.pump()
        app = whole.apps[0].wire
        app.take()
        app.send(SWITCHED)
        whole.pump()
        self.assertTrue(client.got.startswith(b"HTTP/1.1 101 "))
        client.got = b""
        ups, downs = pieces(sent, client_cuts), pieces(said, app_cuts)
        passed_up, passed_down, told_up = b"", b"", b""
        for turn in range(max(len(ups), len(downs))):
            if turn == restart:
                self.restart(whole)
            if turn < len(ups):
                client.send(ups[turn])
                passed_up += ups[turn]
            if turn < len(downs) and not app.lost:
                app.send(downs[turn])
                passed_down += downs[turn]
            whole.pump()
            told_up += app.take()
        if restart is None or restart >= max(len(ups), len(downs)):
            self.assertEqual((told_up, client.got), (sent, said))
            self.restart(whole)
            told_up += app.take()
        whole.pass_time(20)
        told_up += app.take()
        self.assertTrue(client.ended and (app.aborted or app.closing or app.lost))
        self.check(client.got, passed_down, masked=False)
        self.check(told_up, passed_up, masked=True)
        self.assertEqual(self.flushLoggedErrors(), [])

    def restart(self, whole: Whole) -> None:
        """The process ends."""
        whole.server.drain(0.5)
        whole.clock.advance(0.5)
        whole.pump()

    def check(self, told: bytes, said: bytes, *, masked: bool) -> None:
        """What one side was told is what the other said, to its end or to the end of a frame and a goodbye."""
        if said.startswith(told):
            return
        head = bytes([0x88, len(GOODBYE) + 2 | (0x80 if masked else 0)])
        size = len(head) + (len(MASK) if masked else 0) + len(GOODBYE) + 2
        before, goodbye = told[:-size], told[-size:]
        self.assertTrue(goodbye.startswith(head), goodbye)
        if not masked:
            self.assertEqual(goodbye, head + (1012).to_bytes(2, "big") + GOODBYE)
        self.assertTrue(said.startswith(before))
        self.assertIn(len(before), frame_ends(said, masked=masked))
