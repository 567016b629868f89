"""Roles in writes: aggregates have the rules of others in the same revision."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.domain.access.aggregation import effective_rules
from app.domain.access.default_roles import default_roles
from app.domain.names import UNASSIGNED_UID, NamespacedName
from app.domain.objects.resource import Object
from app.domain.objects.role import CLUSTER_ROLE, ClusterRole, PolicyRule
from app.domain.resources import resource_of
from app.registry.reads.view import View
from app.registry.writes import lifecycle
from app.registry.writes.bootstrap import bootstrap
from tests.builders import a_cluster_role, a_pod, a_role, a_role_binding, a_rule
from tests.domain.access.worlds import cluster_roles
from tests.memory_writer import MemoryWriter


def a_writer() -> MemoryWriter:
    writer = MemoryWriter(View())
    writer.write_now(lambda work: bootstrap(work, with_dns=False))
    return writer


def put(writer: MemoryWriter, draft: Object) -> Object:
    sent = replace(draft, metadata=replace(draft.metadata, uid=UNASSIGNED_UID))
    return writer.write_now(lambda work: lifecycle.put(work, sent))[0]


def rules_of(writer: MemoryWriter, name: str) -> tuple[PolicyRule, ...]:
    return writer.view.snapshot.of(CLUSTER_ROLE)[NamespacedName("", name)].rules


def test_an_aggregate_follows_the_roles_that_it_selects() -> None:
    writer = a_writer()
    made = put(writer, a_cluster_role(a_rule("*", "*"), name="all", aggregates={"x": "y"}))
    assert isinstance(made, ClusterRole)
    assert made.rules == rules_of(writer, "all") == ()

    part = a_cluster_role(a_rule("get"), name="part", labels={"x": "y"})
    put(writer, part)
    assert rules_of(writer, "all") == (a_rule("get"),)
    put(writer, replace(part, rules=(a_rule("list"),)))
    assert rules_of(writer, "all") == (a_rule("list"),)
    put(writer, replace(part, metadata=replace(part.metadata, labels={})))
    assert rules_of(writer, "all") == ()
    put(writer, part)
    writer.write_now(lambda work: lifecycle.delete(work, CLUSTER_ROLE, part.metadata.key))
    assert rules_of(writer, "all") == ()


def test_a_new_aggregate_has_its_rules_at_once_and_shares_the_revision_of_later_changes() -> None:
    writer = a_writer()
    put(writer, a_cluster_role(a_rule("get"), name="part", labels={"x": "y"}))
    made = put(writer, a_cluster_role(name="all", aggregates={"x": "y"}))
    assert isinstance(made, ClusterRole)
    assert made.rules == (a_rule("get"),)
    assert made == writer.view.snapshot.of(CLUSTER_ROLE)[made.metadata.key]
    put(writer, a_cluster_role(a_rule("list"), name="more", labels={"x": "y"}))
    held = writer.view.snapshot.of(CLUSTER_ROLE)[made.metadata.key]
    assert held.metadata.revision == writer.view.snapshot.revision


def test_a_role_that_is_no_aggregate_any_more_keeps_the_rules_it_is_given() -> None:
    writer = a_writer()
    put(writer, a_cluster_role(name="all", aggregates={"x": "y"}))
    put(writer, a_cluster_role(a_rule("get"), name="all"))
    assert rules_of(writer, "all") == (a_rule("get"),)


def test_other_writes_leave_roles_alone() -> None:
    writer = a_writer()
    put(writer, a_cluster_role(name="all", aggregates={"x": "y"}))
    before = writer.view.snapshot.of(CLUSTER_ROLE)
    put(writer, a_pod())
    assert writer.view.snapshot.of(CLUSTER_ROLE) is before


@given(st.lists(cluster_roles(), max_size=8))
def test_after_every_write_each_aggregate_has_what_it_selects(drawn: list[ClusterRole]) -> None:
    writer = a_writer()
    for role in drawn:
        valid = [rule for rule in role.rules if not (rule.resources and rule.non_resource_urls)]
        put(writer, replace(role, rules=tuple(valid)))
        held = writer.view.snapshot.of(CLUSTER_ROLE)
        for each in held.values():
            assert each.rules == effective_rules(held, each)


def test_roles_and_bindings_are_created_by_put() -> None:
    writer = a_writer()
    for draft in (a_role(), a_role_binding(), a_cluster_role()):
        assert put(writer, draft).metadata.uid
        found = writer.view.snapshot.of(resource_of(draft))
        assert draft.metadata.key in found


def test_the_built_in_roles_may_be_written_in_their_order() -> None:
    writer = a_writer()
    writer.write_now(lambda work: [lifecycle.create(work, each) for each in default_roles()])
    view = rules_of(writer, "view")
    assert view
    assert set(view) < set(rules_of(writer, "edit")) < set(rules_of(writer, "admin"))
