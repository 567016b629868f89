"""The wire shapes of health-check node ports and of their changes.

    HealthChecks <-> [HealthCheckNodePort]      changes <-> [SetHealthCheckNodePort | Remove…]

Source: contract.md, "GET /nodes/{name}/ipvs" and its changes.
"""

from collections.abc import Iterable
from typing import Annotated, Final, Literal

from pydantic import Field

from app.domain.dataplane.rules import health_checks as domain
from app.domain.dataplane.rules.health_checks import HealthCheckChange, HealthChecks
from app.domain.names import NamespacedName
from app.schemas.base import Output, Port
from app.schemas.objects import metadata
from app.schemas.rules.spelling import Spelling, choice, record

SERVICE: Final = record(metadata.NamespacedName, NamespacedName)
Service = Annotated[NamespacedName, SERVICE]


class HealthCheckNodePort(Output):
    """The health check of a Service on this node, and its answer to load balancers."""

    service: Service = Field(description="The Service whose endpoints are counted.")
    port: Port = Field(description="The port of the node that load balancers ask.")
    local_endpoints: int = Field(ge=0, description="Ready endpoints on the node; 0 answers 503.")
    addresses: tuple[str, ...] = Field(
        description="Addresses of the node that answer; `0.0.0.0` and `::` mean all.",
        examples=[["192.0.2.1", "::"]],
    )


class SetHealthCheckNodePort(HealthCheckNodePort):
    """Add or replace the health check of a Service."""

    op: Literal["SetHealthCheckNodePort"]


class RemoveHealthCheckNodePort(Output):
    """Remove the health check of a Service."""

    op: Literal["RemoveHealthCheckNodePort"]
    service: Service = Field(description="The Service whose check is removed.")


def _taken(change: HealthCheckChange) -> tuple[object, ...]:
    return (change.service,) if change.check is None else (change.service, *change.check)


def _set(service: NamespacedName, *check: *tuple[int, int, tuple[str, ...]]) -> HealthCheckChange:
    return HealthCheckChange(service, domain.HealthCheckNodePort(*check))


_WHOLE: Final = Spelling(HealthCheckNodePort, _taken, _set)
_SET: Final = Spelling(SetHealthCheckNodePort, _taken, _set)
_REMOVED: Final = Spelling(RemoveHealthCheckNodePort, _taken, HealthCheckChange)
HealthCheck = Annotated[HealthCheckChange, _WHOLE]
"""One health check of a node, as the change that adds it."""
HealthCheckNodePortChange = Annotated[
    HealthCheckChange,
    choice(
        "HealthCheckNodePortChange",
        "A change of the health checks that a node serves.",
        {"SetHealthCheckNodePort": _SET, "RemoveHealthCheckNodePort": _REMOVED},
    ),
]


def encode_health_checks(checks: HealthChecks) -> list[dict[str, object]]:
    """Encode all health checks of a node, by Service."""
    return [_WHOLE.write(HealthCheckChange(*each)) for each in sorted(checks.items())]


def encode_health_check_changes(changes: Iterable[HealthCheckChange]) -> list[dict[str, object]]:
    """Encode changes of health checks."""
    return [
        _REMOVED.write(change)
        if change.check is None
        else {"op": "SetHealthCheckNodePort"} | _SET.write(change)  # with ``op`` first
        for change in changes
    ]
