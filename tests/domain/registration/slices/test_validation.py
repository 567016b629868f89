"""EndpointSlices: the rules for slices of clients and of Waypost."""

from typing import Any

import pytest

from app.domain.objects.endpoint_slice import Endpoint, EndpointPort, Hints
from app.domain.registration.slices.validation import STRATEGY, slice_warnings
from tests.builders import an_endpoint, an_endpoint_slice
from tests.domain.registration.core import reasons


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
