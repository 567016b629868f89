"""The records of a Service: at its name, its named ports, its endpoints.

    (Zone, Service, type) -> Found | None        (None: the name does not exist)
    (Zone, Service) -> every record at and below its name

Source: spec dns A1 and A4; RFC 2782 for SRV.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.domain.addresses import Address, parse_address
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.discovery.zone.published_endpoints import Published, published
from app.domain.discovery.zone.records import (
    ADDRESS_TYPES,
    Record,
    RecordType,
    ServiceTarget,
    address_record,
)
from app.domain.names import DomainName, NamespacedName
from app.domain.objects.service import Service
from app.domain.snapshot import Snapshot

_WEIGHT_SUM = 100  # the weights of an answer add up to at most this
_PRIORITY = 0


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone at one revision; ``apex`` is spelt as the question spells it."""

    snapshot: Snapshot
    apex: DomainName
    config: ZoneConfig

    def name(self, *labels: str) -> DomainName:
        """Make a name in this zone."""
        return DomainName((*labels, *self.apex.labels))

    def service_name(self, key: NamespacedName, *below: str) -> DomainName:
        """Make the name of a Service, or a name below it."""
        return self.name(*below, key.name, key.namespace, "svc")


@dataclass(frozen=True, slots=True)
class Found:
    """The records of the type at an existing name; without answers it is NODATA."""

    answers: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class _Offer:
    """One address and port for an SRV record."""

    target: DomainName
    address: Address
    port: int
    weight: int


def at_service(zone: Zone, service: Service, owner: DomainName, type_: int) -> Found | None:
    """Find the records at the name of a Service that is not an alias."""
    if not service.is_headless:
        return _owned(zone, owner, type_, cluster_addresses(service), _port_offers(zone, service))
    entries = published(zone.snapshot, service)
    if not entries:
        # Spec A1: a headless Service without ready endpoints does not exist.
        return None
    return _at_entries(zone, service, owner, type_, entries)


def at_endpoint(
    zone: Zone, service: Service, label: str, question: tuple[DomainName, int]
) -> Found | None:
    """Find the records at an endpoint's name; ``question`` is the owner and the type."""
    entries = tuple(entry for entry in published(zone.snapshot, service) if entry.label == label)
    return _at_entries(zone, service, *question, entries) if entries else None


def at_port(
    zone: Zone, service: Service, port: tuple[str, str], question: tuple[DomainName, int]
) -> Found | None:
    """Find the records at a named port; ``port`` is its folded name and protocol."""
    offers = _offers_at(zone, service, port)
    if not offers:
        return None
    owner, type_ = question
    return _srv(zone, owner, offers) if type_ == RecordType.SRV else Found()


def _offers_at(zone: Zone, service: Service, port: tuple[str, str]) -> list[_Offer]:
    """Find the offers of one port name and protocol, without computing the others."""
    if service.is_headless:
        return _named(zone, service).get(port, [])
    target, addresses = zone.service_name(service.metadata.key), cluster_addresses(service)
    return [
        _Offer(target, address, each.port, 1)
        for each in service.ports
        if (each.name.lower(), each.protocol.lower()) == port
        for address in addresses
    ]


def has_protocol(zone: Zone, service: Service, protocol: str) -> bool:
    """Whether any named port of a Service uses the folded protocol."""
    return any(used == protocol for _, used in _named(zone, service))


def records_of(zone: Zone, service: Service) -> Iterator[Record]:
    """List every record at and below the name of a Service that is not an alias."""
    own = zone.service_name(service.metadata.key)
    entries = published(zone.snapshot, service)
    if service.is_headless:
        yield from _every_type(zone, service, own, entries)
    else:
        found = (_address(zone, own, address) for address in cluster_addresses(service))
        yield from found
        yield from _srv(zone, own, _port_offers(zone, service)).answers
    labels: dict[str, list[Published]] = {}
    for entry in entries:
        labels.setdefault(entry.label, []).append(entry)
    for label, sharing in labels.items():
        name = zone.service_name(service.metadata.key, label)
        yield from _every_type(zone, service, name, tuple(sharing))
    for (port, protocol), offers in _named(zone, service).items():
        name = zone.service_name(service.metadata.key, f"_{port}", f"_{protocol}")
        yield from _srv(zone, name, offers).answers


