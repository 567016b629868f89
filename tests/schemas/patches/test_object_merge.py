"""Three-way merges by the keys of lists, and paths in the document."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.schemas.patches.object_merge import document_path, three_way_merge

Wire = dict[str, Any]


def ports(live: list[Wire], last: list[Wire], wanted: list[Wire]) -> list[Wire]:
    made: Any = three_way_merge(
        "Service", *({"spec": {"ports": each}} for each in (live, last, wanted))
    )
    found: list[Wire] = made["spec"]["ports"]
    return found


def test_a_port_that_is_renamed_keeps_its_node_port() -> None:
    live = {"port": 80, "name": "http", "protocol": "TCP", "nodePort": 30_001}
    assert ports([live], [{"port": 80, "name": "http"}], [{"port": 80, "name": "web"}]) == [
        {**live, "name": "web"}
    ]


DNS = {"port": 53, "protocol": "UDP", "name": "dns"}
DNS_TCP = {"port": 53, "name": "dns-tcp"}  # TCP by default


@pytest.mark.parametrize(
    ("live", "last", "wanted", "made"),
    [
        ([DNS], [DNS], [DNS, DNS_TCP], [DNS, DNS_TCP]),
        ([DNS, DNS_TCP], [DNS, DNS_TCP], [DNS_TCP], [DNS_TCP]),
        ([DNS, DNS_TCP], [DNS], [DNS], [DNS, DNS_TCP]),
        ([DNS_TCP, DNS], [DNS, DNS_TCP], [DNS, DNS_TCP], [DNS, DNS_TCP]),
        ([DNS], [DNS], [{**DNS, "protocol": "TCP"}], [{**DNS, "protocol": "TCP"}]),
    ],
)
def test_ports_with_equal_numbers_are_identified_by_their_protocol(
    live: list[Wire], last: list[Wire], wanted: list[Wire], made: list[Wire]
) -> None:
    assert ports(live, last, wanted) == made


@pytest.mark.parametrize(
    "wanted",
    [
        [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}],
        [{"name": "a"}],
        [{"port": [80]}],
        [7],
    ],
)
def test_a_list_whose_elements_cannot_be_identified_is_replaced(wanted: list[Any]) -> None:
    assert ports([{"port": 80, "nodePort": 30_001}], [], wanted) == wanted


def test_an_odd_last_document_is_ignored() -> None:
    assert ports([{"port": 80, "nodePort": 1}], [{"name": "x"}], [{"port": 80}]) == [
        {"port": 80, "nodePort": 1}
    ]


def test_a_value_of_another_type_is_replaced() -> None:
    wanted = {"spec": {"selector": {"a": None, "b": "1"}}}
    live = {"spec": {"selector": ["odd"]}}
    assert three_way_merge("Service", live, {}, wanted) == {"spec": {"selector": {"b": "1"}}}


NUMBERS = st.lists(st.integers(1, 6), max_size=5, unique=True)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_dropped_values_are_removed_and_those_of_other_writers_stay(
    live: list[int], last: list[int], wanted: list[int]
) -> None:
    made = [
        port["port"]
        for port in ports(*([{"port": number} for number in each] for each in (live, last, wanted)))
    ]
    assert sorted(made) == sorted({*wanted, *({*live} - {*last})})
    assert [number for number in made if number in wanted] == wanted
    others = [number for number in made if number not in wanted]
    assert others == [number for number in live if number in others]


MERGED: Wire = {
    "spec": {
        "ports": [{"port": 9090, "name": "x"}, DNS, DNS_TCP],
        "externalIPs": ["192.0.2.1"],
        "selector": {"a b": "1"},
    },
    "metadata": {"finalizers": ["theirs/x", "mine/a"]},
}
DOCUMENT: Wire = {
    "spec": {"ports": [DNS_TCP, DNS], "externalIPs": ["192.0.2.1"], "selector": {"a b": "1"}},
    "metadata": {"finalizers": ["mine/a"]},
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("spec.ports[1].name", "spec.ports[1].name"),
        ("spec.ports[2]", "spec.ports[0]"),
        ("spec.ports[0].name", "spec.ports[port=9090].name"),
        ("spec.ports[7].name", "spec.ports[7].name"),
        ("spec.externalIPs[0]", "spec.externalIPs[0]"),
        ("spec.selector[a b]", "spec.selector[a b]"),
        ("spec.clusterIPs[1]", "spec.clusterIPs[1]"),
        ("metadata.finalizers[1]", "metadata.finalizers[0]"),
        ("metadata.finalizers[0]", "metadata.finalizers[theirs/x]"),
        ("", ""),
    ],
)
def test_a_path_is_translated_to_the_document(path: str, expected: str) -> None:
    assert document_path("Service", path, MERGED, DOCUMENT) == expected
