"""Whether this process lives, whether it can work, and what build it is.

Source: contract.md, "Routes"; spec kubernetes-api 5.13.
"""

import platform
import sys
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from app.api.access.requirements import path_itself, requires
from app.api.dependencies import Check, RegistryOf
from app.api.errors import refusals
from app.domain.errors import CauseReason, NotSynced, Violation
from app.schemas.health import Health, HealthCheck, Version

router = APIRouter(tags=["health"])


async def _accept_verbose(
    verbose: Annotated[str, Query(description="Accepted; every check is always listed.")] = "",
) -> None:
    """Know the parameter with which people ask Kubernetes' servers for all checks."""


@router.get("/livez", operation_id="get_livez", dependencies=[Depends(_accept_verbose)])
@requires(path_itself)
async def livez() -> Health:
    """Answer as long as the process runs."""
    return Health(status="ok", checks=[])


@router.get(
    "/readyz",
    operation_id="get_readyz",
    responses=refusals(NotSynced),
    dependencies=[Depends(_accept_verbose)],
)
@requires(path_itself)
async def readyz(registry: RegistryOf) -> Health:
    """Say whether the database is reachable, migrated, and its state loaded."""
    return _healthy(registry.checks())


@router.get(
    "/healthz",
    operation_id="get_healthz",
    responses=refusals(NotSynced),
    dependencies=[Depends(_accept_verbose)],
)
@requires(path_itself)
async def healthz(registry: RegistryOf) -> Health:
    """Say whether the process both lives and is ready."""
    return _healthy(registry.checks())


@router.get("/version", operation_id="get_version")
@requires(path_itself)
async def get_version(request: Request) -> Version:
    """Tell the build."""
    version: str = request.app.version
    major, minor, *_ = version.split(".")
    return Version(
        major=major,
        minor=minor,
        git_version=f"v{version}",
        git_commit="",
        git_tree_state="",
        build_date="",
        go_version="",
        python_version=platform.python_version(),
        compiler=platform.python_implementation(),
        platform=f"{sys.platform}/{platform.machine()}",
    )


def _healthy(found: Sequence[Check]) -> Health:
    failed = [check for check in found if check.problem]
    if failed:
        words = "; ".join(f"{check.name}: {check.problem}" for check in failed)
        causes = [Violation(CauseReason.INVALID, check.name, check.problem) for check in failed]
        raise NotSynced(f"not ready: {words}", causes=causes)
    return Health(
        status="ok",
        checks=[HealthCheck(name=check.name, ok=True, message=check.note) for check in found],
    )
