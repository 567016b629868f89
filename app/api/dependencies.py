"""What routes are given: the registry of this process, and the request's own parts.

The composition root puts a Registry on the application; nothing here makes one.
"""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from app.api.streams import Watching
from app.domain.snapshot import Snapshot
from app.registry.ports import Writer
from app.registry.view import View
from app.registry.work import Policy
from app.schemas.metadata import parse_revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Everything a route works with."""

    view: View
    writer: Writer
    policy: Policy
    watching: Watching


def _registry(request: Request) -> Registry:
    return cast("Registry", request.app.state.registry)


RegistryOf = Annotated[Registry, Depends(_registry)]


async def _snapshot(
    registry: RegistryOf,
    resourceVersion: str = "",  # noqa: N803  the wire's spelling
) -> Snapshot:
    """Wait until the asked-for revision is visible, and take the state."""
    if resourceVersion:
        return await registry.view.wait_for(parse_revision(resourceVersion))
    return registry.view.require_synced()


SnapshotOf = Annotated[Snapshot, Depends(_snapshot)]
