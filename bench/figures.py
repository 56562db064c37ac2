"""Figures: what was measured, and the medians and spreads that are told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from attrs import define, field, frozen

from bench.cases import RULER
from bench.process import Memory


@frozen(kw_only=True)
class Sample:
    """One case, one proxy, one round. `cpu_us`: CPU time of the proxy for a request, in microseconds."""

    cpu_us: float
    p50_ms: float
    p99_ms: float
    wrong: Mapping[str, int] = field(factory=dict)


@frozen(kw_only=True)
class Spread:
    """The median of some rounds, and their lowest and highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of at least one value."""
        return cls(median=median(values), low=min(values), high=max(values))

    @property
    def noise(self) -> float:
        """How far rounds were apart, as a share of the median."""
        return (self.high - self.low) / self.median if self.median else 0.0


@define
class Results:
    """The samples of all rounds; those of one place in the lists were taken in one round."""

    _samples: dict[tuple[str, str], list[Sample]] = field(factory=dict)

    def add(self, case: str, contender: str, sample: Sample) -> None:
        """Keep the sample of the next round."""
        self._samples.setdefault((case, contender), []).append(sample)

    def of(self, case: str, contender: str) -> Sequence[Sample]:
        """The samples, by round; none where the proxy cannot do the case."""
        return self._samples.get((case, contender), ())

    def cpu_us(self, case: str, contender: str) -> Spread:
        """CPU time for a request, in microseconds."""
        return Spread.of([sample.cpu_us for sample in self.of(case, contender)])

    def ratio(self, case: str, contender: str) -> Spread:
        """CPU time for a request as a multiple of nginx's in the same round."""
        pairs = zip(self.of(case, contender), self.of(case, RULER), strict=True)
        return Spread.of([sample.cpu_us / ruler.cpu_us for sample, ruler in pairs])

    def more_us(self, case: str, than: str, contender: str) -> Spread:
        """How much more CPU time a request takes in one case than in another, in microseconds, by round."""
        pairs = zip(self.of(case, contender), self.of(than, contender), strict=True)
        return Spread.of([sample.cpu_us - other.cpu_us for sample, other in pairs])

    def latency(self, case: str, contender: str) -> tuple[float, float]:
        """Half of the answers, and all but one in a hundred, took no longer than this, in milliseconds."""
        samples = self.of(case, contender)
        return median(sample.p50_ms for sample in samples), median(sample.p99_ms for sample in samples)

    def wrong(self) -> list[tuple[str, str, str, int]]:
        """Case, proxy, and in what way how many requests failed; the worst round of each."""
        worst: dict[tuple[str, str, str], int] = {}
        for (case, contender), samples in self._samples.items():
            for sample in samples:
                for way, count in sample.wrong.items():
                    if count > worst.get((case, contender, way), 0):
                        worst[case, contender, way] = count
        return [(*where, count) for where, count in worst.items()]


@frozen(kw_only=True)
class Footprint:
    """What a proxy needs: milliseconds until it listens; memory idle, after a load, and with 1,000 busy connections."""

    start_ms: float
    idle: Memory
    loaded: Memory
    thousand: Memory


@frozen(kw_only=True)
class Endurance:
    """Memory of a proxy that was just started, and after so many sign-ins and requests."""

    sign_ins: int
    requests: int
    before: Memory
    after: Memory


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The value that so many percent of some ordered values do not exceed; 0 of none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0
