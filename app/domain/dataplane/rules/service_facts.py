"""What all nodes share of one Service: addresses it has won, endpoints, settings.

    Service, slices, the Services that claim the same -> ServiceFacts

Where a node stands is not known here, so this is computed once for all of them.
Source: spec ipvs 1.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from app.domain.dataplane.rules.conflicts import NO_LOSSES, NODE_ADDRESSES, Claimed, Losses, losses
from app.domain.dataplane.rules.model import Conflict, Notice, NoticeReason
from app.domain.dataplane.rules.service_addresses import Reach, is_visible, spell
from app.domain.dataplane.rules.topology import Candidates, candidates
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.service import (
    AFFINITY_TIMEOUT_S_DEFAULT,
    Scheduler,
    Service,
    ServicePort,
    ServicePortName,
    ServiceType,
    SessionAffinity,
    TrafficPolicy,
)

_WEIGHING: Final[Mapping[str, str]] = {
    Scheduler.RR.value: Scheduler.WRR.value,
    Scheduler.LC.value: Scheduler.WLC.value,
}
# These are asked of every Service, and naming a member of an enum is a search for it.
_CLIENT_IP: Final = SessionAffinity.CLIENT_IP.value
_LOCAL: Final = TrafficPolicy.LOCAL.value


class PortSettings(NamedTuple):
    """What of a Service holds for each of its ports."""

    affinity_timeout_s: int | None = None
    is_internal_local: bool = False
    is_external_local: bool = False
    health_check_node_port: int = 0


class PortFacts(NamedTuple):
    """One port in one family, before any node looks at it; addresses lost are left out."""

    name: ServicePortName
    reach: Reach
    port: int
    settings: PortSettings
    scheduler: str
    found: Candidates
    uses_cluster: bool
    """Whether anything may go to endpoints on other nodes."""
    uses_local: bool
    """Whether anything is kept on the node."""
    cluster_ip: str | None
    external_ips: tuple[str, ...]
    load_balancer_ips: tuple[str, ...]
    node_port: int
    source_ranges: tuple[str, ...]


_SETTINGS_MOSTLY: Final = PortSettings()


class ServiceFacts(NamedTuple):
    """One Service, before any node looks at it; without ports it is invisible."""

    service: NamespacedName
    ports: tuple[PortFacts, ...] = ()
    reaches: tuple[Reach, ...] = ()
    health_check_node_port: int = 0
    conflicts: tuple[Conflict, ...] = ()
    notices: tuple[Notice, ...] = ()


def service_facts(
    service: Service,
    slices: Iterable[EndpointSlice],
    reached: tuple[Reach, ...],
    *,
    others: Collection[Service] = (),
    scheduler: str,
) -> ServiceFacts:
    """Work out what all nodes share; ``others`` are the Services that claim an address too."""
    key = service.metadata.key
    if not reached:
        return ServiceFacts(key)
    visible = [slice_ for slice_ in slices if is_visible(slice_.metadata.labels)]
    settings = _settings(service)
    lost = losses(service, others)
    making = _Making(key, service.scheduler or scheduler or Scheduler.RR, settings, lost)
    listening = _distinct(service.ports)
    ports = tuple([making.port(reach, port, visible) for reach in reached for port in listening])
    return ServiceFacts(
        key,
        ports,
        reached,
        settings.health_check_node_port,
        lost.conflicts,
        _notices(key, reached) if service.load_balancer_source_ranges else (),
    )


class _Making(NamedTuple):
    """What the ports of one Service have in common while they are made."""

    service: NamespacedName
    scheduler: str
    settings: PortSettings
    lost: Losses

    def port(self, reach: Reach, port: ServicePort, slices: Iterable[EndpointSlice]) -> PortFacts:
        name, settings = ServicePortName(self.service, port.name, port.protocol), self.settings
        found = candidates(slices, reach.family, port.name, port.protocol)
        is_accessible = bool(port.node_port or reach.external_ips or reach.load_balancer_ips)
        uses_cluster = not settings.is_internal_local or is_accessible
        uses_local = settings.is_internal_local or (settings.is_external_local and is_accessible)
        facts = PortFacts(
            name,
            reach,
            port.port,
            settings,
            _weighing(self.scheduler, found),
            found,
            uses_cluster,
            uses_local,
            reach.cluster_ip,
            reach.external_ips,
            reach.load_balancer_ips,
            port.node_port,
            tuple([spell(prefix) for prefix in reach.source_ranges]) if is_accessible else (),
        )
        return facts if self.lost is NO_LOSSES else self._without_losses(facts)

    def _without_losses(self, facts: PortFacts) -> PortFacts:
        """Take away what other Services win."""
        family, protocol = facts.reach.family, facts.name.protocol
        node_port = Claimed(family, NODE_ADDRESSES, facts.node_port, protocol)
        return facts._replace(
            cluster_ip=next(iter(self._won(facts, facts.reach.cluster_ip)), None),
            external_ips=self._won(facts, *facts.external_ips),
            load_balancer_ips=self._won(facts, *facts.load_balancer_ips),
            node_port=0 if node_port in self.lost.claimed else facts.node_port,
        )

    def _won(self, facts: PortFacts, *addresses: str) -> tuple[str, ...]:
        family, protocol = facts.reach.family, facts.name.protocol
        claims = (Claimed(family, a, facts.port, protocol) for a in addresses)
        return tuple(claim.address for claim in claims if claim not in self.lost.claimed)


def _distinct(ports: tuple[ServicePort, ...]) -> Sequence[ServicePort]:
    """Leave out what repeats a port or a name; validation refuses it, here the first counts."""
    if len(ports) == 1:
        return ports
    kept: list[ServicePort] = []
    seen: set[tuple[object, str]] = set()
    for port in ports:
        identities = {(port.port, port.protocol), (port.name, port.protocol)}
        if not identities & seen:
            kept.append(port)
        seen |= identities
    return kept


def _weighing(scheduler: str, found: Candidates) -> str:
    """Take the weighted form of a scheduler when weights differ: equal weights make it the same."""
    if scheduler not in _WEIGHING:
        return scheduler
    weights = {each.weight for each in found.destinations} - {0}
    return _WEIGHING[scheduler] if len(weights) > 1 else scheduler


def _settings(service: Service) -> PortSettings:
    """Read them; those of most Services are one object."""
    policies = service.internal_traffic_policy, service.external_traffic_policy
    if service.session_affinity != _CLIENT_IP and _LOCAL not in policies:
        return _SETTINGS_MOSTLY
    is_external_local = _is_external_local(service)
    has_health_check = is_external_local and service.is_load_balancer
    return PortSettings(
        affinity_timeout_s=_affinity_timeout_s(service),
        is_internal_local=service.internal_traffic_policy == _LOCAL,
        is_external_local=is_external_local,
        health_check_node_port=service.health_check_node_port if has_health_check else 0,
    )


def _affinity_timeout_s(service: Service) -> int | None:
    if service.session_affinity != _CLIENT_IP:
        return None
    return service.affinity_timeout_s or AFFINITY_TIMEOUT_S_DEFAULT


def _is_external_local(service: Service) -> bool:
    if service.external_traffic_policy != _LOCAL:
        return False
    if service.type in (ServiceType.LOAD_BALANCER, ServiceType.NODE_PORT):
        return True
    return service.type in ("", ServiceType.CLUSTER_IP) and bool(service.external_ips)


def _notices(service: NamespacedName, reached: Iterable[Reach]) -> tuple[Notice, ...]:
    return tuple(
        Notice(
            service=service,
            reason=NoticeReason.SOURCE_RANGES_OF_OTHER_FAMILY,
            message=f"no source range is of family {reach.family}, "
            f"so its load-balancer addresses are open to anyone",
        )
        for reach in reached
        if reach.has_foreign_ranges and reach.load_balancer_ips
    )
