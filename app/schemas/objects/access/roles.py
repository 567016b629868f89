"""The wire shapes of a Role and a ClusterRole.

    Role, ClusterRole -> Role, ClusterRole (domain) -> dict

Source: Kubernetes `rbac/v1` types; access.md 2.8.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from app.domain.labels import LabelSelector as DomainSelector
from app.domain.labels import Requirement
from app.domain.objects import role as domain
from app.schemas.base import SELECTOR_OPERATOR, Input, Labels
from app.schemas.objects.shapes import shape_of
from app.schemas.objects.wire import Manifest, Wire


@shape_of(domain.PolicyRule)
class PolicyRule(Input):
    """Verbs on resources, or on paths; a `*` stands for all of a list."""

    verbs: list[str] | None = Field(
        default=None, description="What may be done.", examples=[["get", "list", "watch"]]
    )
    api_groups: list[str] | None = Field(
        default=None, description="The core group is empty.", examples=[["", "discovery.k8s.io"]]
    )
    resources: list[str] | None = Field(
        default=None,
        description="Plurals; `pods/status` for a subresource, a `*` before it for that of all.",
        examples=[["services", "pods/status"]],
    )
    resource_names: list[str] | None = Field(
        default=None, description="Names of objects; all when absent.", examples=[["ent"]]
    )
    non_resource_urls: list[str] | None = Field(
        default=None,
        description="Paths, which only a ClusterRole has; a `*` at the end stands for the rest.",
        examples=[["/metrics"]],
    )
    documented_required: ClassVar = ("verbs",)


@shape_of(Requirement)
class LabelSelectorRequirement(Input):
    """One condition on a label."""

    key: str | None = Field(default=None, description="The key of the label.")
    operator: Annotated[str, SELECTOR_OPERATOR] | None = Field(
        default=None, description="How the label is compared.", examples=["In"]
    )
    values: list[str] | None = Field(
        default=None, description="Values to compare with; none for `Exists` and `DoesNotExist`."
    )
    documented_required: ClassVar = ("key", "operator")


@shape_of(DomainSelector)
class LabelSelector(Input):
    """Conditions on labels, which must all hold; an empty selector matches everything."""

    match_labels: Labels | None = Field(
        default=None, description="Labels that must be there with these values."
    )
    match_expressions: list[LabelSelectorRequirement] | None = Field(
        default=None, description="Further conditions."
    )


@shape_of(domain.AggregationRule)
class AggregationRule(Input):
    """Which ClusterRoles' rules a ClusterRole has."""

    cluster_role_selectors: list[LabelSelector] | None = Field(
        default=None, description="ClusterRoles that one of these selects."
    )


@shape_of(domain.Role)
class Role(Manifest):
    """Rules for one namespace."""

    rules: list[PolicyRule] | None = Field(default=None, description="What is allowed.")
    of_kind: ClassVar = "Role"
    example: ClassVar = {
        "metadata": {"name": "reader", "namespace": "default"},
        "rules": [{"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list"]}],
    }


@shape_of(domain.ClusterRole)
class ClusterRole(Manifest):
    """Rules for all namespaces and the cluster."""

    rules: list[PolicyRule] | None = Field(
        default=None, description="With an `aggregationRule`, those of the selected roles."
    )
    aggregation_rule: AggregationRule | None = Field(
        default=None, description="Whose rules the ClusterRole has, in place of its own."
    )
    of_kind: ClassVar = "ClusterRole"
    example: ClassVar = {
        "metadata": {"name": "metrics"},
        "rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}],
    }


ROLE_WIRE = Wire(resource=domain.ROLE, model=Role)
CLUSTER_ROLE_WIRE = Wire(resource=domain.CLUSTER_ROLE, model=ClusterRole)
