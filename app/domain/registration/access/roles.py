"""Roles and ClusterRoles: every rule that they must obey, and aggregation.

    draft -> violations          current, desired -> violations
    a write of a ClusterRole -> the rules of the aggregates that it changes

Source: Kubernetes `pkg/apis/rbac/validation/validation.go`; access.md 2.7 and 2.8.
"""

from collections.abc import Iterable

from app.domain.access.aggregation import effective_rules
from app.domain.access.escalation import require_role_held
from app.domain.access.rules import atoms_count
from app.domain.copies import replace
from app.domain.errors import Violation
from app.domain.labels import LabelSelector, expression_violations
from app.domain.names import path_segment_problems
from app.domain.objects.role import AGGREGATE, CLUSTER_ROLE, ClusterRole, PolicyRule, Role
from app.domain.registration.strategy import Strategy, require_valid
from app.domain.registration.validation.metadata import label_violations
from app.domain.violations import invalid, required, too_many
from app.domain.work import Work

ATOMS_MAX = 10_000
"""Products of verbs, groups, resources and names in one role; the check for escalation asks each.

Kubernetes has no bound.
"""

_SELECTORS = "aggregationRule.clusterRoleSelectors"


def _role_rules(_: Role | None, role: Role) -> Iterable[Violation]:
    return _rule_violations(role.rules, is_namespaced=True)


def _cluster_role_rules(_: ClusterRole | None, role: ClusterRole) -> Iterable[Violation]:
    yield from _cluster_role_rule_violations(role)
    yield from _aggregation_violations(role)


def _cluster_role_rule_violations(role: ClusterRole) -> Iterable[Violation]:
    # An aggregate that is read and written back has the rules of others, each bounded itself.
    atoms_max = None if role.is_aggregate else ATOMS_MAX
    return _rule_violations(role.rules, is_namespaced=False, atoms_max=atoms_max)


def _rule_violations(
    rules: tuple[PolicyRule, ...], *, is_namespaced: bool, atoms_max: int | None = ATOMS_MAX
) -> Iterable[Violation]:
    count = sum(map(atoms_count, rules))
    if atoms_max is not None and count > atoms_max:
        yield too_many("rules", count, atoms_max)
        return
    for index, rule in enumerate(rules):
        yield from _one_rule_violations(f"rules[{index}]", rule, is_namespaced=is_namespaced)


def _one_rule_violations(
    field: str, rule: PolicyRule, *, is_namespaced: bool
) -> Iterable[Violation]:
    if not rule.verbs:
        yield required(f"{field}.verbs", "verbs must contain at least one value")
    if rule.non_resource_urls:
        path, urls = f"{field}.nonResourceURLs", rule.non_resource_urls
        if is_namespaced:
            yield invalid(path, urls, "namespaced rules cannot apply to non-resource URLs")
        if rule.api_groups or rule.resources or rule.resource_names:
            detail = "rules cannot apply to both regular resources and non-resource URLs"
            yield invalid(path, urls, detail)
        return
    if not rule.api_groups:
        yield required(f"{field}.apiGroups", "resource rules must supply at least one api group")
    if not rule.resources:
        yield required(f"{field}.resources", "resource rules must supply at least one resource")


def _aggregation_violations(role: ClusterRole) -> Iterable[Violation]:
    if role.aggregation_rule is None:
        return
    selectors = role.aggregation_rule.cluster_role_selectors
    if not selectors:
        detail = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        yield required(_SELECTORS, detail)
    for index, selector in enumerate(selectors):
        yield from _selector_violations(f"{_SELECTORS}[{index}]", selector)


def _selector_violations(field: str, selector: LabelSelector) -> Iterable[Violation]:
    found = (
        *label_violations(f"{field}.matchLabels", selector.match_labels),
        *expression_violations(f"{field}.matchExpressions", selector.match_expressions),
    )
    yield from found
    if found:
        yield invalid(field, dict(selector.match_labels), "invalid label selector.")


def _admit(work: Work, current: ClusterRole | None, draft: ClusterRole) -> ClusterRole:
    """Validate the rules that the client wrote, and then give an aggregate those that it has."""
    require_valid(draft, CLUSTER_ROLE_STRATEGY.violations(current, draft))
    return replace(draft, rules=effective_rules(work.snapshot.of(CLUSTER_ROLE), draft))


def _aggregate(work: Work) -> None:
    """Give every aggregate the rules that it has after a write of a ClusterRole."""
    if not any(change.kind == CLUSTER_ROLE.name for change in work.changes()):
        return
    for key in sorted(work.snapshot.members(AGGREGATE)):
        held = work.snapshot.of(CLUSTER_ROLE)
        role = held[key]
        work.put(replace(role, rules=effective_rules(held, role)))


ROLE_STRATEGY: Strategy[Role] = Strategy(
    rules=_role_rules,
    name_rule=path_segment_problems,
    authorize_write=require_role_held,
    is_created_by_put=True,
)
CLUSTER_ROLE_STRATEGY: Strategy[ClusterRole] = Strategy(
    rules=_cluster_role_rules,
    name_rule=path_segment_problems,
    admit=_admit,
    authorize_write=require_role_held,
    is_created_by_put=True,
    finish_after_write=_aggregate,
)
