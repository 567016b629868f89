"""HTTP surface of node rules: what a node's kernel must be told, whole or in steps.

    node -> registry.node_rules -> NodeRules, text, NodeRulesChanges, NodeRulesDrift

Rules of one revision never change, so they carry it as their entity tag.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from app.api import errors as api_errors
from app.api.access.requirements import objects_of, requires
from app.api.dependencies import NAME, Registry, RegistryOf, SnapshotOf
from app.api.document.declared import (
    NOT_MODIFIED,
    Answered,
    Sent,
    answered,
    body,
    declared,
    text_of,
)
from app.api.errors import refusals
from app.api.http.content_negotiation import JSON, YAML, accepts_only_json, chosen_form
from app.api.objects.bodies import (
    content_type,
    read_body,
    unsupported,
)
from app.api.objects.representation import answer, entity_tags, lasting
from app.domain import errors
from app.domain.dataplane.ipvs.ipvsadm import parse_servers
from app.domain.dataplane.ipvs.script import Part, encode_part
from app.domain.dataplane.ipvs.virtual_server import ServerKey, VirtualServer
from app.domain.dataplane.nftables.text import encode as encode_nftables
from app.domain.objects.node import NODE
from app.domain.snapshot import Snapshot
from app.schemas.base import words
from app.schemas.documents.read import MediaType, parse_document
from app.schemas.rules.codec import encode_rules, encode_text
from app.schemas.rules.models import NftablesRules, NodeRules
from app.schemas.rules.operations import NodeRulesDrift, encode_drift

TEXT = "text/plain"
_READ = (errors.NotFound, errors.NotSynced, errors.RevisionAhead, api_errors.NotAcceptable)
NameOf = Annotated[str, Path(description=NAME, examples=["ent"])]
PartOf = Annotated[
    Part, words(Part, "RulesPart"), Query(description="Which text; `script` applies all of them.")
]

router = APIRouter(tags=["rules"])


@router.get(
    "/nodes/{name}/ipvs",
    operation_id="read_node_ipvs",
    summary="Read the rules of a node in IPVS mode",
    response_model=NodeRules,
    responses={
        **answered(HTTPStatus.OK.value, Answered.ETAG),
        **NOT_MODIFIED,
        **refusals(*_READ),
    },
    openapi_extra=declared(headers=[Sent.IF_NONE_MATCH]),
)
@requires(objects_of(NODE, "rules"))
async def read_node_ipvs(
    name: NameOf, request: Request, registry: RegistryOf, snapshot: SnapshotOf
) -> Response:
    """Answer with virtual servers, sets, addresses, kernel settings and filter rules."""
    tag = _tag(registry, snapshot)
    if tag in entity_tags(request, "if-none-match"):
        return _not_modified(request, snapshot, tag)
    rules = await registry.rules.ipvs(snapshot, name)
    body = await registry.writing.run(encode_rules, rules)
    return await answer_json(request, registry, body, {"ETag": tag})


@router.get(
    "/nodes/{name}/ipvs.txt",
    operation_id="read_node_ipvs_text",
    summary="Read the rules of a node in IPVS mode as text",
    response_class=Response,
    responses={
        **text_of(TEXT, "Input for the program that the part is named after."),
        **refusals(*_READ[:-1]),
    },
)
@requires(objects_of(NODE, "rules"))
async def read_node_ipvs_text(
    name: NameOf,
    request: Request,
    registry: RegistryOf,
    snapshot: SnapshotOf,
    part: PartOf = Part.SCRIPT,
) -> Response:
    """Answer with a shell script, or with the part of it that one program loads."""
    rules = await registry.rules.ipvs(snapshot, name)
    text = await registry.writing.run(encode_part, rules, part)
    return Response(text.encode(), media_type=TEXT)


@router.get(
    "/nodes/{name}/nftables",
    operation_id="read_node_nftables",
    summary="Read the rules of a node in nftables mode",
    response_model=NftablesRules,
    responses={
        **answered(
            HTTPStatus.OK.value,
            Answered.ETAG,
            description="The text for `nft -f`; with what an agent must know beside it for a "
            "client that accepts only JSON.",
            content={TEXT: {"type": "string"}},
        ),
        **NOT_MODIFIED,
        **refusals(*_READ[:-1]),
    },
    openapi_extra=declared(headers=[Sent.IF_NONE_MATCH]),
)
@requires(objects_of(NODE, "rules"))
async def read_node_nftables(
    name: NameOf, request: Request, registry: RegistryOf, snapshot: SnapshotOf
) -> Response:
    """Answer with one transaction after which the tables hold these rules and nothing else."""
    tag = _tag(registry, snapshot)
    if tag in entity_tags(request, "if-none-match"):
        return _not_modified(request, snapshot, tag)
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
    operation_id="compare_node_ipvs",
    summary="Compare the virtual servers of a node with its rules",
    response_model=NodeRulesDrift,
    responses=refusals(errors.BadRequest, api_errors.BodyTooLarge, api_errors.Unsupported, *_READ),
    openapi_extra=declared(
        body({"type": "string"}, media_type=TEXT, description="The output of `ipvsadm --save -n`.")
    ),
)
@requires(objects_of(NODE, "observed"))
async def compare_node_ipvs(
    name: NameOf, request: Request, registry: RegistryOf, snapshot: SnapshotOf
) -> Response:
    """Answer with the drift of a node and the operations that repair it; nothing is stored."""
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


def _not_modified(request: Request, snapshot: Snapshot, tag: str) -> Response:
    response = Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    revision = snapshot.revision  # alone: what is kept must keep no state
    return lasting(request, response, lambda state: state.revision == revision)


def _as_yaml(request: Request, body: str, headers: Mapping[str, str]) -> Response:
    document = parse_document(body.encode(), MediaType.JSON).content
    return answer(request, document, headers=headers)


def _observed(body: bytes) -> Mapping[ServerKey, VirtualServer]:
    try:
        return parse_servers(body.decode())
    except UnicodeDecodeError as error:
        raise errors.BadRequest("the body is not UTF-8") from error
