"""The records of a Service: at its name, its named ports, its endpoints.

    (Zone, Service, type) -> Found | None        (None: the name does not exist)
    (Zone, Service) -> every record at and below its name
    (Snapshot, Service) -> its published endpoints, one per address

Source: spec dns A1, A4 and A5; RFC 2782 for SRV.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.domain.addresses import Address, parse_address
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.discovery.zone.records import (
    ADDRESS_TYPES,
    Content,
    Record,
    RecordType,
    ServiceTarget,
    address_record,
)
from app.domain.names import DomainName, NamespacedName
from app.domain.objects.endpoint_slice import AddressType, Endpoint, EndpointPort, EndpointSlice
from app.domain.objects.service import Service, ServicePort
from app.domain.snapshot import Snapshot

_WEIGHT_DEFAULT = 1
_WEIGHT_SUM = 100  # the weights of an answer add up to at most this
_PRIORITY = 0


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone at one revision; ``apex`` is spelt as the question spells it."""

    snapshot: Snapshot
    apex: DomainName
    config: ZoneConfig

    def service_name(self, key: NamespacedName, *below: str) -> DomainName:
        """Make the name of a Service, or a name below it."""
        return DomainName((*below, key.name, key.namespace, "svc", *self.apex.labels))

    def has_namespace(self, namespace: str) -> bool:
        """Whether a namespace exists: without it nothing in it has a name."""
        return NamespacedName("", namespace) in self.snapshot.namespaces

    def service(self, key: NamespacedName) -> Service | None:
        """Find the Service of a key, if that has a name."""
        return self.snapshot.services.get(key) if self.has_namespace(key.namespace) else None

    def record(self, owner: DomainName, type_: RecordType, content: Content) -> Record:
        """Make a record with the TTL of the zone."""
        return Record(owner, type_, self.config.ttl_s, content)

    def address(self, owner: DomainName, address: Address) -> Record:
        """Make the A or AAAA record of an address."""
        return address_record(owner, self.config.ttl_s, address)


@dataclass(frozen=True, slots=True)
class Found:
    """The records of the type at an existing name; without answers it is NODATA."""

    answers: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class Published:
    """One address of a published endpoint: ``label`` is its name below the Service."""

    label: str
    address: Address
    ports: tuple[EndpointPort, ...]
    weight: int


@dataclass(frozen=True, slots=True)
class _Offer:
    """One address and port for an SRV record."""

    target: DomainName
    address: Address
    number: int
    port: ServicePort | EndpointPort
    weight: int = _WEIGHT_DEFAULT

    @property
    def place(self) -> tuple[str, str]:
        """The name and the protocol of the port, both folded."""
        return self.port.name.lower(), self.port.protocol.lower()


def at_service(zone: Zone, service: Service, question: tuple[DomainName, int]) -> Found | None:
    """Find the records at the name of a Service that is not an alias.

    ``question`` is the owner and the type.
    """
    if not service.is_headless:
        return _owned(zone, question, cluster_addresses(service), _offers(zone, service))
    # Spec A1: a headless Service without ready endpoints does not exist.
    return _at_entries(zone, service, question, published(zone.snapshot, service))


def at_endpoint(
    zone: Zone, service: Service, label: str, question: tuple[DomainName, int]
) -> Found | None:
    """Find the records at the name of an endpoint."""
    entries = tuple(entry for entry in published(zone.snapshot, service) if entry.label == label)
    return _at_entries(zone, service, question, entries)


def at_port(
    zone: Zone, service: Service, port: tuple[str, str], question: tuple[DomainName, int]
) -> Found | None:
    """Find the records at a port; ``port`` is its folded name and protocol.

    A port without a name is found at ``_._tcp`` if the Service has a cluster address.
    """
    name, _ = port
    if service.is_headless and not name:
        return None
    offers = [offer for offer in _offers(zone, service) if offer.place == port]
    if not offers:
        return None
    owner, type_ = question
    return _srv(zone, owner, offers) if type_ == RecordType.SRV else Found()


def has_protocol(zone: Zone, service: Service, protocol: str) -> bool:
    """Whether any named port of a Service uses the folded protocol."""
    return any(used == protocol for _, used in _by_port(zone, service))


def records_of(zone: Zone, service: Service) -> Iterator[Record]:
    """List every record at and below the name of a Service that is not an alias."""
    key, entries = service.metadata.key, published(zone.snapshot, service)
    held = tuple(entry.address for entry in entries)
    own = held if service.is_headless else cluster_addresses(service)
    yield from _every_type(zone, zone.service_name(key), own, _offers(zone, service))
    labels: dict[str, list[Published]] = {}
    for entry in entries:
        labels.setdefault(entry.label, []).append(entry)
    for label, sharing in labels.items():
        shared = (entry.address for entry in sharing)
        offers = _entry_offers(zone, service, sharing)
        yield from _every_type(zone, zone.service_name(key, label), shared, offers)
    for (port, protocol), named in _by_port(zone, service).items():
        name = zone.service_name(key, f"_{port}", f"_{protocol}")
        yield from _srv(zone, name, named).answers


