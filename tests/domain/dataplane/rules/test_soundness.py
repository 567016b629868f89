"""State that no rules can be made of, and everything else that may pass."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given

from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.soundness import (
    config_violations,
    node_violations,
    prefix_violations,
    service_violations,
    slice_violations,
)
from app.domain.errors import Violation
from app.domain.objects.endpoint_slice import EndpointPort
from app.domain.objects.service import Service, ServicePort
from tests.builders import a_node, a_service, an_endpoint, an_endpoint_slice
from tests.rules_strategies import proxied_services


def fields(violations: Iterator[Violation]) -> list[str]:
    return [violation.field for violation in violations]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ports": (ServicePort(port=0),)}, "spec.ports[0].port"),
        ({"ports": (ServicePort(port=80, node_port=70_000),)}, "spec.ports[0].nodePort"),
        ({"ports": (ServicePort(port=80, protocol="tcp"),)}, "spec.ports[0].protocol"),
        ({"health_check_node_port": -1}, "spec.healthCheckNodePort"),
        ({"scheduler": "rr; reboot"}, "spec.scheduler"),
        (
            {"affinity_timeout_s": 0},
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
        ),
        ({"load_balancer_source_ranges": ("10.0.0.0",)}, "spec.loadBalancerSourceRanges[0]"),
    ],
)
def test_a_service_that_would_make_wrong_rules_is_refused(
    changes: dict[str, object], field: str
) -> None:
    assert fields(service_violations(replace(a_service(), **changes))) == [field]


def test_a_slice_says_ports_and_weights_that_exist() -> None:
    slice_ = an_endpoint_slice(
        an_endpoint(weight=70_000), ports=(EndpointPort(port=-1), EndpointPort(port=None))
    )
    assert fields(slice_violations(slice_)) == ["ports[0].port", "endpoints[0].weight"]


def test_ranges_are_prefixes() -> None:
    ranges = ("10.96.0.0/12", "10.96.0.0", "fd00::/112", "0.0.0.0/0 } accept")
    assert fields(prefix_violations("spec.cidrs", ranges)) == ["spec.cidrs[1]", "spec.cidrs[3]"]


def test_what_rules_can_be_made_of_passes() -> None:
    ranges = a_service(load_balancer_source_ranges=("10.0.0.0/8", " 2001:db8::/32 "))
    assert fields(service_violations(ranges)) == []
    weighed = an_endpoint_slice(*(an_endpoint(weight=weight) for weight in (None, 0, 65_535)))
    assert fields(slice_violations(weighed)) == []
    config = RulesConfig(
        cluster_cidrs=("10.244.0.0/16", "fd00::/48"), node_port_addresses=(" primary ", "::/0")
    )
    assert fields(config_violations(config)) == []


def test_the_name_of_a_node_is_a_name() -> None:
    assert fields(node_violations(a_node("n1"))) == []
    assert fields(node_violations(a_node("n1\nreboot"))) == ["node.metadata.name"]


def test_a_configuration_says_what_can_be_done() -> None:
    config = RulesConfig(
        scheduler="best", cluster_cidrs=("10.0.0.1",), node_port_addresses=("primary", "all")
    )
    assert fields(config_violations(config)) == [
        "scheduler",
        "clusterCIDR",
        "nodePortAddresses[1]",
    ]


@given(proxied_services())
def test_services_that_a_registry_admits_pass(service: Service) -> None:
    assert fields(service_violations(service)) == []
