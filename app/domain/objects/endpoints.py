"""Endpoints: the older kind that lists the endpoints of a Service without a selector.

Values only.  It is accepted, and stored as the slices that mirror it.
Source: spec kubernetes-api 3.8; KEP-752.
"""

from dataclasses import dataclass

from app.domain.objects.endpoint_slice import EndpointPort
from app.domain.objects.meta import ObjectReference
from app.domain.objects.resource import Object, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAddress:
    """One address, with its hostname, Node and Pod if these are known."""

    ip: str
    hostname: str = ""
    node_name: str = ""
    target_ref: ObjectReference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSubset:
    """Addresses that all listen on all of the ports; without ports, on any."""

    addresses: tuple[EndpointAddress, ...] = ()
    not_ready_addresses: tuple[EndpointAddress, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints(Object):
    """All endpoints of the Service of the same name."""

    subsets: tuple[EndpointSubset, ...] = ()


ENDPOINTS = Resource(name="Endpoints", plural="endpoints", api_version="v1", type=Endpoints)
"""Not among ``app.domain.resources``: only slices are stored."""
