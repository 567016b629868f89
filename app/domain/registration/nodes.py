"""Nodes: every rule that one must obey, all violations at once.

    current, desired -> violations

Of the status only quantities are validated: everything else that a Node reports is stored, and
``status_warnings`` warns of what rules cannot use.
Source: spec kubernetes-api 1.4 and 3.7.
"""

import re
from collections.abc import Iterable, Mapping

from app.domain.access.restrictions import require_node_writable
from app.domain.addresses import family_of, parse_prefix
from app.domain.errors import Violation
from app.domain.labels import key_problems, value_problems
from app.domain.names import NamespacedName
from app.domain.objects.node import Node, Taint
from app.domain.registration.slices import affected
from app.domain.registration.status_warnings import node_warnings
from app.domain.registration.strategy import Strategy
from app.domain.registration.validation.addresses import prefix_violations
from app.domain.snapshot import Snapshot
from app.domain.violations import (
    duplicate,
    each_invalid,
    forbidden,
    invalid,
    not_supported,
    required,
)

POD_CIDRS_MAX = 2  # one per family

_TAINT_EFFECTS = frozenset({"NoSchedule", "PreferNoSchedule", "NoExecute"})
_QUANTITY = re.compile(
    r"\+?([0-9]{1,32}(\.[0-9]{0,32})?|\.[0-9]{1,32})([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,3})?\Z"
)


def _rules(current: Node | None, node: Node) -> Iterable[Violation]:
    if current is not None:
        yield from _fixed_violations(current, node)
    yield from _pod_cidr_violations(node.pod_cidrs, () if current is None else current.pod_cidrs)
    yield from _taint_violations(node.taints)
    yield from _quantity_violations("status.capacity", node.capacity)
    yield from _quantity_violations("status.allocatable", node.allocatable)


def _fixed_violations(current: Node, desired: Node) -> Iterable[Violation]:
    fixed = (
        ("podCIDRs", current.pod_cidrs, desired.pod_cidrs),
        ("providerID", current.provider_id, desired.provider_id),
    )
    for field, before, after in fixed:
        if before and before != after:
            yield forbidden(f"spec.{field}", "may not change once set")


def _pod_cidr_violations(cidrs: tuple[str, ...], accepted: tuple[str, ...]) -> Iterable[Violation]:
    found: list[Violation] = []
    for index, cidr in enumerate(cidrs):
        field = f"spec.podCIDRs[{index}]"
        found.extend(prefix_violations(field, cidr, accepted=accepted))
    yield from found
    if found or len(cidrs) <= 1:
        return
    families = {family_of(prefix) for cidr in cidrs if (prefix := parse_prefix(cidr)) is not None}
    if len(cidrs) > POD_CIDRS_MAX or len(families) < len(cidrs):
        detail = "may specify no more than one CIDR for each IP family"
        yield invalid("spec.podCIDRs", cidrs, detail)


def _taint_violations(taints: tuple[Taint, ...]) -> Iterable[Violation]:
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        field = f"spec.taints[{index}]"
        yield from each_invalid(f"{field}.key", taint.key, key_problems(taint.key))
        yield from each_invalid(f"{field}.value", taint.value, value_problems(taint.value))
        if not taint.effect:
            yield required(f"{field}.effect")
        elif taint.effect not in _TAINT_EFFECTS:
            yield not_supported(f"{field}.effect", taint.effect, _TAINT_EFFECTS)
        if (taint.key, taint.effect) in seen:
            yield duplicate(field, f"{taint.key}:{taint.effect}")
        seen.add((taint.key, taint.effect))


def _quantity_violations(field: str, quantities: Mapping[str, str]) -> Iterable[Violation]:
    for resource, amount in quantities.items():
        if not _QUANTITY.match(amount):
            yield invalid(f"{field}[{resource}]", amount, "must be a non-negative quantity")


def _reach(snapshot: Snapshot, key: NamespacedName, _: Node | None) -> int:
    """Count the Pods on it: their endpoints carry its zone."""
    return 1 + len(snapshot.members("pod-node", key.name))


STRATEGY = Strategy(
    rules=_rules,
    is_created_with_status=True,
    authorize_write=require_node_writable,
    warn=node_warnings,
    affects=affected.by_node,
    reach=_reach,
)
