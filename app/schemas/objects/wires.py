"""The wire shape of every kind, one line each.

    Resource -> Wire

Source: style.md 2; docs/decisions/0016.
"""

from collections.abc import Mapping

from app.domain.objects.resource import AnyResource
from app.schemas.objects import endpoint_slice, namespace, node, pod, service, service_cidr
from app.schemas.objects.wire import Wire

WIRES: tuple[Wire, ...] = (
    service.WIRE,
    pod.WIRE,
    endpoint_slice.WIRE,
    node.WIRE,
    namespace.WIRE,
    service_cidr.WIRE,
)
"""Every kind, in the order in which the API's documents list them."""

_WIRES_BY_RESOURCE: Mapping[AnyResource, Wire] = {wire.resource: wire for wire in WIRES}


def wire_of(resource: AnyResource) -> Wire:
    """Give the wire shape of a kind."""
    return _WIRES_BY_RESOURCE[resource]
