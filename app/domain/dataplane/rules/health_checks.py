"""What load balancers learn of a node, Service by Service, at health-check node ports.

    rules of Services, families of the node -> HealthChecks, by Service
    HealthChecks, HealthChecks -> changes      changes, HealthChecks -> HealthChecks

No kernel is told of them but that the port is let in: a program on the node answers, with the
number of ready endpoints there.  How it does is not known here.

Source: spec ipvs 5, "Health check port"; 7, "do better" (h).
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from app.domain.addresses import IPFamily
from app.domain.dataplane.rules.model import NodeFamily, ServiceRules
from app.domain.names import NamespacedName

_EVERY_ADDRESS: Final[Mapping[IPFamily, str]] = {IPFamily.IPV4: "0.0.0.0", IPFamily.IPV6: "::"}  # noqa: S104  a value, nothing binds it


class HealthCheckNodePort(NamedTuple):
    """Where a program answers for one Service, and how many ready endpoints the node has."""

    port: int
    local_endpoints: int
    addresses: tuple[str, ...] = ()
    """Those of the node that answer at node ports; the zero address stands for all of a family."""


HealthChecks = Mapping[NamespacedName, HealthCheckNodePort]
_NONE: Final[HealthChecks] = {}


class HealthCheckChange(NamedTuple):
    """What is new for one Service; None when it has no health check any more."""

    service: NamespacedName
    check: HealthCheckNodePort | None = None


HealthCheckChanges = tuple[HealthCheckChange, ...]


def health_checks(services: Iterable[ServiceRules], families: Iterable[NodeFamily]) -> HealthChecks:
    """List the health checks of some Services of a node."""
    checked = [rules for rules in services if rules.health_check is not None]
    if not checked:
        return _NONE
    addresses = tuple(_answering(families))
    return {
        rules.service: HealthCheckNodePort(check.port, check.local_endpoints, addresses)
        for rules in checked
        if (check := rules.health_check) is not None
    }


def health_check_changes(current: HealthChecks, desired: HealthChecks) -> HealthCheckChanges:
    """List what leads from some health checks to others, by Service."""
    if current == desired:
        return ()
    return tuple(
        HealthCheckChange(service, desired.get(service))
        for service in sorted(current.keys() | desired.keys())
        if current.get(service) != desired.get(service)
    )


def followed(changes: Iterable[HealthCheckChange], current: HealthChecks) -> HealthChecks:
    """Take changes; what they do not name stays."""
    checks = dict(current)
    for service, check in changes:
        if check is None:
            checks.pop(service, None)
        else:
            checks[service] = check
    return checks


def _answering(families: Iterable[NodeFamily]) -> Iterable[str]:
    for facts in families:
        if facts.has_all_node_ports:
            yield _EVERY_ADDRESS[facts.family]
        else:
            yield from facts.node_port_addresses
