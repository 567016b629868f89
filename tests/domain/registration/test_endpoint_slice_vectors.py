"""The shared cases for endpoint slices: each is run and compared with its expectation."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.objects.endpoint_slice import (
    ENDPOINTS_MAX_DEFAULT,
    HEADLESS_LABEL,
    Endpoint,
    EndpointSlice,
)
from app.domain.objects.node import Node
from app.domain.objects.pod import Pod
from app.domain.objects.service import Service
from app.domain.registration.slices.metadata import SliceNames, frame_of
from app.domain.registration.slices.packing import Group
from app.domain.registration.slices.planning import Desired, desired, plan
from app.schemas.objects.codec import decode_object
from tests.builders import a_meta, a_service, an_endpoint, nodes_by_key

Case = Mapping[str, Any]

VECTORS = Path(__file__).parents[2] / "vectors" / "endpointslice.json"
CASES: list[Case] = json.loads(VECTORS.read_text())
PLACED = [case for case in CASES if "packing" not in case]
PACKED = [case for case in CASES if "packing" in case]

CONTRACT_WINS = {
    # Unlike with a kubelet, a Pod needs no known Node to be an endpoint.
    "unscheduled-pod-with-ip-skipped",
}


def is_contract(case: Case) -> bool:
    return case["name"] in CONTRACT_WINS


def decoded(documents: Iterable[Mapping[str, object]]) -> list[object]:
    return [decode_object(document).object for document in documents]


def planned(case: Case) -> dict[str, list[EndpointSlice]]:
    """The planned slices of each Service of a case, by the Service's name."""
    pods = [pod for pod in decoded(case["pods"]) if isinstance(pod, Pod)]
    nodes = nodes_by_key(*(node for node in decoded(case["nodes"]) if isinstance(node, Node)))
    limit = case.get("config", {}).get("maxEndpointsPerSlice", ENDPOINTS_MAX_DEFAULT)
    slices: dict[str, list[EndpointSlice]] = {}
    for service in decoded(case["services"]):
        assert isinstance(service, Service)
        wanted = desired(service, pods, nodes=nodes)
        made = plan((), wanted, names=SliceNames(1), endpoints_max=limit)
        assert not made.update
        assert not made.delete
        slices[service.metadata.name] = list(made.create)
    return slices


def as_expected(service: str, slice_: EndpointSlice, endpoint: Endpoint) -> dict[str, object]:
    """An endpoint in the words of the vectors."""
    shown: dict[str, object] = {
        "service": service,
        "addressType": slice_.address_type,
        "address": endpoint.addresses[0],
        "ready": endpoint.conditions.ready,
        "serving": endpoint.conditions.serving,
        "terminating": endpoint.conditions.terminating,
        "ports": [
            {"name": port.name, "port": port.port, "protocol": port.protocol}
            for port in slice_.ports
        ],
        "zone": endpoint.zone or None,
        "nodeName": endpoint.node_name or None,
        "hostname": endpoint.hostname or None,
        "targetRef": endpoint.target_ref.name if endpoint.target_ref else None,
    }
    if endpoint.hints is not None:
        hints = {"forZones": endpoint.hints.for_zones, "forNodes": endpoint.hints.for_nodes}
        shown["hints"] = {key: list(names) for key, names in hints.items() if names}
    return shown


def in_any_order(shown: Iterable[Mapping[str, object]]) -> list[str]:
    return sorted(
        json.dumps({**entry, "ports": sorted(map(json.dumps, _ports(entry)))}, sort_keys=True)
        for entry in shown
    )


def _ports(entry: Mapping[str, Any]) -> list[Mapping[str, object]]:
    return [dict(sorted(port.items())) for port in entry["ports"]]


@pytest.mark.parametrize(
    "case", [c for c in PLACED if not is_contract(c)], ids=lambda case: case["name"]
)
def test_endpoints_are_as_the_case_expects(case: Case) -> None:
    found = [
        as_expected(service, slice_, endpoint)
        for service, slices in planned(case).items()
        for slice_ in slices
        for endpoint in slice_.endpoints
    ]

    assert in_any_order(found) == in_any_order(case["expect"]["endpoints"])


