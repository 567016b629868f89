"""The rules of ClusterRoles that have those of others.

    ClusterRoles, an aggregate -> the rules of every ClusterRole that it selects, each once

What an aggregate selects may be an aggregate itself (`admin` has what `edit` has).  Rules that a
client wrote into an aggregate do not count, not even in a circle of aggregates.

Source: Kubernetes `pkg/controller/clusterroleaggregation`; access.md 2.8.
"""

from collections.abc import Iterator, Mapping

from app.domain.names import NamespacedName
from app.domain.objects.role import ClusterRole, PolicyRule


def effective_rules(
    cluster_roles: Mapping[NamespacedName, ClusterRole], role: ClusterRole
) -> tuple[PolicyRule, ...]:
    """Give the rules that a ClusterRole has: for each selector in order, by the roles' names."""
    if not role.is_aggregate:
        return role.rules
    ordered = [cluster_roles[key] for key in sorted(cluster_roles)]
    found: dict[PolicyRule, None] = {}
    seen, pending = {role.metadata.name}, [_selected(role, ordered)]
    while pending:  # depth first, without recursion: a chain of aggregates has no bound
        following = next(pending[-1], None)
        if following is None:
            pending.pop()
        elif following.metadata.name not in seen:
            seen.add(following.metadata.name)
            if following.is_aggregate:
                pending.append(_selected(following, ordered))
            else:
                found.update(dict.fromkeys(following.rules))
    return tuple(found)


def _selected(role: ClusterRole, ordered: list[ClusterRole]) -> Iterator[ClusterRole]:
    assert role.aggregation_rule is not None, "asked of aggregates only"
    for selector in role.aggregation_rule.cluster_role_selectors:
        for other in ordered:
            if selector.matches(other.metadata.labels):
                yield other
