"""Slices are updated by every write that affects them, and by no other."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.changes import Change
from app.domain.names import ZONE_LABEL, Revision
from app.domain.objects.endpoint_slice import SERVICE_NAME_LABEL, EndpointSlice
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.node import Node
from app.domain.objects.pod import POD, Pod
from app.domain.objects.service import TOPOLOGY_MODE_ANNOTATION, Service
from app.domain.registration.slices.left_over import plan_left_over
from app.domain.registration.slices.planning import SlicePlan
from app.domain.work import Work
from app.registry.writes import lifecycle
from app.registry.writes.bootstrap import bootstrap
from tests.builders import (
    a_condition,
    a_headless_service,
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


def test_a_slice_that_is_written_with_the_managed_label_is_corrected() -> None:
    world = World(a_service(), a_pod())
    world.create(an_endpoint_slice(an_endpoint("10.9.9.9"), name="web-forged"))

    assert [e.addresses for s in the_slices(world) for e in s.endpoints] == [("10.244.0.1",)]


def test_a_slice_that_is_relabelled_as_managed_is_corrected() -> None:
    by_hand = an_endpoint_slice(an_endpoint("10.9.9.9"), name="by-hand", managed=False)
    world = World(a_service(), a_pod(), by_hand)
    assert len(the_slices(world)) == 2

    ours = an_endpoint_slice(an_endpoint("10.9.9.9"), name="by-hand").metadata.labels
    world.put(replace(by_hand, metadata=replace(by_hand.metadata, labels=ours, uid="")))

    assert [e.addresses for s in the_slices(world) for e in s.endpoints] == [("10.244.0.1",)]


def test_a_slice_that_moves_to_another_service_updates_both() -> None:
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


def test_hints_by_capacity_follow_any_node() -> None:
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
def test_hints_by_capacity_follow_changes_of_a_node(spoiled: Node) -> None:
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


def test_status_reports_of_a_node_change_no_slice() -> None:
    world = World(a_node(), a_service(), a_pod())
    before = the_slices(world)
    node = world.node("n1")
    world.put_status(replace(node, conditions=(*node.conditions, a_condition("DiskPressure"))))

    assert the_slices(world) == before


def without_selector(world: World, name: str = "web") -> None:
    """Remove the selector of a Service."""
    service = world.service(name)
    world.put(replace(service, selector=None))


def addresses(world: World, service: str = "web") -> list[str]:
    found = (e.addresses for slice_ in the_slices(world, service) for e in slice_.endpoints)
    return sorted(address for each in found for address in each)


def two_pods() -> list[Pod]:
    return [a_pod(f"web-{n}", pod_ips=(f"10.244.0.{n}",)) for n in (1, 2)]


def test_slices_stay_without_the_selector_and_an_endpoint_is_removed_with_its_pod() -> None:
    world = World(a_service(), a_headless_service("db", selector={"app": "web"}), *two_pods())
    without_selector(world, "web")
    without_selector(world, "db")
    assert addresses(world) == addresses(world, "db") == ["10.244.0.1", "10.244.0.2"]

    world.delete(world.pod("web-1"), grace_s=0)
    assert addresses(world) == addresses(world, "db") == ["10.244.0.2"]
    world.delete(world.pod("web-2"), grace_s=0)
    assert not world.snapshot.slices_of(key("web"))
    assert not world.snapshot.slices_of(key("db"))


def test_a_pod_that_is_created_again_is_not_added_to_left_over_slices() -> None:
    world = World(a_service(), *two_pods())
    without_selector(world)
    world.delete(world.pod("web-1"), grace_s=0)
    world.create(a_pod("web-1", pod_ips=("10.244.0.1",)))
    assert addresses(world) == ["10.244.0.2"]


def test_a_pod_deleted_in_the_same_write_as_the_selector_is_left_out() -> None:
    world = World(a_service(), *two_pods())

    def decide(work: Work) -> None:
        lifecycle.put(work, replace(world.service(), selector=None))
        lifecycle.delete(work, POD, key("web-1"), grace_s=0)

    world.writer.write_now(decide)
    assert addresses(world) == ["10.244.0.2"]


def test_left_over_endpoints_drain_and_fail_like_others() -> None:
    world = World(a_service(), *two_pods())
    without_selector(world)
    world.put_status(replace(world.pod("web-1"), conditions=(a_condition("Ready", "False"),)))
    assert world.ready() == ["web-2"]
    world.delete(world.pod("web-2"), grace_s=30)
    assert world.ready() == []
    assert addresses(world) == ["10.244.0.1", "10.244.0.2"]
    world.put_status(replace(world.pod("web-1"), pod_ips=("10.244.0.7",)))
    assert addresses(world) == ["10.244.0.2", "10.244.0.7"]


def test_left_over_endpoints_follow_the_zone_of_their_node() -> None:
    world = World(a_node(), a_service(), a_pod())
    without_selector(world)
    node = world.node("n1")
    world.put(replace(node, metadata=replace(node.metadata, labels={ZONE_LABEL: "elsewhere"})))
    [slice_] = the_slices(world)
    assert [endpoint.zone for endpoint in slice_.endpoints] == ["elsewhere"]


def test_a_selector_that_is_added_again_selects_again() -> None:
    world = World(a_service(), *two_pods())
    without_selector(world)
    world.delete(world.pod("web-1"), grace_s=0)
    world.create(a_pod("web-1", pod_ips=("10.244.0.1",)))
    world.put(replace(world.service(), selector={"app": "web"}))
    assert addresses(world) == ["10.244.0.1", "10.244.0.2"]


def test_an_external_name_keeps_its_slices_as_long_as_it_exists() -> None:
    world = World(a_service(), *two_pods())
    alias = Service(
        metadata=world.service().metadata,
        type="ExternalName",
        external_name="example.com",
        selector={"app": "web"},
    )
    world.put(alias)
    world.delete(world.pod("web-1"), grace_s=0)
    assert addresses(world) == ["10.244.0.2"]


def test_slices_of_other_writers_are_unchanged_when_their_pod_is_deleted() -> None:
    by_hand = an_endpoint_slice(an_endpoint(pod="web-1"), name="by-hand", managed=False)
    world = World(a_service(selector=None), a_pod(), by_hand)
    world.delete(world.pod("web-1"), grace_s=0)
    assert addresses(world) == ["10.244.0.1"]


def test_pods_of_another_namespace_at_the_same_address_change_nothing() -> None:
    world = World(a_service(), a_pod(), a_pod("web-1", "shop"))
    without_selector(world)
    before = the_slices(world)
    world.delete(a_pod("web-1", "shop"), grace_s=0)
    assert the_slices(world) == before


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ready", "failing", "terminating", "moved", "gone", "made"]),
            st.sampled_from([1, 2, 3]),
        ),
        max_size=8,
    )
)
def test_planning_by_changed_pods_equals_planning_by_all_pods(steps: list[tuple[str, int]]) -> None:
    world = World(a_service(), *two_pods())
    without_selector(world)
    for step, number in steps:
        name = f"web-{number}"
        pod = world.snapshot.pods.get(key(name))
        ip = f"10.244.0.{number + 3}" if step == "moved" else f"10.244.0.{number}"
        if step in ("gone", "terminating") and pod is not None:
            world.delete(pod, grace_s=0 if step == "gone" else 30)
        elif step == "made" and pod is None:
            world.create(a_pod(name, pod_ips=(ip,)))
        elif pod is not None:
            ready = a_condition("Ready", str(step != "failing"))
            world.put_status(replace(pod, pod_ips=(ip,), conditions=(ready,)))
        assert plan_left_over(world.snapshot, world.service()) == SlicePlan()


def test_left_over_endpoints_of_an_earlier_version_are_removed_at_the_start() -> None:
    world = World(a_service(), *two_pods())
    [slice_] = the_slices(world)
    without_selector(world)
    world.delete(world.pod("web-1"), grace_s=0)
    [current] = the_slices(world)
    as_it_was = replace(current, endpoints=slice_.endpoints)
    world.view.advance(
        [Change(revision=Revision(world.snapshot.revision + 1), before=current, after=as_it_was)]
    )
    world.writer.write_now(lambda work: bootstrap(work, with_dns=False))
    assert addresses(world) == ["10.244.0.2"]
