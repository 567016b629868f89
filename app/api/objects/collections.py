"""The routes that every collection has: list, create, read, replace, patch, delete.

    Noun -> APIRouter

One function an operation, written once; a noun brings its kind, its words and
its wire models.  Decisions run inside the writer, so that what they look at is
what they change.

Source: contract.md, "Routes"; spec kubernetes-api 5.1, 5.2, 5.7 and 5.8.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from app.api import errors as api_errors
from app.api.dependencies import Registry, RegistryOf, SnapshotOf, cluster_key, namespaced_key
from app.api.errors import refusals
from app.api.objects.bodies import (
    PATCH_TYPES,
    documented_body,
    prepare,
    read_draft,
    read_options,
    read_patch,
)
from app.api.objects.lists import answer_list
from app.api.objects.representation import (
    answer,
    answer_object,
    answer_read,
    entity_tags,
    strong_tags,
    warn,
)
from app.api.objects.watch import answer_watch
from app.domain import errors
from app.domain.names import NamespacedName
from app.domain.objects.kinds import NAMESPACE, POD, SERVICE, Kind, Object
from app.domain.objects.namespace import DEFAULT_NAMESPACE
from app.domain.objects.pod import Pod
from app.registry.reach import reach_of
from app.registry.work import Work
from app.registry.writes import lifecycle
from app.registry.writes.preconditions import Preconditions
from app.schemas.queries import DeleteQuery, ListQuery, WriteQuery
from app.schemas.status import Status, success_of

OCTETS_AN_OBJECT = 1_000  # of a body, of which deciding costs what an object does
_READ = (errors.NotFound, errors.NotSynced, errors.RevisionAhead, api_errors.NotAcceptable)
_WRITE = (
    errors.BadRequest,
    errors.NotFound,
    errors.Forbidden,
    errors.AlreadyExists,
    errors.Conflict,
    errors.Exhausted,
    errors.PreconditionFailed,
    errors.Invalid,
    errors.NotSynced,
    errors.Unconfirmed,
    api_errors.BodyTooLarge,
    api_errors.Unsupported,
    api_errors.NotAcceptable,
)
_RETURNED_WHEN_DELETED = frozenset({SERVICE.name, POD.name, NAMESPACE.name})

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """A collection: ``singular`` and ``plural`` are its words in operation names."""

    kind: Kind
    singular: str
    plural: str
    write: type[BaseModel]
    read: type[BaseModel]
    list_of: type[BaseModel]

    @property
    def object_path(self) -> str:
        """The path of one object, below the collection's."""
        return "/{namespace}/{name}" if self.kind.is_namespaced else "/{name}"

    @property
    def key(self) -> Callable[..., Awaitable[NamespacedName]]:
        """What reads the key from the path."""
        return namespaced_key if self.kind.is_namespaced else cluster_key


def collection_router(noun: Noun) -> APIRouter:
    """Make the routes of one collection."""
    router = APIRouter(prefix=f"/{noun.kind.plural}", tags=[noun.kind.plural])
    _add_list(router, noun)
    _add_create(router, noun)
    _add_read(router, noun)
    _add_replace(router, noun)
    _add_patch(router, noun)
    _add_delete(router, noun)
    return router


def add_status_routes(router: APIRouter, noun: Noun) -> None:
    """Add reading and writing of what is observed of an object."""
    _add_read(router, noun, suffix="_status")
    _add_replace(router, noun, suffix="_status")
    _add_patch(router, noun, suffix="_status")


def add_finalize_route(router: APIRouter, noun: Noun) -> None:
    """Add writing of ``spec.finalizers``, which no other write changes."""
    _add_replace(router, noun, suffix="_finalize")


def _add_list(router: APIRouter, noun: Noun) -> None:
    @router.get(
        "",
        operation_id=f"list_{noun.plural}",
        summary=f"List or watch {noun.plural.replace('_', ' ')}",
        response_model=noun.list_of,
        responses=refusals(errors.BadRequest, errors.Expired, errors.Invalid, *_READ[1:]),
    )
    async def list_objects(
        request: Request, query: Annotated[ListQuery, Query()], registry: RegistryOf
    ) -> Response:
        if query.watch:
            return await answer_watch(request, query, registry, noun.kind)
        return await answer_list(request, query, registry, noun.kind)


