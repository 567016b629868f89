"""Routes that tell a caller who it is, and what it or another user may do.

    GET /whoami -> SelfSubjectReview          POST /can-i -> SubjectAccessReview, one or many

A right that is missing is an answer, not a refusal.  Source: access.md 2.11.
"""

from collections.abc import Iterable
from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from app.api import errors as api_errors
from app.api.access.authority import require
from app.api.access.identity import UserOf
from app.api.access.requirements import Asked, by_body, requires
from app.api.dependencies import RegistryOf
from app.api.document.declared import body_of, declared
from app.api.errors import refusals
from app.api.objects.bodies import media_of, read_body
from app.api.objects.representation import answer
from app.domain import errors
from app.domain.access.attributes import Attributes
from app.domain.access.decision import Allowed, authorize
from app.domain.access.subjects import User
from app.domain.snapshot import Snapshot
from app.schemas.documents.read import parse_document
from app.schemas.reviews import (
    AccessReview,
    Review,
    SelfSubjectReview,
    decode_reviews,
    encode_review,
    encode_user,
)

_AUTHORIZATION = "authorization.k8s.io"

router = APIRouter(tags=["access"])


def _who(_: Asked) -> Iterable[Attributes]:
    yield Attributes(
        verb="create", api_group="authentication.k8s.io", resource="selfsubjectreviews"
    )


@router.get(
    "/whoami",
    operation_id="whoami",
    summary="Read the user that the request acts for",
    response_model=SelfSubjectReview,
    responses=refusals(api_errors.NotAcceptable),
)
@requires(_who)
async def whoami(request: Request, user: UserOf) -> Response:
    """Answer with its name, groups and extras, after impersonation."""
    return answer(request, encode_user(user))


@router.post(
    "/can-i",
    operation_id="can_i",
    summary="Check whether a user may do something",
    status_code=HTTPStatus.CREATED,
    response_model=AccessReview,
    responses=refusals(
        errors.BadRequest,
        errors.Forbidden,
        errors.Invalid,
        errors.NotSynced,
        api_errors.BodyTooLarge,
        api_errors.Unsupported,
        api_errors.NotAcceptable,
    ),
    openapi_extra=declared(body_of(AccessReview)),
)
@requires(by_body)
async def can_i(request: Request, user: UserOf, registry: RegistryOf) -> Response:
    """Answer a question, or up to 100 in `reviews`; a right that is missing is no refusal."""
    content = (await read_body(request, parse_document, media_of(request))).content
    reviews, is_list = decode_reviews(content)
    snapshot = registry.view.require_synced()
    require(snapshot, user, _asked(reviews))
    answers = [_answered(snapshot, user, review) for review in reviews]
    body = {"reviews": answers} if is_list else answers[0]
    return answer(request, body, status=HTTPStatus.CREATED)


def _asked(reviews: Iterable[Review]) -> Iterable[Attributes]:
    """List what the caller must be allowed to ask."""
    others = {review.user is not None for review in reviews} or {False}
    for is_other in sorted(others):
        resource = "subjectaccessreviews" if is_other else "selfsubjectaccessreviews"
        yield Attributes(verb="create", api_group=_AUTHORIZATION, resource=resource)


def _answered(snapshot: Snapshot, caller: User, review: Review) -> dict[str, object]:
    decision = authorize(snapshot, review.user or caller, review.attributes)
    is_allowed = isinstance(decision, Allowed)
    return encode_review(
        review, is_allowed=is_allowed, reason=decision.reason if is_allowed else ""
    )
