"""A deleted Pod serves until its grace period ends; a Namespace is deleted with its objects."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.errors import Forbidden
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import EndpointConditions
from app.domain.objects.pod import GRACE_PERIOD_S_DEFAULT, POD
from app.registry.writes import lifecycle
from app.registry.writes.garbage_collection import is_due, remove_due
from tests.builders import (
    a_namespace,
    a_node,
    a_pod,
    a_service,
    an_endpoint,
    an_endpoint_slice,
    key,
)
from tests.registry.worlds import World


def conditions(world: World, service: str = "web") -> dict[str, EndpointConditions]:
    return {
        endpoint.target_ref.name: endpoint.conditions
        for slice_ in world.snapshot.slices_of(key(service))
        for endpoint in slice_.endpoints
        if endpoint.target_ref is not None
    }


def pass_time(world: World, seconds: int) -> None:
    world.writer.now += timedelta(seconds=seconds)
    if is_due(world.snapshot, world.writer.now):
        world.writer.write_now(remove_due)


def two_pods() -> World:
    return World(
        a_node(),
        a_service(),
        a_pod("web-1", pod_ips=("10.244.0.1",)),
        a_pod("web-2", pod_ips=("10.244.0.2",), grace_period_s=5),
    )


def test_a_deleted_pod_keeps_serving_but_gets_no_new_connections() -> None:
    world = two_pods()
    world.delete(world.pod("web-1"))

    found = conditions(world)["web-1"]
    assert found == EndpointConditions(ready=False, serving=True, terminating=True)
    assert world.ready() == ["web-2"]


@pytest.mark.parametrize(
    ("name", "asked_s", "grace_s"),
    [("web-1", None, GRACE_PERIOD_S_DEFAULT), ("web-2", None, 5), ("web-1", 7, 7)],
)
def test_a_pod_is_removed_when_its_grace_period_ends(
    name: str, asked_s: int | None, grace_s: int
) -> None:
    world = two_pods()
    world.delete(world.pod(name), grace_s=asked_s)
    pass_time(world, grace_s - 1)
    assert key(name) in world.snapshot.pods
    pass_time(world, 1)
    assert key(name) not in world.snapshot.pods
    assert name not in conditions(world)


def test_a_second_delete_may_shorten_the_grace_period_and_never_lengthens_it() -> None:
    world = two_pods()
    world.delete(world.pod("web-1"), grace_s=10)
    first = world.pod("web-1").metadata.deleted_at
    world.delete(world.pod("web-1"), grace_s=600)
    assert world.pod("web-1").metadata.deleted_at == first
    world.delete(world.pod("web-1"), grace_s=0)
    assert key("web-1") not in world.snapshot.pods


def test_the_answer_to_a_delete_that_ends_the_grace_period_has_a_grace_of_0() -> None:
    world = two_pods()
    world.delete(world.pod("web-1"), grace_s=30)
    gone, is_gone = world.writer.write_now(
        lambda work: lifecycle.delete(work, POD, key("web-1"), grace_s=0)
    )
    assert is_gone
    assert gone.metadata.deletion_grace_s == 0


def test_a_terminating_pod_that_stops_serving_is_not_serving() -> None:
    world = two_pods()
    world.delete(world.pod("web-1"))
    pod = world.pod("web-1")
    failing = tuple(replace(entry, status="False") for entry in pod.conditions)
    world.put_status(replace(pod, conditions=failing))

    assert conditions(world)["web-1"] == EndpointConditions(
        ready=False, serving=False, terminating=True
    )


def addresses(world: World) -> set[str]:
    """Addresses to which a node sends traffic of Services."""
    rules = node_rules(world.snapshot, world.node(), RulesConfig())
    ports = (port for service in rules.services for port in service.ports)
    return {to.address for port in ports for to in port.cluster}


def test_when_all_endpoints_are_terminating_the_serving_ones_get_traffic() -> None:
    world = two_pods()

    world.delete(world.pod("web-1"))
    assert addresses(world) == {"10.244.0.2"}
    world.delete(world.pod("web-2"))
    assert addresses(world) == {"10.244.0.1", "10.244.0.2"}
    pass_time(world, 5)
    assert addresses(world) == {"10.244.0.1"}
    pass_time(world, GRACE_PERIOD_S_DEFAULT)
    assert addresses(world) == set()


def test_a_namespace_is_deleted_with_all_its_objects() -> None:
    world = World(
        a_namespace("shop"),
        a_service("web", "shop"),
        a_pod("web-1", "shop"),
        an_endpoint_slice(an_endpoint(), name="by-hand", namespace="shop", managed=False),
        a_service("web", cluster_ip="", cluster_ips=()),
    )
    assert len(world.snapshot.slices_of(key("shop/web"))) == 2
    world.delete(a_namespace("shop"))

    for kind in ("Service", "Pod", "EndpointSlice"):
        assert not world.snapshot.members(kind, "shop")
    assert key("shop/web") not in world.snapshot.services
    assert key("web") in world.snapshot.services
    assert not world.snapshot.service_at("10.96.0.20")


def test_a_namespace_waits_for_objects_with_finalizers() -> None:
    held = a_pod("held", "shop")
    held = replace(held, metadata=replace(held.metadata, finalizers=("example.com/keep",)))
    world = World(a_namespace("shop"), a_service("web", "shop"), held)
    world.delete(a_namespace("shop"))

    namespace = world.snapshot.namespaces[NamespacedName("", "shop")]
    assert namespace.metadata.is_terminating
    with pytest.raises(Forbidden, match="being terminated"):
        world.create(a_pod("late", "shop"))

    pod = world.snapshot.pods[key("shop/held")]
    world.put(replace(pod, metadata=replace(pod.metadata, finalizers=())))
    pass_time(world, 0)
    assert not world.snapshot.members("Pod", "shop")
    assert namespace.metadata.key not in world.snapshot.namespaces


def test_a_permanent_namespace_stays() -> None:
    world = World()
    with pytest.raises(Forbidden):
        world.delete(a_namespace("default"))


def test_deleting_a_service_removes_its_slices_but_not_those_of_other_writers() -> None:
    by_hand = an_endpoint_slice(an_endpoint(), name="by-hand", managed=False)
    world = World(a_service(), a_pod(), by_hand)
    world.delete(a_service())
    assert [slice_.metadata.name for slice_ in world.snapshot.slices_of(key("web"))] == ["by-hand"]
    assert world.snapshot.pods


def test_a_grace_period_does_not_grow_when_the_clock_is_set_back() -> None:
    world = two_pods()
    world.delete(world.pod("web-2"))
    world.writer.now -= timedelta(hours=1)
    pass_time(world, 0)
    assert key("web-2") in world.snapshot.pods
    pass_time(world, 5)
    pass_time(world, 1)
    assert key("web-2") not in world.snapshot.pods


def test_time_alone_never_lengthens_a_grace_period() -> None:
    world = two_pods()
    world.delete(world.pod("web-1"))
    end = world.pod("web-1").metadata.deleted_at
    for _ in range(GRACE_PERIOD_S_DEFAULT - 1):
        pass_time(world, 1)
        assert world.pod("web-1").metadata.deleted_at == end
    pass_time(world, 1)
    assert key("web-1") not in world.snapshot.pods
