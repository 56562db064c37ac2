"""Colours, and whether text can be read on them (WCAG 2.2, relative luminance and contrast ratio)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import frozen

LEAST_CONTRAST = 4.5
"""What text needs (WCAG 2.2, 1.4.3)."""

_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


@frozen
class Colour:
    """A colour of sRGB, each part from 0 to 255; its text is `#rrggbb`."""

    red: int
    green: int
    blue: int

    @classmethod
    def parse(cls, text: str) -> Colour:
        """From `#rrggbb` or `#rgb`; raises `ValueError` for anything else."""
        if not _HEX.fullmatch(text):
            raise ValueError(f"{text!r} is no colour: write it as #rrggbb, such as #2f4fd0")
        digits = text[1:] if len(text) == 7 else "".join(digit * 2 for digit in text[1:])
        return cls(*bytes.fromhex(digits))

    def __str__(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"

    def mixed(self, other: Colour, share: float) -> Colour:
        """The colour with a share of another, from 0 to 1."""
        pairs = zip(self._parts, other._parts, strict=True)
        return Colour(*(round(own + (foreign - own) * share) for own, foreign in pairs))

    def contrast(self, other: Colour) -> float:
        """How well they can be told apart: from 1 to 21."""
        darker, lighter = sorted((self._luminance, other._luminance))
        return (lighter + 0.05) / (darker + 0.05)

    def readable_on(self, grounds: Sequence[Colour], towards: Colour) -> Colour:
        """The colour itself, or as little nearer to another as text needs to be read on each of the grounds."""
        steps = (self.mixed(towards, step / 20) for step in range(21))
        return next(
            (each for each in steps if all(each.contrast(ground) >= LEAST_CONTRAST for ground in grounds)), towards
        )

    @property
    def _parts(self) -> tuple[int, int, int]:
        return self.red, self.green, self.blue

    @property
    def _luminance(self) -> float:
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in (each / 255 for each in self._parts)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


WHITE = Colour(255, 255, 255)
BLACK = Colour(0, 0, 0)
