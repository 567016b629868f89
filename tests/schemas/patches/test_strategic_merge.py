"""Strategic merge: keyed lists, sets, directives, and the resulting order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadRequest
from app.schemas.patches.strategic_merge import Inapplicable, strategic_merge


def spec_of(current: dict[str, Any], patch: dict[str, Any], kind: str = "Service") -> Any:  # noqa: ANN401
    return strategic_merge(kind, {"spec": current}, {"spec": patch})["spec"]


def ports_of(current: list[Any], patch: list[Any], **directives: list[Any]) -> list[Any]:
    named = {f"$setElementOrder/{key}": value for key, value in directives.items()}
    result: list[Any] = spec_of({"ports": current}, {"ports": patch, **named})["ports"]
    return result


def test_ports_are_matched_by_number_and_the_rest_stays() -> None:
    assert ports_of(
        [{"port": 80, "name": "http"}, {"port": 443, "name": "https"}],
        [{"port": 80, "targetPort": 8080}],
    ) == [{"port": 80, "name": "http", "targetPort": 8080}, {"port": 443, "name": "https"}]


def test_one_number_with_two_protocols_is_one_element_to_a_patch() -> None:
    dns = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]

    assert ports_of(dns, [{"port": 53, "name": "dns"}]) == [
        {"port": 53, "protocol": "UDP", "name": "dns"},
        {"port": 53, "protocol": "TCP"},
    ]


UDP = {"port": 53, "protocol": "UDP", "name": "dns"}
TCP = {"port": 53, "name": "dns-tcp"}  # TCP by default


@pytest.mark.parametrize(
    ("held", "patch", "merged"),
    [
        ([UDP, TCP], [{**TCP, "protocol": "TCP", "name": "x"}],
         [UDP, {"port": 53, "protocol": "TCP", "name": "x"}]),
        ([UDP, TCP], [{"port": 53, "protocol": "SCTP"}], [{**UDP, "protocol": "SCTP"}, TCP]),
        ([UDP], [{"port": 53, "protocol": "SCTP"}], [{**UDP, "protocol": "SCTP"}]),
        ([UDP], [{**TCP, "protocol": "TCP"}, UDP], [UDP, {**TCP, "protocol": "TCP"}]),
        ([UDP, TCP], [{"port": 53, "protocol": "UDP", "$patch": "delete"}], [TCP]),
        ([UDP, TCP], [{"port": 53, "$patch": "delete"}], []),
        ([UDP], [{"port": 53, "protocol": "TCP", "$patch": "delete"}], []),
    ],
)  # fmt: skip
def test_a_named_protocol_selects_among_ports_with_equal_numbers(
    held: list[Any], patch: list[Any], merged: list[Any]
) -> None:
    assert ports_of(held, patch) == merged


def test_elements_of_the_patch_come_before_those_of_the_server_only() -> None:
    held = [{"port": 1}, {"port": 2}, {"port": 3}]

    assert ports_of(held, [{"port": 9}]) == [{"port": 9}, *held]
    assert ports_of(held, [{"port": 3}, {"port": 1}]) == [{"port": 2}, {"port": 3}, {"port": 1}]


def test_the_order_of_elements_may_be_set() -> None:
    held = [{"port": 1}, {"port": 2}, {"port": 3}]
    order = [{"port": 3}, {"port": 9}, {"port": 1}]

    assert ports_of(held, [{"port": 9}], ports=order) == [
        {"port": 2},
        {"port": 3},
        {"port": 9},
        {"port": 1},
    ]
    assert spec_of({"ports": held}, {"$setElementOrder/ports": order[::-1]})["ports"] == [
        {"port": 1},
        {"port": 2},
        {"port": 3},
    ]


def test_elements_that_contradict_their_order_do_not_apply() -> None:
    with pytest.raises(Inapplicable, match="order"):
        ports_of([], [{"port": 1}, {"port": 2}], ports=[{"port": 2}, {"port": 1}])


def test_an_element_is_deleted_by_its_key() -> None:
    held = [{"port": 80, "name": "a"}, {"port": 81}]

    assert ports_of(held, [{"port": 80, "$patch": "delete"}]) == [{"port": 81}]
    assert ports_of(held, [{"port": 99, "$patch": "delete"}]) == held


def test_a_list_is_replaced_when_the_patch_says_so() -> None:
    assert ports_of([{"port": 80}], [{"port": 81}, {"$patch": "replace"}]) == [{"port": 81}]


def test_nulls_of_a_new_element_are_removed() -> None:
    assert ports_of([], [{"port": 80, "name": None}]) == [{"port": 80}]


def test_maps_are_merged_and_null_removes() -> None:
    assert spec_of({"selector": {"a": "1", "b": "2"}}, {"selector": {"a": None, "c": "3"}}) == {
        "selector": {"b": "2", "c": "3"}
    }


def test_a_map_is_replaced_or_emptied_when_the_patch_says_so() -> None:
    held = {"selector": {"a": "1"}}

    assert spec_of(held, {"selector": {"$patch": "replace", "b": "2"}}) == {"selector": {"b": "2"}}
    assert spec_of(held, {"selector": {"$patch": "delete"}}) == {"selector": {}}


def test_deleting_an_absent_map_changes_nothing() -> None:
    assert spec_of({}, {"selector": {"$patch": "delete"}}) == {}


def test_only_retained_keys_stay() -> None:
    held = {"selector": {"a": "1", "b": "2"}, "type": "NodePort"}

    assert spec_of(held, {"selector": {"$retainKeys": ["a", "c"], "c": "3"}}) == {
        "selector": {"a": "1", "c": "3"},
        "type": "NodePort",
    }
    with pytest.raises(BadRequest, match="must name every field"):
        spec_of(held, {"selector": {"$retainKeys": ["a"], "c": "3"}})


def test_finalizers_are_a_set() -> None:
    def finalizers(patch: dict[str, Any]) -> Any:  # noqa: ANN401
        current = {"metadata": {"finalizers": ["a", "b"]}}
        return strategic_merge("Service", current, {"metadata": patch})["metadata"]["finalizers"]  # pyright: ignore[reportIndexIssue, reportUnknownVariableType]  a plain dict

    assert finalizers({"finalizers": ["b", "c"]}) == ["a", "b", "c"]
    assert finalizers({"$deleteFromPrimitiveList/finalizers": ["a", "z"]}) == ["b"]
    assert finalizers({"$setElementOrder/finalizers": ["b", "a"]}) == ["b", "a"]
    assert finalizers(
        {"$setElementOrder/finalizers": ["c", "b"], "finalizers": ["c"],
         "$deleteFromPrimitiveList/finalizers": ["a"]}
    ) == ["c", "b"]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "part", "field", "key"),
    [
        ("Service", "metadata", "ownerReferences", "uid"),
        ("Service", "status", "conditions", "type"),
        ("Pod", "spec", "containers", "name"),
        ("Pod", "spec", "initContainers", "name"),
        ("Pod", "spec", "hostAliases", "ip"),
        ("Pod", "spec", "volumes", "name"),
        ("Pod", "status", "conditions", "type"),
        ("Pod", "status", "podIPs", "ip"),
        ("Node", "status", "addresses", "type"),
        ("Node", "status", "conditions", "type"),
        ("Namespace", "status", "conditions", "type"),
        ("ServiceCIDR", "status", "conditions", "type"),
    ],
)
def test_every_keyed_list_is_merged_by_its_key(kind: str, part: str, field: str, key: str) -> None:
    current = {part: {field: [{key: "a", "x": 1}, {key: "b", "x": 1}]}}
    patch: dict[str, object] = {part: {field: [{key: "b", "x": 2}]}}

    assert strategic_merge(kind, current, patch) == {
        part: {field: [{key: "a", "x": 1}, {key: "b", "x": 2}]}
    }


def test_ports_of_containers_are_keyed_too() -> None:
    held = [{"name": "main", "ports": [{"containerPort": 80}, {"containerPort": 81}]}]
    wanted = [{"name": "main", "ports": [{"containerPort": 81, "name": "web"}]}]

    assert spec_of({"containers": held}, {"containers": wanted}, "Pod")["containers"] == [
        {"name": "main", "ports": [{"containerPort": 80}, {"containerPort": 81, "name": "web"}]}
    ]


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("Service", {"externalIPs": ["192.0.2.2"]}),
        ("Service", {"clusterIPs": ["10.96.0.9"]}),
        ("EndpointSlice", {"ports": [{"name": "x"}]}),
        ("ServiceCIDR", {"cidrs": ["10.0.0.0/16"]}),
    ],
)
def test_every_other_list_is_replaced(kind: str, patch: dict[str, Any]) -> None:
    current = {key: ["other", {"port": 1}] for key in patch}

    assert spec_of(current, patch, kind) == patch


@pytest.mark.parametrize(
    "patch",
    [
        {"$patch": "grow"},
        {"ports": [{"port": 80, "$patch": "merge"}]},
        {"ports": [7]},
        {"ports": [{"port": [1]}]},
        {"$setElementOrder/ports": 7},
        {"$retainKeys": "a"},
    ],
)
def test_malformed_directives_are_bad_requests(patch: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        spec_of({"ports": [{"port": 1}]}, patch)


@pytest.mark.parametrize("element", [{"name": "x"}, {"$patch": "delete"}, {"port": None}])
def test_an_element_without_its_key_does_not_apply(element: dict[str, Any]) -> None:
    with pytest.raises(Inapplicable, match="lacks its key, port"):
        ports_of([{"port": 1}], [element])


numbers = st.lists(st.integers(1, 6), max_size=5, unique=True)


@given(numbers, numbers, st.none() | st.permutations(range(1, 7)))
def test_merging_loses_and_repeats_no_element(
    held: list[int], wanted: list[int], order: list[int] | None
) -> None:
    directives: dict[str, list[Any]] = {}
    if order is not None:
        wanted = [number for number in order if number in wanted]
        directives["ports"] = [{"port": number} for number in order]
    merged = ports_of(
        [{"port": number} for number in held],
        [{"port": number} for number in wanted],
        **directives,
    )

    found = [port["port"] for port in merged]
    assert sorted(found) == sorted({*held, *wanted})
    assert [number for number in found if number in wanted] == wanted
    assert order is None or found == [number for number in order if number in found]
