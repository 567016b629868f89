"""The kinds of object there are, and what is said of each.

    object -> Kind          "services" -> Kind

Source: contract.md, "Objects" and "Routes".
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.namespace import Namespace
from app.domain.objects.node import Node
from app.domain.objects.pod import Pod
from app.domain.objects.service import Service
from app.domain.objects.service_cidr import ServiceCIDR

Object = Service | Pod | Node | Namespace | EndpointSlice | ServiceCIDR


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind: ``name`` is the wire's ``kind``, ``plural`` its word in paths."""

    name: str
    plural: str
    api_version: str
    type: type[Object]
    is_namespaced: bool = True

    @property
    def group(self) -> str:
        """The API group; empty for the core."""
        return self.api_version.rpartition("/")[0]


SERVICE = Kind("Service", "services", "v1", Service)
POD = Kind("Pod", "pods", "v1", Pod)
NODE = Kind("Node", "nodes", "v1", Node, is_namespaced=False)
NAMESPACE = Kind("Namespace", "namespaces", "v1", Namespace, is_namespaced=False)
ENDPOINT_SLICE = Kind("EndpointSlice", "endpointslices", "discovery.k8s.io/v1", EndpointSlice)
SERVICE_CIDR = Kind(
    "ServiceCIDR", "servicecidrs", "networking.k8s.io/v1", ServiceCIDR, is_namespaced=False
)

KINDS: tuple[Kind, ...] = (NAMESPACE, NODE, SERVICE_CIDR, SERVICE, POD, ENDPOINT_SLICE)
"""Every kind, in an order in which objects may be written: what is referred to comes first."""

ENDPOINTS = Kind("Endpoints", "endpoints", "v1", EndpointSlice)
"""An older kind that is taken and held as the slices that mirror it: none of KINDS."""

KINDS_BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}
_KINDS_BY_TYPE: Mapping[type[Object], Kind] = {kind.type: kind for kind in KINDS}


def kind_of(registered: Object) -> Kind:
    """Tell the kind of an object."""
    return _KINDS_BY_TYPE[type(registered)]
