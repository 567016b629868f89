"""Objects reduced to the fields that the zone needs, for a process that only serves DNS.

    object -> the same object without fields that no answer depends on

The zone of reduced objects equals the zone of whole ones.  Equal values are shared
between objects: an endpoint is then little more than its address.  Endpoints that
differ only in addresses are merged, as the DNS only publishes addresses.
Source: spec dns A6, on the store; style.md 8, A3.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from typing import Final, TypeVar

from app.domain.addresses import canonical
from app.domain.objects.endpoint_slice import (
    SERVICE_NAME_LABEL,
    Endpoint,
    EndpointConditions,
    EndpointPort,
    EndpointSlice,
)
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.namespace import Namespace
from app.domain.objects.pod import Pod
from app.domain.objects.resource import Object
from app.domain.objects.service import Service, ServicePort

_SHARED_MAX = 65_536  # values shared between objects
_READY: Final = EndpointConditions(ready=True)
_NOT_READY: Final = EndpointConditions(ready=False)

V = TypeVar("V")


def stripped(registered: Object) -> Object:
    """Drop the fields that no answer depends on."""
    match registered:
        case EndpointSlice():
            return _slice(registered)
        case Service():
            return _service(registered)
        case Pod():
            return _pod(registered)
        case Namespace():
            return Namespace(metadata=_meta(registered.metadata))
        case _:
            return registered


def _slice(slice_: EndpointSlice) -> EndpointSlice:
    meta, service = _meta(slice_.metadata), slice_.service
    if service is not None:
        meta = replace(meta, labels={SERVICE_NAME_LABEL: _shared(service.name)})
    return EndpointSlice(
        metadata=meta,
        address_type=slice_.address_type,
        endpoints=tuple(_endpoints(slice_.endpoints)),
        ports=_shared(
            tuple(
                EndpointPort(port=port.port, name=port.name, protocol=port.protocol)
                for port in slice_.ports
            )
        ),
    )


def _endpoints(endpoints: Iterable[Endpoint]) -> Iterator[Endpoint]:
    """Merge adjacent endpoints that differ only in their addresses."""
    for (is_ready, hostname, weight), alike in groupby(endpoints, key=_traits):
        yield Endpoint(
            addresses=tuple(canonical(address) for one in alike for address in one.addresses),
            conditions=_READY if is_ready else _NOT_READY,
            hostname=hostname,
            weight=weight,
        )


def _traits(endpoint: Endpoint) -> tuple[bool, str, int | None]:
    return endpoint.conditions.is_ready, endpoint.hostname, endpoint.weight


def _service(service: Service) -> Service:
    return Service(
        metadata=_meta(service.metadata),
        type=_shared(service.type),
        ports=_shared(
            tuple(
                ServicePort(port=port.port, name=port.name, protocol=port.protocol)
                for port in service.ports
            )
        ),
        cluster_ip=service.cluster_ip,
        cluster_ips=service.cluster_ips,
        ip_families=_shared(service.ip_families),
        external_name=service.external_name,
        publish_not_ready_addresses=service.publish_not_ready_addresses,
    )


def _pod(pod: Pod) -> Pod:
    return Pod(
        metadata=_meta(pod.metadata),
        host_network=pod.host_network,
        phase=_shared(pod.phase),
        pod_ips=pod.pod_ips,
    )


def _meta(metadata: ObjectMeta) -> ObjectMeta:
    return ObjectMeta(
        name=metadata.name,
        namespace=_shared(metadata.namespace),
        revision=metadata.revision,
        deleted_at=metadata.deleted_at,
    )


@lru_cache(maxsize=_SHARED_MAX)
def _shared(value: V) -> V:
    """Return one shared object for equal values."""
    return value
