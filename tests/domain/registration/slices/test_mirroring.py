"""Mirroring of Endpoints: no address is lost or mixed up, and planning is idempotent."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import (
    MANAGED_BY_LABEL,
    MIRRORED_BY,
    SERVICE_NAME_LABEL,
    TRIGGER_TIME_ANNOTATION,
    EndpointPort,
    EndpointSlice,
)
from app.domain.objects.endpoints import EndpointAddress, Endpoints, EndpointSubset
from app.domain.objects.meta import ObjectReference
from app.domain.objects.service import Service
from app.domain.registration.slices.metadata import SliceNames
from app.domain.registration.slices.mirroring import (
    LAST_APPLIED_ANNOTATION,
    LEADER_ANNOTATION,
    SKIP_LABEL,
    mirrored,
    plan_mirrored,
    why_not_mirrored,
)
from app.domain.registration.slices.planning import SlicePlan
from app.domain.registration.slices.validation import STRATEGY
from tests.builders import (
    NOON,
    a_service,
    a_subset,
    an_address,
    an_endpoint,
    an_endpoint_slice,
    an_endpoints,
)

PORTS = tuple(
    EndpointPort(port=number, name=name, protocol=protocol)
    for number, name, protocol in (
        (80, "http", "TCP"),
        (8080, "http", "TCP"),
        (443, "https", "TCP"),
        (53, "dns", "UDP"),
        (80, "", "TCP"),
    )
)
IPS = ("192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "2001:0DB8::2")


def planned(
    endpoints: Endpoints, existing: Iterable[EndpointSlice] = (), addresses_max: int = 1000
) -> SlicePlan:
    desired = mirrored(endpoints, addresses_max=addresses_max)
    return plan_mirrored(existing, desired, names=SliceNames(1), triggered_at=NOON)


def after(existing: Iterable[EndpointSlice], plan: SlicePlan) -> list[EndpointSlice]:
    changed = {slice_.metadata.name: slice_ for slice_ in (*plan.update, *plan.create)}
    gone = {slice_.metadata.name for slice_ in plan.delete}
    held = {slice_.metadata.name: slice_ for slice_ in existing}
    return [slice_ for name, slice_ in {**held, **changed}.items() if name not in gone]


def contents(slices: Iterable[EndpointSlice]) -> list[tuple[str, list[str], list[str]]]:
    """Ports and addresses of each slice, those that are not ready behind a minus."""
    return sorted(
        (
            slice_.address_type,
            [f"{port.name}:{port.port}" for port in slice_.ports],
            [
                f"{'' if endpoint.conditions.ready else '-'}{endpoint.addresses[0]}"
                for endpoint in slice_.endpoints
            ],
        )
        for slice_ in slices
    )


def test_a_slice_names_its_service_and_only_known_conditions() -> None:
    reference = ObjectReference(kind="VM", namespace="default", name="db", uid="u")
    address = an_address(hostname="db-0", node_name="n1", target_ref=reference)
    labels = {"team": "data", MANAGED_BY_LABEL: "someone"}
    annotations = {"note": "x", LAST_APPLIED_ANNOTATION: "{}", TRIGGER_TIME_ANNOTATION: "then"}
    endpoints = an_endpoints(
        EndpointSubset(
            addresses=(address,),
            ports=(EndpointPort(port=3306, name="mysql", app_protocol="example.com/mysql"),),
        ),
        labels=labels,
        annotations=annotations,
    )
    [slice_] = planned(endpoints).create
    meta = slice_.metadata
    assert meta.name.startswith("legacy-db-")
    assert meta.labels == {
        "team": "data",
        SERVICE_NAME_LABEL: "legacy-db",
        MANAGED_BY_LABEL: MIRRORED_BY,
    }
    assert meta.annotations == {"note": "x", TRIGGER_TIME_ANNOTATION: "2026-01-01T12:00:00Z"}
    assert meta.owner_references == ()
    assert slice_.ports == endpoints.subsets[0].ports
    [endpoint] = slice_.endpoints
    assert (endpoint.addresses, endpoint.hostname, endpoint.node_name) == (
        ("192.0.2.77",),
        "db-0",
        "n1",
    )
    assert endpoint.target_ref == reference
    conditions = endpoint.conditions
    assert (conditions.ready, conditions.serving, conditions.terminating) == (True, None, None)
    assert STRATEGY.violations(None, slice_) == ()


Contents = list[tuple[str, list[str], list[str]]]
LISTED: list[tuple[tuple[EndpointSubset, ...], Contents]] = [
    (
        (a_subset("192.0.2.1", not_ready=("192.0.2.2",)),),
        [("IPv4", [":3306"], ["192.0.2.1", "-192.0.2.2"])],
    ),
    (
        (a_subset("192.0.2.1", "2001:db8::1"),),
        [("IPv4", [":3306"], ["192.0.2.1"]), ("IPv6", [":3306"], ["2001:db8::1"])],
    ),
    (
        (a_subset("192.0.2.1"), a_subset("192.0.2.2")),
        [("IPv4", [":3306"], ["192.0.2.1", "192.0.2.2"])],
    ),
    (
        (a_subset("192.0.2.1", ports=PORTS[:1]), a_subset("192.0.2.1", ports=PORTS[2:3])),
        [("IPv4", ["http:80", "https:443"], ["192.0.2.1"])],
    ),
    (
        (a_subset("192.0.2.1", ports=PORTS[:1]), a_subset("192.0.2.2", ports=PORTS[2:3])),
        [("IPv4", ["http:80"], ["192.0.2.1"]), ("IPv4", ["https:443"], ["192.0.2.2"])],
    ),
    (
        (a_subset("192.0.2.1", ports=PORTS[:2]),),
        [("IPv4", ["http:80"], ["192.0.2.1"]), ("IPv4", ["http:8080"], ["192.0.2.1"])],
    ),
    (
        (a_subset("192.0.2.1"), a_subset(not_ready=("192.0.2.1",))),
        [("IPv4", [":3306"], ["-192.0.2.1"])],
    ),
    ((a_subset("192.0.2.1", ports=()),), [("IPv4", [], ["192.0.2.1"])]),
    ((a_subset("2001:0DB8::1"),), [("IPv6", [":3306"], ["2001:db8::1"])]),
]


@pytest.mark.parametrize(("subsets", "expected"), LISTED)
def test_addresses_are_in_a_slice_with_their_ports(
    subsets: tuple[EndpointSubset, ...], expected: Contents
) -> None:
    assert contents(planned(an_endpoints(*subsets)).create) == expected


def test_two_pods_at_one_address_are_two_endpoints() -> None:
    twins = tuple(
        an_address(target_ref=ObjectReference(kind="Pod", name=name, uid=name)) for name in "ab"
    )
    [slice_] = planned(an_endpoints(EndpointSubset(addresses=twins))).create
    assert [endpoint.target_ref for endpoint in slice_.endpoints] == [
        address.target_ref for address in twins
    ]


def test_beyond_the_limit_ready_addresses_stay_and_the_others_are_counted() -> None:
    subset = a_subset("192.0.2.8", "192.0.2.9", not_ready=("192.0.2.1", "192.0.2.2"))
    desired = mirrored(an_endpoints(subset), addresses_max=3)
    [endpoints] = desired.endpoints.values()
    assert desired.skipped == 1
    assert [endpoint.addresses[0] for endpoint in endpoints] == [
        "192.0.2.1",
        "192.0.2.8",
        "192.0.2.9",
    ]


def test_an_unneeded_slice_is_reused_and_the_rest_is_deleted() -> None:
    first = planned(an_endpoints(a_subset("192.0.2.1"), a_subset("192.0.2.2", ports=PORTS[:1])))
    held = first.create
    second = planned(an_endpoints(a_subset("192.0.2.3", ports=PORTS[2:3])), held)
    assert not second.create
    [updated] = second.update
    [gone] = second.delete
    assert {updated.metadata.name, gone.metadata.name} == {each.metadata.name for each in held}
    assert updated.metadata.generation == 2


def test_a_changed_label_is_written_to_slices_with_unchanged_endpoints() -> None:
    held = planned(an_endpoints()).create
    noted = replace(
        held[0],
        metadata=replace(held[0].metadata, annotations={LAST_APPLIED_ANNOTATION: "{}"}),
    )
    assert planned(an_endpoints(), [noted]) == SlicePlan()
    [slice_] = planned(an_endpoints(labels={"a": "b"}), [noted]).update
    assert slice_.metadata.labels["a"] == "b"
    assert slice_.metadata.annotations[LAST_APPLIED_ANNOTATION] == "{}"
    [slice_] = planned(an_endpoints(annotations={"a": "b"}), [noted]).update
    assert slice_.metadata.annotations["a"] == "b"


def test_of_several_equal_slices_one_stays() -> None:
    [slice_] = planned(an_endpoints()).create
    twin = replace(slice_, metadata=replace(slice_.metadata, name="legacy-db-zzzzz"))
    assert planned(an_endpoints(), [twin, slice_]) == SlicePlan(delete=(twin,))


@pytest.mark.parametrize(
    "other",
    [
        an_endpoint_slice(an_endpoint(), service="legacy-db", managed=False),
        an_endpoint_slice(an_endpoint(), service="legacy-db"),
        replace(
            planned(an_endpoints()).create[0],
            metadata=replace(planned(an_endpoints()).create[0].metadata, deleted_at=NOON),
        ),
        planned(an_endpoints(name="other")).create[0],
    ],
)
def test_slices_that_are_not_its_own_are_never_touched(other: EndpointSlice) -> None:
    plan = planned(an_endpoints(a_subset("192.0.2.9")), [other])
    assert (plan.update, plan.delete) == ((), ())
    assert len(plan.create) == 1


def test_new_slices_have_unused_names() -> None:
    [first] = planned(an_endpoints()).create
    by_hand = replace(first, metadata=replace(first.metadata, labels={}))
    [second] = planned(an_endpoints(), [by_hand]).create
    taken = {NamespacedName("default", second.metadata.name)}
    desired = mirrored(an_endpoints())
    [third] = plan_mirrored([by_hand], desired, names=SliceNames(1, taken)).create
    assert len({slice_.metadata.name for slice_ in (first, second, third)}) == 3


SELECTED = a_service("legacy-db")
PLAIN = a_service("legacy-db", selector=None)


@pytest.mark.parametrize(
    ("endpoints", "service", "words"),
    [
        (an_endpoints(), None, ""),
        (an_endpoints(), PLAIN, ""),
        (an_endpoints(), SELECTED, "has a selector"),
        (an_endpoints(labels={SKIP_LABEL: "true"}), PLAIN, "skip-mirror"),
        (an_endpoints(labels={SKIP_LABEL: "false"}), PLAIN, ""),
        (an_endpoints(annotations={LEADER_ANNOTATION: "{}"}), None, "leader election"),
        (an_endpoints(name="a.b"), None, "its name is not valid for a Service"),
    ],
)
def test_endpoints_that_are_not_for_a_service_without_selector_are_not_mirrored(
    endpoints: Endpoints, service: Service | None, words: str
) -> None:
    said = why_not_mirrored(endpoints, service)
    assert (words in said) if words else not said


def an_address_at(ip: str) -> EndpointAddress:
    return an_address(ip, hostname=f"h{IPS.index(ip)}")


address_lists = st.lists(st.sampled_from(IPS), max_size=4, unique=True).map(
    lambda ips: tuple(an_address_at(ip) for ip in ips)
)
subsets = st.builds(
    EndpointSubset,
    addresses=address_lists,
    not_ready_addresses=address_lists,
    ports=st.lists(st.sampled_from(PORTS), max_size=3, unique=True).map(tuple),
)
subset_lists = st.lists(subsets, max_size=4)
Reached = Counter[tuple[str, EndpointPort | None, bool]]


def listed(drawn: Iterable[EndpointSubset]) -> Reached:
    """The pairs of address and port, and whether each is ready, as the kind defines them."""
    found: dict[tuple[str, EndpointPort | None], bool] = {}
    for subset in drawn:
        for ready, addresses in (
            (True, subset.addresses),
            (False, subset.not_ready_addresses),
        ):
            for address in addresses:
                for port in subset.ports or (None,):
                    place = (address.ip.lower().replace("2001:0db8", "2001:db8"), port)
                    found[place] = found.get(place, True) and ready
    return Counter((ip, port, ready) for (ip, port), ready in found.items())


def held(slices: Iterable[EndpointSlice]) -> Reached:
    return Counter(
        (endpoint.addresses[0], port, endpoint.conditions.is_ready)
        for slice_ in slices
        for endpoint in slice_.endpoints
        for port in slice_.ports or (None,)
    )


def alike(reached: Reached) -> Reached:
    """Leave out the addresses without ports that have ports elsewhere."""
    ported = {(ip, ready) for ip, port, ready in reached if port is not None}
    return Counter(
        {
            (ip, port, ready): count
            for (ip, port, ready), count in reached.items()
            if port is not None or (ip, ready) not in ported
        }
    )


@given(subset_lists)
def test_slices_have_every_address_with_every_port_and_nothing_else(
    drawn: list[EndpointSubset],
) -> None:
    slices = planned(an_endpoints(*drawn) if drawn else replace(an_endpoints(), subsets=())).create
    assert alike(held(slices)) == alike(listed(drawn))
    assert max(held(slices).values(), default=1) == 1
    for slice_ in slices:
        assert STRATEGY.violations(None, slice_) == ()
        assert slice_.endpoints


@given(subset_lists, st.integers(1, 3))
def test_no_slice_is_over_the_limit_and_skipped_addresses_are_counted(
    drawn: list[EndpointSubset], addresses_max: int
) -> None:
    endpoints = replace(an_endpoints(), subsets=tuple(drawn))
    desired = mirrored(endpoints, addresses_max=addresses_max)
    whole = mirrored(endpoints)
    assert all(len(each) <= addresses_max for each in desired.endpoints.values())
    assert (desired.skipped > 0) == (desired.endpoints != whole.endpoints)


@given(subset_lists, subset_lists, st.randoms())
def test_planning_again_changes_nothing_in_any_order_of_slices(
    before: list[EndpointSubset], then: list[EndpointSubset], chance: Random
) -> None:
    first = replace(an_endpoints(), subsets=tuple(before))
    second = replace(an_endpoints(), subsets=tuple(then))
    there = after((), planned(first))
    plan = planned(second, there)
    now = after(there, plan)
    assert contents(now) == contents(planned(second).create)
    untouched = {slice_.metadata.name: slice_ for slice_ in now}
    for slice_ in there:
        if slice_.metadata.name in untouched and slice_ not in plan.update:
            assert untouched[slice_.metadata.name] in (slice_, *plan.update)

    shuffled = list(then)
    chance.shuffle(shuffled)
    turned = [
        replace(
            subset,
            addresses=subset.addresses[::-1],
            not_ready_addresses=subset.not_ready_addresses[::-1],
            ports=subset.ports[::-1],
        )
        for subset in shuffled
    ]
    assert planned(replace(second, subsets=tuple(turned)), now) == SlicePlan()
