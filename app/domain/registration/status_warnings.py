"""Warnings about a reported status that is accepted although Waypost cannot use it.

    Pod | Node -> sentences for the client, in field order

Kubernetes' API server stores what a registrar reports almost unchecked, and so does Waypost.
Where rules, names or endpoints lack something, the client is warned instead of refused.
Source: contract.md, "Objects"; Kubernetes' validation of the status of Pods and Nodes.
"""

from collections.abc import Iterable, Iterator

from app.domain.addresses import parse_address
from app.domain.objects.meta import Condition
from app.domain.objects.node import IP_ADDRESS_TYPES, Node
from app.domain.objects.pod import NOT_REPORTED, Pod, PodPhase

_PHASES = frozenset(PodPhase)
_STATUSES = frozenset({"True", "False", "Unknown"})


def pod_warnings(current: Pod | None, desired: Pod) -> tuple[str, ...]:
    """List what is unusable in a Pod's status, and what a new Pod still lacks."""
    return (
        *(() if current is not None else _missing_of(desired)),
        *_phase_warnings(desired),
        *_ready_warnings(desired.conditions),
    )


def node_warnings(current: Node | None, desired: Node) -> tuple[str, ...]:
    """List what is unusable in a Node's status; addresses are checked only when they change."""
    is_known = current is not None and current.addresses == desired.addresses
    return (
        *(() if is_known else _address_warnings(desired)),
        *_ready_warnings(desired.conditions),
    )


def _missing_of(pod: Pod) -> Iterator[str]:
    if pod.needs_report and any(each.reason == NOT_REPORTED for each in pod.conditions):
        yield (
            "spec: a readinessProbe is exec, which Waypost does not run: "
            "the Pod is not ready until its status says so"
        )
    if not pod.pod_ips and not pod.is_finished:
        yield "status.podIPs: the Pod has no address, and is behind no Service until it has one"


def _phase_warnings(pod: Pod) -> Iterator[str]:
    if pod.phase not in _PHASES:
        yield f'status.phase: "{pod.phase}" is not a phase of Pods, and counts as Unknown'


def _ready_warnings(conditions: Iterable[Condition]) -> Iterator[str]:
    for index, condition in enumerate(conditions):
        if condition.type == "Ready" and condition.status not in _STATUSES:
            yield (
                f'status.conditions[{index}].status: "{condition.status}" is neither True, '
                "False nor Unknown, and counts as not ready"
            )


def _address_warnings(node: Node) -> Iterator[str]:
    for index, entry in enumerate(node.addresses):
        if entry.type in IP_ADDRESS_TYPES and parse_address(entry.address) is None:
            yield (
                f'status.addresses[{index}].address: "{entry.address}" is no IP address, '
                "and rules ignore it"
            )
    if all(parse_address(text) is None for text in node.ips):
        yield (
            "status.addresses: there is no InternalIP or ExternalIP to use: "
            "in IPVS mode the node serves no node ports"
        )
