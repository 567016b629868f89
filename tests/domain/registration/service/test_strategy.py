"""Admission of Services: defaults, transitions between types, status, warnings."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.errors import CauseReason, Exhausted, Invalid, Violation
from app.domain.labels import Requirement
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.service import LoadBalancerIngress, Service, ServicePort
from app.domain.registration.service.strategy import admit_status
from tests.domain.registration.core import Core, a_pool_of, reasons

LOCAL = "Local"


def a_core(*cidrs: str, **fields: Any) -> Core:  # noqa: ANN401  any field of the core
    """A registry without Services."""
    return Core(pools=a_pool_of(*(cidrs or ("10.96.0.0/24", "fd00::/112"))), **fields)


def a_draft(name: str = "web", **fields: Any) -> Service:  # noqa: ANN401  any field
    """A manifest with one port, as a client writes it."""
    metadata = fields.pop("metadata", ObjectMeta(name=name, namespace="default"))
    draft = Service(metadata=metadata, selector={"app": "web"}, ports=(ServicePort(port=80),))
    return replace(draft, **fields)


def created(core: Core, **fields: Any) -> Service:  # noqa: ANN401  any field
    """A stored Service."""
    return core.create(a_draft(**fields))


def changed(core: Core, stored: Service, **fields: Any) -> Service:  # noqa: ANN401  any field
    """The Service after a patch of some fields."""
    return core.update(stored.metadata.key, replace(stored, **fields))


def refusal(core: Core, **fields: Any) -> list[tuple[str, str]]:  # noqa: ANN401  any field
    """Field and reason of each violation of a new Service."""
    with pytest.raises(Invalid) as refused:
        core.create(a_draft(**fields))
    return reasons(refused.value.causes)


def test_a_plain_service_is_completed() -> None:
    service = created(a_core())
    assert (service.type, service.session_affinity) == ("ClusterIP", "None")
    assert service.ports == (ServicePort(port=80, protocol="TCP", target_port=80),)
    assert service.cluster_ips == (service.cluster_ip,) == ("10.96.0.17",)
    assert service.internal_traffic_policy == "Cluster"
    assert service.external_traffic_policy == ""
    assert (service.ip_families, service.ip_family_policy) == (("IPv4",), "SingleStack")


def test_an_empty_selector_is_none() -> None:
    assert created(a_core(), selector={}).selector is None


def test_the_status_in_a_manifest_is_ignored() -> None:
    sent = (LoadBalancerIngress(ip="198.51.100.1"),)
    core = a_core()
    stored = created(core, type="LoadBalancer", ingress=sent)
    assert stored.ingress == ()
    assert changed(core, stored, ingress=sent).ingress == ()


def test_an_exhausted_range_is_reported_with_the_service() -> None:
    core = a_core("10.96.0.0/30")
    created(core, name="a")
    created(core, name="b")
    with pytest.raises(Exhausted) as refused:
        created(core, name="c")
    assert (refused.value.kind, refused.value.name) == ("Service", "c")


def test_a_family_without_a_ready_range_is_refused_at_the_address_field() -> None:
    core = a_core("10.96.0.0/24")
    retired = tuple(replace(served, is_ready=False) for served in core.pools.ranges)
    core.pools = replace(core.pools, ranges=retired)
    assert refusal(core) == [("spec.clusterIPs", "Invalid")]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"scheduler": "fastest"}, [("spec.scheduler", "NotSupported")]),
        (
            {"selector_expressions": (Requirement(key="a", operator="In"),)},
            [("spec.selectorExpressions[0].values", "Required")],
        ),
        ({"type": "Cluster"}, [("spec.type", "NotSupported")]),
        ({"ip_family_policy": "Dual"}, [("spec.ipFamilyPolicy", "NotSupported")]),
        (
            {"cluster_ip": "10.96.0.9", "cluster_ips": ("10.96.0.8",)},
            [("spec.clusterIPs", "Invalid")],
        ),
        ({"traffic_distribution": ""}, [("spec.trafficDistribution", "NotSupported")]),
        (
            {"type": "LoadBalancer", "ports": (ServicePort(port=10_250),)},
            [("spec.ports[0]", "Invalid")],
        ),
        ({"health_check_node_port": 30_000}, [("spec.healthCheckNodePort", "Invalid")]),
        ({"external_traffic_policy": LOCAL}, [("spec.externalTrafficPolicy", "Invalid")]),
        (
            {"ports": (ServicePort(port=80, app_protocol=""),)},
            [("spec.ports[0].appProtocol", "Invalid")] * 2,
        ),
        (
            {"ports": (ServicePort(port=80, name="x"), ServicePort(port=81, name="x"))},
            [("spec.ports[1].name", "Duplicate")],
        ),
        (
            {"ports": (ServicePort(port=80, node_port=1),)},
            [("spec.ports[0].nodePort", "Forbidden")],
        ),
        ({"external_ips": ("10.0.0.01",)}, [("spec.externalIPs[0]", "Invalid")]),
        (
            {
                "type": "ExternalName",
                "external_name": "db",
                "cluster_ips": ("10.96.0.9",),
                "ip_families": ("IPv4",),
                "ip_family_policy": "SingleStack",
            },
            [
                ("spec.clusterIPs", "Forbidden"),
                ("spec.ipFamilies", "Forbidden"),
                ("spec.ipFamilyPolicy", "Forbidden"),
            ],
        ),
    ],
)
def test_a_violation_names_its_field(
    fields: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert refusal(a_core(), **fields) == expected


def test_all_violations_are_listed_together() -> None:
    metadata = ObjectMeta(name="web", namespace="default", labels={"a b": "c"})
    assert refusal(
        a_core(),
        metadata=metadata,
        ports=(ServicePort(port=0, target_port=1, protocol="tcp"),),
        session_affinity="Cookie",
    ) == [
        ("metadata.labels", "Invalid"),
        ("spec.ports[0].port", "Invalid"),
        ("spec.ports[0].protocol", "NotSupported"),
        ("spec.sessionAffinity", "NotSupported"),
    ]


def test_a_missing_protocol_is_tcp() -> None:
    assert created(a_core(), ports=(ServicePort(port=80, protocol=""),)).ports[0].protocol == "TCP"


@pytest.mark.parametrize(
    ("annotations", "fields", "expected"),
    [
        (
            {"service.kubernetes.io/topology-mode": "Auto"},
            {},
            [],
        ),
        (
            {
                "service.kubernetes.io/topology-mode": "Auto",
                "service.kubernetes.io/topology-aware-hints": "auto",
            },
            {},
            [("metadata.annotations[service.kubernetes.io/topology-mode]", "Invalid")],
        ),
        (
            {"service.beta.kubernetes.io/load-balancer-source-ranges": " "},
            {},
            [
                (
                    "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]",
                    "Forbidden",
                )
            ],
        ),
        (
            {"service.beta.kubernetes.io/load-balancer-source-ranges": "10.0.0.0/8, x"},
            {"type": "LoadBalancer"},
            [
                (
                    "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]",
                    "Invalid",
                )
            ],
        ),
        (
            {"waypost/mass-failure-share": "most", "waypost/mass-failure-minimum": "3"},
            {},
            [("metadata.annotations[waypost/mass-failure-share]", "Invalid")],
        ),
        ({"waypost/mass-failure-share": "off"}, {}, []),
    ],
)
def test_annotations_with_a_meaning_are_validated(
    annotations: dict[str, str], fields: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    metadata = ObjectMeta(name="web", namespace="default", annotations=annotations)
    core = a_core()
    if expected:
        assert refusal(core, metadata=metadata, **fields) == expected
    else:
        created(core, metadata=metadata, **fields)


def test_stored_source_ranges_are_not_validated_again() -> None:
    core = a_core()
    stored = created(core, type="LoadBalancer")
    stored = replace(stored, load_balancer_source_ranges=(" 010.0.0.0/8",))
    core.services[stored.metadata.key] = stored
    kept = changed(core, stored, load_balancer_source_ranges=("010.0.0.0/8 ", "192.0.2.0/24"))
    assert kept.load_balancer_source_ranges == ("010.0.0.0/8 ", "192.0.2.0/24")


def test_stored_addresses_are_not_validated_again() -> None:
    core = a_core()
    stored = created(core)
    old = ("010.96.0.17",)
    stored = replace(stored, cluster_ip=old[0], cluster_ips=old, external_ips=("192.0.2.01",))
    core.services[stored.metadata.key] = stored
    kept = changed(core, stored, selector={"app": "other"})
    assert (kept.cluster_ips, kept.external_ips) == (old, ("192.0.2.01",))
    assert refusal(core, name="other", external_ips=("192.0.2.01",)) == [
        ("spec.externalIPs[0]", "Invalid")
    ]


def test_a_name_may_start_with_a_digit() -> None:
    assert created(a_core(), name="1st").metadata.name == "1st"


def test_cluster_ip_to_node_port_and_back() -> None:
    core = a_core()
    plain = created(core)
    reachable = changed(core, plain, type="NodePort")
    assert reachable.ports[0].node_port == 30_086
    assert reachable.external_traffic_policy == "Cluster"
    assert reachable.cluster_ips == plain.cluster_ips

    assert changed(core, reachable, type="ClusterIP") == plain
    assert 30_086 not in core.pools.held_ports


def test_external_ips_keep_the_external_policy_when_node_ports_go() -> None:
    core = a_core()
    stored = created(core, type="NodePort", external_ips=("198.51.100.9",))
    assert changed(core, stored, type="ClusterIP").external_traffic_policy == "Cluster"


def test_a_load_balancer_that_becomes_a_node_port_keeps_its_ports_and_loses_its_own_fields() -> (
    None
):
    core = a_core()
    balanced = created(
        core,
        type="LoadBalancer",
        external_traffic_policy=LOCAL,
        load_balancer_class="example.com/lb",
    )
    checked = balanced.health_check_node_port
    assert checked in core.pools.held_ports

    reachable = changed(core, balanced, type="NodePort")

    assert reachable.ports == balanced.ports
    assert reachable.external_traffic_policy == LOCAL
    assert reachable.health_check_node_port == 0
    assert checked not in core.pools.held_ports
    assert reachable.load_balancer_class is None
    assert reachable.allocate_load_balancer_node_ports is None


def test_source_ranges_stay_and_prevent_a_change_from_load_balancer() -> None:
    core = a_core()
    stored = created(core, type="LoadBalancer", load_balancer_source_ranges=("10.0.0.0/8",))
    with pytest.raises(Invalid) as refused:
        changed(core, stored, type="ClusterIP")
    assert reasons(refused.value.causes) == [("spec.loadBalancerSourceRanges", "Forbidden")]


def test_local_to_cluster_releases_the_health_check_port() -> None:
    core = a_core()
    stored = created(core, type="LoadBalancer", external_traffic_policy=LOCAL)
    after = changed(core, stored, external_traffic_policy="Cluster")
    assert after.health_check_node_port == 0
    assert stored.health_check_node_port not in core.pools.held_ports
    assert changed(core, after, external_traffic_policy=LOCAL).health_check_node_port != 0


def test_a_health_check_port_is_kept_when_the_manifest_is_applied_again() -> None:
    core = a_core()
    stored = created(core, type="LoadBalancer", external_traffic_policy=LOCAL)
    again = core.update(
        stored.metadata.key, a_draft(type="LoadBalancer", external_traffic_policy=LOCAL)
    )
    assert again == stored


def test_an_update_that_finds_nothing_free_is_exhausted() -> None:
    core = Core(pools=a_pool_of("10.96.0.0/24", node_ports=range(30_000, 30_001)))
    created(core, name="a", type="NodePort")
    stored = created(core, name="b")
    with pytest.raises(Exhausted) as refused:
        changed(core, stored, type="NodePort")
    assert refused.value.name == "b"


def test_an_alias_releases_all_allocations_and_keeps_the_other_fields() -> None:
    core = a_core()
    empty = core.pools
    stored = created(
        core, type="NodePort", session_affinity="ClientIP", ip_family_policy="PreferDualStack"
    )
    alias = changed(core, stored, type="ExternalName", external_name="db.example.com")

    assert alias.cluster_ips == alias.ip_families == ()
    assert alias.ip_family_policy is None
    assert alias.ports[0].node_port == 0
    assert alias.selector == stored.selector
    assert alias.session_affinity == "ClientIP"
    assert core.pools.held_addresses == empty.held_addresses
    assert core.pools.held_ports == empty.held_ports


@pytest.mark.parametrize(
    ("stored", "change", "expected"),
    [
        (
            {"cluster_ip": "None"},
            {"cluster_ip": "10.96.0.9", "cluster_ips": ("10.96.0.9",)},
            [("spec.clusterIPs[0]", "Invalid")],
        ),
        (
            {},
            {"type": "Other", "cluster_ip": "", "cluster_ips": ()},
            [
                ("spec.clusterIPs[0]", "Invalid"),
                ("spec.ipFamilies[0]", "Invalid"),
                ("spec.type", "NotSupported"),
            ],
        ),
        (
            {},
            {"type": "Other", "cluster_ip": "10.96.0.9", "cluster_ips": ()},
            [("spec.clusterIPs", "Required")],
        ),
        (
            {},
            {"cluster_ip": "fd00::5", "cluster_ips": ("fd00::5",), "ip_families": ("IPv6",)},
            [("spec.clusterIPs[0]", "Invalid"), ("spec.ipFamilies[0]", "Invalid")],
        ),
        (
            {"type": "LoadBalancer"},
            {
                "type": "ClusterIP",
                "load_balancer_class": "example.com/lb",
                "allocate_load_balancer_node_ports": False,
            },
            [
                ("spec.loadBalancerClass", "Forbidden"),
                ("spec.allocateLoadBalancerNodePorts", "Forbidden"),
                ("spec.loadBalancerClass", "Forbidden"),
            ],
        ),
        (
            {"type": "LoadBalancer"},
            {"load_balancer_class": "example.com/lb"},
            [("spec.loadBalancerClass", "Invalid")],
        ),
        (
            {"type": "NodePort"},
            {"load_balancer_class": "example.com/lb"},
            [("spec.loadBalancerClass", "Forbidden")]
            * 2,  # once for the change, once for the value
        ),
        (
            {"ip_family_policy": "RequireDualStack"},
            {"cluster_ip": "10.96.0.99", "cluster_ips": ("10.96.0.99", "fd00::99")},
            [("spec.clusterIPs[0]", "Invalid"), ("spec.clusterIPs[1]", "Invalid")],
        ),
        (
            {"ip_family_policy": "RequireDualStack"},
            {
                "ip_family_policy": "SingleStack",
                "cluster_ip": "10.96.0.99",
                "cluster_ips": ("10.96.0.99",),
                "ip_families": ("IPv4",),
            },
            [("spec.clusterIPs[0]", "Invalid")],
        ),
        (
            {},
            {
                "ip_family_policy": "RequireDualStack",
                "cluster_ip": "fd00::5",
                "cluster_ips": ("fd00::5", "10.96.0.5"),
                "ip_families": (),
            },
            [("spec.clusterIPs[0]", "Invalid"), ("spec.ipFamilies[0]", "Invalid")],
        ),
    ],
)
def test_forbidden_changes_are_refused(
    stored: dict[str, Any], change: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    core = a_core()
    before = created(core, **stored)
    pools = core.pools
    with pytest.raises(Invalid) as refused:
        changed(core, before, **change)
    assert reasons(refused.value.causes) == expected
    assert core.pools == pools


def test_a_second_address_may_be_named_in_an_upgrade() -> None:
    core = a_core()
    stored = created(core)
    after = changed(
        core,
        stored,
        ip_family_policy="PreferDualStack",
        cluster_ips=(stored.cluster_ip, "fd00::77"),
    )
    assert after.cluster_ips == (stored.cluster_ip, "fd00::77")
    assert after.ip_families == ("IPv4", "IPv6")


def test_a_headless_service_may_change_its_families() -> None:
    core = a_core()
    stored = created(core, cluster_ip="None")
    after = changed(core, stored, ip_families=("IPv6",))
    assert after.ip_families == ("IPv6",)


def test_node_ports_follow_the_name_of_the_port() -> None:
    core = a_core()
    ports = (ServicePort(port=80, name="a"), ServicePort(port=81, name="b"))
    stored = created(core, type="NodePort", ports=ports)
    swapped = core.update(
        stored.metadata.key,
        a_draft(
            type="NodePort",
            ports=(ServicePort(port=8080, name="b"), ServicePort(port=8081, name="c")),
        ),
    )
    assert swapped.ports[0].node_port == stored.ports[1].node_port
    assert swapped.ports[1].node_port not in {port.node_port for port in stored.ports}


def test_a_balancer_without_node_ports_keeps_the_number_it_was_given() -> None:
    core = a_core()
    ports = (ServicePort(port=80, name="a"), ServicePort(port=81, name="b", node_port=30_081))
    stored = created(
        core, type="LoadBalancer", ports=ports, allocate_load_balancer_node_ports=False
    )
    assert [port.node_port for port in stored.ports] == [0, 30_081]
    assert 30_081 in core.pools.held_ports


def test_a_node_port_serves_one_port_of_each_protocol() -> None:
    core = a_core()
    ports = (ServicePort(port=80, name="a"), ServicePort(port=81, name="b"))
    stored = created(core, type="NodePort", ports=ports)
    number = stored.ports[0].node_port
    udp = replace(stored.ports[1], protocol="UDP", node_port=number)
    assert changed(core, stored, ports=(stored.ports[0], udp)).ports[1].node_port == number
    with pytest.raises(Invalid) as refused:
        changed(core, stored, ports=(stored.ports[0], replace(udp, protocol="TCP")))
    assert reasons(refused.value.causes) == [("spec.ports[1].nodePort", "Duplicate")]


def test_metadata_may_change_except_for_the_name() -> None:
    core = a_core()
    stored = created(core)
    renamed = replace(stored.metadata, labels={"a": "b"})
    assert changed(core, stored, metadata=renamed).metadata.labels == {"a": "b"}
    with pytest.raises(Invalid) as refused:
        core.update(stored.metadata.key, a_draft(name="other"))
    assert reasons(refused.value.causes) == [("metadata.name", "Invalid")]


def test_a_reported_status_is_completed_and_checked() -> None:
    stored = created(a_core(), type="LoadBalancer")
    reported = replace(
        stored,
        ingress=(
            LoadBalancerIngress(ip="198.51.100.1"),
            LoadBalancerIngress(hostname="lb.example.com"),
        ),
    )
    assert [entry.ip_mode for entry in admit_status(stored, reported).ingress] == ["VIP", None]


@pytest.mark.parametrize(
    ("entry", "field", "reason"),
    [
        (LoadBalancerIngress(ip="x", ip_mode="VIP"), "ip", CauseReason.INVALID),
        (LoadBalancerIngress(ip="192.0.2.1", ip_mode="DSR"), "ipMode", CauseReason.NOT_SUPPORTED),
        (LoadBalancerIngress(hostname="a_b"), "hostname", CauseReason.INVALID),
    ],
)
def test_a_bad_ingress_is_refused(
    entry: LoadBalancerIngress, field: str, reason: CauseReason
) -> None:
    stored = created(a_core(), type="LoadBalancer")
    with pytest.raises(Invalid) as refused:
        admit_status(stored, replace(stored, ingress=(entry,)))
    (cause,) = refused.value.causes
    assert (cause.field, cause.reason) == (f"status.loadBalancer.ingress[0].{field}", reason)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"cluster_ip": "FD00::10"}, "non-standard IP"),
        ({"external_ips": ("2001:DB8::1",)}, "deprecated"),
        ({"cluster_ip": "None", "load_balancer_ip": "192.0.2.1"}, "loadBalancerIP is ignored"),
        ({"cluster_ip": "None", "session_affinity": "ClientIP"}, "sessionAffinity is ignored"),
        ({"external_name": "x.example.com"}, "externalName is ignored"),
        ({"traffic_distribution": "PreferClose"}, "PreferSameZone"),
        (
            {"type": "LoadBalancer", "load_balancer_source_ranges": ("2001:DB8::/32",)},
            "non-standard CIDR",
        ),
        (
            {
                "type": "ExternalName",
                "external_name": "x.example.com",
                "external_ips": ("192.0.2.1",),
            },
            "externalIPs is ignored",
        ),
        (
            {
                "metadata": ObjectMeta(
                    name="web",
                    namespace="default",
                    annotations={"service.kubernetes.io/topology-aware-hints": "Auto"},
                )
            },
            "topology-mode",
        ),
    ],
)
def test_probable_mistakes_are_accepted_with_a_warning(fields: dict[str, Any], word: str) -> None:
    core = a_core()
    created(core, **fields)
    assert any(word in warning for warning in core.warnings)


def test_a_long_value_is_shortened_in_its_violation() -> None:
    with pytest.raises(Invalid) as refused:
        created(a_core(), session_affinity="x" * 100_000)
    assert refused.value.causes[0].field == "spec.sessionAffinity"
    assert len(refused.value.message) < 1_000
    assert isinstance(refused.value.causes[0], Violation)
