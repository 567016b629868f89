"""What routes are given: the registry of this process, and the request's own parts.

The composition root puts a Registry on the application; nothing here makes one.
All of it is ``async``, though nothing waits: the framework hands what is not to a thread.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Path, Request
from prometheus_client import CollectorRegistry

from app.api.objects.streams import Watching
from app.domain.names import NamespacedName
from app.domain.snapshot import Snapshot
from app.domain.work import Policy
from app.registry.leases.heartbeats import Leases
from app.registry.node_rules import NodeRulesReader
from app.registry.ports import Writer
from app.registry.reads.pagination import Lists
from app.registry.reads.view import View
from app.registry.resolution import Resolver
from app.registry.threads import Lane
from app.schemas.documents.body_bounds import OBJECTS_MAX
from app.schemas.objects.metadata import asked_revision


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold; ``problem`` is empty when it does, and ``note`` says how well."""

    name: str
    problem: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Everything a route works with."""

    view: View
    lists: Lists
    writer: Writer
    policy: Policy
    watching: Watching
    resolver: Resolver
    rules: NodeRulesReader
    leases: Leases
    metrics: CollectorRegistry
    checks: Callable[[], Sequence[Check]]
    objects_max: int = OBJECTS_MAX
    """Objects that one body of ``/apply`` may hold."""
    reading: Lane = field(default_factory=Lane)
    """Where large bodies are read, beside the event loop."""
    writing: Lane = field(default_factory=Lane)
    """Where large answers are written."""


async def registry_of(request: Request) -> Registry:
    """Take the registry from the application."""
    return cast("Registry", request.app.state.registry)


RegistryOf = Annotated[Registry, Depends(registry_of)]


async def _snapshot(
    registry: RegistryOf,
    resourceVersion: str = "",  # noqa: N803  the wire's spelling
) -> Snapshot:
    """Wait until the asked-for revision is visible, and take the state."""
    if resourceVersion:
        return await registry.view.wait_for(asked_revision(resourceVersion))
    return registry.view.require_synced()


SnapshotOf = Annotated[Snapshot, Depends(_snapshot)]


async def namespaced_key(
    namespace: Annotated[str, Path(examples=["default"])],
    name: Annotated[str, Path(examples=["ent"])],
) -> NamespacedName:
    """Read the key of an object in a namespace from the path."""
    return NamespacedName(namespace, name)


async def cluster_key(name: Annotated[str, Path(examples=["n1"])]) -> NamespacedName:
    """Read the key of a cluster-scoped object from the path."""
    return NamespacedName("", name)


KeyOf = Annotated[NamespacedName, Depends(namespaced_key)]
