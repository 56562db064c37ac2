"""Tests of the figures: what is told of rounds that a busy machine disturbed."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bench.figures import Spread, percentile
from tests.bench.measured import results


class SpreadTests(SynchronousTestCase):
    """Rounds become a median, and how far apart they were."""

    def test_median(self) -> None:
        """One round that was disturbed does not move the median."""
        self.assertEqual(Spread.of([3.0, 90.0, 2.0]), Spread(median=3.0, low=2.0, high=90.0))

    def test_noise(self) -> None:
        """Noise is how far the rounds were apart, as a share of the median."""
        self.assertEqual(Spread.of([10.0, 11.0, 9.0]).noise, 0.2)
        self.assertEqual(Spread.of([0.0]).noise, 0.0)


class ResultsTests(SynchronousTestCase):
    """Figures of one round belong together."""

    def test_ratio(self) -> None:
        """A proxy is compared with nginx as it was in the same round: what disturbs both is no difference."""
        found = results({("small", "nginx"): [10.0, 20.0, 10.0], ("small", "o2sidecar"): [30.0, 60.0, 31.0]})
        self.assertEqual(found.ratio("small", "o2sidecar"), Spread(median=3.0, low=3.0, high=3.1))

    def test_unequal_rounds(self) -> None:
        """Rounds that have no counterpart are refused, not left out."""
        found = results({("small", "nginx"): [10.0], ("small", "o2sidecar"): [30.0, 60.0]})
        self.assertRaises(ValueError, found.ratio, "small", "o2sidecar")

    def test_difference(self) -> None:
        """What one case takes more than another is told by round as well."""
        found = results({("small", "o2sidecar"): [50.0, 100.0, 50.0], ("fresh", "o2sidecar"): [80.0, 131.0, 79.0]})
        self.assertEqual(found.more_us("fresh", "small", "o2sidecar"), Spread(median=30.0, low=29.0, high=31.0))

    def test_nothing(self) -> None:
        """A proxy that cannot do a case has no samples of it."""
        self.assertEqual(list(results({}).of("websocket", "stock")), [])

    def test_wrong(self) -> None:
        """Of failed requests, the worst round is told, and only if some failed."""
        found = results({("small", "apache"): [1.0, 1.0]}, {"read": 3, "timeout": 0})
        self.assertEqual(found.wrong(), [("small", "apache", "read", 3)])


class PercentileTests(SynchronousTestCase):
    """Latencies become percentiles."""

    def test_percentile(self) -> None:
        """So many percent of the values are not above it."""
        ordered = [float(number) for number in range(1, 101)]
        self.assertEqual((percentile(ordered, 50), percentile(ordered, 99)), (51.0, 100.0))
        self.assertEqual((percentile([7.0], 99), percentile([], 99)), (7.0, 0.0))
