"""Explains why each Pod is, or is not, an endpoint of a Service.

    (Snapshot, key of a Service) -> Explanation

The slices that Waypost does not update itself are explained too: those written by hand or
left over, and those with a misspelt label.  The endpoints come from the slices, the reasons
from Pods and Service; disagreement between them is reported too.  Everything is bounded: the
nearest misses are listed, the rest is counted.
Source: contract.md, "Routes"; spec kubernetes-api 3.1, 3.5 and 3.8.
"""

from collections.abc import Iterator, Mapping
from heapq import nsmallest

from app.domain.discovery.explain.explanation import (
    Explanation,
    PodExplanation,
    Reason,
    ReasonCode,
    SliceExplanation,
    Verdict,
)
from app.domain.discovery.explain.pod_reasons import (
    Misses,
    distance,
    misses,
    reasons_of,
    requirements_of,
    verdict_of,
)
from app.domain.discovery.explain.summary import summary_of
from app.domain.errors import not_found
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import (
    MANAGED_BY_LABEL,
    SERVICE_NAME_LABEL,
    AddressType,
    Endpoint,
    EndpointSlice,
)
from app.domain.objects.pod import Pod
from app.domain.objects.service import SERVICE, Service
from app.domain.snapshot import Snapshot

EXPLAINED_PODS_MAX = 100
COMPARED_PODS_MAX = 1_000  # unselected Pods whose labels are compared letter by letter
EXPLAINED_SLICES_MAX = 50
STRAY_DISTANCE_MAX = 2  # letters by which a label may differ from the Service's name

_EndpointsByPod = Mapping[NamespacedName, list[tuple[str, Endpoint]]]


def explain(
    snapshot: Snapshot, key: NamespacedName, *, pods_max: int = EXPLAINED_PODS_MAX
) -> Explanation:
    """Explain the endpoints of a Service.

    Raises NotFound when there is no such Service.
    """
    service = snapshot.services.get(key)
    if service is None:
        raise not_found(SERVICE.plural, key.name)
    every = [slice_.endpoints for slice_ in snapshot.slices_of(key)]
    endpoints = [endpoint for endpoints in every for endpoint in endpoints]
    selected, others = _pods(snapshot, service, pods_max)
    shown = _nearest_first(selected, others)[:pods_max]
    slices, slices_omitted = _slices(snapshot, service)
    return Explanation(
        service=key,
        summary=summary_of(snapshot, service, selected, others, slices),
        endpoints_ready=sum(endpoint.conditions.is_ready for endpoint in endpoints),
        endpoints=len(endpoints),
        pods=tuple(shown),
        pods_omitted=len(snapshot.members("Pod", key.namespace)) - len(shown)
        if service.has_selector
        else 0,
        slices=slices,
        slices_omitted=slices_omitted,
        conditions=service.conditions,
    )


def _pods(
    snapshot: Snapshot, service: Service, pods_max: int
) -> tuple[list[PodExplanation], list[PodExplanation]]:
    """Explain all selected Pods, and of the others those that nearly match."""
    if not service.has_selector or service.is_external_name:
        return [], []
    endpoints_by_pod = _endpoints_by_pod(snapshot, service.metadata.key)
    pods = snapshot.pods_selected_by(service)
    selected = [_selected(service, pod, endpoints_by_pod) for pod in pods]
    others = _nearest(snapshot, service, pods_max)
    return selected, [_unselected(pod, found, endpoints_by_pod) for found, pod in others]


def _endpoints_by_pod(snapshot: Snapshot, service: NamespacedName) -> _EndpointsByPod:
    endpoints_by_pod: dict[NamespacedName, list[tuple[str, Endpoint]]] = {}
    for slice_ in snapshot.slices_of(service):
        for endpoint in slice_.endpoints:
            reference = endpoint.target_ref
            if reference is not None and reference.kind == "Pod":
                pod = NamespacedName(reference.namespace, reference.name)
                endpoints_by_pod.setdefault(pod, []).append((slice_.metadata.name, endpoint))
    return endpoints_by_pod


def _selected(service: Service, pod: Pod, endpoints_by_pod: _EndpointsByPod) -> PodExplanation:
    found = endpoints_by_pod.get(pod.metadata.key, [])
    reasons = reasons_of(service, pod)
    if not found and not reasons:
        message = "it has no problem, but is in no slice"
        reasons = (Reason(ReasonCode.NOT_IN_SLICES, message),)
    return _explained_pod(pod, found, reasons)


def _unselected(pod: Pod, missed: Misses, endpoints_by_pod: _EndpointsByPod) -> PodExplanation:
    found = endpoints_by_pod.get(pod.metadata.key, [])
    reasons = tuple(Reason(ReasonCode.SELECTOR_MISMATCH, text) for text in missed.messages)
    if found:
        left = Reason(ReasonCode.LEFT_OVER, "a slice has it, but the selector does not match it")
        reasons = (*reasons, left)
    return _explained_pod(pod, found, reasons, requirements_failed=missed.failed)


def _explained_pod(
    pod: Pod,
    found: list[tuple[str, Endpoint]],
    reasons: tuple[Reason, ...],
    *,
    requirements_failed: int = 0,
) -> PodExplanation:
    return PodExplanation(
        pod=pod.metadata.key,
        verdict=verdict_of(pod, [endpoint for _, endpoint in found]),
        reasons=reasons,
        requirements_failed=requirements_failed,
        addresses=pod.pod_ips,
        slices=tuple(sorted({name for name, _ in found})),
    )


