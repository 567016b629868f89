"""The benchmarks by name, in the order in which they run."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from bench.harness.run import Run
from bench.measures import (
    access,
    agent,
    apply,
    changes,
    cli,
    dns,
    growth,
    http,
    lists,
    render,
    start,
    watch,
    writes,
)

Measure: TypeAlias = Callable[[Run], Awaitable[None]]

MEASURES: dict[str, Measure] = {
    "apply": apply.measure,
    "start": start.measure,
    "http": http.measure,
    "lists": lists.measure,
    "writes": writes.measure,
    "changes": changes.measure,
    "watch": watch.measure,
    "render": render.measure,
    "dns": dns.measure,
    "access": access.measure,
    "cli": cli.measure,
    "growth": growth.measure,
    "agent": agent.measure,
}


def named(words: Sequence[str]) -> list[str]:
    """List the benchmarks whose names begin with one of the words; without words, all."""
    return [name for name in MEASURES if not words or name.startswith(tuple(words))]
