"""What probes have found, counted, and how long each took.

Probes run in a node's agent, or in a server for all Pods: both show the same metrics.
"""

from collections.abc import Iterator
from enum import StrEnum

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.telemetry.durations import Timings


class ProbeResult(StrEnum):
    """How a probe ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"
    """It could not be run, by a bug."""


class ProbeStats:
    """Counts of one process since its start."""

    def __init__(self) -> None:
        self.pods = 0
        """Pods that are probed now."""
        self.durations = Timings(ProbeResult)


class ProbeCollector(Collector):
    """Probes as Prometheus collects them."""

    def __init__(self, stats: ProbeStats) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        yield GaugeMetricFamily(
            "waypost_probed_pods", "Pods that this process probes.", value=self._stats.pods
        )
        yield self._stats.durations.family(
            "waypost_probe_duration_seconds", "Seconds that probes took, by result.", "result"
        )
