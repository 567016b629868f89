"""Histograms of durations, cheap enough for hot paths and added up over processes.

    seconds -> Durations          name, seconds -> Timings: Durations by name
    Timings -> a family of Prometheus' histograms

Whatever does the work counts it; collectors read the numbers when asked.
"""

from bisect import bisect_left
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from time import perf_counter
from typing import Final

from prometheus_client.core import HistogramMetricFamily

BUCKETS_S: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)


class Durations:
    """A histogram of durations; the parts of one batch may share its time equally."""

    __slots__ = ("bounds_s", "counts", "sum_s")

    def __init__(self, bounds_s: Sequence[float] = BUCKETS_S) -> None:
        self.bounds_s = bounds_s
        self.counts = [0] * (len(bounds_s) + 1)
        self.sum_s = 0.0

    def add(self, elapsed_s: float, times: int = 1) -> None:
        """Count ``times`` events that together took ``elapsed_s``."""
        self.counts[bisect_left(self.bounds_s, elapsed_s / times)] += times
        self.sum_s += elapsed_s

    def include(self, other: "Durations") -> None:
        """Add the durations of another process."""
        self.counts = [sum(pair) for pair in zip(self.counts, other.counts, strict=True)]
        self.sum_s += other.sum_s


class Timings:
    """Durations of several kinds of work, whose names are given beforehand."""

    __slots__ = ("by_name",)

    def __init__(self, names: Iterable[str], bounds_s: Sequence[float] = BUCKETS_S) -> None:
        self.by_name = {name: Durations(bounds_s) for name in names}

    def add(self, name: str, elapsed_s: float, times: int = 1) -> None:
        """Count work of one kind."""
        self.by_name[name].add(elapsed_s, times)

    @contextmanager
    def measured(self, name: str) -> Generator[None]:
        """Count the block as work of one kind, whether it fails or not."""
        begun_at = perf_counter()
        try:
            yield
        finally:
            self.by_name[name].add(perf_counter() - begun_at)

    def family(self, name: str, words: str, label: str) -> HistogramMetricFamily:
        """Make the family ``name``, with the kind of work as a label."""
        values = {(kind,): durations for kind, durations in self.by_name.items()}
        return with_durations(HistogramMetricFamily(name, words, labels=(label,)), values)


def with_durations(
    family: HistogramMetricFamily, values: Mapping[tuple[str, ...], Durations]
) -> HistogramMetricFamily:
    """Add durations to a family, by the values of its labels."""
    for labels, durations in values.items():
        buckets = summed_up(durations.bounds_s, durations.counts)
        family.add_metric(labels, buckets, durations.sum_s)
    return family


def summed_up(bounds: Iterable[float], counts: Iterable[int]) -> list[tuple[str, float]]:
    """Make cumulative buckets, as Prometheus wants them."""
    return list(zip((*map(str, bounds), "+Inf"), map(float, accumulate(counts)), strict=True))