def _add_create(router: APIRouter, noun: Noun) -> None:
    @router.post(
        "",
        operation_id=f"create_{noun.singular}",
        summary=f"Create a {noun.kind.name}",
        status_code=HTTPStatus.CREATED,
        response_model=noun.read,
        responses=refusals(*_WRITE),
        openapi_extra=documented_body(noun.write),
    )
    async def create_object(
        request: Request, query: Annotated[WriteQuery, Query()], registry: RegistryOf
    ) -> Response:
        draft = await read_draft(request, noun.kind, query.field_validation)
        desired = _in_namespace(draft.object, noun.kind, draft.object.metadata.namespace)
        (created, warnings) = await _write(
            registry,
            lambda work: lifecycle.create(work, desired),
            query.dry_run,
            await _reach(request, registry, noun, desired.metadata.key),
        )
        location = f"/{noun.kind.plural}/{created.metadata.key}"
        response = answer_object(
            request, created, status=HTTPStatus.CREATED, headers={"Location": location}
        )
        return warn(response, (*draft.warnings, *warnings))


def _add_read(router: APIRouter, noun: Noun, suffix: str = "") -> None:
    @router.get(
        f"{noun.object_path}{suffix.replace('_', '/')}",
        operation_id=f"read_{noun.singular}{suffix}",
        summary=f"Read a {noun.kind.name}",
        response_model=noun.read,
        responses=refusals(errors.PreconditionFailed, *_READ),
    )
    async def read_object(
        request: Request,
        key: Annotated[NamespacedName, Depends(noun.key)],
        snapshot: SnapshotOf,
    ) -> Response:
        found = snapshot.of_kind(noun.kind.name).get(key)
        if found is None:
            raise errors.not_found(noun.kind.plural, key.name)
        return await answer_read(request, found)


def _add_replace(router: APIRouter, noun: Noun, suffix: str = "") -> None:
    @router.put(
        f"{noun.object_path}{suffix.replace('_', '/')}",
        operation_id=f"replace_{noun.singular}{suffix}",
        summary=f"Replace a {noun.kind.name}{suffix.replace('_', chr(39) + 's ')}",
        response_model=noun.read,
        responses={**_created_by_put(noun, suffix), **refusals(*_WRITE)},
        openapi_extra=documented_body(noun.write),
    )
    async def replace_object(
        request: Request,
        key: Annotated[NamespacedName, Depends(noun.key)],
        query: Annotated[WriteQuery, Query()],
        registry: RegistryOf,
    ) -> Response:
        draft = await read_draft(request, noun.kind, query.field_validation)
        desired = _at(draft.object, noun.kind, key)
        conditions = _conditions(request)

        def decide(work: Work) -> tuple[Object, bool]:
            if suffix:
                return _SUBRESOURCES[suffix](work, desired, conditions), False
            return lifecycle.put(work, desired, conditions)

        if not (suffix or conditions.etags or desired.metadata.resource_version):
            await _sign_on(registry, desired, query.dry_run)
        reach = await _reach(request, registry, noun, key)
        ((stored, is_new), warnings) = await _write(registry, decide, query.dry_run, reach)
        status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
        return warn(answer_object(request, stored, status=status), (*draft.warnings, *warnings))


def _add_patch(router: APIRouter, noun: Noun, suffix: str = "") -> None:
    @router.patch(
        f"{noun.object_path}{suffix.replace('_', '/')}",
        operation_id=f"patch_{noun.singular}{suffix}",
        summary=f"Change parts of a {noun.kind.name}{suffix.replace('_', chr(39) + 's ')}",
        response_model=noun.read,
        responses=refusals(*_WRITE),
        openapi_extra=documented_body(noun.write, types=PATCH_TYPES),
    )
    async def patch_object(
        request: Request,
        key: Annotated[NamespacedName, Depends(noun.key)],
        query: Annotated[WriteQuery, Query()],
        registry: RegistryOf,
    ) -> Response:
        patch = await read_patch(request)
        conditions = _conditions(request)
        known = registry.view.snapshot.of_kind(noun.kind.name).get(key)
        await prepare(request, patch, known, query.field_validation)
        ignored: list[str] = []

        def decide(work: Work) -> Object:
            current = lifecycle.require(work, noun.kind, key)
            conditions.check(noun.kind, key, current)
            draft = patch.applied_to(current, query.field_validation)
            ignored[:] = draft.warnings
            desired = _at(draft.object, noun.kind, key)
            if suffix:
                return lifecycle.put_status(work, desired)
            return lifecycle.put(work, desired)[0]

        reach = await _reach(request, registry, noun, key)
        (stored, warnings) = await _write(registry, decide, query.dry_run, reach)
        return warn(answer_object(request, stored), (*ignored, *warnings))


