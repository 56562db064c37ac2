"""Tests of WebSockets that we end: who is told what, where in the stream, and how long that may take."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.http.test_websocket_frames import frame, pieces
from tests.test_proxy import Proxied, identity
from tests.wire import Wire

ASK = b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
SIGN_IN = b"Your session has ended. Please sign in again."
TO_CLIENT = frame(0x88, (1008).to_bytes(2, "big") + SIGN_IN, masked=False)


def told(data: bytes) -> tuple[int, bytes]:
    """The code and reason of a masked Close frame."""
    mask, masked = data[2:6], data[6:]
    payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(masked))
    assert data[:2] == bytes((0x88, 0x80 | len(payload))), data
    return int.from_bytes(payload[:2], "big"), payload[2:]


class Open:
    """A WebSocket through the proxy, of a session that lives until the test says otherwise."""

    def __init__(self) -> None:
        self.proxied = Proxied(identity())
        self.client = self.proxied.client
        self.client.send(ASK)
        self.app.take()
        self.app.send(SWITCH)
        self.client.take()
        self.stands = True
        self.exchange = self.proxied.listening.exchanges[0]
        self.exchange.stands = lambda exchange: self.stands

    @property
    def app(self) -> Wire:
        return self.proxied.app.wire

    def pass_time(self, seconds: float) -> None:
        self.proxied.listening.pass_time(seconds)

    def end_session(self) -> None:
        """The session ends, and that is noticed."""
        self.stands = False
        self.pass_time(1)


class EndTests(SynchronousTestCase):
    """Both sides are told, and both connections end."""

    def test_session_ends(self) -> None:
        """The client hears 1008 and why, the app 1001; each connection ends when its side has answered."""
        socket = Open()
        socket.pass_time(5)
        self.assertEqual((socket.client.take(), socket.app.take()), (b"", b""))
        socket.end_session()
        self.assertEqual(socket.client.take(), TO_CLIENT)
        self.assertEqual(told(socket.app.take()), (1001, SIGN_IN))
        self.assertFalse(socket.client.ended or socket.app.ended)
        socket.client.send(frame(0x88, b"\x03\xf0", masked=True))
        self.assertEqual((socket.client.closing, socket.app.closing), (True, False))
        socket.app.send(frame(0x88, b"\x03\xe9", masked=False))
        self.assertTrue(socket.app.closing)
        self.assertEqual((socket.client.take(), socket.app.take()), (b"", b""))
        self.assertFalse(socket.client.aborted or socket.app.aborted)
        socket.client.settle()
        self.assertEqual(socket.exchange.reason, "session_ended")
        self.assertEqual(len(socket.proxied.listening.log), 1)

    def test_nobodys(self) -> None:
        """A WebSocket that needed nobody's leave stays."""
        socket = Open()
        socket.exchange.stands = None
        socket.pass_time(100)
        self.assertFalse(socket.client.ended)

    def test_restart(self) -> None:
        """When the process must end, the client hears 1012, and the process waits until it has answered."""
        socket = Open()
        logged: list[object] = []
        drained = socket.proxied.listening.server.drain(within=10)
        drained.addCallback(lambda _: logged.extend(socket.proxied.listening.log))
        socket.pass_time(9)
        self.assertEqual(socket.client.take(), b"")
        socket.pass_time(0.5)
        self.assertEqual(socket.client.take(), frame(0x88, b"\x03\xf4service restart", masked=False))
        self.assertEqual(told(socket.app.take()), (1001, b"service restart"))
        socket.client.send(frame(0x88, b"\x03\xf4", masked=True))
        self.assertNoResult(drained)
        socket.client.settle()
        self.successResultOf(drained)
        self.assertEqual(len(logged), 1, "by then it is in the log")

    def test_silence(self) -> None:
        """When nothing has passed for an hour, the client hears 1001."""
        socket = Open()
        socket.pass_time(3610)
        self.assertEqual(int.from_bytes(socket.client.take()[2:4], "big"), 1001)

    def test_said_once(self) -> None:
        """Two reasons to end are one Close frame."""
        socket = Open()
        socket.end_session()
        socket.client.take()
        socket.app.take()
        socket.proxied.listening.server.drain(within=0.1)
        socket.pass_time(0.5)
        self.assertEqual((socket.client.take(), socket.app.take()), (b"", b""))

    def test_no_answer(self) -> None:
        """Sides that do not answer are cut."""
        socket = Open()
        socket.end_session()
        self.assertFalse(socket.client.aborted or socket.app.aborted)
        socket.pass_time(2)
        self.assertTrue(socket.client.aborted and socket.app.aborted)

    def test_nothing_behind(self) -> None:
        """Behind our Close frame nothing is passed; what is sent is read and thrown away."""
        socket = Open()
        socket.end_session()
        socket.client.take()
        socket.app.take()
        for _ in range(100):
            socket.client.send(frame(0x81, b"more", masked=True))
            socket.app.send(frame(0x81, b"more", masked=False))
        self.assertEqual((socket.client.take(), socket.app.take()), (b"", b""))
        self.assertFalse(socket.client.paused or socket.app.paused)

    def test_already_closed(self) -> None:
        """A side that was told by the other one is not told again."""
        socket = Open()
        goodbye = frame(0x88, b"\x03\xe8", masked=False)
        socket.app.send(goodbye)
        socket.end_session()
        self.assertEqual(socket.client.take(), goodbye)
        self.assertEqual(told(socket.app.take())[0], 1001)
        self.assertTrue(socket.app.closing)


