"""Whether this process lives, whether it can work, and what build it is.

Source: contract.md, "Routes"; spec kubernetes-api 5.13.
"""

import platform
import sys
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from app.api.access.requirements import path_itself, requires
from app.api.dependencies import Check, RegistryOf
from app.api.errors import refusals
from app.api.http.content_negotiation import JSON
from app.domain.errors import CauseReason, NotSynced, Violation
from app.schemas.base import Output
from app.schemas.health import Health, ServerCheck, Version

router = APIRouter(tags=["health"])


async def _accept_verbose(
    verbose: Annotated[str, Query(include_in_schema=False)] = "",
) -> None:
    """Know the parameter with which people ask Kubernetes' servers for all checks."""


@router.get(
    "/livez",
    operation_id="check_liveness",
    summary="Check that this process lives",
    response_model=Health,
    dependencies=[Depends(_accept_verbose)],
)
@requires(path_itself)
async def livez() -> Response:
    """Answer as long as the process runs."""
    return _plain(Health(status="ok", checks=[]))


@router.get(
    "/readyz",
    operation_id="check_readiness",
    summary="Check that this process can work",
    responses=refusals(NotSynced),
    response_model=Health,
    dependencies=[Depends(_accept_verbose)],
)
@requires(path_itself)
async def readyz(registry: RegistryOf) -> Response:
    """Check that the database is reachable, and its state loaded; else 503 with the causes."""
    return _plain(_healthy(registry.checks()))


@router.get(
    "/healthz",
    operation_id="check_health",
    summary="Check that this process lives and can work",
    responses=refusals(NotSynced),
    response_model=Health,
    dependencies=[Depends(_accept_verbose)],
)
@requires(path_itself)
async def healthz(registry: RegistryOf) -> Response:
    """Check what `/livez` and `/readyz` check; else 503 with the causes."""
    return _plain(_healthy(registry.checks()))


@router.get(
    "/version",
    operation_id="read_version",
    summary="Read the version of the server",
    response_model=Version,
)
@requires(path_itself)
async def read_version(request: Request) -> Response:
    """Answer with the build and the interpreter that runs it."""
    version: str = request.app.version
    major, minor, *_ = version.split(".")
    return _plain(
        Version(
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
    )


def _plain(said: Output) -> Response:
    """Answer in JSON whatever is accepted: probes accept anything, or say nothing of it."""
    return Response(said.model_dump_json(exclude_none=True), media_type=JSON)


def _healthy(found: Sequence[Check]) -> Health:
    failed = [check for check in found if check.problem]
    if failed:
        words = "; ".join(f"{check.name}: {check.problem}" for check in failed)
        causes = [Violation(CauseReason.INVALID, check.name, check.problem) for check in failed]
        raise NotSynced(f"not ready: {words}", causes=causes)
    return Health(
        status="ok",
        checks=[
            ServerCheck(name=check.name, ok=True, message=check.note or None) for check in found
        ],
    )
