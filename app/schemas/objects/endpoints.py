"""The wire shape of Endpoints, an older kind that is stored as slices.

    EndpointsWrite -> Endpoints (domain)

Source: spec kubernetes-api 3.8.
"""

from typing import ClassVar

from app.domain.objects import endpoints as domain
from app.schemas.base import Input, Port
from app.schemas.objects.endpoint_slice import EndpointPort
from app.schemas.objects.metadata import ObjectReference
from app.schemas.objects.shapes import shape_of
from app.schemas.objects.wire import Manifest


@shape_of(domain.EndpointAddress)
class EndpointAddress(Input):
    """One address of a subset."""

    ip: str | None = None
    hostname: str | None = None
    node_name: str | None = None
    target_ref: ObjectReference | None = None
    documented_required: ClassVar = ("ip",)


@shape_of(domain.EndpointPort)
class EndpointsPort(EndpointPort):
    """A port that all addresses of a subset listen on."""

    port: Port | None = None
    documented_required: ClassVar = ("port",)


@shape_of(domain.EndpointSubset)
class EndpointSubset(Input):
    """Addresses that all listen on all of the ports."""

    addresses: list[EndpointAddress] | None = None
    not_ready_addresses: list[EndpointAddress] | None = None
    ports: list[EndpointsPort] | None = None


@shape_of(domain.Endpoints)
class EndpointsWrite(Manifest):
    """An Endpoints manifest."""

    subsets: list[EndpointSubset] | None = None
    of_kind: ClassVar = "Endpoints"
