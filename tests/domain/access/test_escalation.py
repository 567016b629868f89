"""Escalation: every shared case, and what may be granted by whom."""

from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.access.attributes import Attributes
from app.domain.access.escalation import MISSING_MAX
from app.domain.access.rules import EVERYTHING, allows, uncovered
from app.domain.access.subjects import MASTERS, User
from app.domain.errors import DomainError, Forbidden, NotFound
from app.domain.names import Revision
from app.domain.objects.meta import ObjectMeta, OwnerReference
from app.domain.objects.resource import Object
from app.domain.objects.role import API_GROUP, PolicyRule, Role
from app.domain.registration.strategies import strategy_of
from app.domain.resources import resource_of
from app.domain.snapshot import Snapshot, load
from tests.builders import (
    a_cluster_role,
    a_cluster_role_binding,
    a_role,
    a_role_binding,
    a_rule,
)
from tests.domain.access.vectors import Case, a_state, a_user, cases_of, decoded
from tests.domain.access.worlds import roles, rule_lists, stored, users


def refusal_of(
    snapshot: Snapshot, user: User, current: Object | None, desired: Object
) -> DomainError | None:
    try:
        strategy_of(desired).authorize_write(snapshot, user, current, desired)
    except DomainError as refusal:
        return refusal
    return None


@pytest.mark.parametrize("case", cases_of("escalation"), ids=lambda case: case["id"])
def test_the_shared_cases_are_refused_as_by_kubernetes(case: Case) -> None:
    snapshot, desired = a_state(case["objects"]), decoded(case["request"]["object"])
    held = snapshot.of(resource_of(desired)).get(desired.metadata.key)
    current = None if case["request"]["method"] == "POST" else cast("Object", held)
    refusal = refusal_of(snapshot, a_user(case), current, desired)
    assert (refusal is None) == case["expect"]["allowed"]
    if refusal is not None:
        assert refusal.message == case["expect"]["message"]
        assert type(refusal) is {403: Forbidden, 404: NotFound}[case["expect"]["code"]]


ALICE = User(name="alice", groups=("dev",))
MASTER = User(name="root", groups=(MASTERS,))


def loaded(*objects: Object) -> Snapshot:
    return load(objects, revision=Revision(1))


def held_by_alice(*rules: PolicyRule) -> Snapshot:
    """Alice has these rules in the namespace ``default``."""
    return loaded(a_role(*rules, name="mine"), a_role_binding(name="mine", role="mine"))


@given(rule_lists, rule_lists)
def test_a_role_may_be_written_exactly_when_each_of_its_atoms_is_held(
    held: tuple[PolicyRule, ...], asked: tuple[PolicyRule, ...]
) -> None:
    snapshot = loaded(replace(a_role(name="mine"), rules=held), a_role_binding(role="mine"))
    desired = replace(a_role(name="new"), rules=asked)
    may_escalate = any(
        allows(
            rule, Attributes(verb="escalate", api_group=API_GROUP, resource="roles", namespace="x")
        )
        for rule in held
    )
    lacks = bool([*uncovered(held, asked)]) and not may_escalate
    assert (refusal_of(snapshot, ALICE, None, desired) is not None) == lacks


@given(st.lists(stored, max_size=6), stored)
def test_masters_grant_anything(objects: list[Object], desired: Object) -> None:
    assert refusal_of(loaded(*objects), MASTER, None, desired) is None


@given(st.lists(stored, max_size=6), roles(), users)
def test_binding_a_role_asks_for_what_writing_it_asks(
    objects: list[Object], role: Role, user: User
) -> None:
    # Nobody here may bind or escalate by name: the rules alone decide.
    snapshot = loaded(*objects, role)
    namespace = role.metadata.namespace
    binding = a_role_binding(name="new", namespace=namespace, role=role.metadata.name)
    written, bound = (refusal_of(snapshot, user, None, each) for each in (role, binding))
    assert (written is None) == (bound is None)