class WhereTests(SynchronousTestCase):
    """A Close frame stands where a frame has ended, and nowhere else."""

    def test_within_a_frame(self) -> None:
        """The frame under way is passed on to its end; what came behind it is not."""
        socket = Open()
        long = frame(0x82, b"x" * 1000, masked=False)
        socket.app.send(long[:500])
        socket.end_session()
        self.assertEqual(socket.client.take(), long[:500])
        socket.app.send(long[500:700])
        self.assertEqual(socket.client.take(), long[500:700])
        socket.app.send(long[700:] + frame(0x81, b"late", masked=False))
        self.assertEqual(socket.client.take(), long[700:] + TO_CLIENT)

    def test_within_a_message(self) -> None:
        """Between two fragments of a message there is room for it."""
        socket = Open()
        socket.app.send(frame(0x01, b"first of two", masked=False))
        socket.client.take()
        socket.end_session()
        self.assertEqual(socket.client.take(), TO_CLIENT)

    def test_never_ends(self) -> None:
        """A frame that does not end in time leaves no room: cut."""
        socket = Open()
        socket.app.send(b"\x82\x7f" + (1 << 40).to_bytes(8, "big"))
        socket.client.take()
        socket.end_session()
        self.assertEqual(socket.client.take(), b"")
        self.assertEqual(told(socket.app.take())[0], 1001)
        socket.app.send(b"x" * 65536)
        self.assertEqual(socket.client.take(), b"x" * 65536)
        socket.pass_time(2)
        self.assertTrue(socket.client.aborted)

    def test_no_frames(self) -> None:
        """What is no WebSocket has no room for one either: cut at once."""
        for side in ("client", "app"):
            socket = Open()
            {"client": socket.client, "app": socket.app}[side].send(b"GET / HTTP/1.1\r\n\r\n")
            self.assertTrue(socket.client.take() or socket.app.take(), "it passes all the same")
            socket.end_session()
            self.assertTrue(socket.client.aborted and socket.app.aborted)

    def test_framing_breaks_later(self) -> None:
        """The same where framing breaks while the end of a frame is waited for."""
        socket = Open()
        socket.app.send(b"\x82")
        socket.end_session()
        socket.app.send(b"\xff")
        self.assertTrue(socket.client.aborted and socket.app.aborted)

    @given(
        st.lists(st.tuples(st.sampled_from((0x82, 0x01, 0x89)), st.binary(max_size=125)), min_size=1, max_size=5),
        st.lists(st.integers(min_value=0), max_size=8),
        st.integers(min_value=0, max_value=8),
    )
    def test_any(self, sent: list[tuple[int, bytes]], cuts: list[int], moment: int) -> None:
        """Whatever is sent in whatever pieces: each side gets whole frames in order, one Close frame, and the end."""
        for masked in (True, False):
            socket = Open()
            source, target = (socket.client, socket.app) if masked else (socket.app, socket.client)
            whole = [frame(first, payload, masked) for first, payload in sent]
            parts = pieces(b"".join(whole), cuts)
            before, after = parts[:moment], parts[moment:]
            for part in before:
                source.send(part)
            socket.end_session()
            for part in after:
                source.send(part)
            got = target.take()
            passed = b""
            while not passed.startswith(b"".join(before)) or (whole and len(passed) < len(b"".join(before))):
                passed += whole.pop(0)
            self.assertTrue(got.startswith(passed))
            rest = got[len(passed) :]
            self.assertEqual(told(rest)[0] if masked else rest, 1001 if masked else TO_CLIENT)


