"""Tests of the log lines."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.observe.lines import LineWriter
from o2sidecar.observe.moments import Moments
from o2sidecar.observe.plain import PlainTexts, masked, plain
from o2sidecar.observe.standard import StandardLog


class LineWriterTests(SynchronousTestCase):
    """Lines are joined and written a few times a second."""

    def setUp(self) -> None:
        """A writer on a clock, and what it wrote."""
        self.clock = Clock()
        self.written: list[bytes] = []
        self.writer = LineWriter(write=self.written.append, clock=self.clock, delay=0.25, limit=100)

    def test_lines_are_joined(self) -> None:
        """Two lines within the delay are one write."""
        self.writer.line("one")
        self.writer.line("two")
        self.assertEqual(self.written, [])
        self.clock.advance(0.25)
        self.assertEqual(self.written, [b"one\ntwo\n"])

    def test_a_full_buffer_is_written_at_once(self) -> None:
        """What waits is bounded."""
        self.writer.line("x" * 100)
        self.assertEqual(self.written, [b"x" * 100 + b"\n"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_flush(self) -> None:
        """Flushing writes what waits, leaves no timer behind, and writes nothing when nothing waits."""
        self.writer.line("one")
        self.writer.flush()
        self.writer.flush()
        self.assertEqual(self.written, [b"one\n"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_full_disk(self) -> None:
        """A write that fails loses its lines and nothing else."""
        failing = [True]

        def write(data: bytes) -> None:
            if failing[0]:
                raise OSError(28, "No space left on device")
            self.written.append(data)

        writer = LineWriter(write=write, clock=self.clock)
        writer.line("lost")
        writer.line("lost too")
        self.clock.advance(1)
        self.assertEqual(writer.lost, 2)
        failing[0] = False
        writer.line("kept")
        self.clock.advance(1)
        self.assertEqual(self.written, [b"kept\n"])


class PlainTests(SynchronousTestCase):
    """Texts from outside cannot break a line or leave a secret in it."""

    @given(st.text())
    def test_one_line_one_field(self, text: str) -> None:
        """No line end, no escape character, no quote that is not escaped (security.md X3)."""
        shown = plain(text)
        self.assertEqual(shown.splitlines()[1:], [])
        self.assertNotIn("\x1b", shown)
        self.assertNotIn('"', shown.replace('\\"', "").replace("\\\\", ""))

    def test_remembered_texts(self) -> None:
        """Bytes that come again give the same text; few are remembered, and long ones never (D2)."""
        texts = PlainTexts(size=8, longest=10)
        self.assertEqual(texts[b'Zo\xeb"\n'], 'Zoë\\"\\n')
        for number in range(100):
            texts[b"%d" % number]
        self.assertLessEqual(len(texts), 8)
        self.assertEqual(texts[b"x" * 11], "x" * 11)
        self.assertNotIn(b"x" * 11, texts)

    def test_ordinary_text_is_untouched(self) -> None:
        """What is harmless stays readable."""
        self.assertEqual(plain("Mozilla/5.0 (X11; Zoë)"), "Mozilla/5.0 (X11; Zoë)")

    def test_codes_and_tokens_are_masked(self) -> None:
        """Codes, states and tokens in a query do not reach the log (CONTRACT §10 #26, security.md X4)."""
        self.assertEqual(
            masked(b"/oauth2/callback?code=SECRET&state=abc:/x&session_state=keep"),
            b"/oauth2/callback?code=***&state=***&session_state=keep",
        )
        self.assertEqual(masked(b"/x?a=1&ID_TOKEN_HINT=eyJ"), b"/x?a=1&ID_TOKEN_HINT=***")
        self.assertEqual(masked(b"/code=visible"), b"/code=visible")


class MomentTests(SynchronousTestCase):
    """Timestamps have the peer's form."""

    def test_form(self) -> None:
        """Year, month, day and time of day; the same second gives the same text."""
        moments = Moments(local=False)
        self.assertEqual(moments.text(0.9), "1970/01/01 00:00:00")
        self.assertIs(moments.text(5.1), moments.text(5.9))
        self.assertEqual(moments.text(61), "1970/01/01 00:01:01")


class StandardLogTests(SynchronousTestCase):
    """What the program says of itself is lines too."""

    def setUp(self) -> None:
        """A standard log, and what it wrote."""
        self.written: list[bytes] = []
        self.log = StandardLog(write=self.written.append, moments=Moments(local=False))

    def test_layout(self) -> None:
        """Time, where it was said, message; the level where it is worth a look."""
        self.log({"log_format": 'path "{p}"', "p": "/", "log_time": 0.0})
        self.log({"log_format": "oh", "log_time": 0.0, "log_level": LogLevel.warn})
        head = rb"^\[1970/01/01 00:00:00\] \[test_observe\.py:\d+\] "
        self.assertRegex(self.written[0], head + rb'path "/"\n$')
        self.assertRegex(self.written[1], head + rb"warn: oh\n$")

    def test_who_said_it(self) -> None:
        """The place is the caller's of the logger, not the logger's own."""
        Logger("n", observer=self.log).info("x")
        self.assertIn(b" [test_observe.py:", self.written[0])

    def test_own_layout(self) -> None:
        """The operator's layout is followed."""
        log = StandardLog(
            write=self.written.append, moments=Moments(local=False), layout="S <{{.Timestamp}}> {{.Message}}"
        )
        log({"log_format": "x", "log_time": 0.0})
        self.assertEqual(self.written, [b"S <1970/01/01 00:00:00> x\n"])

    def test_json(self) -> None:
        """As JSON an event is one object, with its traceback if it has one."""
        log = StandardLog(write=self.written.append, moments=Moments(local=False), as_json=True)
        try:
            raise ZeroDivisionError("a defect")
        except ZeroDivisionError:
            failure = Failure()
        event = {"log_format": "a\nb", "log_time": 0.0, "log_namespace": "n", "log_level": LogLevel.error}
        log({**event, "log_failure": failure})
        said = json.loads(self.written[0])
        self.assertEqual(self.written[0].count(b"\n"), 1)
        self.assertEqual(
            (said["level"], said["kind"], said["from"], said["message"]), ("error", "standard", "n", "a\nb")
        )
        self.assertIn("a defect", said["traceback"])

    def test_one_line(self) -> None:
        """A message cannot forge another line (X3)."""
        self.log({"log_format": "{x}", "x": "a\r\n[2026] forged\x1b[31m", "log_time": 0.0, "log_namespace": "n"})
        self.assertEqual(self.written[0].count(b"\n"), 1)
        self.assertNotIn(b"\x1b", self.written[0])

    def test_tracebacks(self) -> None:
        """A failure's traceback stands on lines of its own, each with its head."""
        try:
            raise ZeroDivisionError("a defect")
        except ZeroDivisionError:
            failure = Failure()
        self.log({"log_format": "broken", "log_time": 0.0, "log_namespace": "n", "log_failure": failure})
        lines = self.written[0].splitlines()
        self.assertGreater(len(lines), 2)
        self.assertTrue(all(line.startswith(b"[1970/01/01 00:00:00] [test_observe.py:") for line in lines))

    def test_full_disk(self) -> None:
        """An event that cannot be written is lost, and nothing else."""

        def write(data: bytes) -> None:
            raise OSError(28, "No space left on device")

        StandardLog(write=write, moments=Moments())({"log_format": "x", "log_time": 0.0})
