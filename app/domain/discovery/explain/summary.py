"""The first line of an explanation: the number of ready endpoints, or why there are none.

    Service, its explained Pods and slices -> one sentence

Source: contract.md, "Routes".
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from app.domain.discovery.explain.explanation import (
    PodExplanation,
    ReasonCode,
    SliceExplanation,
    Verdict,
)
from app.domain.discovery.explain.pod_reasons import requirements_of, wanted
from app.domain.objects.endpoint_slice import SERVICE_NAME_LABEL
from app.domain.objects.service import MASS_FAILURE_GUARD, Service
from app.domain.snapshot import Snapshot

ELSEWHERE_MAX = 1_000  # Pods of other namespaces that are examined

_IN_WORDS = {
    ReasonCode.FINISHED: "finished",
    ReasonCode.NO_ADDRESS: "without an address",
    ReasonCode.WRONG_FAMILY: "without an address of the Service's family",
    ReasonCode.LEASE_EXPIRED: "with an expired lease",
    ReasonCode.NODE_LEASE_EXPIRED: "on a node with an expired lease",
    ReasonCode.NOT_READY: "not ready",
    ReasonCode.TERMINATING: "terminating",
    ReasonCode.PORT_NOT_FOUND: "without the named port",
    ReasonCode.DRAINED: "drained",
    ReasonCode.NOT_IN_SLICES: "missing from the slices",
}


def summary_of(
    snapshot: Snapshot,
    service: Service,
    selected: Sequence[PodExplanation],
    others: Sequence[PodExplanation],
    slices: Sequence[SliceExplanation],
) -> str:
    """Summarize the Service in one sentence, after that of the mass-failure guard, if active."""
    name = service.metadata.name
    if service.is_external_name:
        return f"{name} is an alias of {service.external_name} and has no endpoints of its own."
    if not service.has_selector:
        return _by_hand(service, slices)
    state = _selected(selected) if selected else _none_selected(snapshot, service, others)
    by_hand = sum(entry.endpoints_ready for entry in slices)
    if by_hand:
        state = f"{state} Slices written by hand add {_counted(by_hand)}."
    return f"{_guard(service)}{state}"


def _guard(service: Service) -> str:
    for condition in service.conditions:
        if condition.type == MASS_FAILURE_GUARD and condition.status == "True":
            return f"The mass-failure guard holds: {condition.message.rstrip('.')}. "
    return ""


def _by_hand(service: Service, slices: Sequence[SliceExplanation]) -> str:
    label = f"{SERVICE_NAME_LABEL}={service.metadata.name}"
    lead = f"{service.metadata.name} has no selector"
    mine = [entry for entry in slices if entry.reasons[0].code != ReasonCode.LABEL_MISSING]
    ready = sum(entry.endpoints_ready for entry in mine)
    if ready:
        return f"{lead}; slices written for it have {_counted(ready)}."
    if mine:
        return f"{lead}, and no slice labelled {label} has a ready endpoint."
    if slices:
        stray = slices[0]
        return f"{lead} and no slice; {stray.slice} is nearest: {stray.reasons[0].message}."
    return f"{lead} and no slice: give it a selector, or write an EndpointSlice labelled {label}."


def _selected(pods: Sequence[PodExplanation]) -> str:
    ready = [pod for pod in pods if pod.verdict == Verdict.READY]
    if not ready:
        return _none_ready(pods)
    stands = _standing(len(ready), len(pods))
    unreachable = [_found(pod, ReasonCode.PORT_NOT_FOUND) for pod in ready]
    if all(unreachable):
        return f"{stands}, but {ready[0].pod.name}: {unreachable[0]}."
    rest = [pod for pod in pods if pod.verdict != Verdict.READY]
    return f"{stands}; the others: {_tally(rest)}." if rest else f"{stands}."


def _standing(ready: int, count: int) -> str:
    if ready < count:
        return f"{ready} of {count} selected Pods {'is' if ready == 1 else 'are'} ready"
    return "The one selected Pod is ready" if count == 1 else f"All {count} selected Pods are ready"


def _none_ready(pods: Sequence[PodExplanation]) -> str:
    if len(pods) == 1 and pods[0].reasons:
        [pod] = pods
        cause = pod.reasons[0].message
        return f"The one selected Pod, {pod.pod.name}, gets no new connections: {cause}."
    return f"None of {len(pods)} selected Pods gets new connections: {_tally(pods)}."


def _none_selected(snapshot: Snapshot, service: Service, others: Sequence[PodExplanation]) -> str:
    namespace = service.metadata.namespace
    selector = ", ".join(wanted(entry) for entry in requirements_of(service))
    elsewhere = _elsewhere(snapshot, service)
    if elsewhere:
        return (
            f"No Pod of namespace {namespace} matches {selector}, "
            f"but Pods of namespace {elsewhere} do: a selector sees its own namespace only."
        )
    if not others:
        return f"There is no Pod in namespace {namespace}."
    nearest = others[0]
    missed = "; ".join(reason.message for reason in nearest.reasons)
    return f"No Pod matches {selector}; the nearest is {nearest.pod.name}: it {missed}."


def _elsewhere(snapshot: Snapshot, service: Service) -> str:
    """Find another namespace with Pods that match the selector; empty when there is none."""
    if not service.selector:
        return ""
    terms = [snapshot.members("label", "Pod", *pair) for pair in service.selector.items()]
    fewest = sorted(min(terms, key=len))[:ELSEWHERE_MAX]
    found = (key for key in fewest if service.selects(snapshot.pods[key].metadata.labels))
    return next((key.namespace for key in found), "")


def _tally(pods: Iterable[PodExplanation]) -> str:
    """Count the first reason of each Pod, the most frequent first."""
    first = (_IN_WORDS[pod.reasons[0].code] for pod in pods if pod.reasons)
    counts = Counter(first)
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return ", ".join(f"{count} {words}" for words, count in ordered)


def _found(pod: PodExplanation, code: ReasonCode) -> str:
    """Return the message of a code; empty when there is none."""
    return next((reason.message for reason in pod.reasons if reason.code == code), "")


def _counted(count: int) -> str:
    return "1 ready endpoint" if count == 1 else f"{count} ready endpoints"
