"""HTTP surface of node rules: what a node's kernel must be told, whole or in steps.

    node -> registry.node_rules -> NodeRules, text, NodeRulesChanges, NodeRulesDrift

Rules of one revision never change, so they carry it as their entity tag.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from app.api import errors as api_errors
from app.api.access.requirements import objects_of, requires
from app.api.dependencies import Registry, RegistryOf, SnapshotOf
from app.api.errors import refusals
from app.api.http.content_negotiation import JSON, YAML, accepts_only_json, chosen_form
from app.api.objects.bodies import (
    content_type,
    read_body,
    unsupported,
)
from app.api.objects.representation import answer, entity_tags
from app.domain import errors
from app.domain.dataplane.ipvs.ipvsadm import parse_servers
from app.domain.dataplane.ipvs.script import Part, encode_part
from app.domain.dataplane.ipvs.virtual_server import ServerKey, VirtualServer
from app.domain.dataplane.nftables.text import encode as encode_nftables
from app.domain.objects.node import NODE
from app.domain.snapshot import Snapshot
from app.schemas.documents.read import MediaType, parse_document
from app.schemas.rules.codec import encode_rules, encode_text
from app.schemas.rules.models import NodeRules, NodeText
from app.schemas.rules.operations import NodeRulesDrift, encode_drift

TEXT = "text/plain"
_READ = (errors.NotFound, errors.NotSynced, errors.RevisionAhead, api_errors.NotAcceptable)
_TEXT: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK.value: {
        "description": "Input for the program that the part is named after.",
        "content": {TEXT: {"schema": {"type": "string"}}},
    }
}
NameOf = Annotated[str, Path(examples=["n1"])]
PartOf = Annotated[Part, Query(description="Which text; `script` applies all of them.")]

router = APIRouter(tags=["rules"])


@router.get(
    "/nodes/{name}/ipvs",
    operation_id="get_node_ipvs",
    summary="Everything a node is told, in IPVS mode",
    response_model=NodeRules,
    responses=refusals(*_READ),
)
@requires(objects_of(NODE, "rules"))
async def get_node_ipvs(
    name: NameOf, request: Request, registry: RegistryOf, snapshot: SnapshotOf
) -> Response:
    """Give the virtual servers, sets, addresses, settings and filter rules of a node."""
    tag = _tag(registry, snapshot)
    if tag in entity_tags(request, "if-none-match"):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    rules = await registry.rules.ipvs(snapshot, name)
    body = await registry.writing.run(encode_rules, rules)
    return await answer_json(request, registry, body, {"ETag": tag})


@router.get(
    "/nodes/{name}/ipvs.txt",
    operation_id="get_node_ipvs_text",
    summary="The same as text that the kernel's programs load",
    response_class=Response,
    responses={**_TEXT, **refusals(*_READ[:-1])},
)
@requires(objects_of(NODE, "rules"))
async def get_node_ipvs_text(
    name: NameOf,
    request: Request,
    registry: RegistryOf,
    snapshot: SnapshotOf,
    part: PartOf = Part.SCRIPT,
) -> Response:
    """Give a shell script, or what it feeds to one program."""
    rules = await registry.rules.ipvs(snapshot, name)
    text = await registry.writing.run(encode_part, rules, part)
    return Response(text.encode(), media_type=TEXT)


@router.get(
    "/nodes/{name}/nftables",
    operation_id="get_node_nftables",
    summary="The same rules for nft -f",
    response_model=NodeText,
    responses={
        HTTPStatus.OK.value: {
            "description": "The text; with what its agent must know beside it when only JSON is "
            "accepted.",
            "content": {TEXT: {"schema": {"type": "string"}}},
        },
        **refusals(*_READ[:-1]),
    },
)
@requires(objects_of(NODE, "rules"))
async def get_node_nftables(
    name: NameOf, request: Request, registry: RegistryOf, snapshot: SnapshotOf
) -> Response:
    """Give one transaction that makes a node's tables hold its rules and nothing else."""
    tag = _tag(registry, snapshot)
    if tag in entity_tags(request, "if-none-match"):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    rules = await registry.rules.ipvs(snapshot, name)
    write = registry.writing.run
    text = await write(encode_nftables, rules.rules)
    headers = {"ETag": tag, "Vary": "Accept"}
    if accepts_only_json(request):
        body = await write(encode_text, rules.rules, text)
        return Response(body.encode(), media_type=JSON, headers=headers)
    return Response(text.encode(), media_type=TEXT, headers=headers)


@router.put(
    "/nodes/{name}/ipvs/observed",
    operation_id="observe_node_ipvs",
    summary="How far a node has drifted, and what mends it",
    response_model=NodeRulesDrift,
    responses=refusals(errors.BadRequest, api_errors.BodyTooLarge, api_errors.Unsupported, *_READ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The output of `ipvsadm --save -n`.",
            "content": {TEXT: {"schema": {"type": "string"}}},
        }
    },
)
@requires(objects_of(NODE, "observed"))
async def observe_node_ipvs(
    name: NameOf, request: Request, registry: RegistryOf, snapshot: SnapshotOf
) -> Response:
    """Compare what a node holds with what it was told; nothing is stored."""
    if content_type(request).partition(";")[0].strip().lower() != TEXT:
        raise unsupported(request, (TEXT,))
    observed = await read_body(request, _observed)
    drift = await registry.rules.drift(snapshot, name, observed)
    head = {"kind": "NodeRulesDrift", "node": name, "resourceVersion": str(snapshot.revision)}
    return await registry.writing.run(lambda: answer(request, {**head, **encode_drift(drift)}))


async def answer_json(
    request: Request, registry: Registry, body: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with encoded rules, compressed, or as YAML."""
    if chosen_form(request) == YAML:
        return await registry.writing.run(_as_yaml, request, body, headers or {})
    return Response(body.encode(), media_type=JSON, headers=headers)


def _tag(registry: Registry, snapshot: Snapshot) -> str:
    return f'"{snapshot.revision}-{registry.rules.fingerprint}"'


def _as_yaml(request: Request, body: str, headers: Mapping[str, str]) -> Response:
    document = parse_document(body.encode(), MediaType.JSON).content
    return answer(request, document, headers=headers)


def _observed(body: bytes) -> Mapping[ServerKey, VirtualServer]:
    try:
        return parse_servers(body.decode())
    except UnicodeDecodeError as error:
        raise errors.BadRequest("the body is not UTF-8") from error
