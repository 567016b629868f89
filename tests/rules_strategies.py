"""Hypothesis strategies for the state behind rules: Services, slices, nodes, histories.

A small world in which Services share external addresses, node ports and Pods, so that claims
conflict, sets share entries and policies are swapped.
"""

from itertools import permutations, product
from typing import Any

from hypothesis import strategies as st

from app.domain.changes import Change
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.service_addresses import PROXY_NAME_LABEL
from app.domain.names import NamespacedName, Revision
from app.domain.objects.endpoint_slice import (
    AddressType,
    Endpoint,
    EndpointConditions,
    EndpointPort,
    EndpointSlice,
    Hints,
)
from app.domain.objects.node import Node, NodeAddress
from app.domain.objects.resource import Object
from app.domain.objects.service import LoadBalancerIngress, Service, ServicePort
from app.domain.resources import resource_of
from tests.builders import a_node, a_service, a_service_cidr, an_endpoint_slice

NAMES = ("a", "b", "c")
NODES = ("n1", "n2", "")
NODE_ADDRESSES = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "fe80::1", "127.0.0.1")
EXTERNAL_ADDRESSES = ("203.0.113.1", "203.0.113.2", "192.0.2.1", "2001:db8:e::1")

# Parts are sampled from precomputed lists: drawing them piece by piece is slower.
_PORTS = [
    ServicePort(port=port, name=name, protocol=protocol, node_port=node_port)
    for name in ("http", "dns")
    for protocol in ("TCP", "UDP", "SCTP")
    for port in (80, 81)
    for node_port in (0, 0, 80, 30_080, 30_081)
]
service_ports = st.one_of(
    st.sampled_from([(port,) for port in _PORTS]),
    st.sampled_from(
        [
            (one, other)
            for one, other in product(_PORTS, repeat=2)
            if (one.name, one.protocol) != (other.name, other.protocol)
        ]
    ),
)


def addresses(pool: tuple[str, ...], *, count_max: int = 2) -> st.SearchStrategy[tuple[str, ...]]:
    """Some of a few addresses; none, one or several are equally likely."""
    return st.one_of(
        *(st.sampled_from([*permutations(pool, count)]) for count in range(count_max + 1))
    )


external_addresses = addresses(EXTERNAL_ADDRESSES)
_POLICIES: list[dict[str, Any]] = [
    {
        "internal_traffic_policy": internal,
        "external_traffic_policy": external,
        "session_affinity": affinity,
        "health_check_node_port": health_check,
        "scheduler": scheduler,
    }
    for internal, external, affinity, health_check, scheduler in product(
        ("Cluster", "Local"),
        ("Cluster", "Local"),
        ("None", "ClientIP"),
        (0, 31_000),
        (None, "mh", "wrr"),
    )
]
policies = st.sampled_from(_POLICIES)
kinds = st.sampled_from(
    [
        (name, type_, families, {PROXY_NAME_LABEL: ""} if number == 9 else {})
        for number, name, type_, families in product(
            range(10),
            NAMES,
            ("ClusterIP", "NodePort", "LoadBalancer"),
            (("IPv4",), ("IPv6", "IPv4")),
        )
    ]
)
source_ranges = st.sampled_from([(), ("192.0.2.0/24",), ("203.0.113.7/32", "10.0.0.0/8")])


@st.composite
def proxied_services(draw: st.DrawFn) -> Service:
    """A Service with rules on a node, of any type and policy."""
    name, type_, families, labels = draw(kinds)
    number = NAMES.index(name) + 10
    ips = {"IPv4": f"10.96.0.{number}", "IPv6": f"fd00:10:96::{number}"}
    return a_service(
        name,
        labels=labels,
        type=type_,
        ports=draw(service_ports),
        cluster_ip=ips[families[0]],
        cluster_ips=tuple(ips[family] for family in families),
        ip_families=families,
        external_ips=draw(external_addresses),
        ingress=tuple(LoadBalancerIngress(ip=ip) for ip in draw(external_addresses)),
        load_balancer_source_ranges=draw(source_ranges),
        **draw(policies),
    )