def cluster_addresses(service: Service) -> tuple[Address, ...]:
    """Parse the addresses of a Service."""
    found = (parse_address(text) for text in service.addresses)
    return tuple(address for address in found if address is not None)


def published(snapshot: Snapshot, service: Service) -> tuple[Published, ...]:
    """List what a Service publishes, in the order of its slices."""
    return tuple(
        entry
        for slice_ in snapshot.slices_of(service.metadata.key)
        for entry in _of_slice(slice_, service)
    )


def published_at(snapshot: Snapshot, address: Address) -> tuple[tuple[NamespacedName, str], ...]:
    """List every Service that publishes ``address``, with its label there, sorted."""
    found: set[tuple[NamespacedName, str]] = set()
    for slice_ in snapshot.slices_with(str(address)):
        key = slice_.service
        service = None if key is None else snapshot.services.get(key)
        if key is None or service is None or service.is_external_name:
            continue
        found.update(
            (key, entry.label) for entry in _of_slice(slice_, service) if entry.address == address
        )
    return tuple(sorted(found))


def label_of(endpoint: Endpoint, address: Address) -> str:
    """Return an endpoint's label below its Service: its host name, or its address with dashes.

    A label cannot end in a dash (RFC 1123), so a zero is appended to ``2001:db8::``.
    """
    if endpoint.hostname:
        return endpoint.hostname.lower()
    dashed = str(address).replace(".", "-").replace(":", "-")
    return f"{dashed}0" if dashed.endswith("-") else dashed


def _of_slice(slice_: EndpointSlice, service: Service) -> Iterator[Published]:
    if slice_.address_type == AddressType.FQDN:
        return
    for endpoint in slice_.endpoints:
        # Spec A1: ready, or the Service publishes addresses that are not ready.
        if not (endpoint.conditions.is_ready or service.publish_not_ready_addresses):
            continue
        weight = _WEIGHT_DEFAULT if endpoint.weight is None else endpoint.weight
        for text in endpoint.addresses:
            if (address := parse_address(text)) is not None:
                yield Published(label_of(endpoint, address), address, slice_.ports, weight)


def _at_entries(
    zone: Zone, service: Service, question: tuple[DomainName, int], entries: tuple[Published, ...]
) -> Found | None:
    if not entries:
        return None
    addresses = (entry.address for entry in entries)
    return _owned(zone, question, addresses, _entry_offers(zone, service, entries))


def _owned(
    zone: Zone,
    question: tuple[DomainName, int],
    addresses: Iterable[Address],
    offers: Iterable[_Offer],
) -> Found:
    owner, type_ = question
    if type_ == RecordType.SRV:
        return _srv(zone, owner, offers)
    if type_ not in ADDRESS_TYPES:
        return Found()
    records = (zone.address(owner, address) for address in dict.fromkeys(addresses))
    return Found(tuple(record for record in records if record.type == type_))


def _every_type(
    zone: Zone, owner: DomainName, addresses: Iterable[Address], offers: Iterable[_Offer]
) -> Iterator[Record]:
    for address in dict.fromkeys(addresses):
        yield zone.address(owner, address)
    yield from _srv(zone, owner, offers).answers


def _offers(zone: Zone, service: Service) -> Iterator[_Offer]:
    """List the offers of a Service; the ports of a headless one are those of its slices (A4)."""
    if service.is_headless:
        yield from _entry_offers(zone, service, published(zone.snapshot, service))
        return
    target = zone.service_name(service.metadata.key)
    for port in service.ports:
        for address in cluster_addresses(service):
            yield _Offer(target, address, port.port, port)


def _entry_offers(zone: Zone, service: Service, entries: Iterable[Published]) -> Iterator[_Offer]:
    for entry in entries:
        target = zone.service_name(service.metadata.key, entry.label)
        for port in entry.ports:
            if port.port is not None:
                yield _Offer(target, entry.address, port.port, port, entry.weight)


def _by_port(zone: Zone, service: Service) -> dict[tuple[str, str], list[_Offer]]:
    """Group the offers of the named ports by name and protocol, both folded."""
    found: dict[tuple[str, str], list[_Offer]] = {}
    for offer in _offers(zone, service):
        if offer.port.name:
            found.setdefault(offer.place, []).append(offer)
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
    total = sum(weights)
    answers: dict[tuple[DomainName, int], Record] = {}
    additional: dict[tuple[DomainName, Address], Record] = {}
    for offer, weight in zip(every, weights, strict=True):
        share = max(1, _WEIGHT_SUM * weight // total) if weight else 0
        content = ServiceTarget(_PRIORITY, share, offer.number, offer.target)
        record = zone.record(owner, RecordType.SRV, content)
        answers.setdefault((offer.target, offer.number), record)
        glue = zone.address(offer.target, offer.address)
        additional.setdefault((offer.target, offer.address), glue)
    return Found(tuple(answers.values()), tuple(additional.values()))
