"""Metrics of the process, in Prometheus' text format.

    requests -> counters and durations          state -> gauges, read when asked

Names begin with ``waypost_``; those of the DNS come from ``app.dns`` through the
same collector registry.  Source: contract.md, "Routes".
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from time import perf_counter

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.access.requirements import path_itself, requires
from app.api.dependencies import RegistryOf
from app.api.document.declared import text_of
from app.api.http.kept_answers import count_kept
from app.api.objects.streams import Watching
from app.domain.resources import PUBLIC
from app.registry.reads.view import View

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    operation_id="read_metrics",
    summary="Read the metrics of this process",
    response_class=Response,
    responses=text_of("text/plain", "The metrics in Prometheus' text format."),
)
@requires(path_itself)
async def read_metrics(registry: RegistryOf) -> Response:
    """Answer with all counters, gauges and durations, for Prometheus.

    Several processes on one port are added up.
    """
    shared = registry.worker_metrics
    text = generate_latest(registry.metrics) if shared is None else await shared.exposition()
    return Response(text, media_type=CONTENT_TYPE_LATEST)


class StateCollector(Collector):
    """Gauges of registered objects, read from the view at scrape time."""

    def __init__(
        self, view: View, watching: Watching, *, log_size: Callable[[], int | None] = lambda: None
    ) -> None:
        """Read ``view`` and count the streams of ``watching``.

        ``log_size`` gives the size of the change log, None where this process does not know.
        """
        self._view = view
        self._watching = watching
        self._log_size = log_size

    def collect(self) -> Iterator[GaugeMetricFamily]:
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
        if (size := self._log_size()) is not None:
            yield GaugeMetricFamily(
                "waypost_change_log_changes",
                "Changes in the database's log, reported by the process that compacts it.",
                value=size,
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
            "waypost_watchers", "Open watch streams.", value=self._watching.watchers
        )
        yield GaugeMetricFamily(
            "waypost_tasks", "Tasks of the event loop.", value=len(asyncio.all_tasks())
        )


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


class _Meters:
    """The counters and the durations of one registry, looked up once for each set of labels.

    There are as many as the labels' values allow: methods of HTTP, routes, and statuses.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._requests = Counter(
            "waypost_http_requests",
            "Requests answered.",
            ("method", "path", "code"),
            registry=registry,
        )
        self._durations = Histogram(
            "waypost_http_request_duration_seconds",
            "Seconds from a request to the first byte of its answer.",
            ("method", "path"),
            registry=registry,
            buckets=_BUCKETS_S,
        )
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def of(self, method: str, path: str, status: int) -> tuple[Counter, Histogram]:
        """Give the counter of such answers, and the durations of such requests."""
        place = method, path, status
        known = self._known.get(place)
        if known is None:
            requests = self._requests.labels(method, path, str(status))
            known = self._known[place] = requests, self._durations.labels(method, path)
        return known


class RequestMeter:
    """Counts requests and measures their duration, by route and status."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._meters: _Meters | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Time one request until its answer begins."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        begun_at = perf_counter()
        meters = self._of(scope["app"].state.registry.metrics)

        def timed(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                path = getattr(scope.get("route"), "path", "unknown")
                request, duration = meters.of(scope["method"], path, message["status"])
                request.inc()
                duration.observe(perf_counter() - begun_at)
                count_kept(scope, lambda _: request.inc())
                count_kept(scope, duration.observe)
            return send(message)

        return self._app(scope, receive, timed)

    def _of(self, registry: CollectorRegistry) -> _Meters:
        if self._meters is None or self._meters.registry is not registry:
            self._meters = _Meters(registry)
        return self._meters
