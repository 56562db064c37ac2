"""Tests of the picture: well-formed, complete, and true to the figures."""

from __future__ import annotations

from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from bench.plot import plot
from tests.bench.measured import report, results

SVG = "{http://www.w3.org/2000/svg}"
APACHE, OURS = "#9aa9ba", "#c2410c"


class PlotTests(SynchronousTestCase):
    """The bars say what the table says."""

    def setUp(self) -> None:
        """Two cases: one where both take more than nginx, one where we take less."""
        figures = {
            ("small", "nginx"): [10.0],
            ("small", "apache"): [80.0],
            ("small", "o2sidecar"): [20.0],
            ("auth", "nginx"): [10.0],
            ("auth", "o2sidecar"): [5.0],
        }
        self.picture = ElementTree.fromstring(plot(report(results(figures), rounds=1)))

    def bars(self, colour: str) -> list[tuple[float, float]]:
        """Left and right ends of the bars of a colour; the first is in the legend."""
        found = [rect for rect in self.picture.iter(f"{SVG}rect") if rect.get("fill") == colour]
        ends = [(float(rect.get("x", "")), float(rect.get("width", ""))) for rect in found[1:]]
        return [(x, x + width) for x, width in ends]

    def test_words(self) -> None:
        """It names the cases, the proxies and the figures."""
        words = [text.text for text in self.picture.iter(f"{SVG}text")]
        for expected in ("1 KiB answer, 32 connections", "o2sidecar", "Apache with mod_auth_openidc", "1 = nginx"):
            self.assertIn(expected, words)
        self.assertEqual([words.count(figure) for figure in ("8.00", "2.00", "0.50")], [1, 1, 1])

    def test_bars(self) -> None:
        """Bars begin where nginx is: to the right of it they say more, to the left less, equal steps for doublings."""
        [(nginx, apache)] = self.bars(APACHE)
        (begin, ours), (auth, end) = self.bars(OURS)
        self.assertAlmostEqual(nginx, begin, 0)
        self.assertAlmostEqual(nginx, end, 0)
        self.assertAlmostEqual(apache - nginx, 3 * (ours - begin), 0)
        self.assertAlmostEqual(end - auth, ours - begin, 0)

    def test_within(self) -> None:
        """Nothing is drawn outside the picture."""
        _, _, width, height = map(float, self.picture.get("viewBox", "").split())
        for rect in self.picture.iter(f"{SVG}rect"):
            self.assertLessEqual(float(rect.get("x", "0")) + float(rect.get("width", "")), width)
            self.assertLessEqual(float(rect.get("y", "0")) + float(rect.get("height", "")), height)
