"""Finalizers that no controller here would remove keep no object from deletion."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.names import NamespacedName
from app.domain.objects.resource import Object
from app.domain.objects.service_cidr import FINALIZER
from app.domain.registration.finalizers import NAMED_MAX
from app.domain.resources import resource_of
from app.domain.work import Work
from app.registry.writes import garbage_collection, lifecycle
from tests.builders import (
    a_namespace,
    a_node,
    a_pod,
    a_service,
    a_service_cidr,
    an_endpoint_slice,
    key,
)
from tests.registry.worlds import World

OF_CLUSTERS = "service.kubernetes.io/load-balancer-cleanup"
OWN = "example.com/hold"
SHOP = NamespacedName("", "shop")


def held(draft: Object, *finalizers: str) -> Object:
    return replace(draft, metadata=replace(draft.metadata, uid="", finalizers=finalizers))


def stored(world: World, draft: Object) -> Object | None:
    return world.snapshot.of(resource_of(draft)).get(draft.metadata.key)


def with_old_finalizer(draft: Object, *others: str) -> World:
    """A registry in which an earlier version has stored the object."""
    world = World(a_namespace("shop"), held(draft))
    found = stored(world, draft)
    assert found is not None
    meta = replace(found.metadata, finalizers=(OF_CLUSTERS, *others))
    world.writer.write_now(lambda work: work.put(replace(found, metadata=meta)))
    return world


KINDS = [
    a_service("web", "shop"),
    a_pod("web-1", "shop"),
    an_endpoint_slice(namespace="shop", managed=False),
    a_node("n7"),
    a_namespace("other"),
]
every_kind = pytest.mark.parametrize("draft", KINDS, ids=lambda draft: resource_of(draft).name)


@every_kind
def test_every_write_drops_it_with_a_warning_and_keeps_a_users_own(draft: Object) -> None:
    def warned(work: Work) -> tuple[str, ...]:
        return tuple(work.warnings)

    world = World()
    for write in (lifecycle.create, lifecycle.put, lifecycle.put_status):
        draft_now = held(draft, OF_CLUSTERS, OWN)
        warnings = world.writer.write_now(
            lambda work, to=write, new=draft_now: (to(work, new), warned(work))[1]
        )
        assert sum(OF_CLUSTERS in warning for warning in warnings) == 1, write
        found = stored(world, draft)
        assert found is not None
        assert found.metadata.finalizers == (OWN,)


@every_kind
def test_any_number_of_dropped_finalizers_gives_one_warning(draft: Object) -> None:
    def warned(work: Work) -> tuple[str, ...]:
        return tuple(work.warnings)

    several = (OF_CLUSTERS, "foregroundDeletion", *(f"k8s.io/{n}" for n in range(NAMED_MAX)))
    [warning] = World().writer.write_now(
        lambda work: (lifecycle.create(work, held(draft, *several, OWN)), warned(work))[1]
    )
    assert warning.startswith(f'metadata.finalizers: "{OF_CLUSTERS}", "foregroundDeletion", ')
    assert warning.count('"') == 2 * NAMED_MAX
    assert " and 2 more were dropped" in warning
    assert OWN not in warning


@every_kind
def test_an_object_stored_with_a_cluster_finalizer_can_be_deleted(draft: Object) -> None:
    world = with_old_finalizer(draft)
    world.delete(draft, grace_s=0)
    assert stored(world, draft) is None


def test_a_users_own_finalizer_still_keeps_an_object_stored_with_both() -> None:
    service = a_service("web", "shop")
    world = with_old_finalizer(service, OWN)
    world.delete(service)
    marked = stored(world, service)
    assert marked is not None
    assert marked.metadata.is_terminating
    assert marked.metadata.finalizers == (OWN,)

    world.put(held(service))
    assert stored(world, service) is None


@pytest.mark.parametrize("finalizers", [(), (OWN,)])
def test_a_namespace_is_deleted_with_such_objects(finalizers: tuple[str, ...]) -> None:
    world = with_old_finalizer(a_service("web", "shop"), *finalizers)
    world.delete(a_namespace("shop"))
    assert (SHOP in world.snapshot.namespaces) == bool(finalizers)
    if finalizers:
        world.put(held(a_service("web", "shop")))
    assert SHOP not in world.snapshot.namespaces
    assert not world.snapshot.members("Service", "shop")


def test_objects_that_an_earlier_version_left_terminating_are_removed() -> None:
    service = a_service("web", "shop")
    world = with_old_finalizer(service)
    found = stored(world, service)
    assert found is not None
    at = world.writer.now
    meta = replace(found.metadata, deleted_at=at, deletion_grace_s=0)
    world.writer.write_now(lambda work: work.put(replace(found, metadata=meta)))
    assert garbage_collection.is_due(world.snapshot, at)

    world.writer.write_now(garbage_collection.remove_due)
    assert stored(world, service) is None
    assert not world.snapshot.service_at("10.96.0.20")
    assert not garbage_collection.is_due(world.snapshot, at)


def test_a_pod_waits_for_its_grace_period_and_for_a_users_own_finalizer() -> None:
    world = World(held(a_pod(), OF_CLUSTERS, OWN))
    world.delete(a_pod(), grace_s=5)
    world.writer.now += timedelta(seconds=5)
    assert not garbage_collection.is_due(world.snapshot, world.writer.now)
    world.put(held(world.pod("web-1")))
    world.writer.write_now(garbage_collection.remove_due)
    assert key("web-1") not in world.snapshot.pods


def test_a_range_keeps_the_finalizer_that_the_registry_itself_removes() -> None:
    world = World(a_service_cidr("10.1.0.0/24", name="more"))
    more = stored(world, a_service_cidr(name="more"))
    assert more is not None
    world.put(held(more, FINALIZER, OF_CLUSTERS))
    after = stored(world, more)
    assert after is not None
    assert after.metadata.finalizers == (FINALIZER,)


def test_labelling_a_terminating_namespace_does_not_remove_it_early() -> None:
    world = World(held(a_service("web", "shop"), OWN))
    world.delete(a_namespace("shop"))
    marked = world.snapshot.namespaces[SHOP]
    world.put(replace(marked, metadata=replace(marked.metadata, labels={"a": "b"})))
    assert SHOP in world.snapshot.namespaces
    world.put(held(a_service("web", "shop")))
    assert SHOP not in world.snapshot.namespaces
