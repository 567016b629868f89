"""A Pod as an endpoint: conditions, families and ports."""

import pytest
from hypothesis import given

from app.domain.addresses import IPFamily
from app.domain.objects.endpoint_slice import EndpointPort
from app.domain.objects.pod import Container, ContainerPort, Pod
from app.domain.objects.service import Service, ServicePort
from app.domain.registration.slices.endpoints import (
    EndpointIdentity,
    endpoint_of,
    families_of,
    has_computed_endpoints,
    has_named_ports,
    identity_of,
    ports_on,
)
from tests.builders import (
    NOON,
    a_container,
    a_headless_service,
    a_pod,
    a_service,
    an_endpoint,
)
from tests.strategies import pods, services

HTTP = ContainerPort(container_port=8080, name="http")


@pytest.mark.parametrize(
    ("serving", "terminating", "published", "ready"),
    [
        (True, False, False, True),
        (True, True, False, False),
        (False, False, False, False),
        (False, True, False, False),
        (False, False, True, True),
        (True, True, True, True),
    ],
)
def test_ready_is_serving_and_not_terminating_or_published_regardless(
    serving: bool,  # noqa: FBT001
    terminating: bool,  # noqa: FBT001
    published: bool,  # noqa: FBT001
    ready: bool,  # noqa: FBT001
) -> None:
    service = a_service(publish_not_ready_addresses=published)
    pod = a_pod(ready=serving, deleted_at=NOON if terminating else None)

    endpoint = endpoint_of(service, pod, IPFamily.IPV4, zone="z1")

    assert endpoint is not None
    conditions = endpoint.conditions
    assert (conditions.ready, conditions.serving, conditions.terminating) == (
        ready,
        serving,
        terminating,
    )


@pytest.mark.parametrize(
    "pod",
    [
        a_pod(phase="Succeeded"),
        a_pod(phase="Failed"),
        a_pod(pod_ips=()),
        a_pod(pod_ips=("fd00::1",)),
    ],
)
def test_a_finished_pod_and_one_without_address_are_not_endpoints(pod: Pod) -> None:
    assert endpoint_of(a_service(), pod, IPFamily.IPV4, zone="") is None


def test_a_pending_pod_is_an_endpoint_once_it_has_an_address() -> None:
    assert endpoint_of(a_service(), a_pod(phase="Pending"), IPFamily.IPV4, zone="") is not None


@pytest.mark.parametrize(
    ("hostname", "subdomain", "expected"),
    [("db-0", "db", "db-0"), ("db-0", "other", ""), ("db-0", "", ""), ("", "db", "")],
)
def test_the_hostname_counts_below_the_subdomain_of_the_service(
    hostname: str, subdomain: str, expected: str
) -> None:
    pod = a_pod(hostname=hostname, subdomain=subdomain)
    endpoint = endpoint_of(a_headless_service("db"), pod, IPFamily.IPV4, zone="")

    assert endpoint is not None
    assert endpoint.hostname == expected


@pytest.mark.parametrize(
    ("port", "number"),
    [
        (ServicePort(port=80), 80),
        (ServicePort(port=80, target_port=""), 80),
        (ServicePort(port=80, target_port=9999), 9999),
        (ServicePort(port=80, target_port="http"), 8080),
        (ServicePort(port=80, target_port="http", protocol="UDP"), None),
        (ServicePort(port=80, target_port="side"), 7000),
        (ServicePort(port=80, target_port="once"), None),
    ],
)
def test_a_target_port_is_a_number_or_found_by_name_and_protocol(
    port: ServicePort, number: int | None
) -> None:
    once = ContainerPort(container_port=6000, name="once")
    side = ContainerPort(container_port=7000, name="side")
    pod = a_pod(
        containers=(a_container(HTTP), a_container(ContainerPort(container_port=1, name="http"))),
        init_containers=(
            Container(ports=(once,)),
            Container(ports=(side,), restart_policy="Always"),
        ),
    )

    found = ports_on(a_service(ports=(port,)), pod)

    assert [entry.port for entry in found] == ([] if number is None else [number])


def test_ports_keep_name_and_application_protocol_and_are_sorted() -> None:
    service = a_service(
        ports=(
            ServicePort(port=81, name="b", target_port=8080, app_protocol="http"),
            ServicePort(port=80, name="a", target_port=8080, protocol="UDP"),
        )
    )

    assert ports_on(service, a_pod()) == (
        EndpointPort(port=8080, name="a", protocol="UDP"),
        EndpointPort(port=8080, name="b", protocol="TCP", app_protocol="http"),
    )


def test_an_endpoint_without_a_reference_is_identified_by_its_addresses() -> None:
    assert identity_of(an_endpoint("10.0.0.1")) == EndpointIdentity(("10.0.0.1",), "", "", "")


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (a_service(), True),
        (a_service(selector={}), False),
        (a_service(selector=None), False),
        (a_service(type="ExternalName"), False),
    ],
)
def test_endpoints_are_computed_for_services_with_a_selector_but_not_for_aliases(
    service: Service,
    expected: bool,  # noqa: FBT001
) -> None:
    assert has_computed_endpoints(service) == expected


def test_a_service_without_families_is_ipv4() -> None:
    assert families_of(a_service(ip_families=())) == (IPFamily.IPV4,)


@given(services(), pods())
def test_an_endpoint_has_the_pods_addresses_of_its_family_and_no_others(
    service: Service, pod: Pod
) -> None:
    for family in IPFamily:
        endpoint = endpoint_of(service, pod, family, zone="")
        assert (endpoint is None) == (pod.is_finished or not pod.addresses_of(family))
        assert endpoint is None or endpoint.addresses == pod.addresses_of(family)


@given(services(), pods(), pods())
def test_ports_differ_by_pod_only_when_target_ports_are_names(
    service: Service, pod: Pod, other: Pod
) -> None:
    assert has_named_ports(service) or ports_on(service, pod) == ports_on(service, other)
