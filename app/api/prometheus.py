"""The routes for Prometheus: the metrics of this server, and what else there is to scrape.

    Accept -> OpenMetrics, or Prometheus' text format
    caller, state -> [{"targets": […], "labels": {…}}]

Each module that does work counts it; ``docs/monitoring/metrics.md`` lists all metrics.  The right
to the path shows the processes of Waypost; Pods, endpoints of Services and agents are shown to
callers that may list them.

Source: contract.md, "Routes"; OpenMetrics 1.0; Prometheus, "HTTP SD"; access.md 2.1.
"""

from collections.abc import Iterable

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from app.api import errors as api_errors
from app.api.access.authority import visible
from app.api.access.identity import permit_of
from app.api.access.requirements import path_itself, requires
from app.api.dependencies import RegistryOf, SnapshotOf
from app.api.document.declared import text_of
from app.api.errors import refusals
from app.api.http.content_negotiation import JSON
from app.api.monitoring.targets import Allowed, Shown, TargetGroup, all_shown, targets_of
from app.domain import errors
from app.domain.access.attributes import Attributes
from app.domain.access.subjects import User
from app.domain.objects.endpoint_slice import ENDPOINT_SLICE
from app.domain.objects.node import NODE
from app.domain.objects.pod import POD
from app.domain.objects.resource import AnyResource
from app.domain.objects.service import SERVICE
from app.domain.snapshot import Snapshot
from app.schemas.health import ScrapeTargets, encode_targets
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


@router.get(
    "/prometheus/targets",
    operation_id="list_scrape_targets",
    summary="List what Prometheus is to scrape",
    response_model=ScrapeTargets,
    responses=refusals(errors.NotSynced, errors.RevisionAhead, api_errors.Overloaded),
)
@requires(path_itself)
async def list_scrape_targets(request: Request, snapshot: SnapshotOf) -> Response:
    """Answer in the form of `http_sd_configs`: Waypost's processes, and what opts in.

    Pods, Services and Nodes opt in by the annotation `prometheus.io/scrape: "true"`, and are shown
    to callers that may list them.
    """
    shown = _shown(request, snapshot)
    own, scheme = request.headers.get("host", ""), request.scope["scheme"]

    def written() -> bytes:
        return _written(targets_of(snapshot, shown, own=own, scheme=scheme))

    return Response(await run_in_threadpool(written), media_type=JSON)


def _written(groups: Iterable[TargetGroup]) -> bytes:
    return encode_targets((group.targets, group.labels) for group in groups)


def _shown(request: Request, snapshot: Snapshot) -> Shown:
    permit = permit_of(request.scope)
    if permit is None:
        return Shown(pods=all_shown, services=all_shown, nodes=all_shown)
    user = permit.caller.user
    return Shown(
        pods=_listable(snapshot, user, POD),
        services=_listable(snapshot, user, SERVICE, ENDPOINT_SLICE),
        nodes=_listable(snapshot, user, NODE),
    )


def _listable(snapshot: Snapshot, user: User, *kinds: AnyResource) -> Allowed:
    """Say in which namespaces a user may list objects of all of these kinds."""
    asked = [Attributes(verb="list", api_group=kind.group, resource=kind.plural) for kind in kinds]
    try:
        namespaces = visible(snapshot, user, asked)
    except errors.Forbidden:
        return lambda _: False
    return all_shown if namespaces is None else namespaces.__contains__
