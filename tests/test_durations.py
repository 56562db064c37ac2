"""Tests for durations in Go's syntax."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.durations import format_duration, parse_duration


class ParseTests(SynchronousTestCase):
    """`parse_duration` reads what Go reads, and nothing else."""

    def test_units(self) -> None:
        """Every unit of Go means what it means there."""
        for text, seconds in {
            "90s": 90.0,
            "1h30m": 5400.0,
            "168h": 604800.0,
            "1.5s": 1.5,
            "3ms": 0.003,
            "3us": 3e-6,
            "3µs": 3e-6,
            "3μs": 3e-6,
            "7ns": 7e-9,
            ".5s": 0.5,
            "1.s": 1.0,
            "0": 0.0,
            "+0": 0.0,
            "-2m": -120.0,
            "+2m": 120.0,
            "1m1m": 120.0,
            "1h0m0s": 3600.0,
        }.items():
            self.assertEqual(parse_duration(text), seconds, text)

    def test_number_without_unit(self) -> None:
        """A bare number is refused with the advice to write a unit."""
        for text in ("30", "-1", "1.5", "00"):
            error = self.assertRaises(ValueError, parse_duration, text)
            self.assertIn("lacks a unit", str(error))

    def test_no_duration(self) -> None:
        """Anything else is refused with an example of a duration."""
        for text in (
            "",
            "abc",
            "-",
            ".",
            "s",
            ".s",
            "1 h",
            "1h ",
            "1d",
            "1H",
            "1h-3m",
            "1e3s",
            "٣s",
            "1h30",
            "\x00",
            "--1s",
        ):
            error = self.assertRaises(ValueError, parse_duration, text)
            self.assertIn("write one like 90s", str(error))

    def test_longest(self) -> None:
        """A duration longer than Go's is refused, however long its digits are."""
        self.assertEqual(parse_duration("2562047h"), 2562047 * 3600.0)
        for text in ("2562048h", "9" * 20 + "h", "1" * 100_000 + "h"):
            self.assertRaises(ValueError, parse_duration, text)

    @given(st.text(alphabet="0123456789.hmsnuµ-+ ", max_size=20))
    def test_any_text(self, text: str) -> None:
        """Any text is a number of seconds or a `ValueError`."""
        try:
            seconds = parse_duration(text)
        except ValueError:
            return
        self.assertIsInstance(seconds, float)


class FormatTests(SynchronousTestCase):
    """`format_duration` writes what people would write."""

    def test_shortest(self) -> None:
        """Units that are zero are left out."""
        for seconds, text in {
            604800.0: "168h",
            5400.0: "1h30m",
            900.0: "15m",
            61.5: "1m1.5s",
            1.5: "1.5s",
            0.3: "300ms",
            0.000004: "4us",
            0.000000007: "7ns",
            0.0: "0s",
            -2.0: "-2s",
            3600.5: "1h0.5s",
        }.items():
            self.assertEqual(format_duration(seconds), text)

    @settings(deadline=None)
    @given(st.integers(min_value=-(2**52), max_value=2**52))
    def test_round_trip(self, nanoseconds: int) -> None:
        """What is written is read as the same seconds."""
        seconds = nanoseconds / 1e9
        self.assertEqual(parse_duration(format_duration(seconds)), seconds)
