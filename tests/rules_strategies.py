"""Hypothesis strategies for state that rules are made of: Services, slices, nodes, histories.

A small world in which Services share external addresses, node ports and Pods, so that claims
clash, sets share entries and policies change places.
"""

from hypothesis import strategies as st

from app.domain.changes import Change
from app.domain.dataplane.reach import PROXY_NAME_LABEL
from app.domain.dataplane.rules import RulesConfig
from app.domain.names import NamespacedName, Revision
from app.domain.objects.endpoint_slice import (
    AddressType,
    Endpoint,
    EndpointConditions,
    EndpointPort,
    EndpointSlice,
    Hints,
)
from app.domain.objects.kinds import Object, kind_of
from app.domain.objects.node import Node, NodeAddress
from app.domain.objects.service import LoadBalancerIngress, Service, ServicePort
from tests.builders import a_node, a_service, an_endpoint_slice

NAMES = ("a", "b", "c")
NODES = ("n1", "n2", "")
NODE_ADDRESSES = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "fe80::1", "127.0.0.1")
EXTERNAL_ADDRESSES = ("203.0.113.1", "203.0.113.2", "192.0.2.1", "2001:db8:e::1")

service_ports = st.lists(
    st.builds(
        ServicePort,
        port=st.sampled_from([80, 81]),
        name=st.sampled_from(["http", "dns"]),
        protocol=st.sampled_from(["TCP", "UDP", "SCTP"]),
        node_port=st.sampled_from([0, 0, 80, 30_080, 30_081]),
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda port: (port.name, port.protocol),
).map(tuple)


def addresses(pool: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    """Some of a few addresses."""
    return st.lists(st.sampled_from(pool), max_size=2, unique=True).map(tuple)


@st.composite
def proxied_services(draw: st.DrawFn) -> Service:
    """A Service that a node has rules for, of any type and policy."""
    name = draw(st.sampled_from(NAMES))
    number = NAMES.index(name) + 10
    ips = {"IPv4": f"10.96.0.{number}", "IPv6": f"fd00:10:96::{number}"}
    families = draw(st.sampled_from([("IPv4",), ("IPv6", "IPv4")]))
    vips = draw(addresses(EXTERNAL_ADDRESSES))
    return a_service(
        name,
        labels={PROXY_NAME_LABEL: ""} if draw(st.integers(0, 9)) == 9 else {},
        type=draw(st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"])),
        ports=draw(service_ports),
        cluster_ip=ips[families[0]],
        cluster_ips=tuple(ips[family] for family in families),
        ip_families=families,
        external_ips=draw(addresses(EXTERNAL_ADDRESSES)),
        ingress=tuple(LoadBalancerIngress(ip=ip) for ip in vips),
        load_balancer_source_ranges=draw(
            st.sampled_from([(), ("192.0.2.0/24",), ("203.0.113.7/32", "10.0.0.0/8")])
        ),
        internal_traffic_policy=draw(st.sampled_from(["Cluster", "Local"])),
        external_traffic_policy=draw(st.sampled_from(["Cluster", "Local"])),
        session_affinity=draw(st.sampled_from(["None", "ClientIP"])),
        health_check_node_port=draw(st.sampled_from([0, 31_000])),
        scheduler=draw(st.sampled_from([None, "mh", "wrr"])),
    )


conditions = st.sampled_from(
    [
        EndpointConditions(),
        EndpointConditions(ready=True, serving=True, terminating=False),
        EndpointConditions(ready=False, serving=True, terminating=True),
        EndpointConditions(ready=False, serving=False, terminating=False),
    ]
)
endpoints = st.builds(
    Endpoint,
    addresses=st.sampled_from(["10.244.0.1", "10.244.0.2", "010.244.0.3"]).map(lambda ip: (ip,)),
    conditions=conditions,
    node_name=st.sampled_from(NODES),
    hints=st.sampled_from(
        [None, Hints(for_zones=("z1",)), Hints(for_nodes=("n1",), for_zones=("z2",))]
    ),
    weight=st.sampled_from([None, None, 0, 1, 5]),
)


@st.composite
def proxied_slices(draw: st.DrawFn) -> EndpointSlice:
    """A slice of one of the Services."""
    return an_endpoint_slice(
        *draw(st.lists(endpoints, max_size=4)),
        name=f"s{draw(st.integers(0, 3))}",
        service=draw(st.sampled_from(NAMES)),
        address_type=AddressType.IPV4,
        ports=tuple(
            EndpointPort(port=draw(st.sampled_from([8080, 8081])), name=name, protocol=protocol)
            for name in ("http", "dns")
            for protocol in ("TCP", "UDP")
        ),
    )


@st.composite
def addressed_nodes(draw: st.DrawFn, name: str = "n1") -> Node:
    """The node that rules are for."""
    return a_node(
        name,
        zone=draw(st.sampled_from(["", "z1", "z2"])),
        addresses=tuple(
            NodeAddress(type="InternalIP", address=address)
            for address in draw(st.lists(st.sampled_from(NODE_ADDRESSES), max_size=3, unique=True))
        ),
    )


configs = st.builds(
    RulesConfig,
    masquerade_all=st.booleans(),
    cluster_cidrs=st.sampled_from([(), ("10.244.0.0/16",)]),
    node_port_addresses=st.sampled_from([(), ("192.0.2.1/32",), ("primary",)]),
)

rule_objects: st.SearchStrategy[Object] = st.one_of(
    proxied_services(), proxied_slices(), proxied_slices(), addressed_nodes()
)


@st.composite
def rule_histories(draw: st.DrawFn, max_size: int = 10) -> list[Change]:
    """Changes that follow each other from the empty state, one a revision."""
    state: dict[tuple[str, NamespacedName], Object] = {}
    changes: list[Change] = []
    steps = draw(st.lists(st.tuples(rule_objects, st.integers(0, 4)), max_size=max_size))
    for revision, (drawn, chance) in enumerate(steps, start=1):
        place = (kind_of(drawn).name, drawn.metadata.key)
        before = state.pop(place, None)
        is_removal = chance == 0 and before is not None
        if not is_removal:
            state[place] = drawn
        changes.append(
            Change(revision=Revision(revision), before=before, after=None if is_removal else drawn)
        )
    return changes