class EndingsTests(SynchronousTestCase):
    """Sides that end, are slow or vanish while they are being told."""

    def test_slow_client(self) -> None:
        """A client that reads slowly gets what was passed, then the Close frame; the app is not held up by it."""
        socket = Open()
        socket.client.stall()
        message = frame(0x82, b"x" * 10, masked=False)
        socket.app.send(message)
        socket.app.send(message)
        self.assertTrue(socket.app.paused)
        socket.end_session()
        self.assertFalse(socket.app.paused)
        self.assertTrue(socket.client.take().endswith(TO_CLIENT))
        socket.app.send(frame(0x88, b"", masked=False))
        self.assertTrue(socket.app.closing)

    def test_slow_client_within_a_frame(self) -> None:
        """Within a frame the app stays held up, until the client reads on or is cut."""
        socket = Open()
        long = frame(0x82, b"x" * 100, masked=False)
        socket.app.send(long[:50])
        socket.client.stall()
        socket.app.send(long[50:] + b"\x81\x00")
        self.assertTrue(socket.app.paused)
        socket.end_session()
        self.assertTrue(socket.app.paused)
        socket.client.drain()
        self.assertEqual(socket.client.take(), long + TO_CLIENT)

    def test_client_leaves(self) -> None:
        """A client that just leaves when it is told so is done with; the app has its time to answer."""
        socket = Open()
        socket.end_session()
        socket.client.close()
        self.assertTrue(socket.client.closing)
        socket.client.settle()
        self.assertFalse(socket.app.ended)
        socket.pass_time(2)
        self.assertTrue(socket.app.aborted)

    def test_client_vanishes(self) -> None:
        """The same for one that is reset."""
        socket = Open()
        socket.end_session()
        socket.client.reset()
        self.assertFalse(socket.app.ended)
        socket.app.send(frame(0x88, b"", masked=False))
        self.assertTrue(socket.app.closing)

    def test_slow_to_leave(self) -> None:
        """A side that answers, but does not read what is there for it, has no more time than others."""
        socket = Open()
        socket.end_session()
        socket.client.send(frame(0x88, b"", masked=True))
        socket.app.send(frame(0x88, b"", masked=False))
        self.assertTrue(socket.client.closing and socket.app.closing)
        socket.pass_time(2)
        self.assertTrue(socket.client.aborted and socket.app.aborted)

    def test_restart_after_the_app_has_gone(self) -> None:
        """A client that still reads what a lost app had sent it is cut when the process ends; the app is left alone."""
        socket = Open()
        socket.client.send(b"no frame")
        socket.app.vanish()
        self.assertTrue(socket.client.closing)
        socket.app.aborted = False
        socket.proxied.listening.server.drain(within=0.1)
        socket.pass_time(0.5)
        self.assertEqual((socket.client.aborted, socket.app.aborted), (True, False))

    def test_app_leaves(self) -> None:
        """An app that leaves is done with; the client has its time to answer."""
        socket = Open()
        socket.end_session()
        socket.app.close()
        self.assertTrue(socket.app.closing)
        socket.app.settle()
        self.assertFalse(socket.client.ended)
        socket.client.send(frame(0x88, b"", masked=True))
        self.assertTrue(socket.client.closing)

    def test_ends_within_a_frame(self) -> None:
        """An app that leaves in the middle of a frame leaves the client nothing to be told."""
        for leave in (Wire.close, Wire.reset):
            socket = Open()
            socket.app.send(b"\x82\x10half")
            socket.end_session()
            self.assertFalse(socket.client.ended)
            leave(socket.app)
            self.assertEqual((socket.client.take(), socket.client.closing), (b"\x82\x10half", True))

    def test_half_closed(self) -> None:
        """A direction that has ended has no room for a frame; the other one has."""
        socket = Open()
        socket.client.close()
        self.assertTrue(socket.app.half_closed)
        socket.end_session()
        self.assertEqual(socket.app.take(), b"")
        self.assertEqual(socket.client.take(), TO_CLIENT)
        self.assertTrue(socket.client.closing)
        socket.app.send(frame(0x88, b"", masked=False))
        self.assertTrue(socket.app.closing)

    def test_mask(self) -> None:
        """The masking key is another one each time (RFC 6455 §5.3)."""
        masks = set()
        for _ in range(4):
            socket = Open()
            socket.end_session()
            masks.add(socket.app.take()[2:6])
        self.assertGreater(len(masks), 1)
