"""Slices of a Service that lost its selector: endpoints are removed, never added."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.names import Revision, Uid
from app.domain.objects.endpoint_slice import Endpoint, EndpointSlice, Hints
from app.domain.objects.meta import ObjectReference
from app.domain.objects.pod import Pod
from app.domain.objects.resource import Object
from app.domain.objects.service import TOPOLOGY_MODE_ANNOTATION, Service
from app.domain.registration.slices.endpoints import families_of
from app.domain.registration.slices.left_over import plan_left_over
from app.domain.registration.slices.metadata import SliceNames
from app.domain.registration.slices.planning import SlicePlan, desired_in, plan
from app.domain.snapshot import Snapshot, load
from tests import strategies
from tests.builders import NOON, a_node, a_pod, a_service, an_endpoint, an_endpoint_slice

BEREFT = a_service(selector=None)


def snapshot_of(*objects: Object) -> Snapshot:
    return load(objects, revision=Revision(1))


def an_endpoint_of(pod: Pod, hints: Hints | None = None) -> Endpoint:
    meta = pod.metadata
    reference = ObjectReference(kind="Pod", namespace=meta.namespace, name=meta.name, uid=meta.uid)
    return an_endpoint(*pod.pod_ips, node_name="n1", target_ref=reference, hints=hints)


def planned(slice_: EndpointSlice, *objects: Object, service: Service = BEREFT) -> SlicePlan:
    return plan_left_over(snapshot_of(service, slice_, *objects), service, triggered_at=NOON)


def the_endpoint(
    pod: Pod, *objects: Object, service: Service = BEREFT, hints: Hints | None = None
) -> Endpoint:
    """The endpoints that remain of a ready Pod's endpoint at 10.244.0.1."""
    slice_ = an_endpoint_slice(an_endpoint_of(a_pod(), hints))
    plan_ = planned(slice_, pod, *objects, service=service)
    [after] = plan_.update or (slice_,)
    assert not plan_.delete
    [endpoint] = after.endpoints
    return endpoint


def test_an_endpoint_whose_pod_is_unchanged_stays_untouched() -> None:
    assert planned(an_endpoint_slice(an_endpoint_of(a_pod())), a_pod()) == SlicePlan()


@pytest.mark.parametrize(
    "found",
    [
        None,
        replace(a_pod(), metadata=replace(a_pod().metadata, uid=Uid("another"))),
        a_pod(phase="Succeeded"),
        a_pod(pod_ips=()),
        a_pod(pod_ips=("fd00::1",)),
        a_pod(namespace="shop"),
    ],
)
def test_an_endpoint_is_removed_when_its_pod_is_gone(found: Pod | None) -> None:
    slice_ = an_endpoint_slice(an_endpoint_of(a_pod()))
    plan_ = planned(slice_, *(() if found is None else (found,)))
    assert plan_ == SlicePlan(delete=(slice_,))


def test_a_slice_keeps_the_other_endpoints_and_has_the_trigger_time() -> None:
    other = a_pod("web-2", pod_ips=("10.244.0.2",))
    slice_ = an_endpoint_slice(an_endpoint_of(a_pod()), an_endpoint_of(other))
    [after] = planned(slice_, other).update
    assert after.endpoints == slice_.endpoints[1:]
    assert after.metadata.generation == slice_.metadata.generation + 1
    assert "2026-01-01T12:00:00Z" in after.metadata.annotations.values()
    assert after.metadata.labels == slice_.metadata.labels


@pytest.mark.parametrize(
    ("pod", "ready", "serving", "terminating"),
    [
        (a_pod(), True, True, False),
        (a_pod(ready=False), False, False, False),
        (a_pod(deleted_at=NOON), False, True, True),
        (a_pod(deleted_at=NOON, ready=False), False, False, True),
    ],
)
def test_its_conditions_follow_the_pod(
    pod: Pod,
    ready: bool,  # noqa: FBT001
    serving: bool,  # noqa: FBT001
    terminating: bool,  # noqa: FBT001
) -> None:
    conditions = the_endpoint(pod).conditions
    assert (conditions.ready, conditions.serving, conditions.terminating) == (
        ready,
        serving,
        terminating,
    )


