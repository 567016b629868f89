"""Validation of roles and bindings: every shared case."""

from collections import Counter
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import given

from app.domain.labels import LabelSelector, Requirement
from app.domain.objects.resource import Object
from app.domain.objects.role import API_GROUP, AggregationRule, ClusterRole, PolicyRule, Role
from app.domain.objects.role_binding import (
    AnyBinding,
    ClusterRoleBinding,
    RoleBinding,
    RoleRef,
    Subject,
    with_default_groups,
)
from app.domain.registration.access.roles import ATOMS_MAX
from app.domain.registration.strategies import strategy_of
from tests.builders import (
    a_cluster_role,
    a_cluster_role_binding,
    a_role,
    a_role_binding,
    a_rule,
    a_subject,
)
from tests.domain.access.vectors import Case, cases_of, decoded
from tests.schemas.wire_strategies import all_fields

T = TypeVar("T", bound=Object)


@pytest.mark.parametrize("case", cases_of("validate"), ids=lambda case: case["id"])
def test_the_shared_cases_have_kubernetes_violations(case: Case) -> None:
    draft = decoded(case["object"])
    strategy = strategy_of(draft)
    if "old" in case:
        found = strategy.validate_update(decoded(case["old"]), draft)
    else:
        found = strategy.validate(draft)
    assert Counter((each.field, each.reason.value) for each in found) == Counter(
        (each["field"], each["reason"]) for each in case["expect"]["errors"]
    )


def found_in(draft: Object, current: Object | None = None) -> list[tuple[str, str]]:
    strategy = strategy_of(draft)
    found = (
        strategy.validate(draft) if current is None else strategy.validate_update(current, draft)
    )
    return [(each.field, each.reason.removeprefix("FieldValue")) for each in found]


def renamed(draft: T, name: str) -> T:
    return replace(draft, metadata=replace(draft.metadata, name=name))


@pytest.mark.parametrize(
    "draft", [a_role(), a_cluster_role(), a_role_binding(), a_cluster_role_binding()]
)
def test_a_name_may_be_any_segment_of_a_path(draft: Object) -> None:
    for name in ("system:node", "Viewer", "a b", "é", "..."):
        assert found_in(renamed(draft, name)) == []
    for name in (".", "..", "a/b", "a%b", "a\0", "x" * 300):
        assert ("metadata.name", "Invalid") in found_in(renamed(draft, name))


def test_only_kinds_of_namespaces_are_in_one() -> None:
    for draft in (a_cluster_role(), a_cluster_role_binding()):
        inside = replace(draft, metadata=replace(draft.metadata, namespace="prod"))
        assert found_in(inside) == [("metadata.namespace", "Forbidden")]
    for draft in (a_role(), a_role_binding()):
        outside = replace(draft, metadata=replace(draft.metadata, namespace=""))
        assert found_in(outside) == [("metadata.namespace", "Required")]


@pytest.mark.parametrize("draft", [a_role(PolicyRule()), a_cluster_role(PolicyRule())])
def test_a_rule_on_resources_needs_verbs_groups_and_resources(draft: Object) -> None:
    expected = [(f"rules[0].{field}", "Required") for field in ("verbs", "apiGroups", "resources")]
    assert found_in(draft) == expected
    assert found_in(draft, draft) == expected


def test_the_products_of_a_role_are_bounded_but_not_those_an_aggregate_has_from_others() -> None:
    verbs = " ".join(f"v{number}" for number in range(ATOMS_MAX // 10 + 1))
    resources = " ".join(f"r{number}" for number in range(10))
    for draft in (a_role(a_rule(verbs, resources)), a_cluster_role(a_rule(verbs, resources))):
        assert found_in(draft) == [("rules", "TooMany")]
    aggregate = a_cluster_role(a_rule(verbs, resources), aggregates={"x": "y"})
    assert found_in(aggregate) == []


def test_a_selector_is_valid_or_refused_with_what_is_wrong_and_as_a_whole() -> None:
    selectors = (
        LabelSelector(match_labels={"a": "b"}),
        LabelSelector(match_labels={"-": "b"}),
        LabelSelector(match_expressions=(Requirement(key="a", operator="Like"),)),
    )
    role = replace(
        a_cluster_role(), aggregation_rule=AggregationRule(cluster_role_selectors=selectors)
    )
    path = "aggregationRule.clusterRoleSelectors"
    assert found_in(role) == [
        (f"{path}[1].matchLabels", "Invalid"),
        (f"{path}[1]", "Invalid"),
        (f"{path}[2].matchExpressions[0].operator", "Invalid"),
        (f"{path}[2]", "Invalid"),
    ]


def test_the_role_of_a_binding_stays_and_its_subjects_may_change() -> None:
    for current in (a_role_binding(), a_cluster_role_binding()):
        more = replace(current, subjects=(*current.subjects, a_subject("bob")))
        assert found_in(more, current) == []
        other = replace(current, role_ref=replace(current.role_ref, name="other"))
        assert found_in(other, current) == [("roleRef", "Invalid")]


def test_a_cluster_wide_binding_is_of_cluster_roles_alone() -> None:
    binding = a_cluster_role_binding()
    odd = replace(binding, role_ref=replace(binding.role_ref, kind="Role"))
    assert found_in(odd) == [("roleRef.kind", "NotSupported")]
    empty = replace(binding, role_ref=RoleRef())
    assert found_in(empty) == [
        ("roleRef.apiGroup", "NotSupported"),
        ("roleRef.kind", "NotSupported"),
        ("roleRef.name", "Required"),
    ]


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (a_subject("bot", "ServiceAccount"), []),
        (a_subject("Bot!", "ServiceAccount"), [("subjects[0].name", "Invalid")]),
        (a_subject("", "ServiceAccount"), [("subjects[0].name", "Required")]),
        (a_subject("any name at all"), []),
        (a_subject("", "Group"), [("subjects[0].name", "Required")]),
        (Subject(kind="User", name="x"), [("subjects[0].apiGroup", "NotSupported")]),
        (
            Subject(kind="ServiceAccount", api_group=API_GROUP, name="bot"),
            [("subjects[0].apiGroup", "NotSupported")],
        ),
    ],
)
def test_a_subject_is_named_by_its_kind(subject: Subject, expected: list[tuple[str, str]]) -> None:
    assert found_in(a_role_binding(subject)) == expected


@given(all_fields(Role) | all_fields(ClusterRole), all_fields(Role) | all_fields(ClusterRole))
def test_any_role_is_accepted_or_refused(first: Object, second: Object) -> None:
    assert isinstance(found_in(first), list)
    if type(first) is type(second):
        assert isinstance(found_in(first, second), list)


@given(all_fields(RoleBinding), all_fields(ClusterRoleBinding))
def test_any_binding_is_accepted_or_refused(first: Object, second: Object) -> None:
    assert isinstance(found_in(first), list)
    assert isinstance(found_in(second, second), list)


@given(all_fields(RoleBinding) | all_fields(ClusterRoleBinding))
def test_defaults_fill_in_groups_and_nothing_else(binding: AnyBinding) -> None:
    once = with_default_groups(binding)
    assert with_default_groups(once) == once
    assert once.role_ref.api_group
    assert (once.role_ref.kind, once.role_ref.name) == (
        binding.role_ref.kind,
        binding.role_ref.name,
    )
    for before, after in zip(binding.subjects, once.subjects, strict=True):
        assert replace(after, api_group=before.api_group) == before
        assert bool(after.api_group) >= (after.kind in ("User", "Group"))
