"""Explains why each Pod is, or is not, an endpoint of a Service.

    (Snapshot, key of a Service) -> Explanation

The endpoints come from the slices, the reasons from Pods and Service; disagreement
between them is reported too.  Everything is bounded: the nearest misses are listed,
the rest is counted.  Source: contract.md, "Routes".
"""

from collections.abc import Mapping
from heapq import nsmallest

from app.domain.discovery.explain.explanation import (
    Explanation,
    PodExplanation,
    Reason,
    ReasonCode,
    Verdict,
)
from app.domain.discovery.explain.near_misses import Misses, misses, requirements_of
from app.domain.discovery.explain.pod_reasons import reasons_of, verdict_of
from app.domain.discovery.explain.slices import explain_slices
from app.domain.discovery.explain.summary import summary_of
from app.domain.errors import not_found
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import Endpoint
from app.domain.objects.pod import Pod
from app.domain.objects.service import SERVICE, Service
from app.domain.snapshot import Snapshot

EXPLAINED_PODS_MAX = 100
COMPARED_PODS_MAX = 1_000  # unselected Pods whose labels are compared letter by letter

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
    slices, slices_omitted = explain_slices(snapshot, service)
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