def _nearest(snapshot: Snapshot, service: Service, pods_max: int) -> list[tuple[Misses, Pod]]:
    """Find the unselected Pods that miss the fewest requirements by the fewest letters."""
    requirements = requirements_of(service)
    pods = (snapshot.pods[key] for key in snapshot.keys_in("Pod", service.metadata.namespace))
    counted = (
        (sum(not entry.matches(pod.metadata.labels) for entry in requirements), pod.metadata.key)
        for pod in pods
    )
    compared = nsmallest(COMPARED_PODS_MAX, (pair for pair in counted if pair[0]))
    found = (
        (misses(requirements, snapshot.pods[key].metadata.labels), snapshot.pods[key])
        for _, key in compared
    )
    return nsmallest(pods_max, found, key=lambda pair: (pair[0][:2], pair[1].metadata.key))


def _nearest_first(
    selected: list[PodExplanation], others: list[PodExplanation]
) -> list[PodExplanation]:
    """Sort Pods with reasons first, and those without any last."""
    troubled = [pod for pod in selected if pod.reasons]
    troubled.sort(key=lambda pod: (pod.verdict != Verdict.NOT_AN_ENDPOINT, pod.pod))
    return [*troubled, *others, *(pod for pod in selected if not pod.reasons)]


def _slices(snapshot: Snapshot, service: Service) -> tuple[tuple[SliceExplanation, ...], int]:
    """Explain the slices of a Service that Waypost does not update; also count the omitted."""
    kept = service.has_selector and not service.is_external_name
    mine = snapshot.slices_of(service.metadata.key)
    found = [
        _explained_slice(service, slice_) for slice_ in mine if not (kept and slice_.is_managed)
    ]
    if not mine:
        found.extend(_strays(snapshot, service))
    return tuple(found[:EXPLAINED_SLICES_MAX]), max(0, len(found) - EXPLAINED_SLICES_MAX)


def _explained_slice(service: Service, slice_: EndpointSlice, *more: Reason) -> SliceExplanation:
    ready = sum(endpoint.conditions.is_ready for endpoint in slice_.endpoints)
    return SliceExplanation(
        slice=slice_.metadata.key,
        managed_by=slice_.metadata.labels.get(MANAGED_BY_LABEL, ""),
        address_type=slice_.address_type,
        endpoints=len(slice_.endpoints),
        endpoints_ready=ready,
        reasons=more or tuple(_slice_reasons(service, slice_, ready)),
    )


def _slice_reasons(service: Service, slice_: EndpointSlice, ready: int) -> Iterator[Reason]:
    if slice_.is_managed:
        yield Reason(
            ReasonCode.LEFT_OVER,
            "it has the Pods that the Service's last selector matched: none is added any more, "
            "and each is removed with its Pod",
        )
    elif slice_.is_mirrored:
        yield Reason(ReasonCode.MIRRORED, "it mirrors the Endpoints object of the Service's name")
    elif service.has_selector:
        yield Reason(
            ReasonCode.BESIDE_SELECTOR,
            "it is written by hand and counts in addition to the selected Pods",
        )
    else:
        yield Reason(ReasonCode.WRITTEN_BY_HAND, "it is written by hand")
    if slice_.address_type not in (*service.ip_families, AddressType.FQDN):
        families = ", ".join(service.ip_families)
        message = f"its addresses are {slice_.address_type}, the Service has {families}"
        yield Reason(ReasonCode.WRONG_FAMILY, message)
    yield from _contents(service, slice_, ready)


def _contents(service: Service, slice_: EndpointSlice, ready: int) -> Iterator[Reason]:
    names = {port.name for port in slice_.ports}
    if not slice_.endpoints:
        yield Reason(ReasonCode.NO_ENDPOINTS, "it has no endpoints")
    elif not ready:
        yield Reason(ReasonCode.NONE_READY, "none of its endpoints is ready")
    if slice_.endpoints and service.ports and not slice_.ports:
        yield Reason(ReasonCode.NO_PORTS, "it lists no ports, so none can be used")
        return
    for port in service.ports:
        if slice_.ports and port.name not in names:
            has = ", ".join(sorted(name or "unnamed" for name in names))
            message = f"it has no port named {port.name or 'like the unnamed one'}, only {has}"
            yield Reason(ReasonCode.PORT_NOT_FOUND, message)


def _strays(snapshot: Snapshot, service: Service) -> Iterator[SliceExplanation]:
    """Find slices that were most likely meant for this Service, which has none."""
    wanted = f"{SERVICE_NAME_LABEL}={service.metadata.name}"
    for key in snapshot.keys_in("EndpointSlice", service.metadata.namespace):
        slice_ = snapshot.slices[key]
        name = slice_.metadata.labels.get(SERVICE_NAME_LABEL)
        if name is None and key.name.startswith(service.metadata.name):
            message = f"it would belong to the Service if it were labelled {wanted}"
        elif name is not None and _is_misspelt(snapshot, service, name):
            message = f"it is labelled {SERVICE_NAME_LABEL}={name}, the Service wants {wanted}"
        else:
            continue
        yield _explained_slice(service, slice_, Reason(ReasonCode.LABEL_MISSING, message))


def _is_misspelt(snapshot: Snapshot, service: Service, name: str) -> bool:
    meant = service.metadata.name
    return (
        NamespacedName(service.metadata.namespace, name) not in snapshot.services
        and abs(len(name) - len(meant)) <= STRAY_DISTANCE_MAX
        and distance(name, meant) <= STRAY_DISTANCE_MAX
    )
