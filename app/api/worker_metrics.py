"""Metrics of all processes that share one port: whichever of them is asked answers for all.

    every process, once a second -> a file of its metrics
    own metrics, files of others -> sums of counters and histograms

Gauges describe the state that all processes show, and are those of the process that is asked, but
for those that count what each process has, and those of which one extreme counts.  A process that
has ended is still counted, because a counter never decreases.

Source: Prometheus, "Metric types".
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import add
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from app.telemetry.process import exposition

REPORT_S = 1.0  # between two files of a process
_ADDED: Final = frozenset(
    {
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "waypost_bound_in_use",
        "waypost_bound_limit",
        "waypost_database_connections_in_use",
        "waypost_database_connections_max",
        "waypost_database_connections_waiting",
        "waypost_probed_pods",
        "waypost_tasks",
        "waypost_watchers",
    }
)
"""Gauges of what each process has."""
_HIGHEST: Final = frozenset(
    {
        "waypost_node_asked_timestamp_seconds",
        "waypost_node_revision",
        "waypost_view_lag_revisions",
        "waypost_view_lag_seconds",
    }
)
"""Gauges of which the highest of all processes counts: a node asks one of them."""
_LOWEST: Final = frozenset({"waypost_database_up"})
_JOINED: Final[Mapping[str, Callable[[float, float], float]]] = {
    **dict.fromkeys(_ADDED, add),
    **dict.fromkeys(_HIGHEST, max),
    **dict.fromkeys(_LOWEST, min),
}
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

    async def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Write the metrics of all processes in the form that is accepted; gives its type too."""
        return await asyncio.to_thread(self._added, self._collected(), accept)

    def _collected(self) -> list[_Wire]:
        return [_encoded(family) for family in self._metrics.collect()]

    def _added(self, own: list[_Wire], accept: str) -> tuple[bytes, str]:
        others = (_read(path) for path in self._folder.glob("*.json") if path != self._own)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families(_sum([own, *others])))
        return exposition(registry, accept)


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
    """Add up the families of processes.

    Most gauges are those of the first process that has them.
    """
    found: dict[str, _Wire] = {}
    values: dict[str, dict[tuple[str, str], float]] = {}
    for families in processes:
        for family in families:
            name = family["name"]
            is_first = name not in found
            join = _JOINED.get(name, add if family["type"] in _COUNTED else None)
            if not is_first and join is None:
                continue
            found.setdefault(name, family)
            summed = values.setdefault(name, {})
            for sample, labels, value in family["samples"]:
                key = sample, json.dumps(labels, sort_keys=True)
                known = summed.get(key)
                summed[key] = value if known is None or join is None else join(known, value)
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
