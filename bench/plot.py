"""The plot: CPU time per request of each proxy beside bare nginx's, as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import ceil, floor, log2

from attrs import field, frozen

from bench.cases import RULER
from bench.contenders import CONTENDERS
from bench.figures import Spread
from bench.report import Report, figure

_WIDTH = 860
_LEFT = 270
_RIGHT = 60
_TOP = 76
_BAR = 11
_GAP = 12
_COLOURS: Mapping[str, str] = {"apache": "#9aa9ba", "stock": "#cdbb95", "o2sidecar": "#c2410c"}
_INK, _FAINT = "#1f2933", "#d5dbe1"


@frozen
class _Scale:
    """A logarithmic scale in powers of two, from one to another, over the width of the plot."""

    first: int
    last: int

    @classmethod
    def over(cls, spreads: Iterable[Spread]) -> _Scale:
        """One that has room for 1 and for all of these."""
        ends = [(spread.low, spread.high) for spread in spreads]
        lows, highs = [low for low, _ in ends], [high for _, high in ends]
        return cls(floor(log2(min([0.5, *lows]))), ceil(log2(max([2.0, *highs]) * 1.1)))

    def x(self, value: float) -> float:
        """Where a value is."""
        share = (log2(value) - self.first) / (self.last - self.first)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


@frozen
class _Group:
    """The bars of one case: its title, and the ratios by proxy."""

    title: str
    bars: Sequence[tuple[str, Spread]]
    top: float = field(default=0.0)

    @property
    def height(self) -> float:
        return len(self.bars) * _BAR + _GAP


def plot(report: Report) -> str:
    """The picture: bars grow from the line where nginx is, to the right where a proxy takes more; whiskers: rounds."""
    groups, top = [], float(_TOP)
    for case in report.compared():
        names = [name for name in report.contenders if name != RULER and report.results.of(case.name, name)]
        bars = [(name, report.results.ratio(case.name, name)) for name in names]
        groups.append(_Group(case.title.replace("`", ""), bars, top))
        top += groups[-1].height
    scale = _Scale.over(spread for group in groups for _, spread in group.bars)
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top + 30:.0f}" font-size="12" '
        f'font-family="system-ui, sans-serif" fill="{_INK}">',
        f'<rect width="{_WIDTH}" height="{top + 30:.0f}" fill="#ffffff"/>',
        _text(16, 24, "CPU time per request, as a multiple of bare nginx's (logarithmic)", weight="bold", size=14),
        *_legend(report.contenders),
        *_grid(scale, top),
        *(line for group in groups for line in _bars(group, scale)),
        "</svg>",
    ]
    return "\n".join(drawn) + "\n"


def _legend(contenders: Sequence[str]) -> Iterable[str]:
    x = 16
    for name in contenders:
        if name == RULER:
            continue
        title = CONTENDERS[name][0]
        yield _box(x, 38, 11, 11, _COLOURS[name])
        yield _text(x + 17, 48, title)
        x += 40 + 7 * len(title)


def _grid(scale: _Scale, bottom: float) -> Iterable[str]:
    for power in range(scale.first, scale.last + 1):
        x, heavy = scale.x(2.0**power), power == 0
        colour, width = (_INK, 1.5) if heavy else (_FAINT, 1)
        yield (
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 8}" y2="{bottom:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"/>'
        )
        yield _text(x, bottom + 18, "1 = nginx" if heavy else f"{2.0**power:g}", anchor="middle")


def _bars(group: _Group, scale: _Scale) -> Iterable[str]:
    middle = group.top + len(group.bars) * _BAR / 2
    yield _text(_LEFT - 16, middle + 4, group.title, anchor="end")
    for row, (name, spread) in enumerate(group.bars):
        y = group.top + row * _BAR
        left, right = sorted((scale.x(1.0), scale.x(spread.median)))
        yield _box(left, y, right - left, _BAR - 2, _COLOURS[name])
        yield (
            f'<line x1="{scale.x(spread.low):.1f}" x2="{scale.x(spread.high):.1f}" y1="{y + _BAR / 2 - 1:.1f}" '
            f'y2="{y + _BAR / 2 - 1:.1f}" stroke="{_INK}"/>'
        )
        label = max(right, scale.x(spread.high)) + 5
        yield _text(label, y + 8.5, figure(spread.median), size=10)


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" fill="{colour}"/>'


def _text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "normal", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" font-size="{size}">'
        f"{escape(words)}</text>"
    )
