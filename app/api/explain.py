"""Route of explanations: why each Pod is, or is not, an endpoint of a Service.

    key, snapshot -> discovery.explain -> Explanation

It runs in a thread, as a namespace may have very many Pods.
Source: contract.md, "Routes".
"""

import asyncio

from fastapi import APIRouter, Request, Response

from app.api import errors as api_errors
from app.api.access.requirements import objects_of, requires
from app.api.dependencies import KeyOf, SnapshotOf
from app.api.errors import refusals
from app.api.objects.representation import answer
from app.domain import errors
from app.domain.discovery.explain.service import explain
from app.domain.names import NamespacedName
from app.domain.objects.service import SERVICE
from app.domain.snapshot import Snapshot
from app.schemas.explanation import ServiceExplanation, encode_explanation

router = APIRouter(tags=["services"])


@router.get(
    "/services/{namespace}/{name}/explain",
    operation_id="explain_service",
    summary="Explain the endpoints of a Service",
    response_model=ServiceExplanation,
    responses=refusals(
        errors.NotFound, errors.NotSynced, errors.RevisionAhead, api_errors.NotAcceptable
    ),
)
@requires(objects_of(SERVICE, "explain"))
async def explain_service(request: Request, key: KeyOf, snapshot: SnapshotOf) -> Response:
    """Say why each Pod of the namespace is, or is not, an endpoint of a Service."""
    return await asyncio.to_thread(_explained, request, key, snapshot)


def _explained(request: Request, key: NamespacedName, snapshot: Snapshot) -> Response:
    return answer(request, encode_explanation(explain(snapshot, key), snapshot.revision))
