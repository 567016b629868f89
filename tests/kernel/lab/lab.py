"""The state of the lab: which Services there are, and both nodes told about them.

    LabServices -> objects -> Snapshot -> NodeRules of each node -> a backend

Scenarios say what they want in these words; how rules reach a kernel is the
backend's business, and everything in between is the code under test.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from app.domain.addresses import IPFamily
from app.domain.dataplane.rules.model import NodeRules, RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.names import Revision
from app.domain.objects.endpoint_slice import Endpoint, EndpointPort, EndpointSlice
from app.domain.objects.node import NodeAddress
from app.domain.objects.resource import Object
from app.domain.objects.service import (
    LoadBalancerIngress,
    Service,
    ServicePort,
    ServiceType,
    SessionAffinity,
)
from app.domain.snapshot import load
from tests.builders import a_node, a_service, a_service_cidr, an_endpoint, an_endpoint_slice
from tests.kernel.lab.network import CLUSTER_CIDR, CLUSTER_CIDR_6, NODES, PODS, addresses_of_node
from tests.kernel.lab.traffic import SERVER_PORT

SERVICE_PORT = 80
CONFIG: Final = RulesConfig(cluster_cidrs=(CLUSTER_CIDR, CLUSTER_CIDR_6))
RANGES: Final = ("10.96.0.0/16", "fd00:10:96::/112")
"""Where the addresses of Services come from."""
POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class LabService:
    """A Service on port 80 of its protocols; ``pods`` maps Pods of the lab to weights."""

    pods: Mapping[str, int] = field(default_factory=dict[str, int])
    name: str = "web"
    ip: str = "10.96.0.10"
    ip6: str = "fd00:10:96::10"
    affinity_timeout_s: int | None = None
    node_port: int = 0
    external_ips: tuple[str, ...] = ()
    load_balancer_ips: tuple[str, ...] = ()
    source_ranges: tuple[str, ...] = ()
    external_policy: str = "Cluster"
    internal_policy: str = "Cluster"
    scheduler: str | None = None
    protocols: tuple[str, ...] = ("TCP", "UDP")

    def objects(self) -> Iterator[Object]:
        """Give the Service and its slices, one a family."""
        yield self._service()
        for family in IPFamily:
            yield self._slice(family)

    def _service(self) -> Service:
        type_ = ServiceType.NODE_PORT if self.node_port else ServiceType.CLUSTER_IP
        return a_service(
            self.name,
            type=ServiceType.LOAD_BALANCER if self.load_balancer_ips else type_,
            cluster_ip=self.ip,
            cluster_ips=(self.ip, self.ip6),
            ip_families=tuple(IPFamily),
            ports=tuple(
                ServicePort(
                    port=SERVICE_PORT,
                    name=protocol.lower(),
                    protocol=protocol,
                    node_port=self.node_port,
                )
                for protocol in self.protocols
            ),
            session_affinity=SessionAffinity.CLIENT_IP
            if self.affinity_timeout_s
            else SessionAffinity.NONE,
            affinity_timeout_s=self.affinity_timeout_s,
            external_ips=self.external_ips,
            ingress=tuple(LoadBalancerIngress(ip=ip) for ip in self.load_balancer_ips),
            load_balancer_source_ranges=self.source_ranges,
            external_traffic_policy=self.external_policy,
            internal_traffic_policy=self.internal_policy,
            scheduler=self.scheduler,
        )

    def _slice(self, family: IPFamily) -> EndpointSlice:
        return an_endpoint_slice(
            *(self._endpoint(pod, weight, family) for pod, weight in self.pods.items()),
            name=f"{self.name}-{family.lower()}",
            service=self.name,
            address_type=family,
            ports=tuple(
                EndpointPort(name=protocol.lower(), protocol=protocol, port=SERVER_PORT)
                for protocol in self.protocols
            ),
        )

    @staticmethod
    def _endpoint(name: str, weight: int, family: IPFamily) -> Endpoint:
        pod = PODS[name]
        address = pod.ip if family is IPFamily.IPV4 else pod.ip6
        return an_endpoint(address, node_name=pod.node, weight=weight)


class Backend(Protocol):
    """Whatever brings a node's rules into its kernel."""

    def apply(self, desired: NodeRules) -> None:
        """Lead one node to these rules from what it was led to before."""
        ...

    def forget_idle_flows_quickly(self, node: str) -> None:
        """Shorten what the kernel itself remembers of datagrams, where affinity depends on it."""
        ...

    def clear(self, node: str) -> None:
        """Take away all that was applied to a node, and what it remembers of clients."""
        ...


class Lab:
    """Both nodes, in agreement about the Services there are."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._revision = 0

    def apply(
        self,
        *services: LabService,
        config: RulesConfig = CONFIG,
        ranges: tuple[str, ...] = RANGES,
    ) -> None:
        """Let there be these Services and no others."""
        self._revision += 1
        for rules in self.rules(*services, config=config, ranges=ranges).values():
            self.backend.apply(rules)

    def rules(
        self,
        *services: LabService,
        config: RulesConfig = CONFIG,
        ranges: tuple[str, ...] = RANGES,
    ) -> Mapping[str, NodeRules]:
        """Compute the rules of each node for these Services."""
        nodes = [
            a_node(
                name,
                addresses=tuple(
                    NodeAddress(type="InternalIP", address=address)
                    for address in (host.ip, host.ip6, *sorted(addresses_of_node(name)))
                ),
            )
            for name, host in NODES.items()
        ]
        objects = [made for service in services for made in service.objects()]
        served = [a_service_cidr(*ranges)] if ranges else []
        snapshot = load([*nodes, *served, *objects], revision=Revision(self._revision))
        return {node.metadata.name: node_rules(snapshot, node, config) for node in nodes}

    def clear(self) -> None:
        """Go back to empty rules."""
        for node in NODES:
            self.backend.clear(node)


def eventually(holds: Callable[[], bool], *, within_s: float, what: str) -> None:
    """Wait for something to become true; AssertionError names it when time is over."""
    until_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until_s, f"not within {within_s} s: {what}"
        time.sleep(POLL_S)
