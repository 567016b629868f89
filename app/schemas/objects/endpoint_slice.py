"""The wire shapes of an EndpointSlice, and of Endpoints, an older kind stored as slices.

    EndpointSlice <-> EndpointSlice (domain)

Source: spec kubernetes-api 3.3 to 3.5 and 3.8; contract.md for the weight.
"""

from functools import cache
from typing import Annotated, ClassVar

from pydantic import Field

from app.domain.objects import endpoint_slice as domain
from app.domain.objects import endpoints
from app.schemas.base import Input, Int32, Port, PortOrNone, words
from app.schemas.objects.metadata import ObjectReference
from app.schemas.objects.service import Protocol
from app.schemas.objects.shapes import shape_of
from app.schemas.objects.wire import Manifest, Wire

_Type = Annotated[str, words(domain.AddressType)]


@shape_of(cache(domain.EndpointConditions))  # slices have many endpoints, but 27 conditions
class EndpointConditions(Input):
    """Three facts; absent reads as ready, serving, and not terminating."""

    ready: bool | None = Field(default=None, description="Whether it takes new connections.")
    serving: bool | None = Field(
        default=None, description="Whether it answers, also while it is terminating."
    )
    terminating: bool | None = Field(default=None, description="Whether it is about to end.")


def _name(name: str = "") -> str:
    return name


@shape_of(_name, take={"name": str})
class ForZone(Input):
    """A zone whose traffic an endpoint should get."""

    name: str | None = Field(default=None, description="The name of the zone.")
    documented_required: ClassVar = ("name",)


@shape_of(_name, take={"name": str})
class ForNode(Input):
    """A node whose traffic an endpoint should get."""

    name: str | None = Field(default=None, description="The name of the Node.")
    documented_required: ClassVar = ("name",)


@shape_of(domain.Hints)
class EndpointHints(Input):
    """The zones and nodes whose traffic an endpoint should get."""

    for_zones: list[ForZone] | None = Field(
        default=None, description="Zones whose traffic it should get."
    )
    for_nodes: list[ForNode] | None = Field(
        default=None, description="Nodes whose traffic it should get."
    )


@shape_of(domain.Endpoint, always=("conditions",))
class Endpoint(Input):
    """The addresses of one backend."""

    addresses: list[str] | None = Field(
        default=None,
        description="Addresses of the backend; the first one is used.",
        examples=[["10.244.1.5"]],
    )
    conditions: EndpointConditions | None = Field(
        default=None, description="Whether it takes traffic."
    )
    hostname: str | None = Field(
        default=None, description="The host name below the name of a headless Service."
    )
    node_name: str | None = Field(
        default=None, description="The Node that it runs on.", examples=["n1"]
    )
    zone: str | None = Field(default=None, description="The zone that it runs in.")
    target_ref: ObjectReference | None = Field(
        default=None, description="The Pod that it is, if it is one."
    )
    hints: EndpointHints | None = Field(default=None, description="Whose traffic it should get.")
    weight: Int32 | None = Field(
        default=None,
        description="Share of the traffic; 1 when absent, 0 drains (an extension of Waypost).",
    )
    documented_required: ClassVar = ("addresses",)


@shape_of(domain.EndpointPort, always=("name",))
class EndpointPort(Input):
    """A port of every endpoint in the slice."""

    name: str | None = Field(
        default=None, description="The name of the Service's port; empty for a port without a name."
    )
    protocol: Protocol | None = Field(default=None, description="`TCP` when absent.")
    port: PortOrNone | None = Field(default=None, description="Absent means any port.")
    app_protocol: str | None = Field(
        default=None, description="The application protocol of the port."
    )


@shape_of(domain.EndpointSlice)
class EndpointSlice(Manifest):
    """Some of the endpoints behind a Service."""

    address_type: _Type | None = Field(
        default=None, description="The type of all addresses; it cannot be changed."
    )
    endpoints: list[Endpoint] | None = Field(default=None, description="Up to 1000 endpoints.")
    ports: list[EndpointPort] | None = Field(
        default=None, description="The ports of every endpoint."
    )
    of_kind: ClassVar = "EndpointSlice"
    example: ClassVar = {
        "metadata": {
            "name": "ent-elsewhere",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "ent"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["192.0.2.20"]}],
        "ports": [{"name": "http", "port": 8080}],
    }
    documented_required: ClassVar = ("addressType",)


@shape_of(endpoints.EndpointAddress)
class EndpointAddress(Input):
    """One address of a subset."""

    ip: str | None = Field(default=None, description="The address.")
    hostname: str | None = Field(
        default=None, description="The host name below the name of a headless Service."
    )
    node_name: str | None = Field(default=None, description="The Node that it is on.")
    target_ref: ObjectReference | None = Field(
        default=None, description="The Pod that has the address."
    )
    documented_required: ClassVar = ("ip",)


@shape_of(domain.EndpointPort)
class EndpointSubsetPort(EndpointPort):
    """A port that all addresses of a subset listen on."""

    port: Port | None = Field(default=None, description="The number of the port.")
    documented_required: ClassVar = ("port",)


@shape_of(endpoints.EndpointSubset)
class EndpointSubset(Input):
    """Addresses that all listen on all of the ports."""

    addresses: list[EndpointAddress] | None = Field(
        default=None, description="Addresses that are ready."
    )
    not_ready_addresses: list[EndpointAddress] | None = Field(
        default=None, description="Addresses that are not ready."
    )
    ports: list[EndpointSubsetPort] | None = Field(
        default=None, description="The ports of every address."
    )


@shape_of(endpoints.Endpoints)
class Endpoints(Manifest):
    """The older kind that lists the endpoints of a Service; `/apply` mirrors it into slices."""

    subsets: list[EndpointSubset] | None = Field(
        default=None, description="Addresses with their ports."
    )
    of_kind: ClassVar = "Endpoints"


WIRE = Wire(
    resource=domain.ENDPOINT_SLICE,
    model=EndpointSlice,
    has_own_list_limits=True,
)
