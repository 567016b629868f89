"""The verdict and the reasons for one Pod: its own state, or the distance of its labels.

    Service, Pod, the endpoints that refer to it -> Verdict, reasons
    requirements, labels -> the failed requirements, and their distance

Source: spec kubernetes-api 3.2 to 3.4; contract.md, "Routes", and for leases and weights.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from app.domain.addresses import family_of_text
from app.domain.discovery.explain.explanation import Reason, ReasonCode, Verdict
from app.domain.labels import Operator, Requirement
from app.domain.objects.endpoint_slice import Endpoint
from app.domain.objects.meta import Condition, format_time
from app.domain.objects.pod import LEASE_EXPIRED, NODE_LEASE_EXPIRED, NOT_REPORTED, Pod
from app.domain.objects.service import Service

SPELLING_DISTANCE_MAX = 2  # letters by which a misspelt label may differ
_DISTANCES_MAX = 8_192  # cached pairs of words
_FAR = 64  # more than the distance of any two label values, which have at most 63 characters


def verdict_of(pod: Pod, endpoints: Sequence[Endpoint]) -> Verdict:
    """Classify a Pod by its endpoints in the Service's slices."""
    if not endpoints:
        return Verdict.NOT_AN_ENDPOINT
    if any(endpoint.conditions.is_ready for endpoint in endpoints):
        return Verdict.DRAINED if pod.weight == 0 else Verdict.READY
    if pod.metadata.is_terminating:
        return Verdict.TERMINATING
    return Verdict.NOT_READY


def reasons_of(service: Service, pod: Pod) -> tuple[Reason, ...]:
    """List everything that keeps a selected Pod from being a ready endpoint on every port."""
    excluding = tuple(_excluding(service, pod))
    if excluding and excluding[0].code != ReasonCode.WRONG_FAMILY:
        return excluding
    return (*excluding, *_hampering(service, pod))


def _excluding(service: Service, pod: Pod) -> Iterator[Reason]:
    if pod.is_finished:
        yield Reason(ReasonCode.FINISHED, f"its phase is {pod.phase}: it will not serve again")
    elif not pod.pod_ips:
        yield Reason(ReasonCode.NO_ADDRESS, f"it has no address (phase {pod.phase or 'unknown'})")
    else:
        families = {family_of_text(ip) for ip in pod.pod_ips}
        missing = [family for family in service.ip_families if family not in families]
        if missing:
            has = ", ".join(pod.pod_ips)
            yield Reason(
                ReasonCode.WRONG_FAMILY, f"it has no {' or '.join(missing)} address, only {has}"
            )


def _hampering(service: Service, pod: Pod) -> Iterator[Reason]:
    if not pod.is_ready:
        yield _not_ready(pod)
    if pod.metadata.is_terminating:
        at = pod.metadata.deleted_at
        when = "" if at is None else f", at the latest by {format_time(at)}"
        yield Reason(ReasonCode.TERMINATING, f"it is being removed{when}")
    is_withheld = not pod.is_ready or pod.metadata.is_terminating
    if is_withheld and service.publish_not_ready_addresses:
        yield Reason(
            ReasonCode.PUBLISHED_REGARDLESS,
            "it still counts as ready: publishNotReadyAddresses is set",
        )
    yield from _ports(service, pod)
    if pod.weight == 0:
        yield Reason(ReasonCode.DRAINED, "it is drained: its weight is 0")


def _not_ready(pod: Pod) -> Reason:
    condition = pod.ready_condition
    if condition is None:
        return Reason(ReasonCode.NOT_READY, f"it has no Ready condition yet{_awaited(pod)}")
    since = _since(condition)
    said = f": {condition.message}" if condition.message else ""
    if condition.reason == LEASE_EXPIRED:
        lease = "lease" if pod.lease_duration_s is None else f"lease of {pod.lease_duration_s} s"
        message = f"its {lease} ran out without a heartbeat{since}{said}"
        return Reason(ReasonCode.LEASE_EXPIRED, message)
    if condition.reason == NODE_LEASE_EXPIRED:
        message = f"the lease of its node {pod.node_name} has been expired{since}{said}"
        return Reason(ReasonCode.NODE_LEASE_EXPIRED, message)
    why = f" ({condition.reason})" if condition.reason else ""
    awaited = _awaited(pod) if condition.reason == NOT_REPORTED else ""
    return Reason(ReasonCode.NOT_READY, f"it is not ready{since}{why}{said}{awaited}")


