"""Routes of leases: heartbeats of a Pod, of many Pods, or of a Node's agent.

    keys -> registry.leases -> which were renewed, and which are unknown

Source: contract.md, "Routes".
"""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from app.api import errors as api_errors
from app.api.access.identity import UserOf
from app.api.access.named_objects import require_heartbeats
from app.api.access.requirements import by_body, objects_of, requires
from app.api.dependencies import NAME, KeyOf, RegistryOf
from app.api.document.declared import body_of, declared
from app.api.errors import refusals
from app.api.objects.bodies import media_of, read_body
from app.api.objects.representation import answer
from app.domain import errors
from app.domain.objects.node import NODE
from app.domain.objects.pod import POD
from app.schemas.documents.read import parse_document
from app.schemas.heartbeats import (
    HeartbeatResult,
    Heartbeats,
    NodeHeartbeatResult,
    decode_heartbeats,
    encode_heartbeats,
)

router = APIRouter(tags=["leases"])

_REFUSALS = (errors.NotFound, errors.NotSynced, errors.Unconfirmed, api_errors.NotAcceptable)


@router.post(
    "/pods/{namespace}/{name}/heartbeat",
    operation_id="renew_pod_lease",
    summary="Renew the lease of a Pod",
    response_model=HeartbeatResult,
    responses=refusals(*_REFUSALS),
)
@requires(objects_of(POD, "heartbeat"))
async def renew_pod_lease(request: Request, key: KeyOf, registry: RegistryOf) -> Response:
    """Take a heartbeat of a Pod; if its lease had expired, it is as it was before."""
    renewal = await registry.leases.renew([key])
    if renewal.unknown:
        raise errors.not_found(POD.plural, key.name)
    return answer(request, encode_heartbeats(renewal.renewed, renewal.unknown))


@router.post(
    "/heartbeats",
    operation_id="renew_leases",
    summary="Renew the leases of many Pods",
    response_model=HeartbeatResult,
    responses=refusals(
        errors.BadRequest, *_REFUSALS[1:], api_errors.BodyTooLarge, api_errors.Unsupported
    ),
    openapi_extra=declared(body_of(Heartbeats)),
)
@requires(by_body)
async def renew_leases(request: Request, registry: RegistryOf, user: UserOf) -> Response:
    """Take heartbeats; the answer names the Pods that are not registered."""
    content = (await read_body(request, parse_document, media_of(request))).content
    keys = decode_heartbeats(content)
    if not user.is_master:
        snapshot = registry.view.require_synced()
        await registry.reading.run(lambda: require_heartbeats(snapshot, user, keys))
    renewal = await registry.leases.renew(keys)
    return answer(request, encode_heartbeats(renewal.renewed, renewal.unknown))


@router.post(
    "/nodes/{name}/heartbeat",
    operation_id="renew_node_lease",
    summary="Renew the lease of the agent of a Node",
    response_model=NodeHeartbeatResult,
    responses=refusals(*_REFUSALS[:2], api_errors.NotAcceptable),
)
@requires(objects_of(NODE, "heartbeat"))
async def renew_node_lease(
    request: Request,
    name: Annotated[str, Path(description=NAME, examples=["ent"])],
    registry: RegistryOf,
) -> Response:
    """Take a heartbeat of an agent, which keeps the reports on the Pods of its Node valid."""
    lease_s = registry.leases.renew_node(name)
    return answer(request, {"node": name, "leaseDurationSeconds": lease_s})
