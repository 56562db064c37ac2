"""Figures as a run might have measured them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.figures import Endurance, Footprint, Results, Sample
from bench.process import Memory
from bench.report import Report


def results(cpu_us: Mapping[tuple[str, str], Sequence[float]], wrong: Mapping[str, int] | None = None) -> Results:
    """Results by case and proxy, one figure a round; `wrong` is what went wrong each time."""
    found = Results()
    for (case, contender), rounds in cpu_us.items():
        for each in rounds:
            found.add(case, contender, Sample(cpu_us=each, p50_ms=each / 10, p99_ms=each / 5, wrong=wrong or {}))
    return found


def memory(mib: float) -> Memory:
    """That much, and half as much again where nothing is shared."""
    return Memory(proportional_mib=mib, alone_mib=mib * 1.5)


def footprint(start_ms: float, mib: float) -> Footprint:
    """A footprint that grows."""
    return Footprint(start_ms=start_ms, idle=memory(mib), loaded=memory(mib + 1), thousand=memory(mib + 10))


def report(
    found: Results,
    *,
    contenders: Sequence[str] = ("nginx", "apache", "o2sidecar"),
    footprints: Mapping[str, Sequence[Footprint]] | None = None,
    endurance: Endurance | None = None,
    rounds: int = 3,
) -> Report:
    """A report of these figures."""
    return Report(
        contenders=contenders,
        results=found,
        footprints=footprints or {},
        endurance=endurance,
        machine=["Some CPU", "Some Linux"],
        rounds=rounds,
        seconds=3,
    )
