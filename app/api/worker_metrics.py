"""Metrics of all processes that share one port: whichever of them is asked answers for all.

    every process, once a second -> a file of its metrics
    own metrics, files of others -> sums of counters and histograms

Gauges describe the state that all processes show, and are those of the process that is asked, but
for a few that count what each process has.  A process that has ended is still counted, because a
counter never decreases.

Source: Prometheus, "Metric types".
"""

import asyncio
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

REPORT_S = 1.0  # between two files of a process
_ADDED: Final = frozenset({"waypost_watchers", "waypost_tasks"})  # gauges of one process
_COUNTED: Final = frozenset({"counter", "histogram"})
_ENDED: Final = "ended"
_Wire = dict[str, Any]


class WorkerMetrics:
    """The metrics of this process, and of the others that write to the same folder."""

    def __init__(self, metrics: CollectorRegistry, folder: Path, process: int) -> None:
        """Write those of ``metrics`` to ``folder``, which only these processes may write."""
        self._metrics, self._folder = metrics, folder
        self._own = _file_of(folder, str(process))

    async def report_periodically(self) -> None:
        """Report once a second, until cancelled."""
        while True:
            await self.report()
            await asyncio.sleep(REPORT_S)

    async def report(self) -> None:
        """Write the metrics of this process for the others."""
        await asyncio.to_thread(_write, self._own, self._collected())

    async def exposition(self) -> bytes:
        """Give the metrics of all processes in Prometheus' text format."""
        return await asyncio.to_thread(self._added, self._collected())

    def _collected(self) -> list[_Wire]:
        return [_encoded(family) for family in self._metrics.collect()]

    def _added(self, own: list[_Wire]) -> bytes:
        others = (_read(path) for path in self._folder.glob("*.json") if path != self._own)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families(_sum([own, *others])))
        return generate_latest(registry)


def add_ended(folder: Path, process: int) -> None:
    """Add what a process counted before it ended to what others that have ended counted."""
    last, ended = _file_of(folder, str(process)), _file_of(folder, _ENDED)
    counted = [family for family in _read(last) if family["type"] in _COUNTED]
    _write(ended, _sum([_read(ended), counted]))
    last.unlink(missing_ok=True)


class _Families(Collector):
    def __init__(self, families: Iterable[_Wire]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        for each in self._families:
            family = Metric(each["name"], each["documentation"], each["type"])
            for name, labels, value in each["samples"]:
                family.add_sample(name, labels, value)
            yield family


def _sum(processes: Iterable[list[_Wire]]) -> list[_Wire]:
    """Add up the families of processes; gauges are those of the first process that has them."""
    found: dict[str, _Wire] = {}
    values: dict[str, dict[tuple[str, str], float]] = {}
    for families in processes:
        for family in families:
            name = family["name"]
            is_first = name not in found
            if not (is_first or family["type"] in _COUNTED or name in _ADDED):
                continue
            found.setdefault(name, family)
            summed = values.setdefault(name, {})
            for sample, labels, value in family["samples"]:
                key = sample, json.dumps(labels, sort_keys=True)
                summed[key] = summed.get(key, 0) + value
    return [
        {
            **family,
            "samples": [[s, json.loads(labels), v] for (s, labels), v in values[name].items()],
        }
        for name, family in found.items()
    ]


def _encoded(family: Metric) -> _Wire:
    return {
        "name": family.name,
        "documentation": family.documentation,
        "type": family.type,
        "samples": [[sample.name, sample.labels, sample.value] for sample in family.samples],
    }


def _file_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _read(path: Path) -> list[_Wire]:
    """Read a file that its process may be replacing, or whose process has just ended."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return []


def _write(path: Path, families: list[_Wire]) -> None:
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps(families))
    scratch.replace(path)
