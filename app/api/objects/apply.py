"""HTTP surface of ``/apply``: a body of manifests, written as one.

    body -> Bundle -> Outcomes -> ApplyResult

Source: contract.md, "POST /apply".
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.api import errors as api_errors
from app.api.access.identity import UserOf
from app.api.access.requirements import by_body, requires
from app.api.dependencies import RegistryOf
from app.api.document.declared import Answered, answered, body, declared, reference
from app.api.document.unions import MANIFEST
from app.api.errors import refusals
from app.api.objects.bodies import STRICT, media_of, read_body
from app.api.objects.bundles import Reading, read_bundle
from app.api.objects.representation import answer, warn
from app.api.objects.writing import OCTETS_AN_OBJECT
from app.domain import errors
from app.domain.errors import CauseReason, Violation
from app.domain.label_queries import parse_selector
from app.domain.labels import Selector
from app.domain.names import Revision
from app.domain.objects.pod import POD
from app.domain.work import Work
from app.registry.writes.apply import Outcome, apply
from app.schemas.apply import ApplyResult
from app.schemas.queries import ApplyQuery, is_dry_run

AT_ONCE_MAX = 100  # objects up to which the answer is encoded in the event loop

router = APIRouter(tags=["manifests"])

_BODY = body(
    reference("schemas", MANIFEST),
    description="One object, a `List`, or a stream of YAML documents or JSON objects. Objects of "
    "kinds that Waypost does not hold may be among them.",
)


@router.post(
    "/apply",
    operation_id="apply",
    summary="Create or change many objects at once",
    response_model=ApplyResult,
    responses=answered(HTTPStatus.OK.value, Answered.WARNING)
    | refusals(
        errors.BadRequest,
        errors.Forbidden,
        errors.Invalid,
        errors.NotFound,
        errors.NotSynced,
        errors.Unconfirmed,
        api_errors.BodyTooLarge,
        api_errors.Unsupported,
        api_errors.NotAcceptable,
    ),
    openapi_extra=declared(_BODY),
)
@requires(by_body)
async def apply_manifests(
    request: Request, query: Annotated[ApplyQuery, Query()], registry: RegistryOf, user: UserOf
) -> Response:
    """Write all objects of the body in one transaction, merged as `kubectl apply` does."""
    prune, is_dry = _prune(query), is_dry_run(query.dry_run)
    snapshot = registry.view.require_synced()
    how = Reading(
        field_validation=STRICT if query.strict else query.field_validation,
        must_be_held=query.strict,
        objects_max=registry.objects_max,
    )
    bundle = await read_body(request, read_bundle, media_of(request), snapshot, how)
    request.state.warnings = bundle.mistakes  # for a refusal, whose reason they may be

    def decide(work: Work) -> tuple[Sequence[Outcome], Revision]:
        before, work.user = work.snapshot.revision, user
        items = [manifest.item() for manifest in bundle.manifests]
        mirrors = [manifest.mirror() for manifest in bundle.mirrors]
        outcomes = apply(work, items, mirrors=mirrors, prune=prune, refused=bundle.refused)
        return outcomes, work.revision if work.changes() else before

    reach = len(bundle) + len(await request.body()) // OCTETS_AN_OBJECT
    reach += 0 if prune is None else len(snapshot.index)
    outcomes, revision = await registry.writer.write(decide, dry_run=is_dry, reach=reach)
    if not is_dry:
        await registry.leases.renew_existing(bundle.keys_of(POD))

    def answered() -> Response:
        head = {"kind": "ApplyResult", "resourceVersion": str(revision), "dryRun": is_dry}
        result = {**head, "results": bundle.entries(outcomes)}
        response = warn(answer(request, result), bundle.warnings(outcomes))
        bundle.clear()
        return response

    return answered() if reach <= AT_ONCE_MAX else await registry.writing.run(answered)


def _prune(query: ApplyQuery) -> Selector | None:
    if not query.prune:
        return None
    if not query.label_selector.strip():
        cause = Violation(CauseReason.REQUIRED, "labelSelector", "must be given with prune")
        raise errors.BadRequest("prune needs a labelSelector", causes=(cause,))
    return parse_selector(query.label_selector)
