"""The route of the metrics, and collectors of what other parts of a server count.

    Accept -> OpenMetrics, or Prometheus' text format

Each module that does work counts it; ``docs/monitoring/metrics.md`` lists all metrics.
Source: contract.md, "Routes"; OpenMetrics 1.0.
"""

from collections.abc import Callable, Iterator, Mapping

from fastapi import APIRouter, Request, Response
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from app.api.access.requirements import path_itself, requires
from app.api.dependencies import RegistryOf
from app.api.document.declared import text_of
from app.telemetry.process import exposition

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    operation_id="read_metrics",
    summary="Read the metrics of this process",
    response_class=Response,
    responses=text_of(
        "text/plain", "The metrics, in Prometheus' text format; OpenMetrics where it is accepted."
    ),
)
@requires(path_itself)
async def read_metrics(request: Request, registry: RegistryOf) -> Response:
    """Answer with all counters, gauges and durations, for Prometheus.

    Several processes on one port are added up.
    """
    accept, shared = request.headers.get("accept", ""), registry.worker_metrics
    if shared is None:
        text, media_type = exposition(registry.metrics, accept)
    else:
        text, media_type = await shared.exposition(accept)
    return Response(text, headers={"Content-Type": media_type})


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
