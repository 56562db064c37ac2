"""The report: what was measured, as tables and sentences in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median

from attrs import field, frozen

from bench.cases import CASES, RULER, Case
from bench.contenders import CONTENDERS
from bench.figures import Endurance, Footprint, Results, Spread
from bench.process import Memory

_NOTHING = "–"
_OURS = "o2sidecar"


@frozen(kw_only=True)
class Report:
    """Everything that a run found out; what it was not asked for is empty.

    Attributes:
        contenders: names, in the order of the tables.
        footprints: those of each contender, by round.
        machine: facts, a line each.
    """

    contenders: Sequence[str]
    results: Results
    footprints: Mapping[str, Sequence[Footprint]]
    endurance: Endurance | None
    machine: Sequence[str]
    rounds: int
    seconds: float
    cases: Sequence[Case] = field(default=CASES)

    def markdown(self) -> str:
        """All of it."""
        parts = [
            "\n".join(f"* {fact}" for fact in self.machine),
            *self._cpu(),
            *self._latency(),
            *self._memory(),
            *self._ours(),
        ]
        return "\n\n".join(parts) + "\n"

    def compared(self) -> list[Case]:
        """The cases that were measured and that nginx was asked, too."""
        return [case for case in self.cases if self.results.of(case.name, RULER)]

    def _cpu(self) -> Iterable[str]:
        cases = self.compared()
        if not cases:
            return
        yield "**CPU time per request, as a multiple of what bare nginx spends**"
        yield self._by_case(cases, self._ratio)
        noise = [self.results.cpu_us(case.name, RULER).noise for case in cases]
        if self.rounds > 1:
            yield (
                f"Medians of {self.rounds} rounds of {self.seconds:.0f} s, lowest and highest round in brackets. "
                f"How noisy the machine was: nginx's own rounds were {median(noise):.0%} apart in the median case, "
                f"{max(noise):.0%} in the worst."
            )
        titles = {case.name: case.title for case in self.cases}
        for name, contender, way, count in self.results.wrong():
            yield f"{CONTENDERS[contender][0]}, {titles[name]}: up to {count:,} requests failed in a round ({way})."

    def _latency(self) -> Iterable[str]:
        cases = self.compared()
        if not cases:
            return
        yield "**Latency in milliseconds under that load: median / 99th percentile**"
        yield self._by_case(cases, self._latencies)

    def _memory(self) -> Iterable[str]:
        if not self.footprints:
            return
        yield "**Start-up time, and memory in MiB**"
        head = ["proxy", "start ms", "idle", "after load", "1,000 busy connections", "idle, alone on a machine"]
        yield table(head, [self._needs(name, each) for name, each in self.footprints.items()])

    def _ours(self) -> Iterable[str]:
        if self.results.of("fresh", _OURS) and self.results.of("small", _OURS):
            more = self.results.more_us("fresh", "small", _OURS)
            yield (
                "A session's first request, for which its cookie must be opened, takes o2sidecar "
                f"{figure(more.median)} µs of CPU time more than those that follow{_range(more)}."
            )
        if self.endurance is not None:
            done = self.endurance
            yield (
                f"After {done.sign_ins} sign-ins and {done.requests:,} requests o2sidecar has "
                f"{done.after.proportional_mib:.1f} MiB; it had {done.before.proportional_mib:.1f} at the start."
            )

    def _by_case(self, cases: Iterable[Case], cell: Callable[[Case, str], str]) -> str:
        head = ["", *(CONTENDERS[name][0] for name in self.contenders)]
        rows = []
        for case in cases:
            cells = [cell(case, name) if self.results.of(case.name, name) else _NOTHING for name in self.contenders]
            rows.append([case.title, *cells])
        return table(head, rows)

    def _ratio(self, case: Case, name: str) -> str:
        if name == RULER:
            spent = self.results.cpu_us(case.name, name)
            return f"1 = {figure(spent.median)} µs{_range(spent)}"
        ratio = self.results.ratio(case.name, name)
        marked = f"**{figure(ratio.median)}**" if name == _OURS else figure(ratio.median)
        return f"{marked}{_range(ratio)}"

    def _latencies(self, case: Case, name: str) -> str:
        return " / ".join(map(figure, self.results.latency(case.name, name)))

    def _needs(self, name: str, footprints: Sequence[Footprint]) -> list[str]:
        def mib(of: Callable[[Footprint], Memory]) -> str:
            return f"{median(of(each).proportional_mib for each in footprints):.1f}"

        return [
            CONTENDERS[name][0],
            f"{median(each.start_ms for each in footprints):.0f}",
            mib(lambda each: each.idle),
            mib(lambda each: each.loaded),
            mib(lambda each: each.thousand),
            f"{median(each.idle.alone_mib for each in footprints):.1f}",
        ]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, legible as text too: the first column to the left, the others to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def joined(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return f"| {' | '.join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)])} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([joined(lines[0]), joined(rule), *map(joined, lines[1:])])


def figure(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.2f}"


def _range(spread: Spread) -> str:
    """The lowest and the highest round, in brackets; nothing where there was one round."""
    return "" if spread.low == spread.high else f" ({figure(spread.low)}–{figure(spread.high)})"
