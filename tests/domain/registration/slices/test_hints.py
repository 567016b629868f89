"""Hints: the endpoint's own zone and node, or zones in proportion to CPU."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.objects.endpoint_slice import Endpoint, Hints
from app.domain.objects.node import Node
from app.domain.objects.service import TOPOLOGY_HINTS_ANNOTATION, TOPOLOGY_MODE_ANNOTATION
from app.domain.registration.slices.hints import (
    OVERLOAD_MAX,
    balanced,
    capacity_of,
    cpu_shares,
    hinted,
)
from tests.builders import a_node, a_service, an_endpoint
from tests.strategies import nodes

EQUAL = {"z1": Fraction(1, 2), "z2": Fraction(1, 2)}


def endpoints_in(*zones: str) -> list[Endpoint]:
    return [
        an_endpoint(f"10.0.0.{number}", pod=f"p{number}", zone=zone)
        for number, zone in enumerate(zones, start=1)
    ]


def zones_hinted(endpoints: tuple[Endpoint, ...]) -> list[str | None]:
    return [endpoint.hints.for_zones[0] if endpoint.hints else None for endpoint in endpoints]


@pytest.mark.parametrize(
    ("distribution", "zone", "node", "hints"),
    [
        (None, "z1", "n1", None),
        ("PreferClose", "z1", "n1", Hints(for_zones=("z1",))),
        ("PreferSameZone", "z1", "n1", Hints(for_zones=("z1",))),
        ("PreferSameZone", "", "n1", None),
        ("PreferSameNode", "z1", "n1", Hints(for_zones=("z1",), for_nodes=("n1",))),
        ("PreferSameNode", "", "n1", Hints(for_nodes=("n1",))),
        ("PreferSameNode", "", "", None),
    ],
)
def test_traffic_distribution_hints_to_the_endpoints_own_zone_and_node(
    distribution: str | None, zone: str, node: str, hints: Hints | None
) -> None:
    service = a_service(traffic_distribution=distribution)

    assert hinted(service, an_endpoint(zone=zone, node_name=node)).hints == hints
    assert hinted(service, an_endpoint(ready=False, zone=zone, node_name=node)).hints is None


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, False),
        ({TOPOLOGY_MODE_ANNOTATION: "Auto"}, True),
        ({TOPOLOGY_MODE_ANNOTATION: "auto"}, True),
        ({TOPOLOGY_MODE_ANNOTATION: "AUTO"}, False),
        ({TOPOLOGY_HINTS_ANNOTATION: "Auto"}, True),
        ({TOPOLOGY_HINTS_ANNOTATION: "Disabled", TOPOLOGY_MODE_ANNOTATION: "Auto"}, False),
    ],
)
def test_the_annotation_of_topology_mode_is_recognised(
    annotations: dict[str, str],
    expected: bool,  # noqa: FBT001
) -> None:
    assert a_service(annotations=annotations).is_balanced == expected


def test_capacity_differs_whenever_shares_may() -> None:
    plain = a_node(zone="z1")
    same = (a_node("other", zone="z1"), a_node(zone="z1", labels={"app": "web"}))
    others = (
        a_node(zone="z2"),
        a_node(zone="z1", ready=False),
        a_node(zone="z1", allocatable={"cpu": "8"}),
        a_node(zone="z1", labels={"node-role.kubernetes.io/master": ""}),
    )
    assert {capacity_of(node) for node in same} == {capacity_of(plain)}
    assert capacity_of(plain) not in {capacity_of(node) for node in others}


@pytest.mark.parametrize(
    ("cpus", "shares"),
    [
        ({"z1": "4", "z2": "4"}, EQUAL),
        ({"z1": "1", "z2": "500m", "z3": "0.5"}, {"z1": Fraction(1, 2), "z2": Fraction(1, 4)}),
        ({"z1": "3k", "z2": "1000"}, {"z1": Fraction(3, 4), "z2": Fraction(1, 4)}),
        ({"z1": "4"}, {}),
        ({"z1": "4", "z2": ""}, {}),
        ({"z1": "4", "z2": "0"}, {}),
        ({"z1": "4", "z2": "four"}, {}),
        ({"z1": "4", "z2": "inf"}, {}),
        ({"z1": "4", "z2": "4Gi"}, {}),
        ({"z1": "4", "z2": "9" * 40}, {}),
        ({"z1": "4", "": "4"}, {}),
    ],
)
def test_the_shares_of_zones_follow_the_cpu_of_their_nodes(
    cpus: dict[str, str], shares: dict[str, Fraction]
) -> None:
    every = [a_node(f"n{zone}", zone=zone, allocatable={"cpu": cpu}) for zone, cpu in cpus.items()]

    found = cpu_shares(every)

    assert {zone: share for zone, share in found.items() if zone != "z3"} == shares


def test_nodes_that_are_not_ready_or_control_planes_do_not_count() -> None:
    counted = [a_node("n1", zone="z1"), a_node("n2", zone="z2")]
    control = a_node("cp", zone="", labels={"node-role.kubernetes.io/control-plane": ""})

    assert cpu_shares([*counted, control, a_node("n3", zone="z3", ready=False)]) == EQUAL


def test_endpoints_in_proportion_keep_their_own_zones() -> None:
    assert zones_hinted(balanced(endpoints_in("z1", "z2"), EQUAL)) == ["z1", "z2"]


def test_a_zone_with_too_few_endpoints_borrows_the_first_of_another() -> None:
    found = zones_hinted(balanced(endpoints_in("z1", "z1", "z1", "z1", "z2", "z2"), EQUAL))

    assert found == ["z2", "z1", "z1", "z1", "z2", "z2"]


def test_a_zone_without_endpoints_borrows_some() -> None:
    found = zones_hinted(balanced(endpoints_in("z1", "z1", "z1", "z1"), EQUAL))

    assert Counter(found) == {"z1": 2, "z2": 2}


@pytest.mark.parametrize(
    ("zones", "shares"),
    [
        (("z1", "z2"), {}),
        (("z1",), EQUAL),  # fewer endpoints than zones
        (("z1", "", "z2"), EQUAL),  # an endpoint whose zone is unknown
        # Each zone needs one and the largest needs three, but there are four endpoints.
        (("z1", "z2", "z3"), {"z1": Fraction(8, 10), "z2": Fraction(1, 10), "z3": Fraction(1, 10)}),
    ],
)
def test_no_endpoint_has_a_hint_when_zones_cannot_be_served_fairly(
    zones: tuple[str, ...], shares: dict[str, Fraction]
) -> None:
    assert set(zones_hinted(balanced(endpoints_in(*zones), shares))) == {None}


def test_endpoints_that_are_not_ready_have_no_hint_and_do_not_count() -> None:
    unready = an_endpoint("10.0.1.1", ready=False, zone="")

    found = balanced([*endpoints_in("z1", "z2"), unready], EQUAL)

    assert zones_hinted(found) == ["z1", "z2", None]


def test_an_endpoint_in_a_zone_without_nodes_keeps_its_zone() -> None:
    found = zones_hinted(balanced(endpoints_in("z1", "z1", "z2", "z9"), EQUAL))

    assert found == ["z1", "z1", "z2", "z9"]


@given(st.lists(st.sampled_from(["z1", "z2", "z3"]), max_size=20), st.lists(nodes(), max_size=5))
def test_either_all_or_none_have_hints_and_no_zone_is_overloaded(
    zones: list[str], drawn: list[Node]
) -> None:
    shares = cpu_shares(drawn)
    found = zones_hinted(balanced(endpoints_in(*zones), shares))

    assert len(found) == len(zones)
    assert all(found) or not any(found)
    if any(found) and shares.keys() >= set(zones):
        counts = Counter(found)
        for zone, share in shares.items():
            assert counts[zone] * OVERLOAD_MAX >= share * len(zones)


@given(st.lists(st.sampled_from(["z1", "z2"]), max_size=12))
def test_the_order_of_endpoints_does_not_matter(zones: list[str]) -> None:
    every = endpoints_in(*zones)
    backwards = balanced(every[::-1], EQUAL)

    assert sorted(backwards, key=lambda e: e.addresses) == sorted(
        balanced(every, EQUAL), key=lambda e: e.addresses
    )
