"""Aggregation: the shared cases, and chains and circles of aggregates."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.access.aggregation import effective_rules
from app.domain.names import NamespacedName
from app.domain.objects.role import CLUSTER_ROLE, ClusterRole, PolicyRule
from app.schemas.objects.access.roles import encode_cluster_role
from tests.builders import a_cluster_role, a_rule
from tests.domain.access.vectors import Case, a_state, cases_of
from tests.domain.access.worlds import cluster_roles


@pytest.mark.parametrize("case", cases_of("aggregate"), ids=lambda case: case["id"])
def test_the_shared_cases_have_the_rules_of_others(case: Case) -> None:
    roles = a_state(case["objects"]).of(CLUSTER_ROLE)
    role = roles[NamespacedName("", case["name"])]
    shown = replace(role, rules=effective_rules(roles, role))
    assert encode_cluster_role(shown)["rules"] == case["expect"]["rules"]


def roles_of(*roles: ClusterRole) -> dict[NamespacedName, ClusterRole]:
    return {role.metadata.key: role for role in roles}


def test_an_aggregate_has_what_the_aggregates_that_it_selects_have() -> None:
    leaf = a_cluster_role(a_rule("get"), name="z", labels={"to-b": "1"})
    own = a_cluster_role(a_rule("list"), name="a", labels={"to-c": "1"})
    middle = a_cluster_role(name="m", labels={"to-c": "1"}, aggregates={"to-b": "1"})
    top = a_cluster_role(name="top", aggregates={"to-c": "1"})
    assert effective_rules(roles_of(leaf, own, middle, top), top) == (a_rule("list"), a_rule("get"))


def test_rules_written_into_a_circle_of_aggregates_count_nowhere() -> None:
    written = (a_rule("*", "*"),)
    one = a_cluster_role(*written, name="one", labels={"x": "1"}, aggregates={"y": "1"})
    two = a_cluster_role(*written, name="two", labels={"y": "1"}, aggregates={"x": "1"})
    selfish = a_cluster_role(*written, name="me", labels={"z": "1"}, aggregates={"z": "1"})
    leaf = a_cluster_role(a_rule("get"), name="leaf", labels={"x": "1"})
    held = roles_of(one, two, selfish, leaf)
    assert effective_rules(held, one) == effective_rules(held, two) == (a_rule("get"),)
    assert effective_rules(held, selfish) == ()


def test_a_long_chain_of_aggregates_is_followed_to_its_end() -> None:
    chain = [
        a_cluster_role(name=f"c-{n:04}", labels={f"l{n}": "1"}, aggregates={f"l{n + 1}": "1"})
        for n in range(1_200)
    ]
    end = a_cluster_role(a_rule("get"), name="end", labels={"l1200": "1"})
    assert effective_rules(roles_of(*chain, end), chain[0]) == (a_rule("get"),)


@given(st.lists(cluster_roles(), max_size=6))
def test_an_aggregate_has_exactly_the_rules_that_are_reached(drawn: list[ClusterRole]) -> None:
    held = {role.metadata.key: role for role in drawn}
    for role in held.values():
        rules = effective_rules(held, role)
        if not role.is_aggregate:
            assert rules == role.rules
            continue
        assert len(set(rules)) == len(rules)
        assert set(rules) == reached(held.values(), role)


def reached(roles: Iterable[ClusterRole], start: ClusterRole) -> set[PolicyRule]:
    """The rules of all plain roles that selectors lead to, by marking until nothing changes."""
    every, marked = [*roles], [start]
    for role in marked:
        if role.aggregation_rule is not None:
            marked += [
                other
                for other in every
                if other not in marked
                and any(
                    selector.matches(other.metadata.labels)
                    for selector in role.aggregation_rule.cluster_role_selectors
                )
            ]
    return {rule for role in marked if not role.is_aggregate for rule in role.rules}
