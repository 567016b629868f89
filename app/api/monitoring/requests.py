"""Requests counted and timed, by route and status; answers that are kept count like all others.

Source: the RED method: rate, errors, duration.
"""

from collections.abc import Awaitable
from time import perf_counter
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.access.routes import Found, Routes
from app.api.http.kept_answers import count_kept

_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_UNKNOWN: Final = "unknown"  # stands for the path where there is no route


class RequestMeters:
    """The counters and the durations of one registry, looked up once for each set of labels.

    There are as many as the labels' values allow: methods of HTTP, routes, and statuses.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._requests = Counter(
            "waypost_http_requests",
            "Requests answered, by method, path of the route and status.",
            ("method", "path", "code"),
            registry=registry,
        )
        self._durations = Histogram(
            "waypost_http_request_duration_seconds",
            "Seconds from a request to the first byte of its answer, by class of the status.",
            ("method", "path", "status"),
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
            durations = self._durations.labels(method, path, f"{status // 100}xx")
            known = self._known[place] = requests, durations
        return known


class RequestMeter:
    """Counts requests and measures their duration, by route and status."""

    def __init__(self, app: ASGIApp, *, routes: Routes) -> None:
        self._app, self._routes = app, routes
        self._meters: RequestMeters | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Time one request until its answer begins."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        begun_at = perf_counter()
        meters = self._of(scope["app"].state.registry.metrics)

        def timed(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                path = path_of(scope, self._routes)
                request, duration = meters.of(scope["method"], path, message["status"])
                request.inc()
                duration.observe(perf_counter() - begun_at)
                count_kept(scope, lambda _: request.inc())
                count_kept(scope, duration.observe)
            return send(message)

        return self._app(scope, receive, timed)

    def _of(self, registry: CollectorRegistry) -> RequestMeters:
        if self._meters is None or self._meters.registry is not registry:
            self._meters = RequestMeters(registry)
        return self._meters


def path_of(scope: Scope, routes: Routes) -> str:
    """Give the path of a request's route as it is declared, also where the request was refused."""
    found = routes.found(scope)
    return found.route.path if isinstance(found, Found) else _UNKNOWN
