"""Health and metrics of a DNS replica over HTTP.

    GET /livez            -> 200
    GET /readyz, /healthz -> 200, or 503 with what is wrong
    GET /metrics          -> Prometheus' text

The bodies have the API's form.  Source: contract.md, "Routes".
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from app.domain.errors import CauseReason, NotSynced, Violation
from app.health_server import JSON, Answer, Route
from app.schemas.status import status_of

_CHECK = "state"


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether names can be answered, with a description of the state or problem."""

    is_ready: bool
    words: str


def routes(readiness: Callable[[], Readiness], metrics: CollectorRegistry) -> Mapping[str, Route]:
    """Map each path to the function that answers it."""
    return {
        "/livez": lambda: _healthy([]),
        "/readyz": lambda: _answer(readiness()),
        "/healthz": lambda: _answer(readiness()),
        "/metrics": lambda: Answer(
            HTTPStatus.OK, generate_latest(metrics).decode(), CONTENT_TYPE_LATEST
        ),
    }


def _answer(found: Readiness) -> Answer:
    if found.is_ready:
        return _healthy([{"name": _CHECK, "ok": True, "message": found.words}])
    cause = Violation(CauseReason.INVALID, _CHECK, found.words)
    refusal = NotSynced(f"not ready: {_CHECK}: {found.words}", causes=[cause])
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return Answer(status, json.dumps(status_of(refusal, status)), JSON)


def _healthy(checks: list[dict[str, object]]) -> Answer:
    return Answer(HTTPStatus.OK, json.dumps({"status": "ok", "checks": checks}), JSON)
