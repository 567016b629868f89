"""Collectors of what other parts of a server count."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


class CountCollector(Collector):
    """A counter that something else keeps."""

    def __init__(self, name: str, words: str, count: Callable[[], int]) -> None:
        """Show ``count`` under ``name``."""
        self._name, self._words, self._count = name, words, count

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the counter."""
        yield CounterMetricFamily(self._name, self._words, value=self._count())


class ReloadCollector(Collector):
    """A counter of reloads by their result, kept by what reloads."""

    def __init__(self, name: str, words: str, counts: Callable[[], Mapping[bool, int]]) -> None:
        """Count under ``name`` how often ``words`` was accepted and how often not."""
        self._name, self._words, self._counts = name, words, counts

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the counter, with zeros before the first reload."""
        family = CounterMetricFamily(self._name, self._words, labels=["result"])
        counts = self._counts()
        for is_accepted, result in ((True, "success"), (False, "failure")):
            family.add_metric([result], counts.get(is_accepted, 0))
        yield family
