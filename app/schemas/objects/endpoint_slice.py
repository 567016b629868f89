"""The wire shape of an EndpointSlice.

    EndpointSliceWrite -> EndpointSlice (domain) -> dict

Source: spec kubernetes-api 3.3 to 3.5; contract.md for the weight.
"""

from collections.abc import Sequence
from itertools import product
from typing import Annotated, ClassVar

from pydantic import Field

from app.domain.objects import endpoint_slice as domain
from app.domain.objects.service import Protocol as ProtocolWord
from app.schemas.base import Input, Int32, PortOrNone, words
from app.schemas.objects.metadata import (
    ObjectReference,
    decode_meta,
    decode_reference,
    encode_reference,
)
from app.schemas.objects.service import Protocol
from app.schemas.objects.wire import Manifest, Wire, read_model

_Type = Annotated[str, words(domain.AddressType)]


class EndpointConditions(Input):
    """Three facts; absent reads as ready, serving, and not terminating."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ForZone(Input):
    """A zone whose traffic an endpoint should get."""

    name: str | None = None
    documented_required: ClassVar = ("name",)


class ForNode(Input):
    """A node whose traffic an endpoint should get."""

    name: str | None = None
    documented_required: ClassVar = ("name",)


class EndpointHints(Input):
    """The zones and nodes whose traffic an endpoint should get."""

    for_zones: list[ForZone] | None = None
    for_nodes: list[ForNode] | None = None


class Endpoint(Input):
    """The addresses of one backend."""

    addresses: list[str] | None = Field(default=None, examples=[["10.244.1.5"]])
    conditions: EndpointConditions | None = None
    hostname: str | None = None
    node_name: str | None = Field(default=None, examples=["n1"])
    zone: str | None = None
    target_ref: ObjectReference | None = None
    hints: EndpointHints | None = None
    weight: Int32 | None = Field(
        default=None,
        description="Share of the traffic; 1 when absent, 0 drains (an extension of Waypost).",
    )
    documented_required: ClassVar = ("addresses",)


class EndpointPort(Input):
    """A port of every endpoint in the slice."""

    name: str | None = None
    port: PortOrNone | None = Field(default=None, description="Absent means any port.")
    protocol: Protocol | None = None
    app_protocol: str | None = None


class EndpointSliceWrite(Manifest):
    """An EndpointSlice manifest."""

    address_type: _Type | None = None
    endpoints: list[Endpoint] | None = None
    ports: list[EndpointPort] | None = None
    of_kind: ClassVar = "EndpointSlice"
    documented_required: ClassVar = ("addressType",)


def decode_endpoint_slice(wire: EndpointSliceWrite) -> domain.EndpointSlice:
    """Decode an EndpointSlice."""
    return domain.EndpointSlice(
        metadata=decode_meta(wire.metadata),
        address_type=wire.address_type or "",
        endpoints=tuple(_decode_endpoint(endpoint) for endpoint in wire.endpoints or ()),
        ports=decode_ports(wire.ports),
    )


def decode_ports(wire: Sequence[EndpointPort] | None) -> tuple[domain.EndpointPort, ...]:
    """Decode the ports of a slice, or of a subset of Endpoints."""
    return tuple(
        domain.EndpointPort(
            port=port.port,
            name=port.name or "",
            protocol=port.protocol or ProtocolWord.TCP,
            app_protocol=port.app_protocol,
        )
        for port in wire or ()
    )


# Slices have many endpoints, but conditions only 27 values: the values are shared.
_CONDITIONS = {
    (ready, serving, terminating): domain.EndpointConditions(
        ready=ready, serving=serving, terminating=terminating
    )
    for ready, serving, terminating in product((None, False, True), repeat=3)
}


def _decode_endpoint(wire: Endpoint) -> domain.Endpoint:
    conditions = wire.conditions
    return domain.Endpoint(
        addresses=tuple(wire.addresses or ()),
        conditions=_CONDITIONS[
            (conditions.ready, conditions.serving, conditions.terminating)
            if conditions
            else (None, None, None)
        ],
        hostname=wire.hostname or "",
        node_name=wire.node_name or "",
        zone=wire.zone or "",
        target_ref=decode_reference(wire.target_ref),
        hints=None
        if wire.hints is None
        else domain.Hints(
            for_zones=_names(wire.hints.for_zones), for_nodes=_names(wire.hints.for_nodes)
        ),
        weight=wire.weight,
    )


def _names(wire: Sequence[ForZone | ForNode] | None) -> tuple[str, ...]:
    return tuple(place.name or "" for place in wire or ())


def encode_endpoint_slice(endpoint_slice: domain.EndpointSlice) -> dict[str, object]:
    """Encode the parts of an EndpointSlice; endpoints and ports are always lists (spec 3.5)."""
    return {
        "addressType": endpoint_slice.address_type,
        "endpoints": [_encode_endpoint(endpoint) for endpoint in endpoint_slice.endpoints],
        "ports": [_encode_port(port) for port in endpoint_slice.ports],
    }


def _encode_endpoint(endpoint: domain.Endpoint) -> dict[str, object]:
    wire: dict[str, object] = {
        "addresses": [*endpoint.addresses],
        "conditions": _encode_conditions(endpoint.conditions),
    }
    if endpoint.hostname:
        wire["hostname"] = endpoint.hostname
    if endpoint.node_name:
        wire["nodeName"] = endpoint.node_name
    if endpoint.zone:
        wire["zone"] = endpoint.zone
    if endpoint.target_ref is not None:
        wire["targetRef"] = encode_reference(endpoint.target_ref)
    if endpoint.hints is not None:
        wire["hints"] = _encode_hints(endpoint.hints)
    if endpoint.weight is not None:
        wire["weight"] = endpoint.weight
    return wire


def _encode_conditions(conditions: domain.EndpointConditions) -> dict[str, object]:
    wire: dict[str, object] = {}
    if conditions.ready is not None:
        wire["ready"] = conditions.ready
    if conditions.serving is not None:
        wire["serving"] = conditions.serving
    if conditions.terminating is not None:
        wire["terminating"] = conditions.terminating
    return wire


def _encode_hints(hints: domain.Hints) -> dict[str, object]:
    wire: dict[str, object] = {}
    if hints.for_zones:
        wire["forZones"] = [{"name": name} for name in hints.for_zones]
    if hints.for_nodes:
        wire["forNodes"] = [{"name": name} for name in hints.for_nodes]
    return wire


def _encode_port(port: domain.EndpointPort) -> dict[str, object]:
    wire: dict[str, object] = {"name": port.name, "protocol": port.protocol}
    if port.port is not None:
        wire["port"] = port.port
    if port.app_protocol is not None:
        wire["appProtocol"] = port.app_protocol
    return wire


WIRE = Wire(
    resource=domain.ENDPOINT_SLICE,
    write=EndpointSliceWrite,
    read=read_model(
        domain.ENDPOINT_SLICE,
        "Some of the endpoints behind a Service.",
        address_type=_Type,
        endpoints=list[Endpoint],
        ports=list[EndpointPort],
    ),
    decode=decode_endpoint_slice,
    encode=encode_endpoint_slice,
    judges_lists=True,
)
