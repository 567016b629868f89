"""The benchmarks by name, in the order in which they run."""

from collections.abc import Awaitable, Callable, Sequence

from bench.harness.run import Run
from bench.measures import http

MEASURES: dict[str, Callable[[Run], Awaitable[None]]] = {
    "http": http.measure,
}


def named(words: Sequence[str]) -> list[str]:
    """List the benchmarks whose names begin with one of the words; without words, all."""
    return [name for name in MEASURES if not words or name.startswith(tuple(words))]
