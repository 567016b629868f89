"""The Pod of an endpoint is one that its Service selects."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.names import subdomain_problems
from waypost.client.endpoints import Endpoint, lease_of, pod_of, ports_lacking, with_lease
from waypost.client.errors import InvalidArgument

SERVICE = {"kind": "Service", "metadata": {"name": "ent"}, "spec": {"selector": {"app": "ent"}}}


def test_a_pod_has_what_makes_it_an_endpoint() -> None:
    endpoint = Endpoint(
        service="ent",
        namespace="dev",
        address=["10.0.0.7", "fd00::7"],
        ports={"http": 8080},
        labels={"app": "other", "version": "2"},
        node="n1",
        name="ent-7",
    )
    assert pod_of(endpoint, SERVICE) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "ent-7",
            "namespace": "dev",
            "labels": {"app": "ent", "version": "2"},
        },
        "spec": {
            "leaseDurationSeconds": 15,
            "nodeName": "n1",
            "containers": [
                {"name": "ent", "ports": [{"name": "http", "containerPort": 8080}]},
            ],
        },
        "status": {"podIPs": [{"ip": "10.0.0.7"}, {"ip": "fd00::7"}]},
    }


def name_of(endpoint: Endpoint) -> str:
    return pod_of(endpoint, SERVICE)["metadata"]["name"]


def test_the_name_is_the_same_after_a_restart_and_another_for_another_port() -> None:
    first = Endpoint(service="ent", address="10.0.0.7", ports={"b": 81, "a": 80})
    assert name_of(first) == name_of(first) == "ent.10-0-0-7.80-81"
    assert name_of(Endpoint(service="ent", address="10.0.0.7", ports={"a": 90})) != name_of(first)


places = st.tuples(
    st.from_regex(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True),
    st.ip_addresses(),
    st.frozensets(st.integers(1, 65_535), max_size=60),
)
Place = tuple[str, IPv4Address | IPv6Address, frozenset[int]]


def at(place: Place) -> Endpoint:
    service, address, ports = place
    named = {f"p{port}": port for port in ports}
    return Endpoint(service=service, address=str(address), ports=named)


@given(places)
def test_any_endpoint_has_a_valid_name(place: Place) -> None:
    assert not [*subdomain_problems(name_of(at(place)))]


@given(places, places)
def test_two_endpoints_have_two_names(one: Place, other: Place) -> None:
    assert (name_of(at(one)) == name_of(at(other))) == (one == other)


NONE: tuple[int, ...] = ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ent", "fd00::1:2", NONE), ("ent", "fd00:1::2", NONE)),
        (("ent", "fd00::1:80", NONE), ("ent", "fd00::1", (80,))),
        (("ent-1", "2.3.4.5", NONE), ("ent", "1.2.3.4", (5,))),
        (("ent", "fd00::", (*range(1, 60),)), ("ent", "fd00::", (*range(1, 59), 60))),
        (("ent", "10.0.0.7", (1_000, *range(2_000, 2_060))), ("ent", "10.0.0.7", (1_000,))),
    ],
)
def test_names_are_not_mixed_up(
    one: tuple[str, str, tuple[int, ...]], other: tuple[str, str, tuple[int, ...]]
) -> None:
    names = {
        name_of(at((service, ip_address(address), frozenset(ports))))
        for service, address, ports in (one, other)
    }
    assert len(names) == 2


@pytest.mark.parametrize(
    ("target", "ports", "lacking"),
    [
        ("http", {}, ("http",)),
        ("http", {"https": 443}, ("http",)),
        ("http", {"http": 80}, ()),
        (8080, {}, ()),
        (None, {}, ()),
    ],
)
def test_the_named_ports_that_an_endpoint_lacks(
    target: object, ports: dict[str, int], lacking: tuple[str, ...]
) -> None:
    service = {"spec": {"ports": [{"port": 80, "targetPort": target}, {"port": 81}, None]}}
    endpoint = Endpoint(service="ent", address="10.0.0.7", ports=ports)
    assert ports_lacking(endpoint, service) == lacking
    assert ports_lacking(endpoint, {}) == ()


@pytest.mark.parametrize("selector", [None, {}, [], "app=ent"])
def test_a_service_without_a_selector_has_no_endpoints_of_its_own(selector: object) -> None:
    with pytest.raises(InvalidArgument, match="no selector"):
        pod_of(Endpoint(service="ent", address="10.0.0.7"), {"spec": {"selector": selector}})


@pytest.mark.parametrize("address", ["", "nowhere", "localhost", [], ["10.0.0.7", "nowhere"]])
def test_an_endpoint_needs_addresses(address: str | list[str]) -> None:
    with pytest.raises(InvalidArgument, match="address"):
        pod_of(Endpoint(service="ent", address=address), SERVICE)


def test_a_pod_without_a_lease_is_given_one() -> None:
    pod = with_lease({"metadata": {"name": "a"}, "spec": {"nodeName": "n1"}})
    assert pod["spec"] == {"leaseDurationSeconds": 15, "nodeName": "n1"}
    assert (pod["apiVersion"], pod["kind"]) == ("v1", "Pod")
    assert lease_of(pod) == 15
    assert lease_of(with_lease({"spec": {"leaseDurationSeconds": 60}})) == 60


@pytest.mark.parametrize("lease", [0, -1, "15", None])
def test_a_lease_is_a_positive_number_of_seconds(lease: object) -> None:
    with pytest.raises(InvalidArgument, match="leaseDurationSeconds"):
        lease_of({"spec": {"leaseDurationSeconds": lease}})