def test_a_change_of_owners_and_finalizers_grants_nothing() -> None:
    current = a_role(a_rule("*", "*"))
    sent = ObjectMeta(
        name="r",
        namespace="default",
        resource_version="7",
        finalizers=("example.dev/keep",),
        owner_references=(OwnerReference(api_version="v1", kind="Node", name="n", uid="u"),),
    )
    desired = replace(current, metadata=sent)
    assert refusal_of(loaded(), ALICE, current, desired) is None
    labelled = replace(desired, metadata=replace(sent, labels={"x": "y"}))
    assert isinstance(refusal_of(loaded(), ALICE, current, labelled), Forbidden)


def test_default_api_groups_of_a_binding_are_no_change() -> None:
    current = a_role_binding()
    bare = replace(
        current,
        role_ref=replace(current.role_ref, api_group=""),
        subjects=(replace(current.subjects[0], api_group=""),),
    )
    assert refusal_of(loaded(), ALICE, current, bare) is None


@pytest.mark.parametrize("kind", ["Role", "Robot"])
def test_a_binding_of_what_is_no_role_for_it_is_left_to_validation(kind: str) -> None:
    binding = a_cluster_role_binding()
    odd = replace(binding, role_ref=replace(binding.role_ref, kind=kind))
    assert refusal_of(loaded(), ALICE, None, odd) is None


def test_an_aggregate_that_was_or_becomes_one_needs_everything() -> None:
    plain, aggregate = a_cluster_role(), a_cluster_role(aggregates={"x": "y"})
    snapshot = loaded(
        a_cluster_role(a_rule("*", "*"), name="core"), a_cluster_role_binding(role="core")
    )
    for current, desired in ((None, aggregate), (plain, aggregate), (aggregate, plain)):
        refusal = refusal_of(snapshot, ALICE, current, desired)
        assert refusal is not None
        assert refusal.message.endswith(
            "must have cluster-admin privileges to use the aggregationRule"
        )
    everything = loaded(a_cluster_role(*EVERYTHING, name="all"), a_cluster_role_binding(role="all"))
    assert refusal_of(everything, ALICE, plain, aggregate) is None


def test_a_role_is_bound_with_the_rules_of_others_that_it_aggregates() -> None:
    part = a_cluster_role(a_rule("delete", "pods"), name="part", labels={"x": "y"})
    whole = a_cluster_role(name="whole", aggregates={"x": "y"})
    binding = a_role_binding(name="new", role="whole", kind="ClusterRole")
    refusal = refusal_of(loaded(part, whole), ALICE, None, binding)
    assert refusal is not None
    assert refusal.message.endswith('{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}')


def test_roles_that_could_not_be_found_are_told_after_the_missing_rules() -> None:
    snapshot = loaded(a_role_binding(name="a", role="gone"))
    refusal = refusal_of(snapshot, ALICE, None, a_role(name="new"))
    assert refusal is not None
    assert refusal.message.endswith(
        '; resolution errors: [role.rbac.authorization.k8s.io "gone" not found]'
    )
    several = loaded(a_role_binding(name="a", role="gone"), a_role_binding(name="b", role="lost"))
    refusal = refusal_of(several, ALICE, None, a_role(name="new"))
    assert refusal is not None
    gone, lost = (f'role.rbac.authorization.k8s.io "{name}" not found' for name in ("gone", "lost"))
    assert refusal.message.endswith(f"; resolution errors: [[{gone}, {lost}]]")


def test_a_refusal_names_the_object_and_lists_a_bounded_number_of_rules() -> None:
    verbs = " ".join(f"verb-{number}" for number in range(MISSING_MAX + 10))
    rules = tuple(a_rule(verb) for verb in verbs.split())
    refusal = refusal_of(held_by_alice(a_rule()), ALICE, None, a_role(*rules, name="new"))
    assert refusal is not None
    assert (refusal.kind, refusal.group, refusal.name) == ("roles", API_GROUP, "new")
    assert refusal.message.count("verb-") == MISSING_MAX


def test_a_missing_role_is_named_in_the_details() -> None:
    refusal = refusal_of(loaded(), ALICE, None, a_role_binding(role="gone"))
    assert refusal is not None
    assert (refusal.kind, refusal.group, refusal.name) == ("roles", API_GROUP, "gone")
