"""Settings that contradict registered objects, found before programs fail.

    Snapshot, Policy -> Contradictions, each with a remedy

Most settings only initialise a registry: afterwards its ranges, its DNS Service and its node
ports are objects, and containers keep the resolv.conf files that were handed out.  Changing a
setting later does not change those.

Costs a few look-ups, however much is registered.  Source: KEP-1880, whose event
KubernetesDefaultServiceCIDRInconsistent reports the same for one flag.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from app.domain.addresses import PORT_MAX
from app.domain.names import REVISION_ZERO, NamespacedName
from app.domain.objects.namespace import NAMESPACE, SYSTEM
from app.domain.objects.service import SERVICE
from app.domain.objects.service_cidr import SERVICE_CIDR
from app.domain.snapshot import Snapshot
from app.domain.work import Policy
from app.registry.writes.bootstrap import DNS_KEY, DOMAIN_ANNOTATION, default_names

SETTLED_KINDS = (SERVICE.name, NAMESPACE.name, SERVICE_CIDR.name)
"""Kinds that settings are compared with."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One setting, the registered value, and the remedy."""

    setting: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.problem}; {self.remedy}"


def contradictions(snapshot: Snapshot, policy: Policy) -> tuple[Contradiction, ...]:
    """List the settings that contradict the state, in the order of the README."""
    if snapshot.revision == REVISION_ZERO:
        return ()  # nothing is registered yet
    return (
        *_of_ranges(snapshot, policy),
        *_of_domain(snapshot, policy),
        *_of_cluster_dns(snapshot, policy),
        *_of_node_ports(snapshot, policy),
    )


def _of_ranges(snapshot: Snapshot, policy: Policy) -> Iterator[Contradiction]:
    default = _default_ranges(snapshot)
    if not default:
        return  # a DNS replica of an API that does not serve its ranges
    registered = [cidr for served in snapshot.service_cidrs.values() for cidr in served.cidrs]
    configured = policy.service_cidrs
    agree = (
        all(_is_within(cidr, registered) for cidr in configured)
        and all(_is_within(cidr, configured) for cidr in default)
        and ip_network(configured[0]).version == ip_network(default[0]).version
    )
    if not agree:
        yield Contradiction(
            "WAYPOST_SERVICE_CIDRS",
            f"it says {','.join(configured)}, but the registry was made with "
            f"{','.join(default)}, which stay in use",
            "set it to those; a ServiceCIDR object adds a range",
        )


def _of_domain(snapshot: Snapshot, policy: Policy) -> Iterator[Contradiction]:
    system = snapshot.namespaces.get(NamespacedName("", SYSTEM))
    domain = system.metadata.annotations.get(DOMAIN_ANNOTATION) if system is not None else None
    if domain is not None and domain != policy.cluster_domain:
        yield Contradiction(
            "WAYPOST_CLUSTER_DOMAIN",
            f"it says {policy.cluster_domain}, but the registry was made with {domain}: names "
            "and search lists that programs were given before lead nowhere",
            f"set it back, or take the annotation {DOMAIN_ANNOTATION} off the Namespace {SYSTEM} "
            "and start again to keep the change",
        )


def _of_cluster_dns(snapshot: Snapshot, policy: Policy) -> Iterator[Contradiction]:
    """Examine only addresses in a range; others, such as a cache on the node, are not Services."""
    address = policy.cluster_dns
    service = snapshot.services.get(DNS_KEY)
    ranges = (*policy.service_cidrs, *_default_ranges(snapshot))
    if not _is_within(address, ranges) or (service is not None and address in service.addresses):
        return
    if service is not None and service.addresses:
        held = " and ".join(service.addresses)
        yield Contradiction(
            "WAYPOST_CLUSTER_DNS",
            f"every resolv.conf names {address}, but the Service {DNS_KEY} has {held}",
            f"set it to {service.addresses[0]}, or delete that Service and create it "
            f"with clusterIP {address}",
        )
    elif snapshot.service_at(address) is None:
        yield Contradiction(
            "WAYPOST_CLUSTER_DNS",
            f"every resolv.conf names {address}, and no Service has it",
            f"create the Service {DNS_KEY} with clusterIP {address}",
        )


def _of_node_ports(snapshot: Snapshot, policy: Policy) -> Iterator[Contradiction]:
    """Report one Service only, as finding all would examine every Service."""
    ports = policy.node_ports
    held = snapshot.held_ports
    outside = held.next_held(1, ports.start - 1)
    if outside is None:
        outside = held.next_held(ports.stop, PORT_MAX)
    if outside is None:
        return
    holder = snapshot.service_on_port(outside)
    assert holder is not None, "a held port has a holder"
    yield Contradiction(
        "WAYPOST_NODE_PORT_RANGE",
        f"it says {ports.start}-{ports.stop - 1}, but the Service {holder.metadata.key} holds "
        f"node port {outside}, which stays open",
        "widen the range, or give that Service another port",
    )


def _default_ranges(snapshot: Snapshot) -> tuple[str, ...]:
    """List the ranges of the objects that the first start created, in order."""
    found: list[str] = []
    for name in default_names():
        served = snapshot.service_cidrs.get(NamespacedName("", name))
        if served is None:
            break
        found.extend(served.cidrs)
    return tuple(found)


def _is_within(text: str, ranges: Iterable[str]) -> bool:
    """Whether a range, or an address as a range of one, lies in one of ``ranges``."""
    inner = ip_network(text)
    return any(
        int(outer.network_address) <= int(inner.network_address)
        and int(inner.broadcast_address) <= int(outer.broadcast_address)
        for outer in map(ip_network, ranges)
        if outer.version == inner.version
    )
