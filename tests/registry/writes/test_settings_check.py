"""Settings that contradict registered objects are found, each with a remedy."""

from dataclasses import replace

import pytest

from app.domain.names import NamespacedName
from app.domain.objects.service import ServicePort, ServiceType
from app.domain.objects.service_cidr import ServiceCIDR
from app.domain.snapshot import Snapshot
from app.domain.work import Policy
from app.registry.writes.bootstrap import DOMAIN_ANNOTATION, bootstrap, dns_service
from app.registry.writes.settings_check import contradictions
from tests.builders import a_meta, a_service
from tests.memory_writer import MemoryWriter
from tests.registry.worlds import World

MADE_WITH = Policy(service_cidrs=("10.43.0.0/16",), cluster_dns="10.43.0.10")


@pytest.fixture
def world() -> World:
    return World(dns_service(MADE_WITH.cluster_dns), policy=MADE_WITH)


def contradicted(snapshot: Snapshot, policy: Policy) -> list[str]:
    return [found.setting.removeprefix("WAYPOST_") for found in contradictions(snapshot, policy)]


@pytest.mark.parametrize(
    "ranges",
    [
        ("10.43.0.0/16",),
        ("10.96.0.0/12", "fd00:10:96::/112"),
        ("10.43.0.0/16", "10.44.0.0/16", "fd00::/112"),
    ],
)
def test_a_registry_agrees_with_the_settings_of_its_first_start(ranges: tuple[str, ...]) -> None:
    address = ranges[0].rpartition(".")[0] + ".10"
    policy = Policy(service_cidrs=ranges, cluster_dns=address)
    made = World(dns_service(address), policy=policy)
    assert contradictions(made.snapshot, policy) == ()


@pytest.mark.parametrize(
    ("changes", "settings"),
    [
        ({"cluster_dns": "10.43.0.53"}, ["CLUSTER_DNS"]),
        ({"cluster_domain": "example.org"}, ["CLUSTER_DOMAIN"]),
        ({"service_cidrs": ("10.44.0.0/16",)}, ["SERVICE_CIDRS"]),
        ({"service_cidrs": ("10.43.0.0/16", "fd00::/112")}, ["SERVICE_CIDRS"]),
        ({"service_cidrs": ("10.43.0.0/24",)}, ["SERVICE_CIDRS"]),
        (
            {"service_cidrs": ("10.44.0.0/16",), "cluster_dns": "10.44.0.10"},
            ["SERVICE_CIDRS", "CLUSTER_DNS"],
        ),
        ({"endpoints_per_slice": 7, "creates_namespaces": False}, []),
    ],
)
def test_each_setting_that_was_changed_later_is_reported(
    world: World, changes: dict[str, object], settings: list[str]
) -> None:
    assert contradicted(world.snapshot, replace(MADE_WITH, **changes)) == settings


def test_the_default_family_of_services_is_that_of_the_first_start() -> None:
    both = ("10.43.0.0/16", "fd00::/112")
    policy = Policy(service_cidrs=both, cluster_dns="10.43.0.10")
    made = World(dns_service("10.43.0.10"), policy=policy)
    turned = replace(policy, service_cidrs=both[::-1])
    assert contradicted(made.snapshot, turned) == ["SERVICE_CIDRS"]


def test_a_range_that_was_added_as_an_object_may_be_set_or_not(world: World) -> None:
    world.create(ServiceCIDR(metadata=a_meta("more", namespace=""), cidrs=("10.50.0.0/16",)))
    both = replace(MADE_WITH, service_cidrs=("10.43.0.0/16", "10.50.0.0/16"))
    assert contradictions(world.snapshot, MADE_WITH) == ()
    assert contradictions(world.snapshot, both) == ()


def test_the_remedy_names_the_address_that_the_dns_service_has(world: World) -> None:
    (found,) = contradictions(world.snapshot, replace(MADE_WITH, cluster_dns="10.43.0.53"))
    assert str(found) == (
        "WAYPOST_CLUSTER_DNS: every resolv.conf names 10.43.0.53, but the Service "
        "kube-system/kube-dns has 10.43.0.10; set it to 10.43.0.10, or delete that Service and "
        "create it with clusterIP 10.43.0.53"
    )


def test_a_registry_that_was_never_started_contradicts_nothing() -> None:
    assert contradictions(Snapshot(), MADE_WITH) == ()


def test_without_a_dns_service_the_address_may_be_that_of_another_service() -> None:
    world = World(policy=MADE_WITH)
    assert contradicted(world.snapshot, MADE_WITH) == ["CLUSTER_DNS"]
    world.create(a_service("my-dns", cluster_ip="10.43.0.10", cluster_ips=()))
    assert contradictions(world.snapshot, MADE_WITH) == ()


def test_a_cache_on_each_node_may_be_the_cluster_dns(world: World) -> None:
    assert contradictions(world.snapshot, replace(MADE_WITH, cluster_dns="169.254.20.10")) == ()


@pytest.mark.parametrize("node_ports", [range(30_000, 30_010), range(31_000, 32_000)])
def test_a_node_port_outside_the_range_is_reported_with_its_service(
    world: World, node_ports: range
) -> None:
    port = ServicePort(port=80, node_port=30_123)
    web = a_service(cluster_ip="", cluster_ips=(), type=ServiceType.NODE_PORT, ports=(port,))
    world.create(web)
    (found,) = contradictions(world.snapshot, replace(MADE_WITH, node_ports=node_ports))
    assert found.setting == "WAYPOST_NODE_PORT_RANGE"
    assert "default/web holds node port 30123" in found.problem


def test_a_changed_domain_is_kept_once_the_annotation_is_removed(world: World) -> None:
    changed = replace(MADE_WITH, cluster_domain="example.org")
    system = world.snapshot.namespaces[NamespacedName("", "kube-system")]
    assert system.metadata.annotations[DOMAIN_ANNOTATION] == "cluster.local"
    world.put(replace(system, metadata=replace(system.metadata, annotations={})))
    assert contradictions(world.snapshot, changed) == ()
    MemoryWriter(world.view, changed).write_now(lambda work: bootstrap(work, with_dns=False))
    assert contradictions(world.snapshot, changed) == ()
    assert contradicted(world.snapshot, MADE_WITH) == ["CLUSTER_DOMAIN"]
