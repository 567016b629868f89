"""Slices follow from every write that concerns them, and from no other."""

from dataclasses import replace

import pytest

from app.domain.objects.endpoint_slice import SERVICE_NAME_LABEL, EndpointSlice
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.node import ZONE_LABEL, Node
from app.domain.objects.service import TOPOLOGY_MODE_ANNOTATION
from tests.builders import (
    a_condition,
    a_node,
    a_pod,
    a_service,
    an_endpoint,
    an_endpoint_slice,
    key,
)
from tests.registry.worlds import World


def the_slices(world: World, service: str = "web") -> list[EndpointSlice]:
    return list(world.snapshot.slices_of(key(service)))


def hinted(world: World) -> list[tuple[str, ...]]:
    return [
        endpoint.hints.for_zones if endpoint.hints else ()
        for slice_ in the_slices(world)
        for endpoint in slice_.endpoints
    ]


def test_a_slice_that_somebody_writes_as_if_it_were_ours_is_put_right() -> None:
    world = World(a_service(), a_pod())
    world.create(an_endpoint_slice(an_endpoint("10.9.9.9"), name="web-forged"))

    assert [e.addresses for s in the_slices(world) for e in s.endpoints] == [("10.244.0.1",)]


def test_a_slice_that_somebody_relabels_to_be_ours_is_put_right() -> None:
    by_hand = an_endpoint_slice(an_endpoint("10.9.9.9"), name="by-hand", managed=False)
    world = World(a_service(), a_pod(), by_hand)
    assert len(the_slices(world)) == 2

    ours = an_endpoint_slice(an_endpoint("10.9.9.9"), name="by-hand").metadata.labels
    world.put(replace(by_hand, metadata=replace(by_hand.metadata, labels=ours, uid="")))

    assert [e.addresses for s in the_slices(world) for e in s.endpoints] == [("10.244.0.1",)]


def test_a_slice_that_moves_to_another_service_is_missed_by_neither() -> None:
    world = World(a_service("web"), a_service("api", cluster_ip="", cluster_ips=()), a_pod())
    [moved] = the_slices(world, "web")
    labels = {**moved.metadata.labels, SERVICE_NAME_LABEL: "api"}
    meta = ObjectMeta(name=moved.metadata.name, namespace="default", labels=labels)
    world.put(replace(moved, metadata=meta))

    for name in ("web", "api"):
        [slice_] = the_slices(world, name)
        assert [endpoint.addresses for endpoint in slice_.endpoints] == [("10.244.0.1",)]


def test_a_slice_of_a_service_that_does_not_exist_stays_as_it_was_written() -> None:
    world = World(an_endpoint_slice(an_endpoint("10.9.9.9"), service="nobody"))

    assert [e.addresses for s in the_slices(world, "nobody") for e in s.endpoints] == [
        ("10.9.9.9",)
    ]


def balanced_world() -> World:
    return World(
        a_node("n1", zone="z1"),
        a_node("n2", zone="z2"),
        a_service(annotations={TOPOLOGY_MODE_ANNOTATION: "Auto"}),
        *(a_pod(f"web-{n}", node_name=f"n{n}", pod_ips=(f"10.244.0.{n}",)) for n in (1, 2)),
    )


def test_hints_that_go_by_capacity_follow_any_node() -> None:
    world = balanced_world()
    assert sorted(hinted(world)) == [("z1",), ("z2",)]
    world.create(a_node("n3", zone=""))
    assert hinted(world) == [(), ()]
    world.delete(a_node("n3"))
    assert sorted(hinted(world)) == [("z1",), ("z2",)]


@pytest.mark.parametrize(
    "spoiled",
    [
        a_node("n2", zone="z2", allocatable={}),
        a_node("n2", zone="z2", ready=False),
        a_node("n2", zone="z2", labels={"node-role.kubernetes.io/control-plane": ""}),
    ],
)
def test_hints_that_go_by_capacity_follow_what_a_node_can_bear(spoiled: Node) -> None:
    world = balanced_world()
    meta = replace(spoiled.metadata, uid="")
    world.put(replace(spoiled, metadata=meta))
    world.put_status(replace(spoiled, metadata=meta))

    assert hinted(world) == [(), ()]


def test_a_change_of_zone_reaches_the_endpoints_on_the_node() -> None:
    world = World(a_node(), a_service(), a_pod())
    node = world.node("n1")
    world.put(replace(node, metadata=replace(node.metadata, labels={ZONE_LABEL: "elsewhere"})))

    [slice_] = the_slices(world)
    assert [endpoint.zone for endpoint in slice_.endpoints] == ["elsewhere"]


def test_what_a_node_says_of_itself_touches_no_slice() -> None:
    world = World(a_node(), a_service(), a_pod())
    before = the_slices(world)
    node = world.node("n1")
    world.put_status(replace(node, conditions=(*node.conditions, a_condition("DiskPressure"))))

    assert the_slices(world) == before