@pytest.mark.parametrize(
    "case", [c for c in PLACED if "slices" in c["expect"]], ids=lambda case: case["name"]
)
def test_slices_have_the_sizes_that_the_case_expects(case: Case) -> None:
    found = Counter(
        (service, slice_.address_type, len(slice_.endpoints), len(slice_.ports))
        for service, slices in planned(case).items()
        for slice_ in slices
    )
    expected = Counter(
        (entry["service"], entry["addressType"], size, entry["portCount"])
        for entry in case["expect"]["slices"]
        for size in entry["endpointCounts"]
    )

    assert found == expected


@pytest.mark.parametrize(
    "case", [c for c in PLACED if "sliceLabels" in c["expect"]], ids=lambda case: case["name"]
)
def test_slices_have_the_labels_that_the_case_expects(case: Case) -> None:
    for slices in planned(case).values():
        for slice_ in slices:
            labels = {k: v for k, v in slice_.metadata.labels.items() if k != HEADLESS_LABEL}
            assert labels == case["expect"]["sliceLabels"]


@pytest.mark.parametrize("name", sorted(CONTRACT_WINS))
def test_a_pod_without_a_node_is_an_endpoint_as_the_contract_says(name: str) -> None:
    case = next(case for case in CASES if case["name"] == name)
    [slices] = planned(case).values()
    [endpoint] = [endpoint for slice_ in slices for endpoint in slice_.endpoints]

    assert case["expect"]["endpoints"] == []
    assert endpoint.conditions.ready
    assert (endpoint.node_name, endpoint.zone) == ("", "")


@pytest.mark.parametrize("case", PACKED, ids=lambda case: case["name"])
def test_slices_are_packed_as_the_case_expects(case: Case) -> None:
    packing = case["packing"]
    service = a_service()
    group = Group("IPv4", ())
    existing, wanted = _before(service, packing)
    endpoints = [*wanted, *_numbered("new", packing["newEndpoints"])]

    made = plan(
        existing,
        Desired(service=service, endpoints={group: tuple(endpoints)}),
        names=SliceNames(1),
        endpoints_max=packing["maxEndpointsPerSlice"],
    )

    after = {slice_.metadata.name: len(slice_.endpoints) for slice_ in existing}
    after |= {slice_.metadata.name: len(slice_.endpoints) for slice_ in made.update}
    for slice_ in made.delete:
        del after[slice_.metadata.name]
    assert after == case["expect"]["after"]
    assert [len(slice_.endpoints) for slice_ in made.create] == case["expect"]["created"]


def _before(
    service: Service, packing: Mapping[str, Any]
) -> tuple[list[EndpointSlice], list[Endpoint]]:
    """The slices of a packing case, and which of their endpoints are still desired."""
    frame = frame_of(service)
    existing: list[EndpointSlice] = []
    wanted: list[Endpoint] = []
    for name, size in packing["before"].items():
        endpoints = _numbered(name, size)
        existing.append(
            EndpointSlice(
                metadata=a_meta(
                    name,
                    service.metadata.namespace,
                    labels=frame.labels,
                    owner_references=(frame.owner,),
                    generation=1,
                ),
                address_type="IPv4",
                endpoints=tuple(endpoints),
            )
        )
        kept = endpoints[packing["removedFrom"].get(name, 0) :]
        if name in packing["changedIn"]:
            kept[0] = replace(kept[0], zone="elsewhere")
        wanted.extend(kept)
    return existing, wanted


def _numbered(name: str, size: int) -> list[Endpoint]:
    place = sum(map(ord, name)) % 256
    return [
        an_endpoint(f"10.{place}.0.{number + 1}", pod=f"{name}-{number}") for number in range(size)
    ]


def test_no_case_is_left_out() -> None:
    names = {case["name"] for case in CASES}

    assert len(names) == len(CASES) == len(PLACED) + len(PACKED)
    assert names >= CONTRACT_WINS
