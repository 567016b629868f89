"""The slices of a Service: examples, then the laws that every history obeys."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.names import NamespacedName, Revision, label_problems
from app.domain.objects.endpoint_slice import (
    HEADLESS_LABEL,
    SERVICE_NAME_LABEL,
    TRIGGER_TIME_ANNOTATION,
    Endpoint,
    EndpointSlice,
)
from app.domain.objects.meta import OwnerReference
from app.domain.objects.node import Node
from app.domain.objects.pod import ContainerPort, Pod
from app.domain.objects.service import Service, ServicePort
from app.domain.registration.slices.endpoints import identity_of
from app.domain.registration.slices.metadata import SliceNames
from app.domain.registration.slices.packing import SPARE_SLICES, Group, group_of
from app.domain.registration.slices.planning import Desired, SlicePlan, desired, desired_in, plan
from app.domain.snapshot import load
from app.schemas.objects.codec import decode_bytes, encode_bytes
from tests.builders import (
    NOON,
    a_container,
    a_headless_service,
    a_node,
    a_pod,
    a_service,
    an_endpoint,
    an_endpoint_slice,
    key,
    nodes_by_key,
)
from tests.strategies import nodes as any_node
from tests.strategies import pods as any_pod
from tests.strategies import services as any_service

NODES = nodes_by_key(a_node("n1", zone="z1"), a_node("n2", zone="z2"))


def planned(
    service: Service,
    pods: Iterable[Pod],
    existing: Iterable[EndpointSlice] = (),
    *,
    endpoints_max: int = 100,
    seed: int = 1,
) -> SlicePlan:
    wanted = desired(service, pods, nodes=NODES)
    return plan(existing, wanted, names=SliceNames(seed), endpoints_max=endpoints_max)


def applied(existing: Iterable[EndpointSlice], made: SlicePlan) -> tuple[EndpointSlice, ...]:
    """The slices after a plan, by name."""
    slices = {slice_.metadata.name: slice_ for slice_ in existing}
    for slice_ in made.delete:
        del slices[slice_.metadata.name]
    for slice_ in made.update:
        assert slice_.metadata.name in slices
        slices[slice_.metadata.name] = slice_
    for slice_ in made.create:
        assert slice_.metadata.name not in slices
        slices[slice_.metadata.name] = slice_
    return tuple(slices[name] for name in sorted(slices))


def many_pods(count: int, *, start: int = 0) -> list[Pod]:
    return [
        a_pod(f"p{number:04}", pod_ips=(f"10.1.{number // 250}.{number % 250 + 1}",))
        for number in range(start, start + count)
    ]


def the_endpoint(service: Service, pod: Pod) -> Endpoint:
    [slice_] = planned(service, [pod]).create
    [endpoint] = slice_.endpoints
    return endpoint


def test_a_new_slice_is_named_labelled_and_owned_after_its_service() -> None:
    service = a_service("web", "shop", labels={"team": "x", SERVICE_NAME_LABEL: "spoof"})

    [slice_] = planned(service, [a_pod("p", "shop")]).create

    prefix, _, suffix = slice_.metadata.name.rpartition("-")
    assert (prefix, len(suffix)) == ("web", 5)
    assert slice_.metadata.namespace == "shop"
    assert slice_.metadata.generate_name == "web-"
    assert slice_.metadata.generation == 1
    assert slice_.metadata.labels["team"] == "x"
    assert slice_.service == NamespacedName("shop", "web")
    assert slice_.is_managed
    assert HEADLESS_LABEL not in slice_.metadata.labels
    assert slice_.metadata.owner_references == (
        OwnerReference(
            api_version="v1",
            kind="Service",
            name="web",
            uid="uid-web",
            is_controller=True,
            blocks_owner_deletion=True,
        ),
    )


def test_slices_of_a_headless_service_are_labelled_headless() -> None:
    [slice_] = planned(a_headless_service(), [a_pod()]).create

    assert slice_.metadata.labels[HEADLESS_LABEL] == ""


def test_a_weight_other_than_one_is_written_and_zero_too() -> None:
    assert the_endpoint(a_service(), a_pod()).weight is None
    assert the_endpoint(a_service(), a_pod(weight=7)).weight == 7
    assert the_endpoint(a_service(), a_pod(weight=0)).weight == 0


def test_a_pod_on_an_unknown_node_is_an_endpoint_without_a_zone() -> None:
    endpoint = the_endpoint(a_service(), a_pod(node_name="elsewhere"))

    assert (endpoint.node_name, endpoint.zone) == ("elsewhere", "")
    assert endpoint.conditions.ready


def test_a_pod_of_another_namespace_is_not_an_endpoint() -> None:
    [slice_] = planned(a_service(), [a_pod("p", "shop")]).create

    assert slice_.endpoints == ()


def test_pods_whose_named_ports_differ_are_in_different_slices() -> None:
    service = a_service(ports=(ServicePort(port=80, name="http", target_port="http"),))
    pods = [
        a_pod("old", containers=(a_container(ContainerPort(container_port=8080, name="http")),)),
        a_pod("new", containers=(a_container(ContainerPort(container_port=9090, name="http")),)),
        a_pod("none"),
    ]

    slices = planned(service, pods).create

    assert Counter(tuple(port.port for port in slice_.ports) for slice_ in slices) == {
        (8080,): 1,
        (9090,): 1,
        (): 1,
    }


def test_a_service_without_pods_keeps_its_one_empty_slice() -> None:
    existing = planned(a_service(), []).create

    assert [(slice_.address_type, slice_.endpoints) for slice_ in existing] == [("IPv4", ())]
    assert planned(a_service(), [], existing) == SlicePlan()


def test_slices_written_by_hand_are_neither_touched_nor_mixed() -> None:
    by_hand = an_endpoint_slice(an_endpoint("10.9.9.9"), name="by-hand", managed=False)
    foreign = an_endpoint_slice(an_endpoint("10.9.9.8"), name="other", service="other")

    made = planned(a_service(), [a_pod()], [by_hand, foreign])

    assert not made.update
    assert not made.delete
    assert [slice_.endpoints[0].addresses for slice_ in made.create] == [("10.244.0.1",)]


@pytest.mark.parametrize(
    "service",
    [a_service(selector=None), a_service(selector={}), a_service(type="ExternalName")],
)
def test_a_service_without_computed_endpoints_keeps_its_slices(service: Service) -> None:
    left = planned(a_service(), [a_pod()]).create

    assert planned(service, [a_pod()], left) == SlicePlan()


def test_a_readiness_flip_among_five_thousand_updates_one_slice() -> None:
    service, pods = a_service(), many_pods(5000)
    existing = planned(service, pods).create
    pods[4321] = a_pod("p4321", ready=False, pod_ips=pods[4321].pod_ips)
    wanted = desired(service, [pods[4321]], nodes=NODES, only=[key("p4321")])

    made = plan(existing, wanted, names=SliceNames(2))

    assert len(existing) == 50
    assert not made.create
    assert not made.delete
    [slice_] = made.update
    assert [e.target_ref and e.target_ref.name for e in slice_.endpoints].count("p4321") == 1
    assert made == planned(service, pods, existing, seed=2)


def test_a_written_slice_counts_its_generation_and_an_untouched_one_does_not() -> None:
    existing = planned(a_service(), many_pods(3), endpoints_max=2).create
    labelled = a_service(labels={"team": "y"})

    relabelled = planned(labelled, many_pods(3), existing, endpoints_max=2)
    emptied = planned(a_service(), many_pods(2), existing, endpoints_max=2)

    assert [slice_.metadata.generation for slice_ in relabelled.update] == [2, 2]
    assert not emptied.update
    assert len(emptied.delete) == 1


def test_the_trigger_time_is_noted_on_what_is_written() -> None:
    service = a_service()
    existing = planned(service, many_pods(1)).create
    wanted = desired(service, many_pods(2), nodes=NODES)

    [noted] = plan(existing, wanted, names=SliceNames(1), triggered_at=NOON).update
    later = planned(service, many_pods(3), [noted])

    assert noted.metadata.annotations == {TRIGGER_TIME_ANNOTATION: "2026-01-01T12:00:00Z"}
    assert TRIGGER_TIME_ANNOTATION not in later.update[0].metadata.annotations
    again = plan([noted], wanted, names=SliceNames(1), triggered_at=NOON + timedelta(1))
    assert again == SlicePlan()


def test_the_name_of_an_emptied_slice_is_used_again() -> None:
    service = a_service()
    existing = planned(service, [a_pod()]).create

    emptied = planned(service, [], existing)
    refilled = planned(service, [a_pod()], emptied.update)

    assert [s.metadata.name for s in emptied.update] == [s.metadata.name for s in existing]
    assert emptied.update[0].endpoints == emptied.update[0].ports == ()
    assert [s.metadata.name for s in refilled.update] == [s.metadata.name for s in existing]
    assert refilled.update[0].metadata.generation == 3


def test_the_slices_of_a_dropped_family_are_deleted() -> None:
    both = a_service(ip_families=("IPv4", "IPv6"))
    pod = a_pod(pod_ips=("10.244.0.1", "fd00:1::1"))
    existing = planned(both, [pod]).create

    made = planned(a_service(), [pod], existing)

    assert [slice_.address_type for slice_ in made.delete] == ["IPv6"]
    assert not made.create
    assert not made.update


def test_a_lowered_limit_takes_effect_at_the_next_plan() -> None:
    existing = planned(a_service(), many_pods(5)).create

    after = applied(existing, planned(a_service(), many_pods(5), existing, endpoints_max=2))

    assert sorted(len(slice_.endpoints) for slice_ in after) == [1, 2, 2]


def test_a_terminating_slice_is_not_updated() -> None:
    [leaving] = planned(a_service(), many_pods(1)).create
    leaving = replace(leaving, metadata=replace(leaving.metadata, deleted_at=NOON))

    made = planned(a_service(), many_pods(2), [leaving], seed=2)

    assert [len(slice_.endpoints) for slice_ in made.create] == [2]
    assert not made.update


def test_a_service_that_shrank_does_not_keep_the_slices_of_its_peak() -> None:
    service, pods = a_service(), many_pods(100)
    slices = planned(service, pods, endpoints_max=10).create
    assert len(slices) == 10

    sizes: list[int] = []
    while len(pods) > 2:
        # Every tenth first, so that each slice empties at the same pace.
        pods.pop(len(pods) * 7 % 10 * len(pods) // 10)
        made = planned(service, pods, slices, endpoints_max=10)
        sizes.append(len(made.update) + len(made.delete) + len(made.create))
        slices = applied(slices, made)
        assert len(slices) <= 2 * -(-len(pods) // 10) + SPARE_SLICES

    assert (
        max(sizes) <= 3
    )  # the one that lost an endpoint, the deleted one, and the one with its endpoints


def test_names_are_valid_and_not_taken_however_long_the_name_of_the_service() -> None:
    service = a_service("s" * 63)
    [first] = planned(service, [a_pod()]).create
    wanted = desired(service, [a_pod()], nodes=NODES)

    [second] = plan((), wanted, names=SliceNames(1, {first.metadata.key})).create

    assert not label_problems(first.metadata.name)
    assert first.metadata.name != second.metadata.name


def test_an_endpoint_found_twice_stays_once() -> None:
    [slice_] = planned(a_service(), [a_pod()]).create
    copy = replace(slice_, metadata=replace(slice_.metadata, name="web-zzzzz"))

    made = planned(a_service(), [a_pod()], [slice_, copy])

    assert [gone.metadata.name for gone in made.delete] == ["web-zzzzz"]


AUTO = a_service(annotations={"service.kubernetes.io/topology-mode": "Auto"})


def test_only_the_pods_that_changed_are_covered() -> None:
    snapshot = load([a_service(), *many_pods(5), *NODES.values()], revision=Revision(1))

    part = desired_in(snapshot, a_service(), changed_pods=[key("p0001"), key("gone")])
    every = desired_in(snapshot, a_service())

    assert part.pods == {key("p0001"), key("gone")}
    assert sum(map(len, part.endpoints.values())) == 1
    assert every.pods is None
    assert sum(map(len, every.endpoints.values())) == 5


def test_hints_over_all_endpoints_are_computed_afresh() -> None:
    pods = [a_pod(f"p{n}", pod_ips=(f"10.1.0.{n}",), node_name="n1") for n in range(1, 5)]
    snapshot = load([AUTO, *pods, *NODES.values()], revision=Revision(1))

    wanted = desired_in(snapshot, AUTO, changed_pods=[key("p1")])

    assert wanted.pods is None
    [endpoints] = wanted.endpoints.values()
    assert Counter(e.hints.for_zones[0] for e in endpoints if e.hints) == {"z1": 2, "z2": 2}


def test_hints_are_distributed_within_each_family() -> None:
    both = replace(AUTO, ip_families=("IPv4", "IPv6"))
    pods = [
        a_pod("p1", pod_ips=("10.1.0.1", "fd00::1"), node_name="n1"),
        a_pod("p2", pod_ips=("10.1.0.2", "fd00::2"), node_name="n2"),
        a_pod("p3", pod_ips=("fd00::3",), node_name="unknown"),
    ]

    wanted = desired(both, pods, nodes=NODES)

    hints = {group.address_type: [e.hints for e in es] for group, es in wanted.endpoints.items()}
    assert all(hints["IPv4"])
    assert hints["IPv6"] == [None, None, None]


def test_an_endpoint_without_a_reference_is_dropped_only_by_a_plan_for_all_pods() -> None:
    [slice_] = planned(a_service(), [a_pod()]).create
    stray = replace(slice_, endpoints=(an_endpoint("10.9.9.9"), *slice_.endpoints))
    part = desired(a_service(), [a_pod()], nodes=NODES, only=[key("web-1")])

    assert plan([stray], part, names=SliceNames(1)) == SlicePlan()
    assert [e.addresses for e in planned(a_service(), [a_pod()], [stray]).update[0].endpoints] == [
        ("10.244.0.1",)
    ]


# The laws.

limits = st.integers(1, 4)
pod_sets = st.lists(any_pod(namespace="default"), max_size=10, unique_by=lambda p: p.metadata.name)
node_sets = st.lists(any_node(), max_size=3, unique_by=lambda n: n.metadata.name)
step = st.one_of(
    st.tuples(st.just("pods"), st.lists(any_pod(namespace="default"), max_size=4)),
    st.tuples(st.just("gone"), st.lists(st.integers(0, 9), max_size=4)),
    st.tuples(st.just("node"), st.lists(any_node(), min_size=1, max_size=1)),
)


def endpoints_in(slices: Iterable[EndpointSlice]) -> Counter[tuple[Group, Endpoint]]:
    return Counter(
        (group_of(slice_), endpoint) for slice_ in slices for endpoint in slice_.endpoints
    )


def endpoints_of(wanted: Desired) -> Counter[tuple[Group, Endpoint]]:
    return Counter(
        (group, endpoint) for group, every in wanted.endpoints.items() for endpoint in every
    )


@given(any_service(), pod_sets, pod_sets, node_sets, limits)
def test_slices_have_exactly_the_desired_endpoints_and_planning_again_changes_nothing(
    service: Service,
    before: list[Pod],
    after: list[Pod],
    nodes: list[Node],
    endpoints_max: int,
) -> None:
    slices: tuple[EndpointSlice, ...] = ()
    for pods in (before, after):
        wanted = desired(service, pods, nodes=nodes_by_key(*nodes))
        made = plan(slices, wanted, names=SliceNames(len(slices)), endpoints_max=endpoints_max)
        slices = applied(slices, made)

        assert endpoints_in(slices) == endpoints_of(wanted)
        assert all(len(slice_.endpoints) <= endpoints_max for slice_ in slices)
        assert {slice_.address_type for slice_ in slices} == set(service.ip_families)
        assert (
            plan(
                slices, wanted, names=SliceNames(9), endpoints_max=endpoints_max, triggered_at=NOON
            )
            == SlicePlan()
        )


@given(any_service(), pod_sets, pod_sets, limits, st.randoms(use_true_random=False))
def test_the_order_of_pods_and_slices_does_not_matter(
    service: Service,
    before: list[Pod],
    after: list[Pod],
    endpoints_max: int,
    random: Random,
) -> None:
    slices = planned(service, before, endpoints_max=endpoints_max).create
    made = planned(service, after, slices, endpoints_max=endpoints_max)
    shuffled_pods = random.sample(after, len(after))
    shuffled_slices = random.sample(slices, len(slices))

    assert made == planned(service, shuffled_pods, shuffled_slices, endpoints_max=endpoints_max)


@given(any_service(), pod_sets, pod_sets, limits)
def test_only_slices_that_differ_are_written(
    service: Service, before: list[Pod], after: list[Pod], endpoints_max: int
) -> None:
    existing = planned(service, before, endpoints_max=endpoints_max).create
    by_name = {slice_.metadata.name: slice_ for slice_ in existing}

    made = planned(service, after, existing, endpoints_max=endpoints_max)

    for slice_ in made.update:
        was = by_name[slice_.metadata.name]
        assert replace(slice_, metadata=was.metadata) != was
        assert slice_.metadata.generation == was.metadata.generation + 1
    assert {s.metadata.name for s in made.update}.isdisjoint(s.metadata.name for s in made.delete)


@given(any_service(), pod_sets, node_sets, st.lists(step, max_size=6), limits)
def test_planning_from_what_changed_equals_planning_afresh(
    service: Service,
    pods: list[Pod],
    nodes: list[Node],
    steps: list[tuple[str, list[object]]],
    endpoints_max: int,
) -> None:
    held = {pod.metadata.key: pod for pod in pods}
    known = {node.metadata.key: node for node in nodes}
    slices: tuple[EndpointSlice, ...] = applied(
        (),
        plan(
            (),
            desired(service, held.values(), nodes=known),
            names=SliceNames(0),
            endpoints_max=endpoints_max,
        ),
    )
    for seed, (_, operands) in enumerate(steps):
        changed: set[NamespacedName] = set()
        for operand in operands:
            changed |= changed_by(operand, held, known)
        wanted = desired(service, held.values(), nodes=known)
        part = desired(
            service,
            (held[name] for name in changed if name in held),
            nodes=known,
            only=changed,
        )
        afresh = plan(slices, wanted, names=SliceNames(seed), endpoints_max=endpoints_max)
        if not service.metadata.annotations:  # topology mode Auto depends on all endpoints
            names = SliceNames(seed)
            assert plan(slices, part, names=names, endpoints_max=endpoints_max) == afresh
        slices = applied(slices, afresh)
        assert endpoints_in(slices) == endpoints_of(wanted)
        assert not fragmented(slices, endpoints_max)


def fragmented(slices: Iterable[EndpointSlice], endpoints_max: int) -> list[Group]:
    """The groups with more slices than twice the fewest possible and the spare ones."""
    sizes: dict[Group, list[int]] = {}
    for slice_ in slices:
        sizes.setdefault(group_of(slice_), []).append(len(slice_.endpoints))
    return [
        group
        for group, counts in sizes.items()
        if len(counts) > 2 * -(-sum(counts) // endpoints_max) + SPARE_SLICES
    ]


def changed_by(
    operand: object, held: dict[NamespacedName, Pod], known: dict[NamespacedName, Node]
) -> set[NamespacedName]:
    """Do one step of a history; return the Pods it concerns."""
    match operand:
        case Pod():
            held[operand.metadata.key] = operand
            return {operand.metadata.key}
        case Node():
            known[operand.metadata.key] = operand
            return {name for name, pod in held.items() if pod.node_name == operand.metadata.name}
        case _:
            gone = key(f"p{operand}")
            held.pop(gone, None)
            return {gone}


@given(any_service(), pod_sets, node_sets, limits)
def test_a_plan_survives_being_stored_and_read_back(
    service: Service, pods: list[Pod], nodes: list[Node], endpoints_max: int
) -> None:
    wanted = desired(service, pods, nodes=nodes_by_key(*nodes))
    made = plan((), wanted, names=SliceNames(1), endpoints_max=endpoints_max, triggered_at=NOON)

    stored = [decode_bytes("EndpointSlice", encode_bytes(slice_)) for slice_ in made.create]
    slices = [slice_ for slice_ in stored if isinstance(slice_, EndpointSlice)]

    assert len(slices) == len(made.create)
    assert plan(slices, wanted, names=SliceNames(2), endpoints_max=endpoints_max) == SlicePlan()


@given(any_service(), pod_sets)
def test_identities_within_a_family_are_distinct(service: Service, pods: list[Pod]) -> None:
    wanted = desired(service, pods, nodes=NODES)

    for every in wanted.endpoints.values():
        assert len({identity_of(endpoint) for endpoint in every}) == len(every)
