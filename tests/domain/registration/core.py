"""A minimal registry: Services, and the addresses and ports that they hold.

Keeps what admission decides and nothing else, for tests of whole histories.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from app.domain.addresses import parse_prefix
from app.domain.errors import AlreadyExists, Violation
from app.domain.names import NamespacedName, Revision, generated_name
from app.domain.objects.service import Service
from app.domain.registration.service.allocation import addresses_of
from app.domain.registration.service.allocator import NODE_PORTS_DEFAULT, AddressRange, Pools
from app.domain.registration.service.strategy import (
    Admitted,
    admit_create,
    admit_status,
    admit_update,
    released,
)
from app.domain.snapshot import load


def a_pool_of(*cidrs: str, node_ports: range = NODE_PORTS_DEFAULT) -> Pools:
    """Ranges in order of preference, nothing held."""
    prefixes = (parse_prefix(cidr) for cidr in cidrs)
    ranges = tuple(AddressRange(prefix) for prefix in prefixes if prefix is not None)
    return Pools(ranges=ranges, node_ports=node_ports)


def reasons(violations: Iterable[Violation]) -> list[tuple[str, str]]:
    """Field and reason of each violation, the reason without the common ``FieldValue``."""
    return [(v.field, v.reason.removeprefix("FieldValue")) for v in violations]


@dataclass
class Core:
    """A minimal registry: Services by key, and what they hold."""

    pools: Pools
    services: dict[NamespacedName, Service] = field(default_factory=dict[NamespacedName, Service])
    warnings: tuple[str, ...] = ()

    def create(self, draft: Service) -> Service:
        """Admit a manifest under a new name."""
        meta = draft.metadata
        if not meta.name and meta.generate_name:
            name = generated_name(meta.generate_name, seed=len(self.services))
            draft = replace(draft, metadata=replace(meta, name=name))
        if draft.metadata.key in self.services:
            raise AlreadyExists(f'services "{draft.metadata.name}" already exists')
        return self._keep(admit_create(draft, self.pools))

    def update(self, key: NamespacedName, draft: Service) -> Service:
        """Admit a manifest in the place of a stored one."""
        return self._keep(admit_update(self.services[key], draft, self.pools))

    def report(self, key: NamespacedName, draft: Service) -> Service:
        """Set a load balancer's status."""
        self.services[key] = admit_status(self.services[key], draft)
        return self.services[key]

    def delete(self, key: NamespacedName) -> Service:
        """Remove a Service and release what it held."""
        gone = self.services.pop(key)
        self.pools = released(gone, self.pools)
        return gone

    def _keep(self, admitted: Admitted) -> Service:
        self.pools, self.warnings = admitted.pools, admitted.warnings
        self.services[admitted.service.metadata.key] = admitted.service
        return admitted.service


def assert_consistent(core: Core) -> None:
    """Each number has one owner, and the pools hold those numbers and no others."""
    services = tuple(core.services.values())
    addresses = Counter(address for service in services for address in addresses_of(service))
    numbers = Counter(number for service in services for number in service.node_ports)
    assert all(count == 1 for count in addresses.values())
    assert all(count == 1 for count in numbers.values())
    snapshot = load(services, revision=Revision(1))
    assert core.pools.held_addresses == snapshot.held_addresses
    assert core.pools.held_ports == snapshot.held_ports
    for service in services:
        checked = service.health_check_node_port
        assert not checked or checked not in {port.node_port for port in service.ports}
        real = service.addresses
        assert len(real) == len(service.ip_families) or not real
        assert not real or service.cluster_ip == service.cluster_ips[0]
