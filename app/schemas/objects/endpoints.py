"""The wire shape of Endpoints, an older kind that is taken and held as slices.

    EndpointsWrite -> Endpoints (domain)

Source: spec kubernetes-api 3.8.
"""

from collections.abc import Sequence
from typing import ClassVar

from app.domain.objects import endpoints as domain
from app.domain.objects.endpoint_slice import EndpointPort as DomainPort
from app.domain.objects.service import Protocol as ProtocolWord
from app.schemas.base import Input, Port
from app.schemas.objects.metadata import (
    ObjectMeta,
    ObjectReference,
    decode_meta,
    decode_reference,
)
from app.schemas.objects.service import Protocol


class EndpointAddress(Input):
    """One address of a subset."""

    ip: str | None = None
    hostname: str | None = None
    node_name: str | None = None
    target_ref: ObjectReference | None = None
    documented_required: ClassVar = ("ip",)


class EndpointsPort(Input):
    """A port that all addresses of a subset listen on."""

    name: str | None = None
    port: Port | None = None
    protocol: Protocol | None = None
    app_protocol: str | None = None
    documented_required: ClassVar = ("port",)


class EndpointSubset(Input):
    """Addresses that all listen on all of the ports."""

    addresses: list[EndpointAddress] | None = None
    not_ready_addresses: list[EndpointAddress] | None = None
    ports: list[EndpointsPort] | None = None


class EndpointsWrite(Input):
    """An Endpoints manifest."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    subsets: list[EndpointSubset] | None = None
    of_kind: ClassVar = "Endpoints"


def decode_endpoints(wire: EndpointsWrite) -> domain.Endpoints:
    """Read an Endpoints object."""
    return domain.Endpoints(
        metadata=decode_meta(wire.metadata),
        subsets=tuple(
            domain.EndpointSubset(
                addresses=_decode_addresses(subset.addresses),
                not_ready_addresses=_decode_addresses(subset.not_ready_addresses),
                ports=tuple(
                    DomainPort(
                        port=port.port,
                        name=port.name or "",
                        protocol=port.protocol or ProtocolWord.TCP,
                        app_protocol=port.app_protocol,
                    )
                    for port in subset.ports or ()
                ),
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
