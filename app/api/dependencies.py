"""Dependencies of routes: the registry of this process, and parsed parts of the request.

The composition root puts a Registry on the application; nothing here makes one.  All functions
are ``async``, since the framework runs others in threads.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Path, Query, Request
from prometheus_client import CollectorRegistry

from app.api.access.evaluation import Access
from app.api.objects.streams import Watching
from app.api.worker_metrics import WorkerMetrics
from app.domain.names import NamespacedName
from app.domain.objects.resource import AnyResource
from app.domain.snapshot import Snapshot
from app.domain.work import Policy
from app.registry.leases.heartbeats import Leases
from app.registry.node_rules import NodeRulesReader
from app.registry.ports import Writer
from app.registry.reads.pagination import Lists
from app.registry.reads.view import View
from app.registry.resolution import Resolver
from app.registry.threads import Lane
from app.registry.token_uses import TokenUses
from app.schemas.documents.body_bounds import OBJECTS_MAX
from app.schemas.objects.metadata import asked_revision


@dataclass(frozen=True, slots=True)
class Check:
    """One health check; ``problem`` is empty when it passes, ``note`` has details."""

    name: str
    problem: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Everything that routes need."""

    view: View
    lists: Lists
    writer: Writer
    policy: Policy
    watching: Watching
    resolver: Resolver
    rules: NodeRulesReader
    leases: Leases
    token_uses: TokenUses
    metrics: CollectorRegistry
    checks: Callable[[], Sequence[Check]]
    worker_metrics: WorkerMetrics | None = None
    """Metrics of all processes on the port; None while this one is alone."""
    access: Access | None = None
    """Authenticates and authorises requests; None while authentication is off."""
    objects_max: int = OBJECTS_MAX
    """Maximum of objects in one body of ``/apply``."""
    reading: Lane = field(default_factory=Lane)
    """Reads large bodies in a thread."""
    writing: Lane = field(default_factory=Lane)
    """Writes large answers in a thread."""


async def registry_of(request: Request) -> Registry:
    """Take the registry from the application."""
    return cast("Registry", request.app.state.registry)


RegistryOf = Annotated[Registry, Depends(registry_of)]


NAME, NAMESPACE = "The name of the object.", "The namespace of the object."


async def _snapshot(
    registry: RegistryOf,
    resourceVersion: Annotated[  # noqa: N803  the wire's spelling
        str, Query(description="Wait until this revision is visible.")
    ] = "",
) -> Snapshot:
    """Give the state, once it has reached the requested revision."""
    if resourceVersion:
        return await registry.view.wait_for(asked_revision(resourceVersion))
    return registry.view.require_synced()


SnapshotOf = Annotated[Snapshot, Depends(_snapshot)]


async def _namespaced_key(
    namespace: Annotated[str, Path(description=NAMESPACE, examples=["default"])],
    name: Annotated[str, Path(description=NAME, examples=["ent"])],
) -> NamespacedName:
    """Read the key of an object in a namespace from the path."""
    return NamespacedName(namespace, name)


async def _cluster_key(
    name: Annotated[str, Path(description=NAME, examples=["ent"])],
) -> NamespacedName:
    """Read the key of a cluster-scoped object from the path."""
    return NamespacedName("", name)


KeyOf = Annotated[NamespacedName, Depends(_namespaced_key)]


def key_reader(kind: AnyResource) -> Callable[..., Awaitable[NamespacedName]]:
    """Give the dependency that reads the key of an object of a kind."""
    return _namespaced_key if kind.is_namespaced else _cluster_key
