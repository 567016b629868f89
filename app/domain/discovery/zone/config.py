"""The operator's settings of the zone, as plain values.

    cluster domain + service ranges -> ZoneConfig

This server is authoritative for the cluster domain and for the reverse zones of the
service ranges.  In other reverse zones it answers for known endpoints and leaves all
other names to upstreams (fallthrough).

Source: spec dns A6 and A12 (the default chain of kubeadm); RFC 1035 section
3.5 and RFC 3596 section 2.5 for reverse names.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from app.domain.addresses import Address, Prefix
from app.domain.names import DomainName, parse_domain

TTL_S_DEFAULT = 5
REVERSE_V4, REVERSE_V6 = parse_domain("in-addr.arpa."), parse_domain("ip6.arpa.")
REVERSE_ROOTS = (REVERSE_V4, REVERSE_V6)
_ROOT_LABELS = tuple(root.folded for root in REVERSE_ROOTS)
_OCTET_BITS, _NIBBLE_BITS = 8, 4


class PodRecords(StrEnum):
    """Whether ``10-244-1-5.default.pod`` exists, and whether a Pod must have the address."""

    DISABLED = "disabled"
    INSECURE = "insecure"
    VERIFIED = "verified"


@dataclass(frozen=True, kw_only=True)
class ZoneConfig:
    """The zones and their options; a name belongs to the longest zone that contains it.

    Names that do not exist in a zone of ``fallthrough`` are left to upstreams.
    ``nameserver_addresses`` are the addresses at which clients reach this server.
    """

    zones: tuple[DomainName, ...]
    fallthrough: tuple[DomainName, ...] = ()
    ttl_s: int = TTL_S_DEFAULT
    pods: PodRecords = PodRecords.INSECURE
    nameserver_addresses: tuple[Address, ...] = ()

    @cached_property
    def forward_zone(self) -> DomainName:
        """The zone of the targets of reverse names."""
        forward = (zone for zone in self.zones if not is_reverse(zone))
        return next(forward, self.zones[0])

    @cached_property
    def _by_depth(self) -> tuple[tuple[int, dict[tuple[str, ...], DomainName]], ...]:
        """The zones by their number of labels, highest first."""
        found: dict[int, dict[tuple[str, ...], DomainName]] = {}
        for zone in self.zones:
            found.setdefault(len(zone.labels), {})[zone.folded] = zone
        return tuple(sorted(found.items(), reverse=True))

    def zone_of(self, name: DomainName) -> DomainName | None:
        """Find the longest zone that contains ``name``."""
        folded = name.folded
        for depth, zones in self._by_depth:
            start = len(folded) - depth
            if start >= 0 and (zone := zones.get(folded[start:])) is not None:
                return zone
        return None


def cluster_config(
    cluster_domain: str,
    service_ranges: Iterable[Prefix],
    *,
    ttl_s: int = TTL_S_DEFAULT,
    pods: PodRecords = PodRecords.INSECURE,
    nameserver_addresses: tuple[Address, ...] = (),
) -> ZoneConfig:
    """Configure the zones of a cluster: its domain, its ranges, and endpoints elsewhere."""
    ranges = (zone for range_ in service_ranges for zone in reverse_zones(range_))
    return ZoneConfig(
        zones=tuple(dict.fromkeys((parse_domain(cluster_domain), *ranges, *REVERSE_ROOTS))),
        fallthrough=REVERSE_ROOTS,
        ttl_s=ttl_s,
        pods=pods,
        nameserver_addresses=nameserver_addresses,
    )


def is_reverse(zone: DomainName) -> bool:
    """Whether a zone has reverse names."""
    return zone.folded[-len(REVERSE_V4.labels) :] in _ROOT_LABELS


def reverse_zones(range_: Prefix) -> tuple[DomainName, ...]:
    """List the zones that together cover a range exactly, split at octets or nibbles."""
    unit = _OCTET_BITS if range_.version == 4 else _NIBBLE_BITS  # noqa: PLR2004  IP versions
    length = -(-range_.prefixlen // unit) * unit
    return tuple(_reverse_zone(part, unit) for part in range_.subnets(new_prefix=length))


def _reverse_zone(range_: Prefix, unit: int) -> DomainName:
    labels = range_.network_address.reverse_pointer.split(".")
    return DomainName(tuple(labels[(range_.max_prefixlen - range_.prefixlen) // unit :]))
