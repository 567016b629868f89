"""Slices that a Service keeps when it loses its selector: endpoints are only removed.

    Snapshot, Service, the Pods that changed -> SlicePlan

Kubernetes leaves such slices unchanged for ever, and traffic goes to addresses that no Pod
has any more.  Here the Pods that were selected last stay endpoints for as long as they exist:
conditions and addresses follow the Pod, and the endpoint is removed with it.  A later Pod of
the same name is not added.
Slices written by hand, and endpoints that refer to no Pod, are never touched.

Source: spec kubernetes-api 3.1, and 3.3 for what an endpoint is.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from app.domain.addresses import IPFamily
from app.domain.copies import replace
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import Endpoint, EndpointSlice
from app.domain.objects.service import Service
from app.domain.registration.slices.endpoints import endpoint_of, zone_of
from app.domain.registration.slices.hints import hinted
from app.domain.registration.slices.metadata import triggered
from app.domain.registration.slices.planning import SlicePlan
from app.domain.snapshot import Snapshot

_FAMILIES = frozenset(IPFamily)


def plan_left_over(
    snapshot: Snapshot,
    service: Service,
    *,
    changed_pods: Collection[NamespacedName] | None = None,
    triggered_at: datetime | None = None,
) -> SlicePlan:
    """Find the writes after which the left-over slices have no endpoint of a removed Pod.

    ``changed_pods`` names the Pods to compare with; None means all.
    """
    comparison = _Comparison(snapshot, service, changed_pods)
    update: list[EndpointSlice] = []
    delete: list[EndpointSlice] = []
    for slice_ in snapshot.slices_of(service.metadata.key):
        is_managed = slice_.is_managed and not slice_.metadata.is_terminating
        if not is_managed or slice_.address_type not in _FAMILIES:
            continue
        endpoints = tuple(comparison.remaining(slice_))
        if endpoints == slice_.endpoints:
            continue
        if endpoints:
            metadata = triggered(slice_.metadata, triggered_at)
            update.append(replace(slice_, metadata=metadata, endpoints=endpoints))
        else:
            delete.append(slice_)
    return SlicePlan(update=tuple(update), delete=tuple(delete))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Compares the endpoints of one Service with the Pods that exist."""

    snapshot: Snapshot
    service: Service
    changed_pods: Collection[NamespacedName] | None

    def remaining(self, slice_: EndpointSlice) -> Iterator[Endpoint]:
        """Give the endpoints of a slice whose Pods exist, updated from the Pods."""
        family = IPFamily(slice_.address_type)
        for endpoint in slice_.endpoints:
            reference = endpoint.target_ref
            if reference is None or reference.kind != "Pod":
                yield endpoint
                continue
            key = NamespacedName(slice_.metadata.namespace, reference.name)
            if self.changed_pods is not None and key not in self.changed_pods:
                yield endpoint
            elif (current := self._current(endpoint, key, family)) is not None:
                yield current

    def _current(
        self, endpoint: Endpoint, key: NamespacedName, family: IPFamily
    ) -> Endpoint | None:
        pod = self.snapshot.pods.get(key)
        reference = endpoint.target_ref
        assert reference is not None, "called for endpoints of Pods only"
        if pod is None or reference.uid not in ("", pod.metadata.uid):
            return None
        zone = zone_of(pod, self.snapshot.nodes)
        current = endpoint_of(self.service, pod, family, zone=zone)
        if current is None or not self.service.is_balanced:
            return current and hinted(self.service, current)
        return replace(current, hints=endpoint.hints)  # computed from all endpoints together
