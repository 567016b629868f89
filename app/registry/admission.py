"""What a kind that allocates nothing becomes on its way in: completed, validated, warned of.

    draft, current -> the object as it is to be stored, or Invalid with every violation

Services, ServiceCIDRs and Namespaces do more, each in a module of its own.  EndpointSlices
here are those written by hand; those made from a selector come from ``reconcile``.
"""

from collections.abc import Iterable
from dataclasses import replace

from app.domain.errors import Invalid, Violation
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.kinds import Object, kind_of
from app.domain.objects.node import Node
from app.domain.objects.pod import Pod
from app.domain.registration import nodes, pods
from app.domain.registration.conditions import with_transitions
from app.domain.registration.health.leases import without_leftovers
from app.domain.registration.pod_defaults import with_pod_defaults
from app.domain.registration.slices import validation
from app.domain.registration.status_warnings import node_warnings, pod_warnings
from app.registry.work import Work


def require_valid(registered: Object, violations: Iterable[Violation]) -> None:
    """Raise Invalid with every violation, if there is one."""
    causes = tuple(violations)
    if causes:
        meta = registered.metadata
        raise Invalid(kind_of(registered).name, meta.name or meta.generate_name, causes)


def admitted_pod(work: Work, current: Pod | None, draft: Pod) -> Pod:
    """Fill in the defaults of contract.md, "Objects"; raises Invalid."""
    pod = with_pod_defaults(without_leftovers(draft))
    held = () if current is None else current.conditions
    pod = replace(pod, conditions=with_transitions(held, pod.conditions, work.now))
    require_valid(
        pod, pods.validate(pod) if current is None else pods.validate_update(current, pod)
    )
    work.warnings.extend(pod_warnings(current, pod))
    return pod


def admitted_node(work: Work, current: Node | None, draft: Node) -> Node:
    """Accept a Node as it is; raises Invalid."""
    require_valid(
        draft, nodes.validate(draft) if current is None else nodes.validate_update(current, draft)
    )
    work.warnings.extend(node_warnings(current, draft))
    return draft


def admitted_slice(
    work: Work, current: EndpointSlice | None, draft: EndpointSlice
) -> EndpointSlice:
    """Accept a slice as it is; raises Invalid."""
    rules = validation
    require_valid(
        draft, rules.validate(draft) if current is None else rules.validate_update(current, draft)
    )
    work.warnings.extend(rules.slice_warnings(draft))
    return draft
