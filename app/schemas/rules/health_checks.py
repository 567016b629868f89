"""The wire shapes of health-check node ports, whole and as changes; their codec.

    HealthChecks <-> [HealthCheckNodePort]      changes <-> [SetHealthCheckNodePort | Remove…]

Source: contract.md, "GET /nodes/{name}/ipvs" and its changes.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from app.domain.dataplane.rules import health_checks as domain
from app.domain.dataplane.rules.health_checks import HealthChecks
from app.domain.names import NamespacedName
from app.schemas.base import Output, Port


class ServiceReference(Output):
    """A Service."""

    namespace: str
    name: str


class HealthCheckNodePort(Output):
    """What a load balancer asks this node about a Service, and what it is told."""

    service: ServiceReference
    port: Port
    local_endpoints: int = Field(ge=0, description="Ready endpoints on the node; 0 answers 503.")
    addresses: list[str] = Field(
        description="Those of the node that answer; the zero address stands for all of a family.",
        examples=[["192.0.2.1", "::"]],
    )


class SetHealthCheckNodePort(HealthCheckNodePort):
    """Answer, or answer otherwise, for a Service."""

    op: Literal["SetHealthCheckNodePort"]


class RemoveHealthCheckNodePort(Output):
    """Answer for a Service no more."""

    op: Literal["RemoveHealthCheckNodePort"]
    service: ServiceReference


HealthCheckOperation = Annotated[
    SetHealthCheckNodePort | RemoveHealthCheckNodePort, Field(discriminator="op")
]


def encode_health_checks(checks: HealthChecks) -> list[dict[str, object]]:
    """Spell all health checks of a node, by Service."""
    return [_spelt(service, checks[service]) for service in sorted(checks)]


def encode_health_check_changes(
    changes: Iterable[domain.HealthCheckChange],
) -> list[dict[str, object]]:
    """Spell changes."""
    return [
        {"op": "RemoveHealthCheckNodePort", "service": encode_reference(service)}
        if check is None
        else {"op": "SetHealthCheckNodePort", **_spelt(service, check)}
        for service, check in changes
    ]


def encode_reference(service: NamespacedName) -> dict[str, object]:
    """Spell which Service is meant."""
    return {"namespace": service.namespace, "name": service.name}


def decode_health_checks(checks: Iterable[HealthCheckNodePort]) -> HealthChecks:
    """Read all health checks of a node."""
    return {_key(check.service): _decoded(check) for check in checks}


def decode_health_check_changes(
    operations: Iterable[SetHealthCheckNodePort | RemoveHealthCheckNodePort],
) -> domain.HealthCheckChanges:
    """Read changes."""
    return tuple(
        domain.HealthCheckChange(
            _key(operation.service),
            _decoded(operation) if isinstance(operation, SetHealthCheckNodePort) else None,
        )
        for operation in operations
    )


def _spelt(service: NamespacedName, check: domain.HealthCheckNodePort) -> dict[str, object]:
    return {
        "service": encode_reference(service),
        "port": check.port,
        "localEndpoints": check.local_endpoints,
        "addresses": list(check.addresses),
    }


def _decoded(check: HealthCheckNodePort) -> domain.HealthCheckNodePort:
    return domain.HealthCheckNodePort(check.port, check.local_endpoints, tuple(check.addresses))


def _key(service: ServiceReference) -> NamespacedName:
    return NamespacedName(service.namespace, service.name)
