"""Endpoints: everything that Kubernetes' API server refuses is refused, with the same path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import Violation
from app.domain.objects.endpoint_slice import EndpointPort
from app.domain.objects.endpoints import EndpointAddress, Endpoints, EndpointSubset
from app.domain.registration.slices.endpoints_validation import PAIRS_MAX, validate
from app.domain.registration.slices.mirroring import mirrored, why_not_mirrored
from app.domain.registration.slices.validation import STRATEGY
from tests.builders import a_subset, an_address, an_endpoint_slice, an_endpoints
from tests.domain.registration.core import reasons
from tests.domain.registration.test_hostile_drafts import lists, metadata, numbers, words


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
    found = reasons(validate(an_endpoints(subset)))
    assert list(dict.fromkeys(found)) == expected


def test_a_name_is_checked() -> None:
    assert reasons(validate(an_endpoints(name="A"))) == [("metadata.name", "Invalid")]


def test_the_number_of_addresses_and_ports_is_bounded() -> None:
    subset = a_subset(*["192.0.2.77"] * 501, ports=tuple(
        EndpointPort(port=1, name=f"p{number}") for number in range(PAIRS_MAX // 500)
    ))  # fmt: skip
    [violation] = validate(an_endpoints(subset))
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
    if validate(endpoints) or why_not_mirrored(endpoints, None):
        return
    for group, behind in mirrored(endpoints).endpoints.items():
        slice_ = an_endpoint_slice(*behind, managed=False, ports=group.ports)
        assert STRATEGY.violations(None, slice_) == ()
