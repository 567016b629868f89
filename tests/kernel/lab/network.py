"""Two nodes with their Pods, and a host outside, as network namespaces.

              fabric (bridge, 172.18.0.0/24, fd00:172:18::/64)
          ┌───────────────┬───────────────┐
        node1           node2          outside
       ┌──┼──────┐        ├──────┐
      a1  a2  client1    b1   client2          10.244.N.0/24, fd00:10:244:N::/64

Each Pod hangs on a link of its own and reaches everything through its node, as
with a routed Pod network: no bridge that frames could take around the rules.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.kernel.lab.namespaces import ip_batch, write_sysctls

FABRIC = "fabric"
EXTERNAL_PREFIXES: Final = {"node1": "198.51.100.0/25", "node2": "198.51.100.128/25"}
EXTERNAL_PREFIXES_6: Final = {"node1": "2001:db8:1::/64", "node2": "2001:db8:2::/64"}
CLUSTER_CIDR = "10.244.0.0/16"
CLUSTER_CIDR_6 = "fd00:10:244::/48"

_SYSCTLS: Final = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
    "net/ipv4/icmp_ratelimit": "0",  # or the seventh refusal of a second would go unsaid
    "net/ipv6/icmp/ratelimit": "0",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv6/conf/all/accept_dad": "0",
    "net/ipv6/conf/default/accept_dad": "0",
}


@dataclass(frozen=True, slots=True)
class Host:
    """A machine on the fabric."""

    name: str
    number: int

    @property
    def ip(self) -> str:
        """Its address on the fabric."""
        return f"172.18.0.{self.number}"

    @property
    def ip6(self) -> str:
        """Its IPv6 address on the fabric."""
        return f"fd00:172:18::{self.number}"


@dataclass(frozen=True, slots=True)
class LabPod:
    """A Pod: a namespace behind its node."""

    name: str
    node: str
    number: int

    @property
    def ip(self) -> str:
        """Its address."""
        return f"10.244.{self.node[-1]}.{self.number}"

    @property
    def ip6(self) -> str:
        """Its IPv6 address."""
        return f"fd00:10:244:{self.node[-1]}::{self.number}"


NODES: Final = {host.name: host for host in (Host("node1", 11), Host("node2", 12))}
OUTSIDE: Final = Host("outside", 100)
FABRIC_HOST: Final = Host(FABRIC, 254)
PODS: Final = {
    pod.name: pod
    for pod in (
        LabPod("a1", "node1", 11),
        LabPod("a2", "node1", 12),
        LabPod("client1", "node1", 21),
        LabPod("b1", "node2", 11),
        LabPod("client2", "node2", 21),
    )
}

CLIENT_ALIASES: Final = tuple(f"10.244.1.{number}" for number in range(64, 80))
"""Further addresses of client1: many clients in one namespace."""


def addresses_of_node(name: str) -> set[str]:
    """List the addresses a server may see when a node itself, or for it, connects."""
    number = name[-1]
    return {NODES[name].ip, NODES[name].ip6, f"10.244.{number}.1", f"fd00:10:244:{number}::1"}


def build() -> None:
    """Make all namespaces, links, addresses and routes."""
    names = [*NODES, OUTSIDE.name, *PODS]
    ip_batch(f"netns add {name}" for name in names)
    for name in names:  # before the links, which take the defaults of their namespace
        write_sysctls(_SYSCTLS, namespace=name)
    ip_batch(_fabric())
    for host in (*NODES.values(), OUTSIDE):
        ip_batch(_on_host(host), namespace=host.name)
    for pod in PODS.values():
        ip_batch(_in_pod(pod), namespace=pod.name)


def _fabric() -> Iterator[str]:
    yield "link set lo up"
    yield f"link add {FABRIC} type bridge"
    for host in (*NODES.values(), OUTSIDE):
        yield f"link add to-{host.name} type veth peer name eth0 netns {host.name}"
        yield f"link set to-{host.name} master {FABRIC} up"
    for pod in PODS.values():
        yield f"link add to-{pod.name} netns {pod.node} type veth peer name eth0 netns {pod.name}"
    yield f"addr add {FABRIC_HOST.ip}/24 dev {FABRIC}"
    yield f"addr add {FABRIC_HOST.ip6}/64 dev {FABRIC} nodad"
    yield f"link set {FABRIC} up"


def _on_host(host: Host) -> Iterator[str]:
    yield "link set lo up"
    yield f"addr add {host.ip}/24 dev eth0"
    yield f"addr add {host.ip6}/64 dev eth0 nodad"
    yield "link set eth0 up"
    for pod in PODS.values():
        if pod.node == host.name:
            yield from _to_pod(pod)
    for node in NODES.values():
        if node.name != host.name:
            number = node.name[-1]
            yield f"route add 10.244.{number}.0/24 via {node.ip}"
            yield f"route add fd00:10:244:{number}::/64 via {node.ip6}"
    if host is OUTSIDE:
        for node in NODES.values():
            yield f"route add {EXTERNAL_PREFIXES[node.name]} via {node.ip}"
            yield f"route add {EXTERNAL_PREFIXES_6[node.name]} via {node.ip6}"
    yield f"route add default via {FABRIC_HOST.ip}"
    yield f"route add default via {FABRIC_HOST.ip6}"


def _to_pod(pod: LabPod) -> Iterator[str]:
    number = pod.node[-1]
    yield f"addr add 10.244.{number}.1/32 dev to-{pod.name}"
    yield f"addr add fd00:10:244:{number}::1/128 dev to-{pod.name} nodad"
    yield f"link set to-{pod.name} up"
    yield f"route add {pod.ip}/32 dev to-{pod.name} src 10.244.{number}.1"
    yield f"route add {pod.ip6}/128 dev to-{pod.name}"
    if pod.name == "client1":
        yield from (f"route add {alias}/32 dev to-{pod.name}" for alias in CLIENT_ALIASES)


def _in_pod(pod: LabPod) -> Iterator[str]:
    number = pod.node[-1]
    yield "link set lo up"
    yield f"addr add {pod.ip}/32 dev eth0"
    yield f"addr add {pod.ip6}/128 dev eth0 nodad"
    if pod.name == "client1":
        yield from (f"addr add {alias}/32 dev eth0" for alias in CLIENT_ALIASES)
    yield "link set eth0 up"
    yield f"route add 10.244.{number}.1 dev eth0 scope link"
    yield f"route add default via 10.244.{number}.1 src {pod.ip}"
    yield f"route add fd00:10:244:{number}::1 dev eth0"
    yield f"route add default via fd00:10:244:{number}::1"
