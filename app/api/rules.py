"""HTTP surface of node rules: what a node's kernel must be told, whole or in steps.

    node -> registry.node_rules -> NodeRules, text, NodeRulesChanges, NodeRulesDrift
    state in the request        -> NodeRules     (nothing stored)

Rules of one revision never change, so they carry it as their entity tag.
"""

from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from app.api import errors as api_errors
from app.api.bodies import documented_body, media_of
from app.api.dependencies import Registry, RegistryOf, SnapshotOf
from app.api.errors import refusals
from app.api.forms import JSON, YAML, accepts_only_json, chosen_form
from app.api.packing import packed
from app.api.representation import answer, entity_tags, warn
from app.domain import errors
from app.domain.dataplane.ipvs import IPVSRules
from app.domain.dataplane.ipvsadm import parse_servers
from app.domain.dataplane.nftables import encode as encode_nftables
from app.domain.dataplane.script import Part, encode_part
from app.domain.snapshot import Snapshot
from app.schemas.documents import MediaType, parse_document
from app.schemas.operations import NodeRulesDrift
from app.schemas.operations_codec import encode_drift
from app.schemas.render import Rendering, decode_rendering
from app.schemas.rules import NodeRules, NodeText, RenderRequest
from app.schemas.rules_codec import encode_rules, encode_text

T = TypeVar("T")

TEXT = "text/plain"
WAIT_S_MAX = 60  # seconds that a node may let itself be kept waiting for news
ENCODED_MAX = 32  # parts of plans whose bytes are kept for the next node that is given the same
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
async def get_node_ipvs(
    name: NameOf, request: Request, registry: RegistryOf, snapshot: SnapshotOf
) -> Response:
    """Give the virtual servers, sets, addresses, settings and filter rules of a node."""
    tag = _tag(registry, snapshot)
    if tag in entity_tags(request, "if-none-match"):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    rules = await registry.rules.ipvs(snapshot, name)
    return await _answer_rules(request, rules, {"ETag": tag})


@router.get(
    "/nodes/{name}/ipvs.txt",
    operation_id="get_node_ipvs_text",
    summary="The same as text that the kernel's programs load",
    response_class=Response,
    responses={**_TEXT, **refusals(*_READ[:-1])},
)
async def get_node_ipvs_text(
    name: NameOf,
    request: Request,
    registry: RegistryOf,
    snapshot: SnapshotOf,
    part: PartOf = Part.SCRIPT,
) -> Response:
    """Give a shell script, or what it feeds to one program."""
    rules = await registry.rules.ipvs(snapshot, name)
    text = await run_in_threadpool(encode_part, rules, part)
    return await packed(request, text.encode(), media_type=TEXT)


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
async def get_node_nftables(
    name: NameOf, request: Request, registry: RegistryOf, snapshot: SnapshotOf
) -> Response:
    """Give one transaction that makes a node's tables hold its rules and nothing else."""
    tag = _tag(registry, snapshot)
    if tag in entity_tags(request, "if-none-match"):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    rules = await registry.rules.ipvs(snapshot, name)
    text = await run_in_threadpool(encode_nftables, rules.rules)
    headers = {"ETag": tag, "Vary": "Accept, Accept-Encoding"}
    if accepts_only_json(request):
        body = await run_in_threadpool(encode_text, rules.rules, text)
        return await packed(request, body.encode(), media_type=JSON, headers=headers)
    return await packed(request, text.encode(), media_type=TEXT, headers=headers)


@router.put(
    "/nodes/{name}/ipvs/observed",
    operation_id="observe_node_ipvs",
    summary="How far a node has drifted, and what mends it",
    response_model=NodeRulesDrift,
    responses=refusals(errors.BadRequest, api_errors.BodyTooLarge, *_READ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The output of `ipvsadm --save -n`.",
            "content": {TEXT: {"schema": {"type": "string"}}},
        }
    },
)
async def observe_node_ipvs(
    name: NameOf, request: Request, registry: RegistryOf, snapshot: SnapshotOf
) -> Response:
    """Compare what a node holds with what it was told; nothing is stored."""
    observed = await run_in_threadpool(parse_servers, _text(await request.body()))
    drift = await registry.rules.drift(snapshot, name, observed)
    head = {"kind": "NodeRulesDrift", "node": name, "resourceVersion": str(snapshot.revision)}
    return answer(request, {**head, **encode_drift(drift)})


@router.post(
    "/render",
    operation_id="render",
    summary="The rules of state given in the request",
    response_model=NodeRules,
    responses={
        HTTPStatus.OK.value: {
            "description": "The rules; as text when a `part` is asked for.",
            "content": {TEXT: {"schema": {"type": "string"}}},
        },
        **refusals(
            errors.BadRequest,
            errors.Invalid,
            api_errors.BodyTooLarge,
            api_errors.NotAcceptable,
            api_errors.Unsupported,
        ),
    },
    openapi_extra=documented_body(RenderRequest),
)
async def render(
    request: Request,
    part: Annotated[Part | None, Query(description="Answer with this text instead.")] = None,
) -> Response:
    """Make the rules of one node from Services and slices; nothing is stored."""
    document = parse_document(await request.body(), media_of(request))
    rendering = await run_in_threadpool(decode_rendering, document.content)
    response = await _rendered(request, rendering, part)
    return warn(response, [f'unknown field "{path}"' for path in rendering.unknown])


async def _rendered(request: Request, rendering: Rendering, part: Part | None) -> Response:
    if part is not None:
        rules = await run_in_threadpool(rendering.ipvs)
        text = await run_in_threadpool(encode_part, rules, part)
        return await packed(request, text.encode(), media_type=TEXT)
    body = await run_in_threadpool(rendering.json)
    if chosen_form(request) == YAML:
        return await run_in_threadpool(_as_yaml, request, body, {})
    return await packed(request, body.encode(), media_type=JSON)


async def _answer_rules(request: Request, rules: IPVSRules, headers: dict[str, str]) -> Response:
    body = await run_in_threadpool(encode_rules, rules)
    if chosen_form(request) == YAML:
        return await run_in_threadpool(_as_yaml, request, body, headers)
    return await packed(request, body.encode(), media_type=JSON, headers=headers)


def _tag(registry: Registry, snapshot: Snapshot) -> str:
    return f'"{snapshot.revision}-{registry.rules.fingerprint}"'


def _as_yaml(request: Request, body: str, headers: dict[str, str]) -> Response:
    document = parse_document(body.encode(), MediaType.JSON).content
    return answer(request, document, headers=headers)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise errors.BadRequest("the body is not UTF-8") from error
