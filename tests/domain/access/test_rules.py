"""Rules: what one allows, and the order that covering is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.access.attributes import Attributes
from app.domain.access.rules import (
    EVERYTHING,
    allows,
    atoms,
    atoms_count,
    covers,
    lines_of,
    uncovered,
)
from app.domain.objects.role import PolicyRule
from tests.builders import a_path_rule, a_rule
from tests.domain.access.worlds import path_rules, requests, resource_rules, rule_lists, rules


@given(rule_lists, rules, requests)
def test_what_a_covered_rule_allows_the_covering_rules_allow(
    held: tuple[PolicyRule, ...], asked: PolicyRule, request: Attributes
) -> None:
    lacking = [*uncovered(held, [asked])]
    if allows(asked, request) and not any(allows(rule, request) for rule in held):
        assert any(allows(atom, request) for atom in lacking)


@given(rules)
def test_a_rule_covers_itself(rule: PolicyRule) -> None:
    assert covers(rule, rule)
    assert not [*uncovered([rule], [rule])]


@given(rule_lists, rule_lists, rule_lists)
def test_covering_is_transitive(
    first: tuple[PolicyRule, ...], second: tuple[PolicyRule, ...], third: tuple[PolicyRule, ...]
) -> None:
    if not [*uncovered(first, second)] and not [*uncovered(second, third)]:
        assert not [*uncovered(first, third)]


@given(rules, rules, requests)
def test_rules_that_cover_each_other_allow_the_same(
    first: PolicyRule, second: PolicyRule, request: Attributes
) -> None:
    if covers(first, second) and covers(second, first):
        assert allows(first, request) == allows(second, request)


@given(rule_lists, rules, rules)
def test_another_rule_uncovers_nothing(
    held: tuple[PolicyRule, ...], more: PolicyRule, asked: PolicyRule
) -> None:
    assert {*uncovered((*held, more), [asked])} <= {*uncovered(held, [asked])}


@given(rules, requests)
def test_the_atoms_of_a_rule_allow_together_what_it_allows(
    rule: PolicyRule, request: Attributes
) -> None:
    parts = [*atoms(rule)]
    assert len(parts) == atoms_count(rule)
    assert allows(rule, request) == any(allows(part, request) for part in parts)


@given(st.one_of(resource_rules, path_rules))
def test_everything_covers_every_rule(rule: PolicyRule) -> None:
    assert not [*uncovered(EVERYTHING, [rule])]


@pytest.mark.parametrize(
    ("pattern", "path", "is_allowed"),
    [
        ("/metrics", "/metrics", True),
        ("/metrics", "/metrics/x", False),
        ("/docs/*", "/docs/x", True),
        ("/docs/*", "/docs", False),
        ("/docs*", "/docs", True),
        ("/docs**", "/docs/x", True),
        ("*", "/anything", True),
        ("/d*cs", "/docs", False),
    ],
)
def test_a_path_is_matched_as_far_as_the_stars_at_the_end(
    pattern: str, path: str, *, is_allowed: bool
) -> None:
    rule = a_path_rule("get", pattern)
    assert allows(rule, Attributes(verb="get", path=path)) == is_allowed
    assert covers(rule, a_path_rule("get", path)) == is_allowed


def test_a_star_is_covered_by_a_star_alone() -> None:
    every_verb = "get list watch create update patch delete deletecollection"
    assert not covers(a_rule(every_verb), a_rule("*"))
    assert not covers(a_rule("get", "services pods"), a_rule("get", "*"))
    assert covers(a_rule("*", "*"), a_rule("*", "*/status"))


def test_named_rules_never_cover_all_names_and_a_star_is_no_name_for_all() -> None:
    assert not covers(a_rule(names="a b"), a_rule())
    assert not covers(a_rule(names="*"), a_rule(names="a"))
    assert covers(a_rule(names="a b"), a_rule(names="b"))


def test_missing_rules_are_written_sorted_with_their_verbs_joined() -> None:
    missing = [
        *atoms(a_rule("get list", "services")),
        *atoms(a_rule("get", "pods", names="x")),
        *atoms(a_path_rule("get", "/b", "/a")),
    ]
    assert lines_of(missing) == [
        '{APIGroups:[""], Resources:["pods"], ResourceNames:["x"], Verbs:["get"]}',
        '{APIGroups:[""], Resources:["services"], Verbs:["get" "list"]}',
        '{NonResourceURLs:["/a"], Verbs:["get"]}',
        '{NonResourceURLs:["/b"], Verbs:["get"]}',
    ]
