"""The wire shapes of a Role and a ClusterRole.

    RoleWrite, ClusterRoleWrite -> Role, ClusterRole (domain) -> dict

Source: Kubernetes `rbac/v1` types; access.md 2.8.
"""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from app.domain.labels import LabelSelector as DomainSelector
from app.domain.labels import Requirement
from app.domain.objects import role as domain
from app.schemas.base import Input, TextMap, put_not_empty, text_map
from app.schemas.objects.metadata import decode_meta
from app.schemas.objects.wire import Manifest, Wire, read_model


class PolicyRule(Input):
    """Verbs on resources, or on paths; a `*` stands for all of a list."""

    verbs: list[str] | None = Field(default=None, examples=[["get", "list", "watch"]])
    api_groups: list[str] | None = Field(
        default=None, description="The core group is empty.", examples=[["", "discovery.k8s.io"]]
    )
    resources: list[str] | None = Field(
        default=None,
        description="Plurals; `pods/status` for a subresource, `*/status` for that of all.",
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


class LabelSelectorRequirement(Input):
    """One condition on a label."""

    key: str | None = None
    operator: str | None = Field(default=None, examples=["In"])
    values: list[str] | None = None
    documented_required: ClassVar = ("key", "operator")


class LabelSelector(Input):
    """Conditions on labels, which must all hold; an empty selector matches everything."""

    match_labels: TextMap | None = None
    match_expressions: list[LabelSelectorRequirement] | None = None


class AggregationRule(Input):
    """Which ClusterRoles' rules a ClusterRole has."""

    cluster_role_selectors: list[LabelSelector] | None = Field(
        default=None, description="ClusterRoles that one of these selects."
    )


class RoleWrite(Manifest):
    """A Role manifest."""

    rules: list[PolicyRule] | None = None
    of_kind: ClassVar = "Role"


class ClusterRoleWrite(Manifest):
    """A ClusterRole manifest."""

    rules: list[PolicyRule] | None = Field(
        default=None, description="With an `aggregationRule`, those of the selected roles."
    )
    aggregation_rule: AggregationRule | None = None
    of_kind: ClassVar = "ClusterRole"


def decode_role(wire: RoleWrite) -> domain.Role:
    """Decode a Role."""
    return domain.Role(metadata=decode_meta(wire.metadata), rules=_decode_rules(wire.rules))


def decode_cluster_role(wire: ClusterRoleWrite) -> domain.ClusterRole:
    """Decode a ClusterRole."""
    aggregation = wire.aggregation_rule
    return domain.ClusterRole(
        metadata=decode_meta(wire.metadata),
        rules=_decode_rules(wire.rules),
        aggregation_rule=None
        if aggregation is None
        else domain.AggregationRule(
            cluster_role_selectors=tuple(
                _decode_selector(selector) for selector in aggregation.cluster_role_selectors or ()
            )
        ),
    )


def encode_role(role: domain.Role) -> dict[str, object]:
    """Encode the rules of a Role."""
    return {"rules": [_encode_rule(rule) for rule in role.rules]}


def encode_cluster_role(role: domain.ClusterRole) -> dict[str, object]:
    """Encode the rules of a ClusterRole."""
    wire: dict[str, object] = {}
    if role.aggregation_rule is not None:
        selectors = role.aggregation_rule.cluster_role_selectors
        wire["aggregationRule"] = {
            "clusterRoleSelectors": [_encode_selector(selector) for selector in selectors]
        }
    return {**wire, "rules": [_encode_rule(rule) for rule in role.rules]}


def _decode_rules(wire: Sequence[PolicyRule] | None) -> tuple[domain.PolicyRule, ...]:
    return tuple(
        domain.PolicyRule(
            verbs=tuple(rule.verbs or ()),
            api_groups=tuple(rule.api_groups or ()),
            resources=tuple(rule.resources or ()),
            resource_names=tuple(rule.resource_names or ()),
            non_resource_urls=tuple(rule.non_resource_urls or ()),
        )
        for rule in wire or ()
    )


_LISTS = {
    "apiGroups": "api_groups",
    "resources": "resources",
    "resourceNames": "resource_names",
    "nonResourceURLs": "non_resource_urls",
}


def _encode_rule(rule: domain.PolicyRule) -> dict[str, object]:
    wire: dict[str, object] = {"verbs": list(rule.verbs)}
    put_not_empty(wire, rule, _LISTS)
    return wire


def _decode_selector(wire: LabelSelector) -> DomainSelector:
    return DomainSelector(
        match_labels=text_map(wire.match_labels),
        match_expressions=tuple(
            Requirement(
                key=each.key or "", operator=each.operator or "", values=tuple(each.values or ())
            )
            for each in wire.match_expressions or ()
        ),
    )


def _encode_selector(selector: DomainSelector) -> dict[str, object]:
    wire: dict[str, object] = {}
    if selector.match_labels:
        wire["matchLabels"] = dict(selector.match_labels)
    if selector.match_expressions:
        wire["matchExpressions"] = [
            {"key": each.key, "operator": each.operator}
            | ({"values": list(each.values)} if each.values else {})
            for each in selector.match_expressions
        ]
    return wire


ROLE_WIRE = Wire(
    resource=domain.ROLE,
    write=RoleWrite,
    read=read_model(domain.ROLE, "Rules for one namespace.", rules=list[PolicyRule]),
    decode=decode_role,
    encode=encode_role,
)
CLUSTER_ROLE_WIRE = Wire(
    resource=domain.CLUSTER_ROLE,
    write=ClusterRoleWrite,
    read=read_model(
        domain.CLUSTER_ROLE,
        "Rules for all namespaces and the cluster.",
        rules=list[PolicyRule],
        aggregation_rule=(AggregationRule | None, None),
    ),
    decode=decode_cluster_role,
    encode=encode_cluster_role,
)
