"""The wire shape of a Pod, a registration of a process that listens at an address.

    PodWrite -> Pod (domain) -> dict

Source: contract.md, "Objects"; spec kubernetes-api 3.2 to 3.4, spec resolver 9.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from app.domain.objects import pod as domain
from app.schemas.base import Input, Int32, Int64, put_not_empty, put_set, words
from app.schemas.objects.container import Container, decode_containers, encode_containers
from app.schemas.objects.metadata import (
    Condition,
    decode_conditions,
    decode_meta,
    encode_conditions,
)
from app.schemas.objects.wire import Linked, Manifest, Wire, read_model


class DNSConfigOption(Input):
    """One option of resolv.conf."""

    name: str | None = Field(default=None, examples=["ndots"])
    value: str | None = Field(default=None, examples=["2"])
    documented_required: ClassVar = ("name",)


class DNSConfig(Input):
    """The additions of a Pod to its resolv.conf."""

    nameservers: list[str] | None = None
    searches: list[str] | None = None
    options: list[DNSConfigOption] | None = None


class PodSpec(Input):
    """The registered properties of a Pod."""

    node_name: str | None = Field(default=None, examples=["n1"])
    hostname: str | None = None
    subdomain: str | None = Field(
        default=None, description="Names the headless Service that gives the hostname a DNS name."
    )
    host_network: bool | None = None
    dns_policy: (
        Annotated[str, words(domain.DNSPolicy, default=domain.DNSPolicy.CLUSTER_FIRST)] | None
    ) = None
    dns_config: DNSConfig | None = None
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    termination_grace_period_seconds: Int64 | None = None
    restart_policy: str | None = None
    scheduler_name: str | None = None
    service_account_name: str | None = None
    weight: Int32 | None = Field(
        default=None,
        description="Share of the traffic, 0 to 65535; 1 when absent, 0 drains "
        "(an extension of Waypost).",
    )
    lease_duration_seconds: Int32 | None = Field(
        default=None,
        description="Heartbeats are expected within this time; absent means no lease "
        "(an extension of Waypost).",
    )


class PodIP(Input):
    """One address of a Pod."""

    ip: str | None = Field(default=None, examples=["10.244.1.5"])
    documented_required: ClassVar = ("ip",)


class PodStatus(Input):
    """The state of a Pod that its registrar or a probe reports."""

    phase: Annotated[str, words(domain.PodPhase)] | None = Field(
        default=None, description="Running when absent and there is an address, else Pending."
    )
    conditions: list[Condition] | None = None
    pod_ip: str | None = Field(default=None, examples=["10.244.1.5"])
    pod_ips: list[PodIP] | None = Field(default=None, description="At most one address a family.")
    host_ip: str | None = None
    reason: str | None = None
    message: str | None = None
    nominated_node_name: str | None = None


class PodWrite(Manifest):
    """A Pod manifest."""

    spec: PodSpec | None = None
    status: PodStatus | None = None
    of_kind: ClassVar = "Pod"


def decode_pod(wire: PodWrite) -> domain.Pod:
    """Decode a Pod."""
    spec, status = wire.spec or PodSpec(), wire.status or PodStatus()
    return domain.Pod(
        metadata=decode_meta(wire.metadata),
        node_name=spec.node_name or "",
        hostname=spec.hostname or "",
        subdomain=spec.subdomain or "",
        host_network=spec.host_network or False,
        dns_policy=spec.dns_policy or domain.DNSPolicy.CLUSTER_FIRST,
        dns_config=_decode_dns_config(spec.dns_config),
        containers=decode_containers(spec.containers),
        init_containers=decode_containers(spec.init_containers),
        grace_period_s=spec.termination_grace_period_seconds,
        restart_policy=spec.restart_policy or "",
        scheduler_name=spec.scheduler_name or "",
        service_account_name=spec.service_account_name or "",
        weight=domain.WEIGHT_DEFAULT if spec.weight is None else spec.weight,
        lease_duration_s=spec.lease_duration_seconds,
        phase=status.phase or "",
        pod_ips=_decode_ips(status),
        host_ip=status.host_ip or "",
        conditions=decode_conditions(status.conditions),
        reason=status.reason or "",
        message=status.message or "",
        nominated_node_name=status.nominated_node_name or "",
    )


def _decode_ips(status: PodStatus) -> tuple[str, ...]:
    ips = tuple(entry.ip or "" for entry in status.pod_ips or ())
    if status.pod_ip and status.pod_ip not in ips[:1]:
        return (status.pod_ip,)  # as in Kubernetes, the singular field wins when they disagree
    return ips


def _decode_dns_config(wire: DNSConfig | None) -> domain.DNSConfig | None:
    if wire is None:
        return None
    return domain.DNSConfig(
        nameservers=tuple(wire.nameservers or ()),
        searches=tuple(wire.searches or ()),
        options=tuple((option.name or "", option.value) for option in wire.options or ()),
    )


def encode_pod(pod: domain.Pod) -> dict[str, object]:
    """Encode the spec and status of a Pod; containers, addresses and conditions are lists."""
    return {"spec": _encode_spec(pod), "status": _encode_status(pod)}


_SPEC_NOT_EMPTY = {
    "nodeName": "node_name",
    "hostname": "hostname",
    "subdomain": "subdomain",
    "hostNetwork": "host_network",
    "dnsPolicy": "dns_policy",
    "restartPolicy": "restart_policy",
    "schedulerName": "scheduler_name",
    "serviceAccountName": "service_account_name",
}
_SPEC_SET = {
    "terminationGracePeriodSeconds": "grace_period_s",
    "leaseDurationSeconds": "lease_duration_s",
}
_STATUS_NOT_EMPTY = {
    "phase": "phase",
    "hostIP": "host_ip",
    "reason": "reason",
    "message": "message",
    "nominatedNodeName": "nominated_node_name",
}


def _encode_spec(pod: domain.Pod) -> dict[str, object]:
    spec: dict[str, object] = {"containers": encode_containers(pod.containers)}
    if pod.init_containers:
        spec["initContainers"] = encode_containers(pod.init_containers)
    put_not_empty(spec, pod, _SPEC_NOT_EMPTY)
    if pod.dns_config is not None:
        spec["dnsConfig"] = _encode_dns_config(pod.dns_config)
    put_set(spec, pod, _SPEC_SET)
    if pod.weight != domain.WEIGHT_DEFAULT:
        spec["weight"] = pod.weight
    return spec


def _encode_dns_config(config: domain.DNSConfig) -> dict[str, object]:
    wire: dict[str, object] = {}
    put_not_empty(wire, config, {"nameservers": "nameservers", "searches": "searches"})
    if config.options:
        wire["options"] = [
            {"name": name} if value is None else {"name": name, "value": value}
            for name, value in config.options
        ]
    return wire


def _encode_status(pod: domain.Pod) -> dict[str, object]:
    status: dict[str, object] = {}
    put_not_empty(status, pod, _STATUS_NOT_EMPTY)
    if pod.pod_ips:
        status["podIP"] = pod.pod_ips[0]
    status["podIPs"] = [{"ip": ip} for ip in pod.pod_ips]
    status["conditions"] = encode_conditions(pod.conditions)
    return status


WIRE = Wire(
    resource=domain.POD,
    write=PodWrite,
    read=read_model(domain.POD, "A registered Pod.", spec=PodSpec, status=PodStatus),
    decode=decode_pod,
    encode=encode_pod,
    linked=Linked("status", "podIP", "podIPs"),
)
