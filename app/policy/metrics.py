"""Metrics of the process that evaluates expressions.

Source: access.md 3.4.
"""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.policy.client import PolicyWorker


class ExpressionsCollector(Collector):
    """What a worker counts, read when asked."""

    def __init__(self, worker: PolicyWorker) -> None:
        self._worker = worker

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; no label has an expression or a user."""
        yield CounterMetricFamily(
            "waypost_expression_process_kills",
            "How often the process that evaluates expressions was killed and started anew.",
            value=self._worker.kills,
        )
        yield GaugeMetricFamily(
            "waypost_expressions_suspended",
            "Sets of expressions that are not evaluated for a minute, as they killed the process.",
            value=self._worker.suspensions.suspended,
        )
