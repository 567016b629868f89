"""The endpoints that a Service publishes in DNS.

    (Snapshot, Service) -> the published endpoints, one per address

Source: spec dns A1, A4 and A5.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.addresses import Address, parse_address
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import AddressType, Endpoint, EndpointPort, EndpointSlice
from app.domain.objects.service import Service
from app.domain.snapshot import Snapshot

_WEIGHT_DEFAULT = 1


@dataclass(frozen=True, slots=True)
class Published:
    """One address of a published endpoint: ``label`` is its name below the Service."""

    label: str
    address: Address
    ports: tuple[EndpointPort, ...]
    weight: int


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
