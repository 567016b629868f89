"""Pods: defaults and validation of a registration."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.objects.meta import Condition, ObjectMeta
from app.domain.objects.pod import (
    Container,
    ContainerPort,
    DNSConfig,
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    Pod,
    Probe,
    TCPSocketAction,
)
from app.domain.registration.pod_conditions import with_pod_defaults
from app.domain.registration.pods import STRATEGY
from tests.builders import NOON, a_pod
from tests.domain.registration.core import reasons

DRAFT = Pod(metadata=ObjectMeta(name="web-1", namespace="default"), pod_ips=("10.244.0.1",))
PROBED = (Container(readiness_probe=Probe(tcp_socket=TCPSocketAction(port=80))),)


def ready(pod: Pod) -> str:
    """The status of the Ready condition, of which there is one."""
    (condition,) = (c for c in pod.conditions if c.type == "Ready")
    return condition.status


@pytest.mark.parametrize(
    ("fields", "phase", "status"),
    [
        ({}, "Running", "True"),
        ({"pod_ips": ()}, "Pending", "False"),
        ({"containers": PROBED}, "Running", "False"),
        ({"phase": "Pending"}, "Pending", "True"),
        ({"phase": "Succeeded"}, "Succeeded", "False"),
        ({"conditions": (Condition(type="Ready", status="False"),)}, "Running", "False"),
        (
            {"containers": PROBED, "conditions": (Condition(type="Ready", status="True"),)},
            "Running",
            "True",
        ),
    ],
)
def test_phase_and_readiness_have_defaults(fields: dict[str, Any], phase: str, status: str) -> None:
    pod = with_pod_defaults(replace(DRAFT, **fields))
    assert (pod.phase, ready(pod)) == (phase, status)
    assert with_pod_defaults(pod) == pod


def test_a_pod_needs_no_node() -> None:
    assert STRATEGY.violations(None, a_pod(node_name="")) == ()


def test_other_conditions_stay() -> None:
    pod = replace(DRAFT, conditions=(Condition(type="Scheduled", status="True"),))
    assert [c.type for c in with_pod_defaults(pod).conditions] == ["Scheduled", "Ready"]


def test_readiness_set_by_default_is_updated_later() -> None:
    pod = with_pod_defaults(replace(DRAFT, pod_ips=()))
    assert ready(pod) == "False"
    addressed = with_pod_defaults(replace(pod, pod_ips=("10.244.0.1",)))
    assert ready(addressed) == "True"
    assert ready(with_pod_defaults(replace(addressed, containers=PROBED))) == "False"


def test_reported_readiness_stays() -> None:
    pod = with_pod_defaults(DRAFT)
    flipped = replace(pod.conditions[0], status="False")  # the reason is left as it was
    assert ready(with_pod_defaults(replace(pod, conditions=(flipped,)))) == "False"


def test_a_default_condition_keeps_its_time() -> None:
    pod = with_pod_defaults(DRAFT)
    timed = replace(pod, conditions=(replace(pod.conditions[0], last_transition_at=NOON),))
    assert with_pod_defaults(timed) == timed


def test_a_registration_of_every_field_is_accepted() -> None:
    probes = (
        Probe(http_get=HTTPGetAction(port="http", headers=(("X-Probe", "1"),))),
        Probe(tcp_socket=TCPSocketAction(port=80)),
        Probe(grpc=GRPCAction(port=9090)),
        Probe(exec=ExecAction(command=("pg_isready",))),
        Probe(
            http_get=HTTPGetAction(port=80, path="a b?\n", headers=(("X", "a\nb"),)),
            initial_delay_s=10**6,
            period_s=10**6,
            timeout_s=10**6,
            success_threshold=10**6,
            failure_threshold=10**6,
        ),
    )
    pod = a_pod(
        name="web.1",
        hostname="web-1",
        subdomain="web",
        dns_policy="None",
        dns_config=DNSConfig(
            nameservers=("10.96.0.10",),
            searches=(".", "_tcp.x.", "a_b.c"),
            options=(("ndots", "1"),),
        ),
        containers=tuple(
            Container(
                name=f"c{number}",
                ports=(ContainerPort(container_port=80, name="http"),),
                readiness_probe=probe,
            )
            for number, probe in enumerate(probes)
        ),
        init_containers=(
            Container(name="proxy", restart_policy="Always", readiness_probe=probes[0]),
            Container(name="setup"),
        ),
        restart_policy="Always",
        weight=0,
        lease_duration_s=1,
        grace_period_s=0,
        pod_ips=("10.244.0.1", "fd00::1"),
        host_ip="192.0.2.1",
    )
    assert STRATEGY.violations(None, pod) == ()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": "Web"}, [("metadata.name", "Invalid")]),
        ({"node_name": "N1"}, [("spec.nodeName", "Invalid")]),
        ({"hostname": "a.b"}, [("spec.hostname", "Invalid")]),
        ({"subdomain": "a" * 64}, [("spec.subdomain", "Invalid")]),
        ({"restart_policy": "always"}, [("spec.restartPolicy", "NotSupported")]),
        ({"weight": 65_536}, [("spec.weight", "Invalid")]),
        ({"weight": -1}, [("spec.weight", "Invalid")]),
        ({"lease_duration_s": 0}, [("spec.leaseDurationSeconds", "Invalid")]),
        ({"lease_duration_s": 2**31}, [("spec.leaseDurationSeconds", "Invalid")]),
        ({"pod_ips": ("x",)}, [("status.podIPs[0].ip", "Invalid")]),
        ({"pod_ips": ("10.244.0.01",)}, [("status.podIPs[0].ip", "Invalid")]),
        ({"pod_ips": ("10.244.0.1", "10.244.0.1")}, [("status.podIPs[1].ip", "Duplicate")]),
        ({"pod_ips": ("10.244.0.1", "10.244.0.2")}, [("status.podIPs", "Invalid")]),
        ({"grace_period_s": -1}, []),
        ({"grace_period_s": 2**63 - 1}, []),
        ({"phase": "Ready", "host_ip": "n1"}, []),
        ({"conditions": (Condition(type="", status="true"),) * 2}, []),
    ],
)
def test_a_violation_names_its_field(
    fields: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert reasons(STRATEGY.violations(None, a_pod(**fields))) == expected


@pytest.mark.parametrize(
    ("policy", "config", "expected"),
    [
        ("Cluster", None, [("spec.dnsPolicy", "NotSupported")]),
        ("None", None, [("spec.dnsConfig", "Required")]),
        ("None", DNSConfig(), [("spec.dnsConfig.nameservers", "Required")]),
        (
            "Default",
            DNSConfig(nameservers=("10.0.0.1", "10.0.0.2", "10.0.0.3", "x")),
            [
                ("spec.dnsConfig.nameservers", "Invalid"),
                ("spec.dnsConfig.nameservers[3]", "Invalid"),
            ],
        ),
        (
            "Default",
            DNSConfig(searches=tuple(f"s{number}.example.com" for number in range(33))),
            [("spec.dnsConfig.searches", "Invalid")],
        ),
        (
            "Default",
            DNSConfig(searches=tuple("a" * 60 + f".s{number}" for number in range(32))),
            [("spec.dnsConfig.searches", "Invalid")],
        ),
        (
            "Default",
            DNSConfig(searches=("Upper.case", "", "a..b", "a_.b")),
            [(f"spec.dnsConfig.searches[{index}]", "Invalid") for index in range(4)],
        ),
        (
            "Default",
            DNSConfig(searches=("a." * 126 + "bb",)),
            [("spec.dnsConfig.searches[0]", "Invalid")],
        ),
        ("Default", DNSConfig(options=(("", "1"),)), [("spec.dnsConfig.options[0]", "Required")]),
    ],
)
def test_the_dns_configuration_has_the_limits_of_the_api(
    policy: str, config: DNSConfig | None, expected: list[tuple[str, str]]
) -> None:
    assert (
        reasons(STRATEGY.violations(None, a_pod(dns_policy=policy, dns_config=config))) == expected
    )


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        (Container(name="A"), [("name", "Invalid")]),
        (Container(restart_policy="No"), [("restartPolicy", "NotSupported")]),
        (
            Container(ports=(ContainerPort(container_port=0),)),
            [("ports[0].containerPort", "Required")],
        ),
        (
            Container(ports=(ContainerPort(container_port=65_536),)),
            [("ports[0].containerPort", "Invalid")],
        ),
        (
            Container(ports=(ContainerPort(container_port=1, protocol="QUIC", name="1"),)),
            [("ports[0].name", "Invalid"), ("ports[0].protocol", "NotSupported")],
        ),
        (
            Container(ports=(ContainerPort(container_port=1, name="a"),) * 2),
            [("ports[1].name", "Duplicate")],
        ),
        (Container(readiness_probe=Probe()), [("readinessProbe", "Required")]),
        (
            Container(
                readiness_probe=Probe(
                    grpc=GRPCAction(port=0), tcp_socket=TCPSocketAction(port="http_web")
                )
            ),
            [
                ("readinessProbe.tcpSocket.port", "Invalid"),
                ("readinessProbe.grpc", "Forbidden"),
            ],
        ),
        (
            Container(
                readiness_probe=Probe(
                    exec=ExecAction(command=("true",)),
                    http_get=HTTPGetAction(port=0),
                    tcp_socket=TCPSocketAction(port=0),
                )
            ),
            [
                ("readinessProbe.httpGet", "Forbidden"),
                ("readinessProbe.tcpSocket", "Forbidden"),
            ],
        ),
        (
            Container(readiness_probe=Probe(exec=ExecAction())),
            [("readinessProbe.exec.command", "Required")],
        ),
        (
            Container(readiness_probe=Probe(grpc=GRPCAction(port=0))),
            [("readinessProbe.grpc.port", "Invalid")],
        ),
        (
            Container(
                readiness_probe=Probe(
                    http_get=HTTPGetAction(
                        port=70_000, scheme="http", headers=(("a:b", "1"), ("", "1"), ("a", "1"))
                    )
                )
            ),
            [
                ("readinessProbe.httpGet.port", "Invalid"),
                ("readinessProbe.httpGet.scheme", "NotSupported"),
                ("readinessProbe.httpGet.httpHeaders[0].name", "Invalid"),
                ("readinessProbe.httpGet.httpHeaders[1].name", "Invalid"),
            ],
        ),
        (
            Container(readiness_probe=Probe(http_get=HTTPGetAction(port=80, path=""))),
            [("readinessProbe.httpGet.path", "Required")],
        ),
        (
            Container(
                readiness_probe=Probe(
                    tcp_socket=TCPSocketAction(port=80),
                    initial_delay_s=-1,
                    period_s=-1,
                    timeout_s=-1,
                    success_threshold=-1,
                    failure_threshold=-1,
                )
            ),
            [
                (f"readinessProbe.{field}", "Invalid")
                for field in (
                    "initialDelaySeconds",
                    "timeoutSeconds",
                    "periodSeconds",
                    "successThreshold",
                    "failureThreshold",
                )
            ],
        ),
    ],
)
def test_a_container_is_validated(container: Container, expected: list[tuple[str, str]]) -> None:
    violations = reasons(STRATEGY.violations(None, a_pod(containers=(container,))))
    assert violations == [(f"spec.containers[0].{field}", reason) for field, reason in expected]


def test_containers_of_one_pod_have_different_names() -> None:
    twins = (Container(name="a"), Container(name="a"))
    assert reasons(STRATEGY.violations(None, a_pod(containers=twins))) == [
        ("spec.containers[1].name", "Duplicate")
    ]
    assert reasons(
        STRATEGY.violations(None, a_pod(containers=twins[:1], init_containers=twins[1:]))
    ) == [("spec.initContainers[0].name", "Duplicate")]


def test_only_an_init_container_that_keeps_running_may_have_a_readiness_probe() -> None:
    bad = Probe(tcp_socket=TCPSocketAction(port=0))
    init = Container(name="a", readiness_probe=bad)
    assert reasons(STRATEGY.violations(None, a_pod(init_containers=(init,)))) == [
        ("spec.initContainers[0].readinessProbe", "Forbidden")
    ]
    sidecar = replace(init, restart_policy="Always")
    assert reasons(STRATEGY.violations(None, a_pod(init_containers=(sidecar,)))) == [
        ("spec.initContainers[0].readinessProbe.tcpSocket.port", "Invalid")
    ]


def test_stored_containers_are_not_validated_again() -> None:
    old = a_pod(init_containers=(Container(name="main", readiness_probe=Probe()),))
    assert STRATEGY.violations(None, old)
    assert not STRATEGY.violations(old, replace(old, weight=7))
    assert STRATEGY.violations(old, replace(old, containers=()))


SIDECAR = Container(
    name="proxy", restart_policy="Always", readiness_probe=PROBED[0].readiness_probe
)
EXEC = Container(name="pg", readiness_probe=Probe(exec=ExecAction(command=("pg_isready",))))


@pytest.mark.parametrize(
    ("fields", "reason", "is_probed", "needs_report"),
    [
        ({}, "NoReadinessProbe", False, False),
        ({"containers": PROBED}, "NotProbedYet", True, False),
        ({"init_containers": (SIDECAR,)}, "NotProbedYet", True, False),
        (
            {"init_containers": (replace(SIDECAR, restart_policy=None),)},
            "NoReadinessProbe",
            False,
            False,
        ),
        ({"containers": (EXEC,)}, "NotReportedYet", False, True),
        ({"containers": (EXEC,), "init_containers": (SIDECAR,)}, "NotReportedYet", True, True),
    ],
)
def test_every_readiness_probe_counts_whether_or_not_waypost_runs_it(
    fields: dict[str, Any],
    reason: str,
    is_probed: bool,  # noqa: FBT001
    needs_report: bool,  # noqa: FBT001
) -> None:
    pod = with_pod_defaults(replace(DRAFT, **fields))
    (condition,) = pod.conditions
    assert condition.reason == reason
    assert condition.status == str(reason == "NoReadinessProbe")
    assert (pod.is_probed_from_outside, pod.needs_report) == (is_probed, needs_report)


def test_all_but_the_name_may_change() -> None:
    current = a_pod()
    assert not STRATEGY.violations(
        current, a_pod(node_name="n2", weight=0, pod_ips=("10.244.0.9",))
    )
    assert reasons(STRATEGY.violations(current, a_pod(name="other"))) == [
        ("metadata.name", "Invalid")
    ]


def test_a_stored_address_is_not_validated_again() -> None:
    old = a_pod(pod_ips=("010.244.0.1",))
    assert not STRATEGY.violations(old, old)