conditions = (
    EndpointConditions(),
    EndpointConditions(ready=True, serving=True, terminating=False),
    EndpointConditions(ready=False, serving=True, terminating=True),
    EndpointConditions(ready=False, serving=False, terminating=False),
    EndpointConditions(ready=False, serving=False, terminating=True),
    EndpointConditions(ready=True, serving=True, terminating=True),  # published though not ready
)
hints = (None, Hints(for_zones=("z1",)), Hints(for_nodes=("n1",), for_zones=("z2",)))
POD_ADDRESSES = {
    AddressType.IPV4: ("10.244.0.1", "10.244.0.2", "010.244.0.3"),
    AddressType.IPV6: ("fd00:10:244::1", "fd00:10:244::2", "FD00:10:244:0::3"),
}
_ENDPOINTS = {
    family: [
        Endpoint(addresses=(address,), conditions=state, node_name=node, hints=hint, weight=weight)
        for address, state, node, hint, weight in product(
            pool, conditions, NODES, hints, (None, None, 0, 1, 5)
        )
    ]
    for family, pool in POD_ADDRESSES.items()
}
endpoints = st.sampled_from(_ENDPOINTS[AddressType.IPV4])
slice_ports = st.sampled_from(
    [
        tuple(
            EndpointPort(port=port, name=name, protocol=protocol)
            for port, (name, protocol) in zip(
                ports, product(("http", "dns"), ("TCP", "UDP")), strict=True
            )
        )
        for ports in product((8080, 8081), repeat=4)
    ]
)
slice_names = st.sampled_from([(f"s{number}", name) for number, name in product(range(4), NAMES)])
endpoint_lists = {
    family: st.lists(st.sampled_from(some), max_size=4) for family, some in _ENDPOINTS.items()
}
slice_families = st.sampled_from([AddressType.IPV4, AddressType.IPV4, AddressType.IPV6])
_SAME_PORTS = tuple(
    EndpointPort(port=8080, name=name, protocol=protocol)
    for name, protocol in product(("http", "dns"), ("TCP", "UDP", "SCTP"))
)


def _a_slice(
    name: str, service: str, family: AddressType, *listed: Endpoint, ports: tuple[EndpointPort, ...]
) -> EndpointSlice:
    # The address type of a slice never changes, so each family has its own names.
    named = name if family is AddressType.IPV4 else f"{name}-v6"
    return an_endpoint_slice(*listed, name=named, service=service, address_type=family, ports=ports)


@st.composite
def proxied_slices(draw: st.DrawFn) -> EndpointSlice:
    """A slice of one of the Services."""
    (name, service), family = draw(slice_names), draw(slice_families)
    listed, ports = draw(endpoint_lists[family]), draw(slice_ports)
    return _a_slice(name, service, family, *listed, ports=ports)


@st.composite
def reused_addresses(draw: st.DrawFn) -> tuple[Object, ...]:
    """A Service and slices of it with the same address and port in different states.

    For example, a Pod's address is reused on another node before the old Pod is gone.
    """
    service = draw(proxied_services())
    family = AddressType(draw(st.sampled_from(service.ip_families)))
    names = draw(st.sampled_from([*permutations(("s0", "s1", "s2", "s3"), 2)]))
    shared = draw(st.sampled_from(POD_ADDRESSES[family]))
    copies = st.sampled_from([each for each in _ENDPOINTS[family] if each.addresses[0] == shared])
    others = st.lists(st.sampled_from(_ENDPOINTS[family]), max_size=1)
    slices = [
        _a_slice(
            name,
            service.metadata.name,
            family,
            draw(copies),
            *draw(others),
            ports=_SAME_PORTS,
        )
        for name in names
    ]
    return service, *slices


node_addresses = addresses(NODE_ADDRESSES, count_max=3).map(
    lambda some: tuple(NodeAddress(type="InternalIP", address=address) for address in some)
)
zones = st.sampled_from(["", "z1", "z2"])


@st.composite
def addressed_nodes(draw: st.DrawFn, name: str = "n1") -> Node:
    """The node of the rules."""
    return a_node(name, zone=draw(zones), addresses=draw(node_addresses))


configs = st.builds(
    RulesConfig,
    masquerade_all=st.booleans(),
    cluster_cidrs=st.sampled_from([(), ("10.244.0.0/16",)]),
    node_port_addresses=st.sampled_from([(), ("192.0.2.1/32",), ("primary",)]),
)

service_cidrs = st.builds(
    a_service_cidr,
    *[
        st.sampled_from(
            [
                "10.96.0.0/12",
                "10.96.0.0/16",  # in the first
                "10.97.0.0/16",
                "10.112.0.0/13",
                "192.0.2.0/24",  # contains nodes
                "fd00:10:96::/112",
                "fd00:10:96::1:0/112",
            ]
        )
    ]
    * 2,
    name=st.sampled_from(["kubernetes", "more"]),
)
rule_objects: st.SearchStrategy[Object] = st.one_of(
    proxied_services(), proxied_slices(), proxied_slices(), addressed_nodes(), service_cidrs
)
rule_steps: st.SearchStrategy[tuple[Object, ...]] = st.one_of(
    *[rule_objects.map(lambda drawn: (drawn,))] * 4, reused_addresses()
)


@st.composite
def rule_histories(draw: st.DrawFn, max_size: int = 10) -> list[Change]:
    """A history of changes from the empty state, one per revision."""
    state: dict[tuple[str, NamespacedName], Object] = {}
    changes: list[Change] = []
    steps = draw(st.lists(st.tuples(rule_steps, st.integers(0, 4)), max_size=max_size))
    taken = [(drawn, chance) for together, chance in steps for drawn in together]
    for revision, (drawn, chance) in enumerate(taken, start=1):
        place = (resource_of(drawn).name, drawn.metadata.key)
        before = state.pop(place, None)
        is_removal = chance == 0 and before is not None
        if not is_removal:
            state[place] = drawn
        changes.append(
            Change(revision=Revision(revision), before=before, after=None if is_removal else drawn)
        )
    return changes
