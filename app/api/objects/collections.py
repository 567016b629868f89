"""The routes of every collection: list, create, read, replace, patch, delete.

    WIRE of a kind -> APIRouter

Each operation is one function for all kinds; the WIRE has the kind, its words and its models.

Source: contract.md, "Routes"; spec kubernetes-api 5.1, 5.2, 5.7 and 5.8.
"""

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response

from app.api.access.named_objects import require_creation
from app.api.access.requirements import by_body, objects_of, requires
from app.api.dependencies import (
    RegistryOf,
    SnapshotOf,
    key_reader,
)
from app.api.document.declared import tag_of
from app.api.objects import operations
from app.api.objects.bodies import (
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
    lasting,
    preconditions,
    warn,
)
from app.api.objects.watch import answer_watch
from app.api.objects.writing import at_path, in_namespace, renew_existing, write
from app.domain import errors
from app.domain.names import NamespacedName
from app.domain.objects.resource import Object
from app.domain.registration.strategies import strategy_for
from app.domain.work import Work
from app.registry.writes import lifecycle
from app.schemas.objects.wire import Wire
from app.schemas.queries import DeleteQuery, ListQuery, WriteQuery
from app.schemas.status import success_of


def collection_router(wire: Wire) -> APIRouter:
    """Make the routes of one kind."""
    resource = wire.resource
    router = APIRouter(prefix=f"/{resource.plural}", tags=[tag_of(resource)])
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


def changes_router(wire: Wire) -> APIRouter:
    """Make only the routes that change and delete an object, for a kind with its own others."""
    router = APIRouter(prefix=f"/{wire.resource.plural}", tags=[tag_of(wire.resource)])
    _add_replace(router, wire)
    _add_patch(router, wire)
    _add_delete(router, wire)
    return router


def _add_list(router: APIRouter, wire: Wire) -> None:
    @router.get("", **operations.listing(wire))
    @requires(objects_of(wire.resource))
    async def list_objects(
        request: Request, query: Annotated[ListQuery, Query()], registry: RegistryOf
    ) -> Response:
        if query.watch:
            return await answer_watch(request, query, registry, wire.resource)
        return await answer_list(request, query, registry, wire.resource)


def _add_create(router: APIRouter, wire: Wire) -> None:
    @router.post("", **operations.creation(wire))
    @requires(by_body)
    async def create_object(request: Request, query: Annotated[WriteQuery, Query()]) -> Response:
        draft = await read_draft(request, wire.resource, query.field_validation)
        desired = in_namespace(draft.object, wire.resource)
        await require_creation(request, wire.resource, desired.metadata.namespace)
        created, warnings = await write(
            request,
            wire,
            desired.metadata.key,
            query.dry_run,
            lambda work: lifecycle.create(work, desired),
            desired=desired,
        )
        location = f"/{wire.resource.plural}/{quote(str(created.metadata.key))}"
        response = answer_object(
            request, created, status=HTTPStatus.CREATED, headers={"Location": location}
        )
        return warn(response, (*draft.warnings, *warnings))


def _add_read(router: APIRouter, wire: Wire, suffix: str = "") -> None:
    @router.get(_object_path(wire, suffix), **operations.reading(wire, suffix))
    @requires(objects_of(wire.resource, suffix[1:]))
    async def read_object(
        request: Request,
        key: Annotated[NamespacedName, Depends(key_reader(wire.resource))],
        snapshot: SnapshotOf,
    ) -> Response:
        found = snapshot.of(wire.resource).get(key)
        if found is None:
            raise errors.not_found(wire.resource.plural, key.name)
        response = await answer_read(request, found)
        return lasting(request, response, lambda state: state.of(wire.resource).get(key) is found)


def _add_replace(router: APIRouter, wire: Wire, suffix: str = "") -> None:
    @router.put(_object_path(wire, suffix), **operations.replacement(wire, suffix))
    @requires(objects_of(wire.resource, suffix[1:]))
    async def replace_object(
        request: Request,
        key: Annotated[NamespacedName, Depends(key_reader(wire.resource))],
        query: Annotated[WriteQuery, Query()],
        registry: RegistryOf,
    ) -> Response:
        draft = await read_draft(request, wire.resource, query.field_validation)
        desired = at_path(draft.object, wire.resource, key)
        conditions = preconditions(request)

        def decide(work: Work) -> tuple[Object, bool]:
            if suffix:
                return lifecycle.SUBRESOURCES[suffix[1:]](work, desired, conditions), False
            return lifecycle.put(work, desired, conditions)

        (stored, is_new), warnings = await write(
            request, wire, key, query.dry_run, decide, desired=desired
        )
        if not (suffix or conditions.etags or desired.metadata.resource_version):
            await renew_existing(registry, desired, query.dry_run)
        status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
        return warn(answer_object(request, stored, status=status), (*draft.warnings, *warnings))


def _add_patch(router: APIRouter, wire: Wire, suffix: str = "") -> None:
    @router.patch(_object_path(wire, suffix), **operations.patching(wire, suffix))
    @requires(objects_of(wire.resource, suffix[1:]))
    async def patch_object(
        request: Request,
        key: Annotated[NamespacedName, Depends(key_reader(wire.resource))],
        query: Annotated[WriteQuery, Query()],
        registry: RegistryOf,
    ) -> Response:
        patch = await read_patch(request)
        conditions = preconditions(request)
        known = registry.view.snapshot.of(wire.resource).get(key)
        await prepare(request, patch, known, query.field_validation)
        ignored: list[str] = []

        def decide(work: Work) -> Object:
            current = lifecycle.require(work, wire.resource, key)
            conditions.check(wire.resource, key, current)
            draft = patch.applied_to(current, query.field_validation)
            ignored[:] = draft.warnings
            desired = at_path(draft.object, wire.resource, key)
            if suffix:
                return lifecycle.put_status(work, desired)
            return lifecycle.put(work, desired)[0]

        stored, warnings = await write(request, wire, key, query.dry_run, decide)
        return warn(answer_object(request, stored), (*ignored, *warnings))


def _add_delete(router: APIRouter, wire: Wire) -> None:
    returns_object = strategy_for(wire.resource).is_returned_when_deleted

    @router.delete(_object_path(wire), **operations.deletion(wire))
    @requires(objects_of(wire.resource))
    async def delete_object(
        request: Request,
        key: Annotated[NamespacedName, Depends(key_reader(wire.resource))],
        query: Annotated[DeleteQuery, Query()],
    ) -> Response:
        options = await read_options(request, query)
        conditions = replace(
            preconditions(request), uid=options.uid, resource_version=options.resource_version
        )

        def decide(work: Work) -> Object:
            return lifecycle.delete(
                work, wire.resource, key, preconditions=conditions, grace_s=options.grace_s
            )[0]

        deleted, warnings = await write(request, wire, key, options.dry_run, decide)
        if returns_object:
            return warn(answer_object(request, deleted), warnings)
        return warn(answer(request, success_of(deleted)), warnings)


def _object_path(wire: Wire, suffix: str = "") -> str:
    path = "/{namespace}/{name}" if wire.resource.is_namespaced else "/{name}"
    return f"{path}{suffix.replace('_', '/')}"
