"""The operator's brand on our pages: a name, and a colour from which those of buttons, links and frames are made."""

from __future__ import annotations

from attrs import frozen

from o2sidecar.signin.colours import BLACK, WHITE, Colour


@frozen(kw_only=True)
class Brand:
    """A name, and a colour; without them the pages are ours."""

    name: str = ""
    colour: Colour | None = None

    @property
    def style(self) -> str:
        """The rules that give our style this colour, in light and in dark; empty without one.

        Whatever the colour, text can be read: on a button it is black or white, and where the colour itself is that of
        text it is made as much darker or lighter as that needs.
        """
        if self.colour is None:
            return ""
        light, dark = (_variables(palette(self.colour, dark=dark)) for dark in (False, True))
        return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"


def palette(colour: Colour, *, dark: bool) -> dict[str, Colour]:
    """The variables of our style that follow from a colour."""
    card, ground = _GROUNDS[dark]
    glow = ground.mixed(colour, 0.12)
    over = WHITE if colour.contrast(WHITE) >= colour.contrast(BLACK) else BLACK
    return {
        "accent": colour,
        "accent-over": colour.mixed(BLACK if over == WHITE else WHITE, 0.12),
        "on-accent": over,
        "accent-ink": colour.readable_on((card, ground, glow), WHITE if dark else BLACK),
        "glow": glow,
    }


def _variables(colours: dict[str, Colour]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


_GROUNDS = {
    False: (Colour(0xFF, 0xFF, 0xFF), Colour(0xF3, 0xF4, 0xF7)),
    True: (Colour(0x19, 0x1C, 0x22), Colour(0x10, 0x12, 0x16)),
}
"""The colours of the card and of the ground in style.css, by whether it is dark."""

OURS = Brand()
