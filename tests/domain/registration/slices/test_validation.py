"""EndpointSlices: the rules for slices of clients and of Waypost."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import Violation
from app.domain.objects.endpoint_slice import Endpoint, EndpointPort, Hints
from app.domain.objects.endpoints import EndpointAddress, Endpoints, EndpointSubset
from app.domain.registration.slices.mirroring import mirrored, why_not_mirrored
from app.domain.registration.slices.validation import (
    PAIRS_MAX,
    STRATEGY,
    endpoints_violations,
    slice_warnings,
)
from tests.builders import a_subset, an_address, an_endpoint, an_endpoint_slice, an_endpoints
from tests.domain.registration.core import reasons
from tests.domain.registration.test_hostile_drafts import lists, metadata, numbers, words


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"address_type": ""}, [("addressType", "Required")]),
        (
            {"address_type": "IP", "endpoints": (an_endpoint(),)},
            [("addressType", "NotSupported")],
        ),
        ({"name": "Web"}, [("metadata.name", "Invalid")]),
        ({"ports": (EndpointPort(),)}, []),
        ({"ports": (EndpointPort(port=1), EndpointPort(port=2))}, [("ports[1].name", "Duplicate")]),
        (
            {"ports": (EndpointPort(port=0, name="A", protocol="tcp", app_protocol="-"),)},
            [
                ("ports[0].name", "Invalid"),
                ("ports[0].protocol", "NotSupported"),
                ("ports[0].port", "Invalid"),
                ("ports[0].appProtocol", "Invalid"),
            ],
        ),
        (
            {"ports": tuple(EndpointPort(name=f"p{n}") for n in range(20_001))},
            [("ports", "TooMany")],
        ),
    ],
)
def test_a_slice_is_checked(fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert reasons(STRATEGY.violations(None, an_endpoint_slice(**fields))) == expected


@pytest.mark.parametrize(
    ("address_type", "addresses", "expected"),
    [
        ("IPv4", ("10.244.0.1",) * 100, []),
        ("IPv4", (), [("", "Required")]),
        ("IPv4", ("10.244.0.1",) * 101, [("", "TooMany")]),
        (
            "IPv4",
            ("x", "fd00::1", "127.0.0.1"),
            [("[0]", "Invalid"), ("[1]", "Invalid")],
        ),
        ("IPv6", ("fd00::1", "10.244.0.1"), [("[1]", "Invalid")]),
        ("FQDN", ("a.example.com.", "a.b"), []),
        (
            "FQDN",
            ("localhost", ".", "A.b"),
            [("[0]", "Invalid"), ("[1]", "Required"), ("[2]", "Invalid")],
        ),
        ("FQDN", ("a" * 64 + ".b",), [("[0]", "Invalid")]),
    ],
)
def test_addresses_are_of_the_type_of_the_slice(
    address_type: str, addresses: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    endpoints = (Endpoint(addresses=addresses),)
    slice_ = an_endpoint_slice(address_type=address_type, endpoints=endpoints)
    assert reasons(STRATEGY.violations(None, slice_)) == [
        (f"endpoints[0].addresses{where}", reason) for where, reason in expected
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"hostname": "web-1", "node_name": "n1", "zone": "z 1", "weight": 65_535}, []),
        ({"hostname": "a.b"}, [("hostname", "Invalid")]),
        ({"node_name": "N"}, [("nodeName", "Invalid")]),
        ({"weight": 65_536}, [("weight", "Invalid")]),
        ({"hints": Hints(for_zones=("a", "b"), for_nodes=("n1",))}, []),
        ({"hints": Hints(for_zones=("a", "a"))}, [("hints.forZones[1].name", "Duplicate")]),
        (
            {"hints": Hints(for_zones=("a b",), for_nodes=("A",))},
            [("hints.forZones[0].name", "Invalid"), ("hints.forNodes[0].name", "Invalid")],
        ),
        (
            {"hints": Hints(for_zones=tuple("abcdefghi"), for_nodes=tuple("abcdefghi"))},
            [("hints.forZones", "TooMany"), ("hints.forNodes", "TooMany")],
        ),
    ],
)
def test_an_endpoint_is_checked(fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    slice_ = an_endpoint_slice(an_endpoint(**fields))
    assert reasons(STRATEGY.violations(None, slice_)) == [
        (f"endpoints[0].{field}", why) for field, why in expected
    ]


def test_a_slice_has_at_most_a_thousand_endpoints() -> None:
    slice_ = an_endpoint_slice(*[an_endpoint()] * 1_001)
    assert reasons(STRATEGY.violations(None, slice_)) == [("endpoints", "TooMany")]
    assert not STRATEGY.violations(None, an_endpoint_slice(*[an_endpoint()] * 1_000))


def test_the_address_type_may_not_change() -> None:
    current = an_endpoint_slice()
    assert reasons(STRATEGY.violations(current, an_endpoint_slice(address_type="IPv6"))) == [
        ("addressType", "Invalid")
    ]


def test_stored_addresses_stay_valid_in_their_spelling() -> None:
    old = an_endpoint_slice(an_endpoint("010.244.0.1"))
    assert not STRATEGY.violations(old, old)
    assert reasons(STRATEGY.violations(None, old)) == [("endpoints[0].addresses[0]", "Invalid")]


@pytest.mark.parametrize(
    ("address", "is_managed", "expected"),
    [
        ("127.0.0.1", False, []),
        ("0.0.0.0", False, ["Invalid"]),  # noqa: S104  an address, nothing listens
        ("169.254.1.1", False, ["Invalid"]),
        ("224.0.0.1", False, ["Invalid"]),
        ("169.254.1.1", True, []),
    ],
)
def test_addresses_of_one_machine_only_are_refused_in_slices_of_clients(
    address: str, *, is_managed: bool, expected: list[str]
) -> None:
    slice_ = an_endpoint_slice(an_endpoint(address), managed=is_managed)
    assert [reason for _, reason in reasons(STRATEGY.violations(None, slice_))] == expected
    assert not STRATEGY.violations(slice_, slice_)


def test_a_loopback_address_is_accepted_with_a_warning() -> None:
    (warning,) = slice_warnings(an_endpoint_slice(an_endpoint("fd00::1", "::1")))
    assert warning.startswith("endpoints[0].addresses[1]: only the endpoint's own machine")


def test_probable_mistakes_are_accepted_with_a_warning() -> None:
    odd = an_endpoint_slice(an_endpoint("FD00::1"), address_type="IPv6")
    assert not STRATEGY.violations(None, odd)
    assert "endpoints[0].addresses[0]" in slice_warnings(odd)[0]
    named = an_endpoint_slice(an_endpoint("a.example.com"), address_type="FQDN")
    assert "deprecated" in slice_warnings(named)[0]
    assert slice_warnings(an_endpoint_slice(an_endpoint())) == ()


def with_address(address: EndpointAddress) -> EndpointSubset:
    return EndpointSubset(addresses=(an_address(), address), ports=(EndpointPort(port=80),))


def with_ports(*ports: EndpointPort) -> EndpointSubset:
    return a_subset("192.0.2.77", ports=ports)


@pytest.mark.parametrize(
    ("subset", "expected"),
    [
        (a_subset("192.0.2.77"), []),
        (a_subset(not_ready=("2001:db8::1",)), []),
        (a_subset("192.0.2.77", ports=()), []),
        (a_subset(), [("subsets[0]", "Required")]),
        (with_address(an_address("")), [("subsets[0].addresses[1].ip", "Invalid")]),
        (with_address(an_address("db")), [("subsets[0].addresses[1].ip", "Invalid")]),
        (with_address(an_address("010.0.0.1")), [("subsets[0].addresses[1].ip", "Invalid")]),
        (with_address(an_address("169.254.1.1")), [("subsets[0].addresses[1].ip", "Invalid")]),
        (a_subset(not_ready=("::",)), [("subsets[0].notReadyAddresses[0].ip", "Invalid")]),
        (
            with_address(an_address(hostname="a.b", node_name="N1")),
            [
                ("subsets[0].addresses[1].hostname", "Invalid"),
                ("subsets[0].addresses[1].nodeName", "Invalid"),
            ],
        ),
        (
            with_ports(EndpointPort(port=80), EndpointPort(port=81, name="b")),
            [("subsets[0].ports[0].name", "Required")],
        ),
        (
            with_ports(
                EndpointPort(port=None, name="A_b", protocol="QUIC", app_protocol=""),
            ),
            [
                ("subsets[0].ports[0].name", "Invalid"),
                ("subsets[0].ports[0].port", "Invalid"),
                ("subsets[0].ports[0].protocol", "NotSupported"),
                ("subsets[0].ports[0].appProtocol", "Invalid"),
            ],
        ),
    ],
)
def test_a_subset_is_checked(subset: EndpointSubset, expected: list[tuple[str, str]]) -> None:
    found = reasons(endpoints_violations(an_endpoints(subset)))
    assert list(dict.fromkeys(found)) == expected


def test_a_name_is_checked() -> None:
    assert reasons(endpoints_violations(an_endpoints(name="A"))) == [("metadata.name", "Invalid")]


def test_the_number_of_addresses_and_ports_is_bounded() -> None:
    subset = a_subset(*["192.0.2.77"] * 501, ports=tuple(
        EndpointPort(port=1, name=f"p{number}") for number in range(PAIRS_MAX // 500)
    ))  # fmt: skip
    [violation] = endpoints_violations(an_endpoints(subset))
    assert isinstance(violation, Violation)
    assert violation.field == "subsets"


@given(
    st.builds(
        Endpoints,
        metadata=metadata,
        subsets=lists(
            st.builds(
                EndpointSubset,
                addresses=lists(
                    st.builds(EndpointAddress, ip=words, hostname=words, node_name=words)
                ),
                ports=lists(
                    st.builds(
                        EndpointPort,
                        port=st.none() | numbers,
                        name=words,
                        protocol=words,
                        app_protocol=st.none() | words,
                    )
                ),
            )
        ),
    )
)
def test_every_accepted_object_can_be_mirrored(endpoints: Endpoints) -> None:
    if endpoints_violations(endpoints) or why_not_mirrored(endpoints, None):
        return
    for group, behind in mirrored(endpoints).endpoints.items():
        slice_ = an_endpoint_slice(*behind, managed=False, ports=group.ports)
        assert STRATEGY.violations(None, slice_) == ()
