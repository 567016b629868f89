"""An EndpointSlice: some of the endpoints behind a Service.

Values only.  Source: spec kubernetes-api 3.3 to 3.5; contract.md for the weight.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from app.domain.addresses import canonical
from app.domain.names import NamespacedName
from app.domain.objects.meta import ObjectReference
from app.domain.objects.resource import Object, Resource, Term
from app.domain.objects.service import Protocol

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by"
MANAGED_BY = "endpointslice-controller.k8s.io"
MIRRORED_BY = "endpointslicemirroring-controller.k8s.io"
HEADLESS_LABEL = "service.kubernetes.io/headless"
TRIGGER_TIME_ANNOTATION = "endpoints.kubernetes.io/last-change-trigger-time"
ENDPOINTS_MAX_DEFAULT = 100  # endpoints of one slice that Waypost makes


class AddressType(StrEnum):
    """The type of all addresses of a slice."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"
    FQDN = "FQDN"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointConditions:
    """Three tri-state conditions; absent means ready, serving, and not terminating."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the endpoint is ready; absent counts as yes."""
        return self.ready is not False

    @property
    def is_serving(self) -> bool:
        """Whether the endpoint can serve, even while terminating; absent counts as yes."""
        return self.serving is not False

    @property
    def is_terminating(self) -> bool:
        """Whether the endpoint is terminating; absent counts as no."""
        return self.terminating is True


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """The zones and nodes whose traffic an endpoint should get."""

    for_zones: tuple[str, ...] = ()
    for_nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The addresses of one backend; ``weight`` None means 1, and 0 drains it."""

    addresses: tuple[str, ...]
    conditions: EndpointConditions = EndpointConditions()
    hostname: str = ""
    node_name: str = ""
    zone: str = ""
    target_ref: ObjectReference | None = None
    hints: Hints | None = None
    weight: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPort:
    """A port of every endpoint in the slice; ``port`` None means any."""

    port: int | None = None
    name: str = ""
    protocol: str = Protocol.TCP
    app_protocol: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSlice(Object):
    """Endpoints of one Service that share an address type and a list of ports."""

    address_type: str
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[EndpointPort, ...] = ()

    @property
    def service(self) -> NamespacedName | None:
        """The key of the Service it belongs to; None without the label."""
        name = self.metadata.labels.get(SERVICE_NAME_LABEL)
        return None if not name else NamespacedName(self.metadata.namespace, name)

    @property
    def is_managed(self) -> bool:
        """Whether Waypost made it from a selector."""
        return self.metadata.labels.get(MANAGED_BY_LABEL) == MANAGED_BY

    @property
    def is_mirrored(self) -> bool:
        """Whether Waypost made it from an Endpoints object."""
        return self.metadata.labels.get(MANAGED_BY_LABEL) == MIRRORED_BY


def service_terms(slice_: EndpointSlice) -> Iterator[Term]:
    """Give the term under which a slice is found from its Service."""
    if (service := slice_.service) is not None:
        yield ("slice-service", service.namespace, service.name)


def _index_terms(slice_: EndpointSlice) -> Iterator[Term]:
    yield from service_terms(slice_)
    for endpoint in slice_.endpoints:
        for address in endpoint.addresses:
            yield ("endpoint", canonical(address))


ENDPOINT_SLICE = Resource(
    name="EndpointSlice",
    plural="endpointslices",
    api_version="discovery.k8s.io/v1",
    type=EndpointSlice,
    short_names=("eps",),
    counts_labels=True,  # it has no spec: its labels name its Service (spec kubernetes-api 3.5)
    index_terms=_index_terms,
    endpoints=lambda slice_: len(slice_.endpoints),
)
