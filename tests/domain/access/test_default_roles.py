"""The built-in roles: every shared case, and how stored ones are brought up to them."""

from dataclasses import replace

import pytest

from app.domain.access.aggregation import effective_rules
from app.domain.access.attributes import Attributes
from app.domain.access.decision import Allowed, authorize
from app.domain.access.default_roles import (
    AUTOUPDATE,
    BOOTSTRAP_LABELS,
    default_roles,
    reconciled,
)
from app.domain.access.rights.index import rights_of
from app.domain.access.rules import uncovered
from app.domain.access.subjects import ANONYMOUS, AUTHENTICATED, User
from app.domain.labels import LabelSelector
from app.domain.names import NamespacedName, Revision
from app.domain.objects.role import (
    API_GROUP,
    CLUSTER_ROLE,
    AggregationRule,
    ClusterRole,
    PolicyRule,
)
from app.domain.objects.role_binding import ClusterRoleBinding, RoleBinding
from app.domain.registration.strategies import strategy_of
from app.domain.snapshot import Snapshot, load
from tests.builders import a_role_binding, a_rule, a_subject
from tests.domain.access.vectors import Case, a_state, a_user, attributes_of, cases_of


def a_binding_of(case: Case) -> dict[str, object]:
    """The role of a case, bound to its user in its namespace."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"namespace": case["boundIn"], "name": "bound"},
        "roleRef": {"kind": "ClusterRole", "name": case["role"]},
        "subjects": [{"kind": "User", "name": case["user"]["name"]}],
    }


@pytest.mark.parametrize("case", cases_of("default-role"), ids=lambda case: case["id"])
def test_the_shared_cases_are_allowed_by_the_built_in_roles(case: Case) -> None:
    snapshot = a_state([a_binding_of(case)], *default_roles())
    decision = authorize(snapshot, a_user(case), attributes_of(case["request"]))
    assert isinstance(decision, Allowed) == case["expect"]["allowed"]


STATE = load([*default_roles()], revision=Revision(1))
BOUND = {
    role: load(
        [*default_roles(), a_role_binding(namespace="prod", role=role, kind="ClusterRole")],
        revision=Revision(1),
    )
    for role in ("view", "edit", "admin", "waypost:registrar")
}
ALICE = User(name="alice")


def may(state: Snapshot, verb: str, resource: str, group: str = "", user: User = ALICE) -> bool:
    resource, _, subresource = resource.partition("/")
    asked = Attributes(
        verb=verb,
        api_group=group,
        resource=resource,
        subresource=subresource,
        namespace="prod",
        name="x",
    )
    return isinstance(authorize(state, user, asked), Allowed)


def test_names_are_unique_within_a_kind_and_every_binding_has_its_role() -> None:
    made = [*default_roles()]
    assert len({(type(each), each.metadata.key) for each in made}) == len(made)
    for binding in made:
        if isinstance(binding, RoleBinding | ClusterRoleBinding):
            assert rights_of(STATE).rules_of(binding.role_ref, binding.metadata.namespace)


def test_every_built_in_object_is_valid_and_says_that_it_is_kept_up_to_date() -> None:
    for made in default_roles():
        assert not strategy_of(made).draft_violations(made)
        assert strategy_of(made).complete(made) == made
        assert made.metadata.labels.items() >= BOOTSTRAP_LABELS.items()
        assert made.metadata.annotations == {AUTOUPDATE: "true"}


@pytest.mark.parametrize(("lower", "upper"), [("view", "edit"), ("edit", "admin")])
def test_each_role_of_users_has_what_the_one_below_it_has(lower: str, upper: str) -> None:
    def rules_of(role: str) -> tuple[PolicyRule, ...]:
        found = STATE.of(CLUSTER_ROLE)
        return effective_rules(found, found[NamespacedName("", role)])

    assert rules_of(lower)
    assert not [*uncovered(rules_of(upper), rules_of(lower))]
    assert [*uncovered(rules_of(lower), rules_of(upper))]


def test_nobody_but_cluster_admin_may_escalate_bind_or_impersonate() -> None:
    for state in BOUND.values():
        for verb in ("escalate", "bind"):
            assert not may(state, verb, "roles", API_GROUP)
            assert not may(state, verb, "clusterroles", API_GROUP)
        assert not may(state, "impersonate", "users")
        assert not may(state, "list", "tokens", "access.waypost")


def test_routes_and_points_of_entry_are_for_cluster_admins() -> None:
    for state in BOUND.values():
        assert not may(state, "patch", "services/status")
        assert not may(state, "create", "endpointslices", "discovery.k8s.io")
        assert not may(state, "create", "namespaces")
    master = User(name="root", groups=("system:masters",))
    assert may(STATE, "patch", "services/status", user=master)


def test_what_a_registrar_does_it_may_do() -> None:
    state = BOUND["waypost:registrar"]
    for verb in ("create", "update", "patch", "delete", "get", "list", "watch"):
        assert may(state, verb, "pods")
    assert may(state, "patch", "pods/status")
    assert may(state, "create", "pods/heartbeat")
    assert not may(state, "get", "services")


@pytest.mark.parametrize(
    ("path", "anonymous", "authenticated", "monitoring"),
    [
        ("/livez", True, True, True),
        ("/version", True, True, False),
        ("/docs/oauth2-redirect", True, True, False),
        ("/metrics", False, False, True),
        ("/resolve", False, True, False),
        ("/elsewhere", False, False, False),
    ],
)
def test_paths_are_for_whom_they_are_meant(
    path: str, *, anonymous: bool, authenticated: bool, monitoring: bool
) -> None:
    asked = Attributes(verb="get", path=path)
    for user, expected in (
        (ANONYMOUS, anonymous),
        (User(name="zoe", groups=(AUTHENTICATED,)), authenticated),
        (User(name="prometheus", groups=("system:monitoring",)), monitoring),
    ):
        assert isinstance(authorize(STATE, user, asked), Allowed) == expected


def test_reconciling_twice_changes_nothing_and_what_is_complete_stays() -> None:
    for made in default_roles():
        assert reconciled(made, made) == made
        bare = replace(made, metadata=replace(made.metadata, labels={}, annotations={}))
        once = reconciled(bare, made)
        assert once == made
        assert reconciled(once, made) == once


def test_missing_rules_are_added_and_those_of_others_stay() -> None:
    (built_in,) = (each for each in default_roles() if each.metadata.name == "system:node")
    assert isinstance(built_in, ClusterRole)
    own = a_rule("get", "widgets")
    stored = replace(built_in, rules=(own, *built_in.rules[1:]))
    found = reconciled(stored, built_in)
    assert isinstance(found, ClusterRole)
    assert own in found.rules
    assert not [*uncovered(found.rules, built_in.rules)]
    assert reconciled(found, built_in) == found


def test_missing_subjects_and_selectors_are_added() -> None:
    by_name = {(type(each), each.metadata.name): each for each in default_roles()}
    binding = by_name[ClusterRoleBinding, "cluster-admin"]
    assert isinstance(binding, ClusterRoleBinding)
    more = replace(binding, subjects=(a_subject("alice"),))
    found = reconciled(more, binding)
    assert isinstance(found, ClusterRoleBinding)
    assert found.subjects == (a_subject("alice"), *binding.subjects)
    view = by_name[ClusterRole, "view"]
    assert isinstance(view, ClusterRole)
    assert view.aggregation_rule is not None
    mine = AggregationRule(cluster_role_selectors=(LabelSelector(match_labels={"x": "y"}),))
    joined = reconciled(replace(view, aggregation_rule=mine), view)
    assert isinstance(joined, ClusterRole)
    assert joined.aggregation_rule is not None
    assert joined.aggregation_rule.cluster_role_selectors == (
        *mine.cluster_role_selectors,
        *view.aggregation_rule.cluster_role_selectors,
    )
    plain = reconciled(replace(view, aggregation_rule=None), view)
    assert isinstance(plain, ClusterRole)
    assert plain.aggregation_rule == view.aggregation_rule


def test_a_binding_of_another_role_is_bound_to_its_own_again() -> None:
    bindings = (each for each in default_roles() if isinstance(each, ClusterRoleBinding))
    built_in = next(bindings)
    other = replace(built_in, role_ref=replace(built_in.role_ref, name="view"), subjects=())
    assert reconciled(other, built_in) == built_in


def test_an_object_that_is_not_to_be_updated_is_left_alone() -> None:
    for made in default_roles():
        kept = replace(made, metadata=replace(made.metadata, annotations={AUTOUPDATE: "false"}))
        assert reconciled(kept, made) is kept
