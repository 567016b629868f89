"""With a wrong type, other violations are listed, except those that it may have caused."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadRequest, CauseReason
from app.schemas.documents.paths import VIOLATIONS_MAX, join_path, steps_of
from app.schemas.objects.codec import decode_object, read_endpoints

Wire = dict[str, Any]
SERVICE: Wire = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "ent"}}
POD: Wire = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "ent-1"}}
SLICE: Wire = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"name": "ent-x"},
}


def reasons(document: Wire) -> dict[str, CauseReason]:
    as_sent = copy.deepcopy(document)
    with pytest.raises(BadRequest) as refusal:
        decode_object(document)
    assert document == as_sent
    return {cause.field: cause.reason for cause in refusal.value.causes}


MISTYPED, INVALID = CauseReason.TYPE_INVALID, CauseReason.INVALID
UNSUPPORTED = CauseReason.NOT_SUPPORTED


def test_values_beside_a_wrong_type_are_validated() -> None:
    spec = {
        "type": "Foo",
        "ports": [{"port": "eighty", "targetPort": 99_999}, {"port": 99_999, "protocol": "x"}, 7],
        "externalIPs": [5, "nonsense"],
    }
    assert reasons({**SERVICE, "metadata": {"name": "A_b", "labels": {"a": 1}}, "spec": spec}) == {
        "metadata.labels.a": MISTYPED,
        "spec.ports[0].port": MISTYPED,
        "spec.ports[2]": MISTYPED,
        "spec.externalIPs[0]": MISTYPED,
        "metadata.name": INVALID,
        "spec.type": UNSUPPORTED,
        "spec.ports[0].targetPort": INVALID,
        "spec.ports[1].port": INVALID,
        "spec.ports[1].protocol": UNSUPPORTED,
        "spec.externalIPs[1]": INVALID,
    }


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        # Two ports without a number would be duplicates.
        ({**SERVICE, "spec": {"ports": [{"port": "a"}, {"port": "b", "name": "b"}]}}, {
            "spec.ports[0].port", "spec.ports[1].port",
        }),
        # An ExternalName would need no ports, a NodePort could name one.
        ({**SERVICE, "spec": {"type": 5, "ports": [{"port": 80, "nodePort": 30_000}]}}, {
            "spec.type",
        }),
        # A missing value may be the one with the wrong type, or be stored already.
        ({**SERVICE, "metadata": {"name": 5}, "spec": {"ports": 7}}, {
            "metadata.name", "spec.ports",
        }),
        ({**SERVICE, "metadata": [], "spec": {"ports": [{"port": 0}]}}, {
            "metadata", "spec.ports[0].port",
        }),
        # The addresses may be of the family with the wrong type.
        ({**SLICE, "addressType": 4, "endpoints": [{"addresses": ["::1"]}]}, {"addressType"}),
        ({**SLICE, "addressType": "IPv4", "endpoints": [{"addresses": ["::1"]}, 3]}, {
            "endpoints[0].addresses[0]", "endpoints[1]",
        }),
        ({**POD, "spec": {"weight": "x", "nodeName": "A B"}}, {"spec.weight", "spec.nodeName"}),
        ({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "A"}, "spec": 1}, {
            "spec", "metadata.name",
        }),
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "A"}, "spec": 1}, {
            "spec", "metadata.name",
        }),
    ],
)  # fmt: skip
def test_violations_that_a_wrong_type_may_have_caused_are_not_listed(
    document: Wire, fields: set[str]
) -> None:
    assert set(reasons(document)) == fields


def test_endpoints_are_validated_too() -> None:
    with pytest.raises(BadRequest) as refusal:
        read_endpoints(
            {"metadata": {"name": 1}, "subsets": [{"addresses": [{"ip": "x"}, {"ip": "10.0.0.1"}]}]}
        )
    assert [cause.field for cause in refusal.value.causes] == [
        "metadata.name",
        "subsets[0].addresses[0].ip",
    ]


def test_the_number_of_causes_is_bounded() -> None:
    ports: list[object] = [{"port": "x"}, *({"port": 0, "protocol": "x"} for _ in range(2_000))]
    found = reasons({**SERVICE, "spec": {"ports": ports}})
    assert len(found) <= VIOLATIONS_MAX
    assert len(reasons({**SERVICE, "spec": {"externalIPs": list(range(2_000))}})) == VIOLATIONS_MAX


@pytest.mark.parametrize("value", [12, 1.5, True])
def test_unquoted_text_causes_a_hint_to_quote_it(value: object) -> None:
    with pytest.raises(BadRequest, match=r"must be a string, not .*: put it in quotes$"):
        decode_object({**SERVICE, "metadata": {"name": value}})


@given(st.lists(st.integers(0, 9) | st.text("aB/. -", min_size=1), min_size=1))
def test_a_joined_path_is_split_into_its_steps(steps: list[str | int]) -> None:
    path = ""
    for step in steps:
        path = join_path(path, step)
    assert steps_of(path) == tuple(steps)