def _add_delete(router: APIRouter, noun: Noun) -> None:
    returns_object = noun.kind.name in _RETURNED_WHEN_DELETED

    @router.delete(
        noun.object_path,
        operation_id=f"delete_{noun.singular}",
        summary=f"Delete a {noun.kind.name}",
        response_model=noun.read if returns_object else Status,
        responses=refusals(*_WRITE),
    )
    async def delete_object(
        request: Request,
        key: Annotated[NamespacedName, Depends(noun.key)],
        query: Annotated[DeleteQuery, Query()],
        registry: RegistryOf,
    ) -> Response:
        options = await read_options(request, query)
        conditions = replace(
            _conditions(request), uid=options.uid, resource_version=options.resource_version
        )
        ((deleted, _), warnings) = await _write(
            registry,
            lambda work: lifecycle.delete(
                work,
                noun.kind,
                key,
                preconditions=conditions,
                grace_s=options.grace_s,
            ),
            options.dry_run,
            await _reach(request, registry, noun, key),
        )
        if returns_object:
            return warn(answer_object(request, deleted), warnings)
        return warn(answer(request, success_of(deleted)), warnings)


def _report(work: Work, desired: Object, conditions: Preconditions) -> Object:
    return lifecycle.put_status(work, lifecycle.with_addresses_kept(work, desired), conditions)


_SUBRESOURCES: Mapping[str, Callable[[Work, Object, Preconditions], Object]] = {
    "_status": _report,
    "_finalize": lifecycle.finalize,
}


async def _write(
    registry: Registry, decide: Callable[[Work], T], dry_run: str, reach: int
) -> tuple[T, tuple[str, ...]]:
    """Run a decision; returns its result and what it warns of."""
    return await registry.writer.write(
        lambda work: (decide(work), tuple(work.warnings)),
        dry_run=is_dry_run(dry_run),
        reach=reach,
    )


async def _reach(request: Request, registry: Registry, noun: Noun, key: NamespacedName) -> int:
    """Estimate what a write touches; a large object counts for many."""
    size = len(await request.body()) // OCTETS_AN_OBJECT
    return size + reach_of(registry.view.snapshot, noun.kind, key)


async def _sign_on(registry: Registry, desired: Object, dry_run: str) -> None:
    """Hear a Pod that is registered again; an edit of what was read before is no heartbeat."""
    if isinstance(desired, Pod) and not is_dry_run(dry_run):
        await registry.leases.sign_on([desired.metadata.key])


def is_dry_run(text: str) -> bool:
    """Read ``dryRun``; raises Invalid for anything but ``All`` or nothing."""
    if text not in ("", "All"):
        cause = errors.Violation(
            errors.CauseReason.NOT_SUPPORTED,
            "dryRun",
            f'Unsupported value: "{text}": supported values: "All"',
        )
        raise errors.Invalid("WriteOptions", "", (cause,))
    return text == "All"


def _created_by_put(noun: Noun, suffix: str) -> dict[int | str, dict[str, Any]]:
    if suffix or noun.kind.name not in lifecycle.CREATED_BY_PUT:
        return {}
    return {HTTPStatus.CREATED.value: {"model": noun.read, "description": "It was not there."}}


def _conditions(request: Request) -> Preconditions:
    return Preconditions(
        etags=_unquoted(strong_tags(request, "if-match")),
        forbidden_etags=_unquoted(entity_tags(request, "if-none-match")),
    )


def _unquoted(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(tag.strip('"') for tag in tags)


def _in_namespace(draft: Object, kind: Kind, namespace: str) -> Object:
    wanted = (namespace or DEFAULT_NAMESPACE) if kind.is_namespaced else ""
    return replace(draft, metadata=replace(draft.metadata, namespace=wanted))


def _at(draft: Object, kind: Kind, key: NamespacedName) -> Object:
    """Place a draft at the key of its path; raises BadRequest when it says another."""
    meta = draft.metadata
    if meta.name and meta.name != key.name:
        raise errors.BadRequest(
            f"the name of the object ({meta.name}) does not match the name on the URL ({key.name})"
        )
    if kind.is_namespaced and meta.namespace and meta.namespace != key.namespace:
        raise errors.BadRequest(
            f"the namespace of the object ({meta.namespace}) does not match the namespace "
            f"on the URL ({key.namespace})"
        )
    return replace(draft, metadata=replace(meta, name=key.name, namespace=key.namespace))
