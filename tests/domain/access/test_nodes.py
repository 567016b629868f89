"""Agents of nodes: every shared case, and what no agent may do."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.access.attributes import Attributes
from app.domain.access.decision import authorize
from app.domain.access.refusals import Refused
from app.domain.access.rules import EVERYTHING
from app.domain.access.subjects import User
from app.domain.errors import Forbidden
from app.domain.names import NamespacedName, Revision, Uid
from app.domain.objects.resource import Object
from app.domain.registration.strategies import strategy_of
from app.domain.resources import RESOURCES
from app.domain.snapshot import load
from app.schemas.objects.codec import decode_object, encode_object
from app.schemas.patches.strategic_merge import strategic_merge
from tests.builders import (
    a_cluster_role,
    a_cluster_role_binding,
    a_condition,
    a_node,
    a_pod,
    a_subject,
)
from tests.domain.access.vectors import Case, a_state, a_user, attributes_of, cases_of

KINDS = {resource.plural: resource for resource in RESOURCES}


def outcome(case: Case) -> Refused | None:
    """What becomes of a request: its decision, then what its body would change."""
    request, user = case["request"], a_user(case)
    snapshot = a_state(case["objects"], a_node("n1"), a_node("n2"))
    attributes = attributes_of(request)
    decision = authorize(snapshot, user, attributes)
    if isinstance(decision, Refused) or "body" not in request:
        return decision if isinstance(decision, Refused) else None
    kind = KINDS[request["resource"]]
    current = snapshot.of(kind).get(NamespacedName(attributes.namespace, attributes.name))
    desired = written(current, kind.name, request)
    try:
        strategy_of(desired).authorize_write(snapshot, user, current, desired)
    except Forbidden as refusal:
        return Refused(message=refusal.message, resource=refusal.kind, name=refusal.name)
    return None


def written(current: Object | None, kind: str, request: Mapping[str, Any]) -> Object:
    """The object that a create, an update or a patch would store, before defaults."""
    if current is None or request["verb"] != "patch":
        return decode_object(request["body"], kind).object
    wire = strategic_merge(kind, encode_object(current), request["body"])
    patched = decode_object(wire).object
    meta = replace(patched.metadata, resource_version="")
    return replace(patched, metadata=meta)


@pytest.mark.parametrize("case", cases_of("node"), ids=lambda case: case["id"])
def test_the_shared_cases_are_decided_as_by_kubernetes(case: Case) -> None:
    refusal = outcome(case)
    assert (refusal is None) == case["expect"]["allowed"]
    if "message" in case["expect"]:
        assert refusal is not None
        assert refusal.message == case["expect"]["message"]


N1 = User(name="system:node:n1", groups=("system:nodes", "system:authenticated"))
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
anything = st.builds(
    Attributes,
    verb=st.sampled_from(VERBS),
    api_group=st.sampled_from(("", "discovery.k8s.io")),
    resource=st.sampled_from(("nodes", "pods", "services", "endpointslices", "roles")),
    subresource=st.sampled_from(("", "status", "heartbeat", "rules", "observed", "resolvconf")),
    namespace=st.sampled_from(("", "default")),
    name=st.sampled_from(("", "n1", "n2", "here", "there", "nowhere", "gone")),
    field_selector=st.sampled_from(({}, {"spec.nodeName": "n1"}, {"spec.nodeName": "n2"})),
)
STATE = load(
    (
        a_node("n1"),
        a_node("n2"),
        a_pod("here", node_name="n1"),
        a_pod("there", node_name="n2"),
        a_pod("nowhere", node_name=""),
    ),
    revision=Revision(1),
)
ALL_GRANTED = load(
    (
        *(each for kind in RESOURCES for each in STATE.of(kind).values()),
        a_cluster_role(*EVERYTHING),
        a_cluster_role_binding(a_subject("system:nodes", "Group")),
    ),
    revision=Revision(2),
)


@given(anything)
def test_an_agent_may_do_nothing_to_other_nodes_and_their_pods(asked: Attributes) -> None:
    if asked.name in ("n2", "there", "nowhere", "gone"):
        assert isinstance(authorize(STATE, N1, asked), Refused)


@given(anything)
def test_an_agent_touches_nodes_and_pods_alone(asked: Attributes) -> None:
    if asked.api_group or asked.resource not in ("nodes", "pods"):
        assert isinstance(authorize(STATE, N1, asked), Refused)


@given(anything)
def test_the_restriction_holds_also_for_what_rbac_grants(asked: Attributes) -> None:
    assert not isinstance(authorize(ALL_GRANTED, N1, replace(asked, verb="get")), Refused)
    if asked.verb in ("get", "list", "watch") or asked.api_group:
        return
    is_others_node = asked.resource == "nodes" and asked.name not in ("", "n1")
    is_pod_write = asked.resource == "pods" and asked.subresource not in ("heartbeat", "status")
    is_others_status = (
        asked.resource == "pods"
        and asked.subresource == "status"
        and (asked.namespace, asked.name) != ("default", "here")
    )
    decision = authorize(ALL_GRANTED, N1, asked)
    assert isinstance(decision, Refused) == (is_others_node or is_pod_write or is_others_status)


@pytest.mark.parametrize("subresource", ["", "status", "rules"])
def test_the_name_of_another_node_is_told_in_the_refusal(subresource: str) -> None:
    asked = Attributes(verb="get", resource="nodes", subresource=subresource, name="n2")
    decision = authorize(STATE, N1, asked)
    assert isinstance(decision, Refused)
    assert decision.message.endswith(": node 'n1' cannot read 'n2', only its own Node object")


def test_all_nodes_are_not_read_at_once() -> None:
    decision = authorize(STATE, N1, Attributes(verb="list", resource="nodes"))
    assert isinstance(decision, Refused)
    assert decision.message.endswith(": node 'n1' cannot read all nodes, only its own Node object")


@pytest.mark.parametrize("subresource", ["heartbeat", "observed"])
def test_heartbeats_and_drift_of_others_are_refused_as_changes(subresource: str) -> None:
    verb = "create" if subresource == "heartbeat" else "update"
    asked = Attributes(verb=verb, resource="nodes", subresource=subresource, name="n2")
    decision = authorize(STATE, N1, asked)
    assert isinstance(decision, Refused)
    words = 'node "n1" is not allowed to modify node "n2"'
    assert decision.message == f'nodes "n2" is forbidden: {words}'


@pytest.mark.parametrize("name", ["there", "nowhere", "gone"])
def test_the_status_of_a_pod_elsewhere_is_refused_whether_it_is_there_or_not(name: str) -> None:
    asked = Attributes(
        verb="patch", resource="pods", subresource="status", namespace="default", name=name
    )
    decision = authorize(STATE, N1, asked)
    assert isinstance(decision, Refused)
    words = 'node "n1" can only update pod status for pods with spec.nodeName set to itself'
    assert decision.message == f'pods "{name}" is forbidden: {words}'


def refusal_of(current: Object | None, desired: Object, user: User = N1) -> str:
    try:
        strategy_of(desired).authorize_write(STATE, user, current, desired)
    except Forbidden as refusal:
        return refusal.message.partition(" is forbidden: ")[2]
    return ""


def test_labels_under_the_restricted_prefix_are_neither_set_nor_changed_nor_removed() -> None:
    prefix, below = "node-restriction.kubernetes.io/a", "x.node-restriction.kubernetes.io/b"
    free, bound = a_node("n1"), a_node("n1", labels={prefix: "1", below: "1"})
    other = a_node("n1", labels={prefix: "2", below: "1"})
    assert refusal_of(None, bound) == (
        f'node "n1" is not allowed to set the following labels: {prefix}, {below}'
    )
    assert refusal_of(free, bound) == f"is not allowed to modify labels: {prefix}, {below}"
    assert refusal_of(bound, free) == f"is not allowed to modify labels: {prefix}, {below}"
    assert refusal_of(bound, other) == f"is not allowed to modify labels: {prefix}"
    assert refusal_of(bound, replace(bound, is_unschedulable=True)) == ""
    assert refusal_of(free, a_node("n1", labels={"example.dev/zone": "a"})) == ""


def test_a_node_is_registered_by_its_own_agent_alone() -> None:
    assert refusal_of(None, a_node("n1")) == ""
    assert refusal_of(None, a_node("n2")) == 'node "n1" is not allowed to modify node "n2"'
    assert refusal_of(None, a_node("n2"), User(name="alice")) == ""


def test_a_report_changes_conditions_and_nothing_else() -> None:
    current = a_pod("here", node_name="n1")
    report = replace(current, conditions=(a_condition("Ready", "False"),))
    sent = replace(report.metadata, resource_version="7", uid=Uid(""), created_at=None)
    assert refusal_of(current, report) == ""
    assert refusal_of(current, replace(report, metadata=sent)) == ""
    only = 'node "n1" can only update status.conditions of pods'
    assert refusal_of(current, replace(report, pod_ips=("10.244.9.9",))) == only
    assert refusal_of(current, replace(report, phase="Succeeded")) == only
    annotated = replace(report.metadata, annotations={"a": "b"})
    assert refusal_of(current, replace(report, metadata=annotated)) == only
    labelled = replace(report.metadata, labels={})
    words = 'node "n1" cannot update labels through pod status'
    assert refusal_of(current, replace(report, metadata=labelled)) == words


def test_a_pod_is_neither_created_nor_moved_by_an_agent() -> None:
    here, there = a_pod("here", node_name="n1"), a_pod("there", node_name="n2")
    assert refusal_of(None, here) == 'node "n1" can only update status.conditions of pods'
    words = 'node "n1" can only update pod status for pods with spec.nodeName set to itself'
    assert refusal_of(there, replace(there, node_name="n1")) == words
    assert refusal_of(None, here, User(name="alice")) == ""
