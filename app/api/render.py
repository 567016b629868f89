"""HTTP surface of rendering: the rules of state that a request describes.

    state in the request -> NodeRules, or a text     (nothing stored)

Source: contract.md, "POST /render".
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.api import errors as api_errors
from app.api.access.requirements import path_itself, requires
from app.api.dependencies import Registry, RegistryOf
from app.api.document.declared import Answered, answered, body_of, declared
from app.api.errors import refusals
from app.api.objects.bodies import Draft, draft_of, media_of, read_body
from app.api.objects.representation import warn
from app.api.rules import TEXT, answer_json
from app.domain import errors
from app.domain.dataplane.ipvs.script import Part, encode_part
from app.schemas.documents.read import MediaType, parse_document
from app.schemas.documents.remarks import Remarks
from app.schemas.queries import RenderQuery
from app.schemas.rules.described import Described
from app.schemas.rules.models import NodeRules
from app.schemas.rules.render import Rendering, decode_rendering, read_request
from app.schemas.rules.render_request import RenderRequest

router = APIRouter(tags=["rules"])


@router.post(
    "/render",
    operation_id="render",
    summary="Make the rules of a node from objects in the request",
    response_model=NodeRules,
    responses={
        **answered(
            HTTPStatus.OK.value,
            Answered.WARNING,
            description="The rules; as text if the request names a `part`.",
            content={TEXT: {"type": "string"}},
        ),
        **refusals(
            errors.BadRequest,
            errors.Invalid,
            api_errors.BodyTooLarge,
            api_errors.NotAcceptable,
            api_errors.Unsupported,
        ),
    },
    openapi_extra=declared(body_of(RenderRequest)),
)
@requires(path_itself)
async def render(
    request: Request, query: Annotated[RenderQuery, Query()], registry: RegistryOf
) -> Response:
    """Answer with the rules that a node would have with these objects; nothing is stored."""
    draft = await read_body(request, _render_draft, media_of(request), query.field_validation)
    request.state.warnings = draft.warnings  # for the refusal, should there be one
    rendering = await registry.reading.run(decode_rendering, draft.object)
    return warn(await _rendered(request, registry, rendering, query.part), draft.warnings)


def _render_draft(body: bytes, media: MediaType, field_validation: str) -> Draft[Described]:
    document = parse_document(body, media)
    described = read_request(document.content)
    remarks = Remarks(described.ignored, document.duplicates)
    return draft_of(described, "RenderRequest", remarks, field_validation)


async def _rendered(
    request: Request, registry: Registry, rendering: Rendering, part: Part | None
) -> Response:
    write = registry.writing.run
    if part is not None:
        rules = await write(rendering.ipvs)
        text = await write(encode_part, rules, part)
        return Response(text.encode(), media_type=TEXT)
    return await answer_json(request, registry, await write(rendering.json))
