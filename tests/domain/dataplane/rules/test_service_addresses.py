"""Where a Service is reached: its addresses family by family, and who has none."""

import pytest

from app.domain.addresses import IPFamily
from app.domain.dataplane.rules.service_addresses import PROXY_NAME_LABEL, reaches
from app.domain.objects.endpoint_slice import HEADLESS_LABEL
from app.domain.objects.service import LoadBalancerIngress, Service, ServiceType
from tests.builders import a_headless_service, a_service

FOUR, SIX = "10.96.0.20", "fd00:10:96::14"
IPV4, IPV6 = IPFamily.IPV4, IPFamily.IPV6


def addresses(service: Service) -> dict[IPFamily, str]:
    return {reach.family: reach.cluster_ip for reach in reaches(service)}


@pytest.mark.parametrize(
    ("families", "texts", "reached"),
    [
        (("IPv4",), (FOUR,), {IPV4: FOUR}),
        (("IPv6", "IPv4"), (SIX, FOUR), {IPV4: FOUR, IPV6: SIX}),
        (("IPv4",), ("010.096.0.020",), {IPV4: FOUR}),
        ((), (FOUR,), {IPV4: FOUR}),  # as objects were before families
        # What no registry would admit, but a file may say.
        (("IPv4", "IPv4"), (FOUR, "10.96.0.21"), {IPV4: FOUR}),
        (("IPv6", "IPv4"), (FOUR, SIX), dict[IPFamily, str]()),
        (("IPv4",), ("unknown",), dict[IPFamily, str]()),
    ],
)
def test_each_family_has_its_address(
    families: tuple[str, ...], texts: tuple[str, ...], reached: dict[IPFamily, str]
) -> None:
    service = a_service(cluster_ip=texts[0], cluster_ips=texts, ip_families=families)
    assert addresses(service) == reached


@pytest.mark.parametrize(
    "service",
    [
        a_headless_service(),
        a_service(cluster_ip="", cluster_ips=()),
        a_service(type=ServiceType.EXTERNAL_NAME),
        a_service(labels={PROXY_NAME_LABEL: ""}),
        a_service(labels={HEADLESS_LABEL: ""}),
    ],
)
def test_who_has_no_address_or_is_served_by_others_is_not_reached(service: Service) -> None:
    assert reaches(service) == ()


def test_other_addresses_are_those_of_the_family_once_each() -> None:
    ingress = [
        LoadBalancerIngress(ip="203.0.113.9"),
        LoadBalancerIngress(ip="203.0.113.8", ip_mode="Proxy"),  # the balancer answers itself
        LoadBalancerIngress(hostname="lb.example"),
    ]
    service = a_service(
        external_ips=("203.0.113.10", "2001:db8::1", "203.0.113.010", "203.0.113.2"),
        ingress=tuple(ingress),
    )
    (reach,) = reaches(service)
    assert reach.external_ips == ("203.0.113.2", "203.0.113.10")
    assert reach.load_balancer_ips == ("203.0.113.9",)


@pytest.mark.parametrize(
    ("ranges", "kept", "are_foreign"),
    [
        ((), [], False),
        ((" 10.1.2.3/8", "192.0.2.0/24"), ["10.0.0.0/8", "192.0.2.0/24"], False),
        (("10.0.0.0/8", "2001:db8::/32"), ["10.0.0.0/8"], False),
        (("10.0.0.0/8", "0.0.0.0/0"), [], False),
        (("2001:db8::/32",), [], True),
        (("nonsense",), [], False),
    ],
)
def test_ranges_restrict_their_own_family(
    ranges: tuple[str, ...], kept: list[str], *, are_foreign: bool
) -> None:
    service = a_service(
        ingress=(LoadBalancerIngress(ip="203.0.113.9"),), load_balancer_source_ranges=ranges
    )
    (reach,) = reaches(service)
    assert [str(prefix) for prefix in reach.source_ranges] == kept
    assert reach.has_foreign_ranges == are_foreign
