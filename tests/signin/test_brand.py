"""Tests of o2sidecar.signin.brand and o2sidecar.signin.colours."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.signin.brand import Brand, palette
from o2sidecar.signin.colours import BLACK, LEAST_CONTRAST, WHITE, Colour

CHANNELS = st.integers(0, 255)
COLOURS = st.builds(Colour, CHANNELS, CHANNELS, CHANNELS)
SOFT = {False: Colour.parse("#565d6d"), True: Colour.parse("#a4abba")}


class ColourTests(SynchronousTestCase):
    """Colours as operators write them."""

    def test_both_lengths_are_read(self) -> None:
        """Six digits or three, in either case."""
        self.assertEqual(str(Colour.parse("#2F4fd0")), "#2f4fd0")
        self.assertEqual(str(Colour.parse("#0aF")), "#00aaff")

    def test_anything_else_is_refused(self) -> None:
        """Names, functions and what would leave its place in a style are no colours here."""
        for text in ("", "red", "#12", "#12345", "#1234567", "rgb(1,2,3)", "#fff;}body{display:none", "#ﬀf", "#fff\n"):
            with self.assertRaisesRegex(ValueError, "is no colour"):
                Colour.parse(text)

    def test_contrast_is_that_of_wcag(self) -> None:
        """Black on white is 21, a colour on itself 1, and a known grey in between."""
        self.assertAlmostEqual(BLACK.contrast(WHITE), 21)
        self.assertAlmostEqual(WHITE.contrast(WHITE), 1)
        self.assertAlmostEqual(Colour.parse("#767676").contrast(WHITE), 4.54, places=2)

    def test_a_colour_that_can_be_read_stays(self) -> None:
        """Only one that cannot is changed, and no more than it needs."""
        navy, yellow = Colour.parse("#003366"), Colour.parse("#ffd000")
        self.assertEqual(navy.readable_on([WHITE], BLACK), navy)
        changed = yellow.readable_on([WHITE], BLACK)
        self.assertTrue(LEAST_CONTRAST <= changed.contrast(WHITE) < 6)

    @given(COLOURS)
    def test_text_is_back_where_it_came_from(self, colour: Colour) -> None:
        """What is written is read as the same colour."""
        self.assertEqual(Colour.parse(str(colour)), colour)


class BrandTests(SynchronousTestCase):
    """The style of a brand."""

    def test_without_a_colour_nothing_is_added(self) -> None:
        """Our own colours stay."""
        self.assertEqual(Brand(name="Acme").style, "")

    def test_the_colour_is_the_buttons(self) -> None:
        """As the operator wrote it, in light and in dark, with text on it that can be read."""
        style = Brand(colour=Colour.parse("#ffd000")).style
        self.assertEqual(style.count("--accent: #ffd000;"), 2)
        self.assertEqual(style.count("--on-accent: #000000;"), 2)

    @given(COLOURS, st.booleans())
    def test_text_can_be_read_whatever_the_colour(self, colour: Colour, dark: bool) -> None:
        """On buttons, also under the pointer, and where the colour is that of text or lies beneath it (WCAG 1.4.3)."""
        named = palette(colour, dark=dark)
        pairs = [("on-accent", "accent"), ("on-accent", "accent-over"), ("accent-ink", "glow")]
        for text, ground in pairs:
            self.assertGreaterEqual(named[text].contrast(named[ground]), LEAST_CONTRAST, (text, ground))
        self.assertGreaterEqual(SOFT[dark].contrast(named["glow"]), LEAST_CONTRAST)
