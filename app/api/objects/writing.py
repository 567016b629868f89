"""The writes of one object: where a draft belongs, and its decision run by the writer.

    draft, path -> draft with the key of the path
    request, decide(work) -> writer -> result, warnings

Decisions run inside the writer, so that they see the state that they change.
"""

from collections.abc import Callable
from typing import TypeVar

from fastapi import Request

from app.api.access.identity import user_of
from app.api.dependencies import Registry, registry_of
from app.domain import errors
from app.domain.copies import replace
from app.domain.names import NamespacedName
from app.domain.objects.namespace import DEFAULT_NAMESPACE
from app.domain.objects.resource import AnyResource, Object
from app.domain.registration.strategies import strategy_for, strategy_of
from app.domain.work import Work
from app.schemas.objects.wire import Wire
from app.schemas.queries import is_dry_run

OCTETS_AN_OBJECT = 1_000  # octets of a body that cost as much to decide as one object

T = TypeVar("T")


def in_namespace(draft: Object, kind: AnyResource) -> Object:
    """Complete the namespace of a draft that is to be created: the default one, or none."""
    wanted = (draft.metadata.namespace or DEFAULT_NAMESPACE) if kind.is_namespaced else ""
    return replace(draft, metadata=replace(draft.metadata, namespace=wanted))


def at_path(draft: Object, kind: AnyResource, key: NamespacedName) -> Object:
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


async def write(  # noqa: PLR0913  what a request says, and what is known of its decision
    request: Request,
    wire: Wire,
    key: NamespacedName,
    dry_run: str,
    decide: Callable[[Work], T],
    *,
    desired: Object | None = None,
) -> tuple[T, tuple[str, ...]]:
    """Run a decision, which writes ``desired`` if that is known; returns its result and warnings.

    Its reach is an estimate of how many objects it touches; a large object counts for many.
    """
    registry, user = await registry_of(request), await user_of(request)
    size = len(await request.body()) // OCTETS_AN_OBJECT

    def decided(work: Work) -> tuple[T, tuple[str, ...]]:
        work.user = user
        return decide(work), tuple(work.warnings)

    return await registry.writer.write(
        decided,
        dry_run=is_dry_run(dry_run),
        reach=size + strategy_for(wire.resource).reach(registry.view.snapshot, key, desired),
    )


async def renew_existing(registry: Registry, desired: Object, dry_run: str) -> None:
    """Renew the lease of an object registered again; an edit of a read object is no heartbeat."""
    if strategy_of(desired).holds_lease and not is_dry_run(dry_run):
        await registry.leases.renew_existing([desired.metadata.key])
