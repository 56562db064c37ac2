"""Tests of what is said when log lines are lost."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.observe.log_losses import Complaints, Counted


class LossesTests(SynchronousTestCase):
    """Lines that cannot be written are counted and told of on standard error."""

    def setUp(self) -> None:
        """A log that may fail, and standard error."""
        self.clock = Clock()
        self.error: OSError | None = OSError(28, "No space left on device")
        self.written: list[bytes] = []
        self.told: list[bytes] = []
        complaints = Complaints(self.told.append, self.clock.seconds)
        self.counted = Counted(self._write, where="/var/log/x", complaints=complaints)

    def _write(self, data: bytes) -> None:
        if self.error is not None:
            raise self.error
        self.written.append(data)

    def lose(self, times: int) -> None:
        for _ in range(times):
            self.assertRaises(OSError, self.counted.write, b"a\nb\n")

    def test_once_a_minute(self) -> None:
        """Once a minute at most it is told how many were lost so far."""
        self.lose(3)
        self.clock.advance(59)
        self.lose(1)
        self.assertEqual(
            self.told,
            [b"o2sidecar: /var/log/x cannot be written: No space left on device. 2 log lines are lost so far.\n"],
        )
        self.clock.advance(1)
        self.lose(1)
        self.assertIn(b" 10 log lines ", self.told[1])

    def test_afterwards(self) -> None:
        """When there is room again, lines are written."""
        self.lose(1)
        self.error = None
        self.counted.write(b"c\n")
        self.assertEqual((self.written, self.counted.lost), ([b"c\n"], 2))

    def test_no_standard_error(self) -> None:
        """Where standard error fails as well, nobody is told, and nothing else happens."""
        complaints = Complaints(self._write, self.clock.seconds)
        complaints.say("unheard")
        self.assertEqual(self.written, [])
