"""The wire shape of every kind, one line each.

    Resource -> Wire

Source: style.md 2; docs/decisions/0016.
"""

from collections.abc import Mapping
from typing import cast

from app.domain.objects.resource import AnyResource, Resource, T
from app.schemas.base import Input
from app.schemas.objects import endpoint_slice, namespace, node, pod, service, service_cidr
from app.schemas.objects.access import bindings, roles, tokens
from app.schemas.objects.wire import AnyWire, Wire

WIRES: tuple[AnyWire, ...] = (
    service.WIRE,
    pod.WIRE,
    endpoint_slice.WIRE,
    node.WIRE,
    namespace.WIRE,
    service_cidr.WIRE,
    roles.ROLE_WIRE,
    roles.CLUSTER_ROLE_WIRE,
    bindings.ROLE_BINDING_WIRE,
    bindings.CLUSTER_ROLE_BINDING_WIRE,
    tokens.WIRE,
)
"""Every kind, in the order in which the API's documents list them."""

_WIRES_BY_RESOURCE: Mapping[AnyResource, AnyWire] = {wire.resource: wire for wire in WIRES}


def wire_of(resource: Resource[T]) -> Wire[T, Input]:
    """Give the wire shape of a kind."""
    return cast("Wire[T, Input]", _WIRES_BY_RESOURCE[resource])
