"""Routes of resolution: answers as a program would get them, and the resolv.conf it reads.

    Question -> registry.resolution -> Resolution;  Pod | Namespace -> text

The registry's Resolver has the configuration.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app.api import errors as api_errors
from app.api.access.identity import UserOf
from app.api.access.named_objects import path_and_pod, require_pod, sees_endpoints
from app.api.access.requirements import objects_of, path_itself, requires
from app.api.dependencies import NAME, KeyOf, RegistryOf, SnapshotOf
from app.api.document.declared import body_of, declared, text_of
from app.api.errors import refusals
from app.api.objects.bodies import media_of, read_body
from app.api.objects.representation import answer, lasting, warn
from app.domain import errors
from app.domain.access.subjects import User
from app.domain.discovery.resolution import Resolved
from app.domain.discovery.resolvers import resolv_conf
from app.domain.discovery.resolvers.resolv_conf import ResolvConf
from app.domain.names import NamespacedName
from app.domain.objects.namespace import NAMESPACE
from app.domain.objects.pod import POD
from app.domain.snapshot import Snapshot
from app.registry.resolution import conf_of_pod, resolve
from app.schemas.documents.read import parse_document
from app.schemas.resolution import Question, QuestionBatch, Resolution, ResolutionBatch
from app.schemas.resolution_codec import asked_of, encode_resolution

AT_ONCE_MAX = 16  # questions of a batch that are resolved concurrently
_REFUSALS = (
    errors.BadRequest,
    errors.NotFound,
    errors.NotSynced,
    errors.RevisionAhead,
    api_errors.NotAcceptable,
)
_TEXT = text_of("text/plain", "The file, ready to be mounted as `/etc/resolv.conf`.")


_WITHHELD = ("endpoints are left out: they need the right to list endpointslices",)

router = APIRouter(tags=["names"])


@router.get(
    "/resolve",
    operation_id="resolve",
    summary="Resolve a name as a program would",
    response_model=Resolution,
    responses=refusals(*_REFUSALS),
)
@requires(path_and_pod)
async def resolve_one(
    request: Request,
    query: Annotated[Question, Query()],
    snapshot: SnapshotOf,
    registry: RegistryOf,
    user: UserOf,
) -> Response:
    """Answer with the result and all queries of the resolver; no such name is a result, too."""
    resolved = await resolve(snapshot, asked_of(query), registry.resolver)
    wire = _encoded(resolved, snapshot, user, explain=query.explain)
    withheld = _WITHHELD if query.explain and "endpoints" not in wire else ()
    response = warn(answer(request, wire), withheld)
    ground = registry.resolver.ground_of(snapshot, resolved)
    if ground is None:
        return response
    return lasting(request, response, ground, revision=snapshot.revision)


@router.post(
    "/resolve",
    operation_id="resolve_many",
    summary="Resolve many names as programs would",
    response_model=ResolutionBatch,
    responses=refusals(*_REFUSALS, api_errors.BodyTooLarge, api_errors.Unsupported),
    openapi_extra=declared(body_of(QuestionBatch)),
)
@requires(path_itself)
async def resolve_many(
    request: Request, snapshot: SnapshotOf, registry: RegistryOf, user: UserOf
) -> Response:
    """Answer all questions at the same revision, in their order."""
    batch = await _read_batch(request)
    for question in batch.questions:
        require_pod(snapshot, user, question.pod)
    slots = asyncio.Semaphore(AT_ONCE_MAX)

    async def one(question: Question) -> dict[str, object]:
        async with slots:
            resolved = await resolve(snapshot, asked_of(question), registry.resolver)
        return _encoded(resolved, snapshot, user, explain=question.explain)

    resolutions = await asyncio.gather(*(one(question) for question in batch.questions))
    response = answer(request, {"resolutions": resolutions})
    explained = zip(batch.questions, resolutions, strict=True)
    is_withheld = any(each.explain and "endpoints" not in wire for each, wire in explained)
    return warn(response, _WITHHELD if is_withheld else ())


def _encoded(
    resolved: Resolved, snapshot: Snapshot, user: User, *, explain: bool
) -> dict[str, object]:
    """Encode an answer, with endpoints only for a caller who may list the slices they are from."""
    wire = encode_resolution(resolved, snapshot, explain=explain)
    service = resolved.service
    if explain and service is not None and not sees_endpoints(snapshot, user, service.namespace):
        del wire["endpoints"]
    return wire


@router.get(
    "/namespaces/{name}/resolv.conf",
    operation_id="read_namespace_resolv_conf",
    summary="Read the resolv.conf of the Pods of a Namespace",
    response_class=Response,
    responses={**_TEXT, **refusals(*_REFUSALS[1:-1])},
)
@requires(objects_of(NAMESPACE, "resolvconf"))
async def read_of_namespace(
    name: Annotated[str, Path(description=NAME, examples=["ent"])],
    snapshot: SnapshotOf,
    registry: RegistryOf,
) -> Response:
    """Answer with the file of a Pod that has no `dnsConfig` and the usual `dnsPolicy`."""
    if NamespacedName("", name) not in snapshot.namespaces:
        raise errors.not_found(NAMESPACE.plural, name)
    return _text(resolv_conf.for_namespace(name, registry.resolver.dns))


@router.get(
    "/pods/{namespace}/{name}/resolv.conf",
    operation_id="read_pod_resolv_conf",
    summary="Read the resolv.conf of a Pod",
    response_class=Response,
    responses={**_TEXT, **refusals(*_REFUSALS[1:-1])},
)
@requires(objects_of(POD, "resolvconf"))
async def read_of_pod(key: KeyOf, snapshot: SnapshotOf, registry: RegistryOf) -> Response:
    """Answer with the file that follows from the `dnsPolicy` and `dnsConfig` of the Pod."""
    return _text(conf_of_pod(snapshot, key, registry.resolver.dns))


def _text(conf: ResolvConf) -> Response:
    return warn(Response(resolv_conf.format_text(conf), media_type="text/plain"), conf.warnings)


async def _read_batch(request: Request) -> QuestionBatch:
    content = (await read_body(request, parse_document, media_of(request))).content
    try:
        return QuestionBatch.model_validate(content)
    except ValidationError as error:
        found = [{**entry, "loc": ("body", *entry["loc"])} for entry in error.errors()]
        raise RequestValidationError(found) from error
