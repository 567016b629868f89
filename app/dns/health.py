"""What a replica says of itself over HTTP: whether it can answer, and what it counts.

    GET /livez            -> 200
    GET /readyz, /healthz -> 200, or 503 with what is wrong
    GET /metrics          -> Prometheus' text

The bodies are those of the API.  Source: contract.md, "Routes".
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from app.client.health_server import JSON, Answer, Route
from app.domain.errors import CauseReason, NotSynced, Violation
from app.schemas.status import status_of

_CHECK = "state"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether names can be answered, and in words how well or what is wrong."""

    is_ready: bool
    words: str


def routes(standing: Callable[[], Standing], metrics: CollectorRegistry) -> Mapping[str, Route]:
    """Say what each path answers."""
    return {
        "/livez": lambda: _healthy([]),
        "/readyz": lambda: _readiness(standing()),
        "/healthz": lambda: _readiness(standing()),
        "/metrics": lambda: Answer(
            HTTPStatus.OK, generate_latest(metrics).decode(), CONTENT_TYPE_LATEST
        ),
    }


def _readiness(found: Standing) -> Answer:
    if found.is_ready:
        return _healthy([{"name": _CHECK, "ok": True, "message": found.words}])
    cause = Violation(CauseReason.INVALID, _CHECK, found.words)
    refusal = NotSynced(f"not ready: {_CHECK}: {found.words}", causes=[cause])
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return Answer(status, json.dumps(status_of(refusal, status)), JSON)


def _healthy(checks: list[dict[str, object]]) -> Answer:
    return Answer(HTTPStatus.OK, json.dumps({"status": "ok", "checks": checks}), JSON)