def _awaited(pod: Pod) -> str:
    """Say what is missing before a Pod's readiness is known."""
    if pod.needs_report:
        return (
            ": its readinessProbe is exec, which Waypost does not run; report Ready in its status"
        )
    return ": its readinessProbe has not been run" if pod.has_probe else ""


def _since(condition: Condition) -> str:
    at = condition.last_transition_at
    return "" if at is None else f" since {format_time(at)}"


def _ports(service: Service, pod: Pod) -> Iterator[Reason]:
    named = (port for port in service.ports if isinstance(port.target_port, str))
    for port in named:
        name = str(port.target_port)
        if not name or pod.port_named(name, port.protocol) is not None:
            continue
        yield Reason(
            ReasonCode.PORT_NOT_FOUND,
            f"no container port is named {name} with protocol {port.protocol}; {_declared(pod)}",
        )


def _declared(pod: Pod) -> str:
    ports = sorted(
        f"{port.name or 'unnamed'} ({port.container_port}/{port.protocol})"
        for container in (*pod.containers, *pod.init_containers)
        for port in container.ports
    )
    return f"it declares {', '.join(ports)}" if ports else "it declares none"


class Misses(NamedTuple):
    """The requirements that labels do not meet; sorts by distance."""

    failed: int
    distance: int  # letters that would have to change, summed
    messages: tuple[str, ...]


def requirements_of(service: Service) -> tuple[Requirement, ...]:
    """Convert a Service's selector to requirements, those of ``selector`` first."""
    plain = (
        Requirement(key=key, operator=Operator.IN, values=(value,))
        for key, value in sorted((service.selector or {}).items())
    )
    return (*plain, *service.selector_expressions)


def misses(requirements: Iterable[Requirement], labels: Mapping[str, str]) -> Misses:
    """Find the requirements that labels fail; none means that they are selected."""
    failed = [entry for entry in requirements if not entry.matches(labels)]
    return Misses(
        len(failed),
        sum(_distance_of(entry, labels) for entry in failed),
        tuple(f"wants {wanted(entry)}, {_had(entry, labels)}" for entry in failed),
    )


def wanted(requirement: Requirement) -> str:
    """Write a requirement: ``app=web``, ``tier in (a, b)``, ``no label tier``."""
    key, values = requirement.key, requirement.values
    listed = ", ".join(values)
    match requirement.operator:
        case Operator.IN:
            return f"{key}={values[0]}" if len(values) == 1 else f"{key} in ({listed})"
        case Operator.NOT_IN:
            return f"{key} not in ({listed})"
        case Operator.DOES_NOT_EXIST:
            return f"no label {key}"
        case _:
            return f"a label {key}"


def _had(requirement: Requirement, labels: Mapping[str, str]) -> str:
    value = labels.get(requirement.key)
    if value is not None:
        return f"has {requirement.key}={value}"
    similar = similar_word(requirement.key, labels)
    if similar is None:
        return "has no such label"
    return f"has no such label but {similar}={labels[similar]}"


def _distance_of(requirement: Requirement, labels: Mapping[str, str]) -> int:
    value = labels.get(requirement.key)
    if value is None:
        similar = similar_word(requirement.key, labels)
        return _FAR if similar is None else distance(similar, requirement.key)
    if requirement.operator != Operator.IN:
        return 1
    return min((distance(value, entry) for entry in requirement.values), default=_FAR)


def similar_word(word: str, among: Iterable[str]) -> str | None:
    """Find the word of which ``word`` is most likely a misspelling; None when all are too far."""
    near = ((distance(word, other), other) for other in among)
    found = min((pair for pair in near if pair[0] <= SPELLING_DISTANCE_MAX), default=None)
    return None if found is None or len(word) <= SPELLING_DISTANCE_MAX else found[1]


@lru_cache(maxsize=_DISTANCES_MAX)
def distance(word: str, other: str) -> int:
    """Count the letters to insert, remove, change or swap; a difference in case costs nothing."""
    left, right = word.lower(), other.lower()
    above: list[int] = []
    row = list(range(len(right) + 1))
    for place, letter in enumerate(left):
        before, above, row = above, row, [place + 1]
        for column, other_letter in enumerate(right):
            cost = min(
                above[column] + (letter != other_letter), above[column + 1] + 1, row[column] + 1
            )
            # Two adjacent letters in the wrong order count as one typing error.
            is_swap = place and column and letter == right[column - 1]
            if is_swap and left[place - 1] == other_letter:
                cost = min(cost, before[column - 1] + 1)
            row.append(cost)
    return row[-1]