def cluster_addresses(service: Service) -> tuple[Address, ...]:
    """Parse the addresses of a Service."""
    found = (parse_address(text) for text in service.addresses)
    return tuple(address for address in found if address is not None)


def _at_entries(
    zone: Zone, service: Service, owner: DomainName, type_: int, entries: tuple[Published, ...]
) -> Found:
    addresses = tuple(entry.address for entry in entries)
    return _owned(zone, owner, type_, addresses, _entry_offers(zone, service, entries))


def _owned(
    zone: Zone,
    owner: DomainName,
    type_: int,
    addresses: Iterable[Address],
    offers: Iterable[_Offer],
) -> Found:
    if type_ == RecordType.SRV:
        return _srv(zone, owner, offers)
    if type_ not in ADDRESS_TYPES:
        return Found()
    records = (_address(zone, owner, address) for address in dict.fromkeys(addresses))
    return Found(tuple(record for record in records if record.type == type_))


def _every_type(
    zone: Zone, service: Service, owner: DomainName, entries: tuple[Published, ...]
) -> Iterator[Record]:
    for address in dict.fromkeys(entry.address for entry in entries):
        yield _address(zone, owner, address)
    yield from _srv(zone, owner, _entry_offers(zone, service, entries)).answers


def _port_offers(zone: Zone, service: Service) -> Iterator[_Offer]:
    target = zone.service_name(service.metadata.key)
    for port in service.ports:
        for address in cluster_addresses(service):
            yield _Offer(target, address, port.port, 1)


def _entry_offers(zone: Zone, service: Service, entries: Iterable[Published]) -> Iterator[_Offer]:
    for entry in entries:
        target = zone.service_name(service.metadata.key, entry.label)
        for port in entry.ports:
            if port.port is not None:
                yield _Offer(target, entry.address, port.port, entry.weight)


def _named(zone: Zone, service: Service) -> dict[tuple[str, str], list[_Offer]]:
    """Group the offers of a Service by port name and protocol, both folded.

    For a headless Service the names are those of its slices (spec A4).
    """
    found: dict[tuple[str, str], list[_Offer]] = {}
    if not service.is_headless:
        target, addresses = zone.service_name(service.metadata.key), cluster_addresses(service)
        for port in service.ports:
            if port.name:
                offers = [_Offer(target, address, port.port, 1) for address in addresses]
                found.setdefault((port.name.lower(), port.protocol.lower()), []).extend(offers)
        return found
    for entry in published(zone.snapshot, service):
        target = zone.service_name(service.metadata.key, entry.label)
        for port in entry.ports:
            if port.name and port.port is not None:
                offer = _Offer(target, entry.address, port.port, entry.weight)
                found.setdefault((port.name.lower(), port.protocol.lower()), []).append(offer)
    return found


def _srv(zone: Zone, owner: DomainName, offers: Iterable[_Offer]) -> Found:
    """Make the SRV records and the addresses of their targets.

    Weights are shares of all offers, computed before those of equal target and port
    are merged (spec A4), so that equal shares are 100/N, rounded down.
    """
    every = tuple(offers)
    weights = [offer.weight for offer in every]
    if not any(weights):
        weights = [1] * len(every)
    total, ttl_s = sum(weights), zone.config.ttl_s
    answers: dict[tuple[DomainName, int], Record] = {}
    additional: dict[tuple[DomainName, Address], Record] = {}
    for offer, weight in zip(every, weights, strict=True):
        share = max(1, _WEIGHT_SUM * weight // total) if weight else 0
        content = ServiceTarget(_PRIORITY, share, offer.port, offer.target)
        record = Record(owner, RecordType.SRV, ttl_s, content)
        answers.setdefault((offer.target, offer.port), record)
        glue = _address(zone, offer.target, offer.address)
        additional.setdefault((offer.target, offer.address), glue)
    return Found(tuple(answers.values()), tuple(additional.values()))


def _address(zone: Zone, owner: DomainName, address: Address) -> Record:
    return address_record(owner, zone.config.ttl_s, address)
