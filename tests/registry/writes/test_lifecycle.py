"""Creation, replacement and deletion of objects of any kind."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.errors import AlreadyExists, Conflict, Forbidden, NotFound, PreconditionFailed
from app.domain.names import NamespacedName
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.namespace import NAMESPACE, NamespacePhase
from app.domain.objects.node import NODE
from app.domain.objects.pod import POD, Pod
from app.domain.objects.resource import Object
from app.domain.objects.service import SERVICE, Service
from app.domain.work import Policy
from app.registry.reads.view import View
from app.registry.writes import garbage_collection, lifecycle
from app.registry.writes.bootstrap import bootstrap
from app.registry.writes.preconditions import Preconditions
from tests.builders import a_node, a_pod, a_service, key
from tests.memory_writer import MemoryWriter


def a_writer(policy: Policy | None = None) -> MemoryWriter:
    writer = MemoryWriter(View(), policy or Policy())
    writer.write_now(lambda work: bootstrap(work, with_dns=False))
    return writer


def a_draft(name: str = "ent", namespace: str = "default") -> Service:
    return a_service(name, namespace=namespace, cluster_ip="", cluster_ips=(), ip_families=())


def created(writer: MemoryWriter, draft: Object) -> Object:
    return writer.write_now(lambda work: lifecycle.create(work, draft))


def test_a_new_object_has_a_uid_a_revision_and_generation_one() -> None:
    writer = a_writer()
    stored = created(
        writer, replace(a_draft(), metadata=ObjectMeta(name="ent", namespace="default"))
    )
    meta = stored.metadata
    assert meta.uid
    assert meta.generation == 1
    assert meta.created_at == writer.now
    assert meta.revision == writer.view.snapshot.revision


def test_an_object_that_is_created_again_has_another_uid() -> None:
    writer = a_writer()
    first = created(writer, a_draft())
    writer.write_now(lambda work: lifecycle.delete(work, SERVICE, key("ent")))
    assert created(writer, a_draft()).metadata.uid != first.metadata.uid


def test_a_name_that_exists_is_refused() -> None:
    writer = a_writer()
    created(writer, a_draft())
    with pytest.raises(AlreadyExists):
        created(writer, a_draft())


def test_a_generated_name_is_completed_and_differs_every_time() -> None:
    writer = a_writer()
    meta = ObjectMeta(generate_name="web-", namespace="default")
    names = {created(writer, replace(a_draft(), metadata=meta)).metadata.name for _ in range(20)}
    assert len(names) == 20
    assert all(name.startswith("web-") and len(name) == 9 for name in names)


def test_a_missing_namespace_is_created_or_refused_by_policy() -> None:
    writer = a_writer()
    created(writer, a_draft(namespace="new"))
    assert NamespacedName("", "new") in writer.view.snapshot.namespaces

    strict = a_writer(Policy(creates_namespaces=False))
    with pytest.raises(NotFound, match="new"):
        created(strict, a_draft(namespace="new"))


def test_only_a_change_of_the_spec_increments_the_generation() -> None:
    writer = a_writer()
    stored = created(writer, a_draft())
    assert isinstance(stored, Service)
    labelled = replace(stored, metadata=replace(stored.metadata, labels={"tier": "web"}))
    again, _ = writer.write_now(lambda work: lifecycle.put(work, labelled))
    assert again.metadata.generation == 1
    affine = replace(labelled, session_affinity="ClientIP", affinity_timeout_s=60)
    affine = replace(affine, metadata=again.metadata)
    changed, _ = writer.write_now(lambda work: lifecycle.put(work, affine))
    assert changed.metadata.generation == 2


@pytest.mark.parametrize(
    ("preconditions", "refusal"),
    [
        (Preconditions(uid="another"), Conflict),
        (Preconditions(resource_version="999"), Conflict),
        (Preconditions(etags=("999",)), PreconditionFailed),
        (Preconditions(forbidden_etags=("*",)), PreconditionFailed),
    ],
)
def test_a_condition_that_does_not_hold_stops_the_write(
    preconditions: Preconditions, refusal: type[Exception]
) -> None:
    writer = a_writer()
    stored = created(writer, a_draft())
    with pytest.raises(refusal):
        writer.write_now(lambda work: lifecycle.put(work, stored, preconditions))
    with pytest.raises(refusal):
        writer.write_now(
            lambda work: lifecycle.delete(work, SERVICE, key("ent"), preconditions=preconditions)
        )
    assert writer.view.snapshot.services[key("ent")] == stored


def test_services_and_pods_are_created_by_a_put_and_nodes_are_not() -> None:
    writer = a_writer()
    for draft in (a_draft(), a_pod("ent-1")):
        _, is_new = writer.write_now(lambda work, new=draft: lifecycle.put(work, new))
        assert is_new
    with pytest.raises(NotFound):
        writer.write_now(lambda work: lifecycle.put(work, a_node("n1")))


def test_a_pod_terminates_for_its_grace_period_and_is_then_removed() -> None:
    writer = a_writer()
    created(writer, a_pod("ent-1", grace_period_s=7))
    pod, is_gone = writer.write_now(lambda work: lifecycle.delete(work, POD, key("ent-1")))
    assert not is_gone
    assert pod.metadata.deleted_at == writer.now + timedelta(seconds=7)

    writer.now += timedelta(seconds=6)
    writer.write_now(garbage_collection.remove_due)
    assert key("ent-1") in writer.view.snapshot.pods
    writer.now += timedelta(seconds=1)
    writer.write_now(garbage_collection.remove_due)
    assert key("ent-1") not in writer.view.snapshot.pods


def test_a_second_delete_without_grace_removes_a_pod_immediately() -> None:
    writer = a_writer()
    created(writer, a_pod("ent-1"))
    writer.write_now(lambda work: lifecycle.delete(work, POD, key("ent-1")))
    writer.write_now(lambda work: lifecycle.delete(work, POD, key("ent-1"), grace_s=0))
    assert key("ent-1") not in writer.view.snapshot.pods


def test_an_object_stays_until_its_last_finalizer_is_removed() -> None:
    writer = a_writer()
    draft = a_draft()
    held = replace(draft, metadata=replace(draft.metadata, finalizers=("example.org/hold",)))
    created(writer, held)
    marked, is_gone = writer.write_now(lambda work: lifecycle.delete(work, SERVICE, key("ent")))
    assert not is_gone
    assert marked.metadata.is_terminating
    assert isinstance(marked, Service)

    freed = replace(marked, metadata=replace(marked.metadata, finalizers=()))
    writer.write_now(lambda work: lifecycle.put(work, freed))
    assert key("ent") not in writer.view.snapshot.services
    assert not writer.view.snapshot.slices


def test_a_namespace_and_its_objects_are_deleted_in_one_write() -> None:
    writer = a_writer()
    created(writer, a_draft(namespace="shop"))
    created(writer, a_pod("ent-1", namespace="shop"))
    before = writer.view.snapshot.revision
    writer.write_now(lambda work: lifecycle.delete(work, NAMESPACE, NamespacedName("", "shop")))

    snapshot = writer.view.snapshot
    assert snapshot.revision == before + 1
    assert not any(
        name.namespace == "shop"
        for kind in ("Service", "Pod", "EndpointSlice")
        for name in snapshot.objects[kind]
    )
    assert NamespacedName("", "shop") not in snapshot.namespaces


def test_a_terminating_namespace_refuses_new_objects_and_waits_for_finalizers() -> None:
    writer = a_writer()
    draft = a_draft(namespace="shop")
    held = replace(draft, metadata=replace(draft.metadata, finalizers=("example.org/hold",)))
    created(writer, held)
    namespace, is_gone = writer.write_now(
        lambda work: lifecycle.delete(work, NAMESPACE, NamespacedName("", "shop"))
    )
    assert not is_gone
    assert (
        writer.view.snapshot.namespaces[namespace.metadata.key].phase == NamespacePhase.TERMINATING
    )
    with pytest.raises(Forbidden):
        created(writer, a_pod("late", namespace="shop"))

    marked = writer.view.snapshot.services[key("shop/ent")]
    freed = replace(marked, metadata=replace(marked.metadata, finalizers=()))
    writer.write_now(lambda work: lifecycle.put(work, freed))
    assert namespace.metadata.key not in writer.view.snapshot.namespaces


def test_permanent_namespaces_cannot_be_deleted() -> None:
    writer = a_writer()
    with pytest.raises(Forbidden):
        writer.write_now(
            lambda work: lifecycle.delete(work, NAMESPACE, NamespacedName("", "default"))
        )


def test_a_put_with_a_status_replaces_it_and_one_without_keeps_it() -> None:
    writer = a_writer()
    created(writer, a_pod("ent-1"))
    registered = a_pod("ent-1", pod_ips=("10.244.9.9",))
    moved = replace(registered, metadata=ObjectMeta(name="ent-1", namespace="default"))
    writer.write_now(lambda work: lifecycle.put(work, moved))
    assert writer.view.snapshot.pods[key("ent-1")].pod_ips == ("10.244.9.9",)
    bare = Pod(metadata=ObjectMeta(name="ent-1", namespace="default"), weight=7)
    writer.write_now(lambda work: lifecycle.put(work, bare))
    stored = writer.view.snapshot.pods[key("ent-1")]
    assert (stored.pod_ips, stored.weight) == (("10.244.9.9",), 7)


def test_deleting_a_missing_object_is_not_found() -> None:
    writer = a_writer()
    with pytest.raises(NotFound, match="n9"):
        writer.write_now(lambda work: lifecycle.delete(work, NODE, NamespacedName("", "n9")))
