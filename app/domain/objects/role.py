"""Roles: rules that name what may be done, in a namespace or everywhere.

    RESOURCE of Role and ClusterRole; a PolicyRule grants the product of its lists

Values only: what a rule allows is not known here (``app.domain.access.rules``).
Source: Kubernetes `rbac/v1` types; access.md 2.2 and 2.8.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.labels import LabelSelector
from app.domain.objects.resource import METADATA_NAME, Object, Resource, Term

API_GROUP = "rbac.authorization.k8s.io"
API_VERSION = f"{API_GROUP}/v1"
AGGREGATE = "role-aggregate"
"""The family of index terms under which the ClusterRoles with an aggregationRule are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRule:
    """Verbs on resources of API groups, or on paths; ``resource_names`` empty means all."""

    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregationRule:
    """Selectors of the ClusterRoles whose rules a ClusterRole has."""

    cluster_role_selectors: tuple[LabelSelector, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Role(Object):
    """Rules for one namespace."""

    rules: tuple[PolicyRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRole(Object):
    """Rules for all namespaces and for the cluster, or for the namespace of a RoleBinding."""

    rules: tuple[PolicyRule, ...] = ()
    aggregation_rule: AggregationRule | None = None

    @property
    def is_aggregate(self) -> bool:
        """Whether its rules are those of other ClusterRoles."""
        return self.aggregation_rule is not None and bool(
            self.aggregation_rule.cluster_role_selectors
        )


AnyRole = Role | ClusterRole


def _cluster_role_terms(role: ClusterRole) -> Iterator[Term]:
    if role.is_aggregate:
        yield (AGGREGATE,)


ROLE = Resource(
    name="Role",
    plural="roles",
    api_version=API_VERSION,
    type=Role,
    is_watched_by_default=False,
)
CLUSTER_ROLE = Resource(
    name="ClusterRole",
    plural="clusterroles",
    api_version=API_VERSION,
    type=ClusterRole,
    is_namespaced=False,
    is_watched_by_default=False,
    fields=METADATA_NAME,
    index_terms=_cluster_role_terms,
)
