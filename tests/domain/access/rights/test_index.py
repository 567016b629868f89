"""Entries: they decide as walking over all bindings does, whatever has happened before."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.domain.access.attributes import Attributes
from app.domain.access.rights import index
from app.domain.access.rights.entry import SPREAD_MAX, SPREAD_RULE_MAX, Entry, Grant
from app.domain.access.rights.index import Generations, Rights, rights_of
from app.domain.access.rules import atoms, uncovered
from app.domain.access.subjects import User
from app.domain.changes import Change
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.objects.role import PolicyRule
from app.domain.resources import resource_of
from app.domain.snapshot import Snapshot, load
from tests.builders import (
    a_cluster_role,
    a_cluster_role_binding,
    a_path_rule,
    a_pod,
    a_role,
    a_role_binding,
    a_rule,
    a_subject,
)
from tests.domain.access.worlds import (
    NAMESPACES,
    naive_binding,
    naive_grants,
    requests,
    rule_lists,
    rules,
    stored,
    users,
)

ALICE = User(name="alice", groups=("dev",))
histories = st.lists(st.tuples(stored, st.booleans()), max_size=12)


def loaded(*objects: Object) -> Snapshot:
    return load(objects, revision=Revision(1))


def states_of(history: list[tuple[Object, bool]]) -> list[Snapshot]:
    """The states after each write of a history; the flag says whether it is a deletion."""
    states = [loaded()]
    for number, (registered, is_gone) in enumerate(history, 2):
        held = states[-1].of(resource_of(registered)).get(registered.metadata.key)
        if is_gone and held is None:
            continue
        after = None if is_gone else registered
        change = Change(revision=Revision(number), before=held, after=after)
        states.append(states[-1].apply([change]))
    return states


@given(histories, users, requests)
def test_an_entry_decides_as_the_walk_over_all_bindings_after_every_write(
    history: list[tuple[Object, bool]], user: User, request: Attributes
) -> None:
    generations = Generations()
    for snapshot in states_of(history):
        grant = generations.of(snapshot).entry(user, request.namespace).allows(request)
        binding = naive_binding(snapshot, user, request)
        assert (grant and grant.binding) is binding


@given(histories, users, st.sampled_from(("", *NAMESPACES)), rules)
def test_an_entry_covers_what_the_rules_of_the_walk_cover(
    history: list[tuple[Object, bool]], user: User, namespace: str, asked: PolicyRule
) -> None:
    snapshot = states_of(history)[-1]
    entry = Rights(snapshot).entry(user, namespace)
    held = [
        rule for _, granted in naive_grants(snapshot, user, namespace) for rule in granted or ()
    ]
    assert [atom for atom in atoms(asked) if not entry.covers(atom)] == [*uncovered(held, [asked])]


@given(st.lists(stored, max_size=8), stored, users, requests)
def test_a_new_role_or_binding_takes_no_right_away(
    objects: list[Object], more: Object, user: User, request: Attributes
) -> None:
    before = loaded(*objects)
    if more.metadata.key in before.of(resource_of(more)):
        return
    after = before.apply([Change(revision=Revision(2), before=None, after=more)])
    if rights_of(before).entry(user, request.namespace).allows(request):
        assert rights_of(after).entry(user, request.namespace).allows(request)


@given(rule_lists, requests)
def test_rules_with_large_products_are_matched_alike(
    granted: tuple[PolicyRule, ...], request: Attributes
) -> None:
    more = tuple(f"verb-{number}" for number in range(SPREAD_RULE_MAX + 1))
    wide = tuple(replace(rule, verbs=(*rule.verbs, *more)) for rule in granted)
    grant = Grant(0, 0, a_cluster_role_binding())
    small, large = Entry(), Entry()
    for rule, widened in zip(granted, wide, strict=True):
        small.add(rule, grant)
        large.add(widened, grant)
    assert small.allows(request) == large.allows(request)
    assert all(large.covers(atom) for rule in granted for atom in atoms(rule))
    assert not large.everywhere


def test_the_first_binding_is_told_also_when_its_rule_is_matched_as_it_is() -> None:
    verbs = "get " + " ".join(f"verb-{number}" for number in range(SPREAD_RULE_MAX))
    entry = Entry()
    first, second, third = (Grant(rank, 0, a_role_binding()) for rank in range(3))
    entry.add(a_rule("list", "pods"), first)
    entry.add(a_rule(verbs), second)
    entry.add(a_rule("get list", "services"), third)
    assert entry.allows(Attributes(verb="get", resource="services")) is second
    assert entry.allows(Attributes(verb="list", resource="pods")) is first
    assert entry.allows(Attributes(verb="list", resource="services")) is third


def test_the_members_of_products_in_an_entry_are_bounded() -> None:
    entry, grant = Entry(), Grant(0, 0, a_role_binding())
    verbs = " ".join(f"verb-{number}" for number in range(SPREAD_RULE_MAX))
    for number in range(SPREAD_MAX // SPREAD_RULE_MAX + 3):
        entry.add(a_rule(verbs, f"kind-{number}", names="x"), grant)
    assert entry.spread == SPREAD_MAX
    assert len(entry.wide) == 3
    last = SPREAD_MAX // SPREAD_RULE_MAX + 2
    assert entry.allows(Attributes(verb="verb-7", resource=f"kind-{last}", name="x"))


def test_a_missing_role_grants_nothing_and_is_told_once() -> None:
    snapshot = loaded(
        a_cluster_role_binding(name="z", role="gone"),
        a_role_binding(name="a", role="gone"),
        a_role_binding(name="b", role="gone"),
        a_role_binding(name="c", role="gone", kind="ClusterRole"),
        a_role_binding(name="d", role="gone", kind="Unheard"),
        a_role_binding(a_subject("eve"), name="e", role="others"),
    )
    entry = Rights(snapshot).entry(ALICE, "default")
    assert (entry.everywhere, entry.named, entry.paths, entry.wide) == ({}, {}, [], [])
    assert entry.missing == [
        'clusterrole.rbac.authorization.k8s.io "gone" not found',
        'role.rbac.authorization.k8s.io "gone" not found',
        'unheard.rbac.authorization.k8s.io "gone" not found',
    ]


def test_a_generation_is_kept_while_roles_and_bindings_are_the_same_objects() -> None:
    snapshot = loaded(a_role(), a_role_binding())
    pod = a_pod()
    later = snapshot.apply([Change(revision=Revision(2), before=None, after=pod)])
    assert rights_of(snapshot) is rights_of(later)
    role = replace(a_role(), rules=(a_rule("list"),))
    changed = later.apply([Change(revision=Revision(3), before=a_role(), after=role)])
    assert rights_of(changed) is not rights_of(later)
    assert rights_of(later) is rights_of(snapshot)


def test_the_generations_asked_for_longest_ago_are_dropped() -> None:
    generations = Generations(generations_max=2)
    snapshots = [loaded(a_role(a_rule(f"verb-{number}"))) for number in range(3)]
    first, second, third = (generations.of(snapshot) for snapshot in snapshots)
    assert generations.of(snapshots[2]) is third
    assert generations.of(snapshots[1]) is second
    assert generations.of(snapshots[0]) is not first


def test_the_entries_of_a_generation_are_bounded() -> None:
    rights = Rights(loaded(a_role(), a_role_binding()), entries_max=2)
    kept = rights.entry(ALICE, "default")
    for number in range(2):
        rights.entry(User(name=f"user-{number}"), "default")
    assert rights.entry(ALICE, "default") is not kept
    assert rights.entry(ALICE, "default") == kept
    assert index.ENTRIES_MAX == 10_000


def test_grants_tell_why_in_kubernetes_words() -> None:
    snapshot = loaded(
        a_cluster_role(name="view"),
        a_role_binding(
            a_subject("eve"),
            a_subject(),
            name="b",
            namespace="prod",
            role="view",
            kind="ClusterRole",
        ),
        a_role_binding(
            a_subject("bot", "ServiceAccount"),
            name="s",
            namespace="prod",
            role="view",
            kind="ClusterRole",
        ),
        a_cluster_role_binding(a_subject("ops", "Group"), name='c"b', role="view"),
    )
    rights, request = Rights(snapshot), Attributes(verb="get", resource="services")

    def reason(user: str, *groups: str) -> str:
        grant = rights.entry(User(name=user, groups=groups), "prod").allows(request)
        return grant.reason if grant else ""

    assert reason("alice") == (
        'RBAC: allowed by RoleBinding "b/prod" of ClusterRole "view" to User "alice"'
    )
    assert reason("system:serviceaccount:prod:bot") == (
        'RBAC: allowed by RoleBinding "s/prod" of ClusterRole "view" to ServiceAccount "bot/prod"'
    )
    assert reason("alice", "ops") == (
        'RBAC: allowed by ClusterRoleBinding "c\\"b" of ClusterRole "view" to Group "ops"'
    )


def test_the_first_subject_that_is_the_user_is_told() -> None:
    group, user = a_subject("dev", "Group"), a_subject()
    snapshot = loaded(a_role(), a_role_binding(group, user))
    grant = (
        Rights(snapshot).entry(ALICE, "default").allows(Attributes(verb="get", resource="services"))
    )
    assert grant is not None
    assert grant.reason.endswith('to Group "dev"')


def test_the_rules_of_an_aggregate_are_found_for_each_of_its_bindings() -> None:
    part = a_cluster_role(a_rule("get"), name="part", labels={"x": "y"})
    snapshot = loaded(
        part,
        a_cluster_role(name="all", aggregates={"x": "y"}),
        a_role_binding(name="a", role="all", kind="ClusterRole"),
        a_role_binding(a_subject("bob"), name="b", role="all", kind="ClusterRole"),
    )
    rights, request = Rights(snapshot), Attributes(verb="get", resource="services")
    for user in (ALICE, User(name="bob")):
        assert rights.entry(user, "default").allows(request)
    assert rights.entry(User(name="eve"), "default").allows(request) is None


def test_paths_of_a_role_that_is_bound_in_a_namespace_grant_no_path() -> None:
    metrics = a_path_rule("get", "/metrics")
    snapshot = loaded(a_cluster_role(metrics), a_role_binding(role="cr", kind="ClusterRole"))
    rights = Rights(snapshot)
    assert rights.entry(ALICE, "").allows(Attributes(verb="get", path="/metrics")) is None
    # As in Kubernetes, who has it in a namespace may bind it there.
    assert rights.entry(ALICE, "default").covers(metrics)
