"""The routes of every collection: list, create, read, replace, patch, delete.

    WIRE of a kind -> APIRouter

Each operation is one function for all kinds; the WIRE has the kind, its words and its models.
Decisions run inside the writer, so that they see the state that they change.

Source: contract.md, "Routes"; spec kubernetes-api 5.1, 5.2, 5.7 and 5.8.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response

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
from app.domain.objects.namespace import DEFAULT_NAMESPACE
from app.domain.objects.resource import AnyResource, Object
from app.domain.registration.strategies import strategy_for, strategy_of
from app.domain.work import Work
from app.registry.writes import lifecycle
from app.registry.writes.preconditions import Preconditions
from app.schemas.objects.lists import list_model
from app.schemas.objects.wire import AnyWire
from app.schemas.queries import DeleteQuery, ListQuery, WriteQuery
from app.schemas.status import Status, success_of

OCTETS_AN_OBJECT = 1_000  # octets of a body that cost as much to decide as one object
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

T = TypeVar("T")


def collection_router(wire: AnyWire) -> APIRouter:
    """Make the routes of one kind."""
    resource = wire.resource
    router = APIRouter(prefix=f"/{resource.plural}", tags=[resource.plural])
    _add_list(router, wire)
    if resource.is_derived:
        _add_read(router, wire)
        return router
    _add_create(router, wire)
    _add_read(router, wire)
    _add_replace(router, wire)
    _add_patch(router, wire)
    _add_delete(router, wire)
    if "status" in resource.subresources:
        _add_read(router, wire, suffix="_status")
        _add_replace(router, wire, suffix="_status")
        _add_patch(router, wire, suffix="_status")
    if "finalize" in resource.subresources:
        _add_replace(router, wire, suffix="_finalize")
    return router


def changes_router(wire: AnyWire) -> APIRouter:
    """Make only the routes that change and delete an object, of a kind whose others are its own."""
    router = APIRouter(prefix=f"/{wire.resource.plural}", tags=[wire.resource.plural])
    _add_replace(router, wire)
    _add_patch(router, wire)
    _add_delete(router, wire)
    return router


def _add_list(router: APIRouter, wire: AnyWire) -> None:
    @router.get(
        "",
        operation_id=f"list_{wire.resource.plural_word}",
        summary=f"List or watch {wire.resource.plural_word.replace('_', ' ')}",
        response_model=list_model(wire),
        responses=refusals(errors.BadRequest, errors.Expired, errors.Invalid, *_READ[1:]),
    )
    async def list_objects(
        request: Request, query: Annotated[ListQuery, Query()], registry: RegistryOf
    ) -> Response:
        if query.watch:
            return await answer_watch(request, query, registry, wire.resource)
        return await answer_list(request, query, registry, wire.resource)


def _add_create(router: APIRouter, wire: AnyWire) -> None:
    @router.post(
        "",
        operation_id=f"create_{wire.resource.word}",
        summary=f"Create a {wire.resource.name}",
        status_code=HTTPStatus.CREATED,
        response_model=wire.read,
        responses=refusals(*_WRITE),
        openapi_extra=documented_body(wire.write),
    )
    async def create_object(
        request: Request, query: Annotated[WriteQuery, Query()], registry: RegistryOf
    ) -> Response:
        draft = await read_draft(request, wire.resource, query.field_validation)
        desired = _in_namespace(draft.object, wire.resource, draft.object.metadata.namespace)
        (created, warnings) = await _write(
            registry,
            lambda work: lifecycle.create(work, desired),
            query.dry_run,
            await _reach(request, registry, wire, desired.metadata.key),
        )
        location = f"/{wire.resource.plural}/{quote(str(created.metadata.key))}"
        response = answer_object(
            request, created, status=HTTPStatus.CREATED, headers={"Location": location}
        )
        return warn(response, (*draft.warnings, *warnings))


def _add_read(router: APIRouter, wire: AnyWire, suffix: str = "") -> None:
    @router.get(
        f"{_object_path(wire.resource)}{suffix.replace('_', '/')}",
        operation_id=f"read_{wire.resource.word}{suffix}",
        summary=f"Read a {wire.resource.name}",
        response_model=wire.read,
        responses=refusals(errors.PreconditionFailed, *_READ),
    )
    async def read_object(
        request: Request,
        key: Annotated[NamespacedName, Depends(_key_reader(wire.resource))],
        snapshot: SnapshotOf,
    ) -> Response:
        found = snapshot.of(wire.resource).get(key)
        if found is None:
            raise errors.not_found(wire.resource.plural, key.name)
        return await answer_read(request, found)


def _add_replace(router: APIRouter, wire: AnyWire, suffix: str = "") -> None:
    @router.put(
        f"{_object_path(wire.resource)}{suffix.replace('_', '/')}",
        operation_id=f"replace_{wire.resource.word}{suffix}",
        summary=f"Replace a {wire.resource.name}{suffix.replace('_', chr(39) + 's ')}",
        response_model=wire.read,
        responses={**_created_by_put(wire, suffix), **refusals(*_WRITE)},
        openapi_extra=documented_body(wire.write),
    )
    async def replace_object(
        request: Request,
        key: Annotated[NamespacedName, Depends(_key_reader(wire.resource))],
        query: Annotated[WriteQuery, Query()],
        registry: RegistryOf,
    ) -> Response:
        draft = await read_draft(request, wire.resource, query.field_validation)
        desired = _at(draft.object, wire.resource, key)
        conditions = _conditions(request)

        def decide(work: Work) -> tuple[Object, bool]:
            if suffix:
                return _SUBRESOURCES[suffix](work, desired, conditions), False
            return lifecycle.put(work, desired, conditions)

        if not (suffix or conditions.etags or desired.metadata.resource_version):
            await _renew_existing(registry, desired, query.dry_run)
        reach = await _reach(request, registry, wire, key)
        ((stored, is_new), warnings) = await _write(registry, decide, query.dry_run, reach)
        status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
        return warn(answer_object(request, stored, status=status), (*draft.warnings, *warnings))


def _add_patch(router: APIRouter, wire: AnyWire, suffix: str = "") -> None:
    @router.patch(
        f"{_object_path(wire.resource)}{suffix.replace('_', '/')}",
        operation_id=f"patch_{wire.resource.word}{suffix}",
        summary=f"Change parts of a {wire.resource.name}{suffix.replace('_', chr(39) + 's ')}",
        response_model=wire.read,
        responses=refusals(*_WRITE),
        openapi_extra=documented_body(wire.write, types=PATCH_TYPES),
    )
    async def patch_object(
        request: Request,
        key: Annotated[NamespacedName, Depends(_key_reader(wire.resource))],
        query: Annotated[WriteQuery, Query()],
        registry: RegistryOf,
    ) -> Response:
        patch = await read_patch(request)
        conditions = _conditions(request)
        known = registry.view.snapshot.of(wire.resource).get(key)
        await prepare(request, patch, known, query.field_validation)
        ignored: list[str] = []

        def decide(work: Work) -> Object:
            current = lifecycle.require(work, wire.resource, key)
            conditions.check(wire.resource, key, current)
            draft = patch.applied_to(current, query.field_validation)
            ignored[:] = draft.warnings
            desired = _at(draft.object, wire.resource, key)
            if suffix:
                return lifecycle.put_status(work, desired)
            return lifecycle.put(work, desired)[0]

        reach = await _reach(request, registry, wire, key)
        (stored, warnings) = await _write(registry, decide, query.dry_run, reach)
        return warn(answer_object(request, stored), (*ignored, *warnings))


def _add_delete(router: APIRouter, wire: AnyWire) -> None:
    returns_object = strategy_for(wire.resource).is_returned_when_deleted

    @router.delete(
        _object_path(wire.resource),
        operation_id=f"delete_{wire.resource.word}",
        summary=f"Delete a {wire.resource.name}",
        response_model=wire.read if returns_object else Status,
        responses=refusals(*_WRITE),
    )
    async def delete_object(
        request: Request,
        key: Annotated[NamespacedName, Depends(_key_reader(wire.resource))],
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
                wire.resource,
                key,
                preconditions=conditions,
                grace_s=options.grace_s,
            ),
            options.dry_run,
            await _reach(request, registry, wire, key),
        )
        if returns_object:
            return warn(answer_object(request, deleted), warnings)
        return warn(answer(request, success_of(deleted)), warnings)


_SUBRESOURCES: Mapping[str, Callable[[Work, Object, Preconditions], Object]] = {
    "_status": lifecycle.report_status,
    "_finalize": lifecycle.finalize,
}


async def _write(
    registry: Registry, decide: Callable[[Work], T], dry_run: str, reach: int
) -> tuple[T, tuple[str, ...]]:
    """Run a decision; returns its result and warnings."""
    return await registry.writer.write(
        lambda work: (decide(work), tuple(work.warnings)),
        dry_run=is_dry_run(dry_run),
        reach=reach,
    )


async def _reach(request: Request, registry: Registry, wire: AnyWire, key: NamespacedName) -> int:
    """Estimate how many objects a write touches; a large object counts for many."""
    size = len(await request.body()) // OCTETS_AN_OBJECT
    return size + strategy_for(wire.resource).reach(registry.view.snapshot, key)


async def _renew_existing(registry: Registry, desired: Object, dry_run: str) -> None:
    """Renew the lease of an object registered again; an edit of a read object is no heartbeat."""
    if strategy_of(desired).holds_lease and not is_dry_run(dry_run):
        await registry.leases.renew_existing([desired.metadata.key])


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


def _object_path(resource: AnyResource) -> str:
    return "/{namespace}/{name}" if resource.is_namespaced else "/{name}"


def _key_reader(resource: AnyResource) -> Callable[..., Awaitable[NamespacedName]]:
    return namespaced_key if resource.is_namespaced else cluster_key


def _created_by_put(wire: AnyWire, suffix: str) -> dict[int | str, dict[str, Any]]:
    if suffix or not strategy_for(wire.resource).is_created_by_put:
        return {}
    return {HTTPStatus.CREATED.value: {"model": wire.read, "description": "It was not there."}}


def _conditions(request: Request) -> Preconditions:
    return Preconditions(
        etags=_unquoted(strong_tags(request, "if-match")),
        forbidden_etags=_unquoted(entity_tags(request, "if-none-match")),
    )


def _unquoted(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(tag.strip('"') for tag in tags)


def _in_namespace(draft: Object, kind: AnyResource, namespace: str) -> Object:
    wanted = (namespace or DEFAULT_NAMESPACE) if kind.is_namespaced else ""
    return replace(draft, metadata=replace(draft.metadata, namespace=wanted))


def _at(draft: Object, kind: AnyResource, key: NamespacedName) -> Object:
    """Set the key of a draft to that of its path; raises BadRequest when it has another."""
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
