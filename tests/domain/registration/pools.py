"""Ranges for tests of registration."""

from app.domain.addresses import parse_prefix
from app.domain.registration.allocator import NODE_PORTS_DEFAULT, AddressRange, Pools


def a_pool_of(*cidrs: str, node_ports: range = NODE_PORTS_DEFAULT) -> Pools:
    """Ranges in order of preference, nothing held."""
    prefixes = (parse_prefix(cidr) for cidr in cidrs)
    ranges = tuple(AddressRange(prefix) for prefix in prefixes if prefix is not None)
    return Pools(ranges=ranges, node_ports=node_ports)
