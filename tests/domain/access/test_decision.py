"""Decisions: every shared case, and what holds for any user and state."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.access.attributes import Attributes
from app.domain.access.decision import Allowed, authorize, visible_namespaces
from app.domain.access.refusals import Refused
from app.domain.access.rules import EVERYTHING
from app.domain.access.subjects import MASTERS, User
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.snapshot import Snapshot, load
from tests.builders import a_cluster_role, a_cluster_role_binding, a_role_binding, a_subject
from tests.domain.access.vectors import Case, a_state, a_user, attributes_of, cases_of
from tests.domain.access.worlds import (
    NAMESPACES,
    naive_binding,
    naive_grants,
    requests,
    stored,
    users,
)


@pytest.mark.parametrize("case", cases_of("authorize"), ids=lambda case: case["id"])
def test_the_shared_cases_are_decided_as_by_kubernetes(case: Case) -> None:
    decision = authorize(a_state(case["objects"]), a_user(case), attributes_of(case["request"]))
    assert isinstance(decision, Allowed) == case["expect"]["allowed"]
    assert getattr(decision, "message", None) == case["expect"].get("message")


ALICE = User(name="alice", groups=("dev",))
READ = Attributes(verb="get", resource="services", namespace="prod", name="ent")


def state(*objects: Object) -> Snapshot:
    return load(objects, revision=Revision(1))


@given(st.lists(stored, max_size=6), users, requests)
def test_who_is_allowed_is_told_by_which_binding_and_who_is_refused_by_what_is_missing(
    objects: list[Object], user: User, request: Attributes
) -> None:
    snapshot = state(*objects)
    decision = authorize(snapshot, user, request)
    binding = naive_binding(snapshot, user, request)
    if binding is not None:
        assert isinstance(decision, Allowed)
        assert decision.reason.startswith("RBAC: allowed by ")
        assert f'of {binding.role_ref.kind} "{binding.role_ref.name}" to ' in decision.reason
        return
    assert isinstance(decision, Refused)
    lacking = [granted for _, granted in naive_grants(snapshot, user, request.namespace)]
    assert decision.message.count(" not found") == (None in lacking) or lacking.count(None) > 1
    assert decision.name == request.name


@given(st.lists(stored, max_size=6), requests)
def test_masters_may_do_everything_and_no_reason_is_told(
    objects: list[Object], request: Attributes
) -> None:
    decision = authorize(state(*objects), User(name="root", groups=(MASTERS,)), request)
    assert decision == Allowed()
    assert isinstance(decision, Allowed)
    assert decision.reason == ""


@given(requests)
def test_without_bindings_nothing_is_allowed(request: Attributes) -> None:
    assert isinstance(authorize(state(a_cluster_role(*EVERYTHING)), ALICE, request), Refused)


@given(st.lists(stored, max_size=8), users, requests)
def test_the_visible_namespaces_are_those_in_which_a_request_is_allowed(
    objects: list[Object], user: User, request: Attributes
) -> None:
    snapshot, asked = state(*objects), replace(request, namespace="")
    if isinstance(authorize(snapshot, user, asked), Allowed) or request.path:
        return
    allowed = {
        namespace
        for namespace in NAMESPACES
        if isinstance(authorize(snapshot, user, replace(asked, namespace=namespace)), Allowed)
    }
    assert visible_namespaces(snapshot, user, asked) == allowed


def test_a_missing_role_is_told_to_whom_it_was_bound() -> None:
    snapshot = state(a_role_binding(namespace="prod", role="gone"))
    decision = authorize(snapshot, ALICE, READ)
    assert isinstance(decision, Refused)
    assert decision.message.endswith(': RBAC: role.rbac.authorization.k8s.io "gone" not found')
    other = authorize(snapshot, User(name="bob"), READ)
    assert isinstance(other, Refused)
    assert "gone" not in other.message


def test_the_reason_of_the_node_authoriser_comes_before_that_of_rbac() -> None:
    agent = User(name="system:node:n1", groups=("system:nodes",))
    snapshot = state(a_cluster_role_binding(a_subject("system:nodes", "Group"), role="gone"))
    decision = authorize(snapshot, agent, Attributes(verb="list", resource="nodes"))
    assert isinstance(decision, Refused)
    assert decision.message.endswith("cannot read all nodes, only its own Node object")
