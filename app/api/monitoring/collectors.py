"""Gauges and counters of the API that are read when asked: objects, bounds and watches.

Names begin with ``waypost_``.  Source: contract.md, "Routes".
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.api.objects.streams import Watching
from app.api.objects.watch_stats import End
from app.domain.resources import PUBLIC
from app.registry.reads.view import View
from app.telemetry.bounds import Bound, in_use, refusals


class StateCollector(Collector):
    """Gauges of registered objects, read from the view at scrape time."""

    def __init__(self, view: View, watching: Watching) -> None:
        """Read ``view`` and count the streams of ``watching``."""
        self._view, self._watching = view, watching

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges."""
        snapshot = self._view.snapshot
        objects = GaugeMetricFamily(
            "waypost_objects", "Registered objects by kind.", labels=["kind"]
        )
        for kind in PUBLIC:
            objects.add_metric([kind.name], len(snapshot.of(kind)))
        yield objects
        yield GaugeMetricFamily(
            "waypost_revision", "The latest visible revision.", value=snapshot.revision
        )
        yield GaugeMetricFamily(
            "waypost_oldest_resumable_revision",
            "The oldest revision from which a watch can resume.",
            value=self._view.compacted,
        )
        yield GaugeMetricFamily(
            "waypost_mass_failure_guards",
            "Services whose endpoints are held because too many missed heartbeats at once.",
            value=len(snapshot.members("guarded")),
        )
        yield GaugeMetricFamily(
            "waypost_lapsed_pods",
            "Pods that are not ready because a lease expired, their own or their node's.",
            value=len(snapshot.members("lease-expired")),
        )
        yield GaugeMetricFamily(
            "waypost_tasks", "Tasks of the event loop.", value=len(_tasks_of_loop())
        )
        yield from self._watches()

    def _watches(self) -> Iterator[Metric]:
        watching = self._watching
        yield GaugeMetricFamily("waypost_watchers", "Open watch streams.", value=watching.watchers)
        yield CounterMetricFamily(
            "waypost_watch_events",
            "Events sent to watchers, those of initial states included.",
            value=watching.stats.events,
        )
        ends = CounterMetricFamily(
            "waypost_watch_ends", "Watch streams that have ended, by reason.", labels=["reason"]
        )
        for end in End:
            ends.add_metric([end], watching.stats.ends[end])
        yield ends


class BoundsCollector(Collector):
    """What bounds have refused, and how much of each is in use."""

    def __init__(self, limits: Mapping[Bound, int], queued: Callable[[], int]) -> None:
        """Show the use of those with ``limits``; ``queued`` counts writes that wait."""
        self._limits, self._queued = limits, queued

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        refused = CounterMetricFamily(
            "waypost_bound_refusals",
            "Requests and connections refused because a bound was reached, by bound.",
            labels=["bound"],
        )
        for bound in Bound:
            refused.add_metric([bound], refusals[bound])
        yield refused
        used = GaugeMetricFamily(
            "waypost_bound_in_use",
            "How much of a bound is in use: requests in progress, connections, and others.",
            labels=["bound"],
        )
        limit = GaugeMetricFamily("waypost_bound_limit", "The bound itself.", labels=["bound"])
        for bound, count_max in self._limits.items():
            is_queue = bound is Bound.WRITES_QUEUED
            used.add_metric([bound], self._queued() if is_queue else in_use[bound])
            limit.add_metric([bound], count_max)
        yield used
        yield limit


def _tasks_of_loop() -> set["asyncio.Task[object]"]:
    """List the tasks; none where metrics are described without an event loop."""
    try:
        return asyncio.all_tasks()
    except RuntimeError:
        return set()
