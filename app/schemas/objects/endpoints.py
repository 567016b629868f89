"""The wire shape of Endpoints, an older kind that is stored as slices.

    EndpointsWrite -> Endpoints (domain)

Source: spec kubernetes-api 3.8.
"""

from collections.abc import Sequence
from typing import ClassVar

from app.domain.objects import endpoints as domain
from app.schemas.base import Input, Port
from app.schemas.objects.endpoint_slice import EndpointPort, decode_ports
from app.schemas.objects.metadata import ObjectReference, decode_meta, decode_reference
from app.schemas.objects.wire import Manifest


class EndpointAddress(Input):
    """One address of a subset."""

    ip: str | None = None
    hostname: str | None = None
    node_name: str | None = None
    target_ref: ObjectReference | None = None
    documented_required: ClassVar = ("ip",)


class EndpointsPort(EndpointPort):
    """A port that all addresses of a subset listen on."""

    port: Port | None = None
    documented_required: ClassVar = ("port",)


class EndpointSubset(Input):
    """Addresses that all listen on all of the ports."""

    addresses: list[EndpointAddress] | None = None
    not_ready_addresses: list[EndpointAddress] | None = None
    ports: list[EndpointsPort] | None = None


class EndpointsWrite(Manifest):
    """An Endpoints manifest."""

    subsets: list[EndpointSubset] | None = None
    of_kind: ClassVar = "Endpoints"


def decode_endpoints(wire: EndpointsWrite) -> domain.Endpoints:
    """Decode an Endpoints object."""
    return domain.Endpoints(
        metadata=decode_meta(wire.metadata),
        subsets=tuple(
            domain.EndpointSubset(
                addresses=_decode_addresses(subset.addresses),
                not_ready_addresses=_decode_addresses(subset.not_ready_addresses),
                ports=decode_ports(subset.ports),
            )
            for subset in wire.subsets or ()
        ),
    )


def _decode_addresses(
    wire: Sequence[EndpointAddress] | None,
) -> tuple[domain.EndpointAddress, ...]:
    return tuple(
        domain.EndpointAddress(
            ip=address.ip or "",
            hostname=address.hostname or "",
            node_name=address.node_name or "",
            target_ref=decode_reference(address.target_ref),
        )
        for address in wire or ()
    )