def test_its_address_node_zone_and_weight_follow_the_pod() -> None:
    moved = a_pod(pod_ips=("10.244.0.9",), node_name="n2", weight=0)
    endpoint = the_endpoint(moved, a_node("n2", zone="z2"))
    assert endpoint.addresses == ("10.244.0.9",)
    assert (endpoint.node_name, endpoint.zone, endpoint.weight) == ("n2", "z2", 0)


def test_its_hints_follow_the_service() -> None:
    near = replace(BEREFT, traffic_distribution="PreferSameZone")
    assert the_endpoint(a_pod(), a_node(zone="z1"), service=near).hints == Hints(for_zones=("z1",))
    shared = a_service(selector=None, annotations={TOPOLOGY_MODE_ANNOTATION: "Auto"})
    lent = Hints(for_zones=("z3",))
    unready = a_pod(ready=False)
    assert the_endpoint(unready, service=shared, hints=lent).hints == lent


@pytest.mark.parametrize(
    "slice_",
    [
        an_endpoint_slice(an_endpoint_of(a_pod()), managed=False),
        an_endpoint_slice(an_endpoint("10.9.9.9")),
        an_endpoint_slice(
            replace(an_endpoint(), target_ref=ObjectReference(kind="Machine", name="m1"))
        ),
        an_endpoint_slice(),
        replace(an_endpoint_slice(an_endpoint_of(a_pod())), address_type="FQDN"),
    ],
)
def test_endpoints_without_a_pod_and_slices_of_clients_are_never_touched(
    slice_: EndpointSlice,
) -> None:
    assert planned(slice_) == SlicePlan()


def test_a_terminating_slice_is_left_alone() -> None:
    slice_ = an_endpoint_slice(an_endpoint_of(a_pod()))
    going = replace(slice_, metadata=replace(slice_.metadata, deleted_at=NOON))
    assert planned(going) == SlicePlan()


def test_only_the_pods_that_changed_are_compared() -> None:
    other = a_pod("web-2", pod_ips=("10.244.0.2",))
    slice_ = an_endpoint_slice(an_endpoint_of(a_pod()), an_endpoint_of(other))
    snapshot = snapshot_of(BEREFT, slice_)
    [after] = plan_left_over(snapshot, BEREFT, changed_pods={other.metadata.key}).update
    assert after.endpoints == slice_.endpoints[:1]


later_pods = st.lists(strategies.pods(namespace="default"), max_size=8)


def bereft(service: Service) -> Service:
    return replace(service, selector=None)


@given(strategies.services(), later_pods, later_pods)
def test_no_endpoint_is_added_and_all_that_remain_have_a_pod(
    service: Service, first: list[Pod], then: list[Pod]
) -> None:
    before = snapshot_of(service, *{pod.metadata.key: pod for pod in first}.values())
    slices = plan((), desired_in(before, service), names=SliceNames(1)).create
    pods = {pod.metadata.key: pod for pod in then}
    after = snapshot_of(bereft(service), *slices, *pods.values())
    plan_ = plan_left_over(after, bereft(service))
    assert not plan_.create

    gone = {slice_.metadata.key for slice_ in plan_.delete}
    updated = {slice_.metadata.key: slice_ for slice_ in plan_.update}
    left = [
        updated.get(slice_.metadata.key, slice_)
        for slice_ in slices
        if slice_.metadata.key not in gone
    ]
    picked = {
        endpoint.target_ref.name
        for slice_ in slices
        for endpoint in slice_.endpoints
        if endpoint.target_ref is not None
    }
    for slice_ in left:
        for endpoint in slice_.endpoints:
            reference = endpoint.target_ref
            assert reference is not None
            pod = next(p for p in pods.values() if p.metadata.name == reference.name)
            assert reference.name in picked
            assert slice_.address_type in families_of(service)
            assert set(endpoint.addresses) <= {
                address for family in families_of(service) for address in pod.addresses_of(family)
            }
            assert endpoint.conditions.is_serving == pod.is_ready
    again = snapshot_of(bereft(service), *left, *pods.values())
    assert plan_left_over(again, bereft(service)) == SlicePlan()
