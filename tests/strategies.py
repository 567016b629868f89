"""Hypothesis strategies for the objects of the core, and for histories of them.

Small worlds on purpose: few names, addresses and labels, so that drawn objects
refer to each other, conflict and are swapped.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate, product
from typing import Any

from hypothesis import strategies as st

from app.domain.changes import Change
from app.domain.names import NamespacedName, Revision
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.node import Node
from app.domain.objects.pod import ContainerPort, Pod
from app.domain.objects.resource import Object
from app.domain.objects.service import Service, ServicePort
from app.domain.resources import resource_of
from tests.builders import (
    NOON,
    a_container,
    a_headless_service,
    a_node,
    a_pod,
    a_service,
    an_alias,
    an_endpoint,
    an_endpoint_slice,
)

NAMESPACES = ("default", "shop")
NODES = ("n1", "n2", "n3")
ZONES = ("", "z1", "z2", "z3")

# Whole values and combinations of them are sampled from precomputed lists: drawing them piece by
# piece is slower.
_LABELS: tuple[dict[str, str], ...] = (
    {"app": "web"},
    {"app": "web", "tier": "a"},
    {"app": "web", "tier": "b"},
    {"app": "db"},
    {"tier": "a"},
    {},
)
_IP_LISTS: tuple[tuple[str, ...], ...] = (
    ("10.244.0.1",),
    ("10.244.0.2",),
    ("010.244.0.3",),
    ("10.244.0.1", "10.244.0.2"),
    ("10.244.0.2", "fd00:1::1"),
    ("FD00:1::2", "10.244.0.1"),
    ("fd00:1::1",),
    (),
)
"""Addresses of Pods: none, one or two, some in unusual spelling."""

_CONTAINERS = (
    (a_container(),),
    (a_container(ContainerPort(container_port=8080, name="http")),),
    (a_container(ContainerPort(container_port=9090, name="http")),),
    (a_container(ContainerPort(container_port=8080, name="http", protocol="UDP")),),
    (
        a_container(ContainerPort(container_port=8080, name="http")),
        a_container(ContainerPort(container_port=9090, name="admin"), name="side"),
    ),
)
_LIVES = (
    ("Running", True, None),
    ("Running", True, None),
    ("Running", False, None),
    ("Running", None, None),
    ("Running", True, NOON),
    ("Running", False, NOON),
    ("Pending", False, None),
    ("Succeeded", False, None),
    ("Failed", True, None),
)
"""Phase, readiness and the time of removal."""

pod_keys = st.sampled_from(
    [(f"p{number}", namespace) for namespace in NAMESPACES for number in range(10)]
)
pod_places = st.sampled_from([*product(_LIVES, ("", *NODES, "unknown"), (1, 1, 0, 5))])
pod_faces = st.sampled_from([*product(_LABELS, _IP_LISTS)])
pod_bodies = st.sampled_from([*product(_CONTAINERS, ("", "db-0"))])


@st.composite
def pods(draw: st.DrawFn, name: str | None = None, namespace: str | None = None) -> Pod:
    """A Pod in any state a registrar may report."""
    drawn_name, drawn_namespace = draw(pod_keys)
    (phase, ready, deleted_at), node_name, weight = draw(pod_places)
    labels, pod_ips = draw(pod_faces)
    containers, hostname = draw(pod_bodies)
    return a_pod(
        name or drawn_name,
        namespace or drawn_namespace,
        ready=ready,
        labels=labels,
        deleted_at=deleted_at,
        phase=phase,
        node_name=node_name,
        pod_ips=pod_ips,
        containers=containers,
        weight=weight,
        hostname=hostname,
        subdomain="web",
    )


_NODE_STATES = [*product(NODES, ZONES, (False, True), ("", "1", "4", "500m"))]
node_states = st.sampled_from(_NODE_STATES)


@st.composite
def nodes(draw: st.DrawFn, name: str | None = None) -> Node:
    """A Node with or without a zone, ready or not."""
    drawn_name, zone, ready, cpu = draw(node_states)
    return a_node(name or drawn_name, zone=zone, ready=ready, allocatable={"cpu": cpu})


_SERVICE_PORTS = (
    (),
    (ServicePort(port=80, name="http", target_port=8080),),
    (ServicePort(port=80, name="http", target_port="http"),),
    (
        ServicePort(port=80, name="http", target_port="http"),
        ServicePort(port=81, name="admin", target_port="admin"),
    ),
)
_SERVICE_FORMS: list[tuple[Callable[..., Service], dict[str, Any]]] = [
    (build, {"ports": ports, "ip_families": families})
    for build, ports, families in product(
        (a_service, a_headless_service),
        _SERVICE_PORTS,
        (("IPv4",), ("IPv6",), ("IPv4", "IPv6")),
    )
]
_SERVICE_CHOICES: list[dict[str, Any]] = [
    {
        "labels": labels,
        "annotations": annotations,
        "selector": selector,
        "publish_not_ready_addresses": publishes_all,
        "traffic_distribution": distribution,
    }
    for labels, annotations, selector, publishes_all, distribution in product(
        _LABELS,
        ({}, {}, {"service.kubernetes.io/topology-mode": "Auto"}),
        ({"app": "web"}, {"app": "web", "tier": "a"}),
        (False, True),
        (None, "PreferSameZone", "PreferSameNode"),
    )
]
service_forms, service_choices = st.sampled_from(_SERVICE_FORMS), st.sampled_from(_SERVICE_CHOICES)


@st.composite
def services(draw: st.DrawFn, name: str = "web", namespace: str = "default") -> Service:
    """A Service with a selector; headless or not, of one family or both."""
    build, form = draw(service_forms)
    return build(name, namespace, **form, **draw(service_choices))


slice_keys = st.sampled_from([*product("abc", NAMESPACES, ("", "web", "db"), (False, True))])
endpoint_numbers = st.lists(st.sampled_from(range(1, 10)), max_size=3, unique=True)


@st.composite
def endpoint_slices(draw: st.DrawFn) -> EndpointSlice:
    """A slice of the Service ``web``, written by hand or managed."""
    letter, namespace, service, is_managed = draw(slice_keys)
    return an_endpoint_slice(
        *(an_endpoint(f"10.244.0.{number}", pod=f"p{number}") for number in draw(endpoint_numbers)),
        name=f"web-{letter}",
        namespace=namespace,
        service=service,
        managed=is_managed,
    )


addressed_keys = st.sampled_from([*product(range(5), range(len(NAMESPACES)))])
addressings = st.sampled_from([*product(range(2), (False, True), (False, True))])
"""Which of two addresses, and which ports have a node port."""


@st.composite
def addressed_services(draw: st.DrawFn) -> Service:
    """A Service of any name, with addresses and node ports that no other drawn Service has."""
    number, place = draw(addressed_keys)
    service = draw(services(f"s{number}", NAMESPACES[place]))
    tens, *has_node_port = draw(addressings)
    if not service.is_headless:
        address = f"10.96.{place}.{number + 1 + 10 * tens}"
        service = replace(service, cluster_ip=address, cluster_ips=(address,))
    ports = tuple(
        replace(port, node_port=30_000 + 100 * place + 10 * number + i if has_node_port[i] else 0)
        for i, port in enumerate(service.ports)
    )
    return replace(service, ports=ports, ip_families=("IPv4",))


objects: st.SearchStrategy[Object] = st.one_of(
    pods(), nodes(), addressed_services(), endpoint_slices()
)


ALIAS_TARGETS = (
    "www.example.com",
    "s0.default.svc.cluster.local",
    "s1.default.svc.cluster.local.",
    "S1.Shop.svc.cluster.local",
    "web.default.svc.cluster.local",
    "below.s0.default.svc.cluster.local",
    "10-244-0-1.web.default.svc.cluster.local",
    "10-244-0-1.default.pod.cluster.local",
    "nope.shop.svc.cluster.local",
    "s0.missing.svc.cluster.local",
    "cluster.local",
    "1.0.244.10.in-addr.arpa",
    "1.0.96.10.in-addr.arpa",
    "192.0.2.1",
)
"""Targets of aliases: Services and aliases that may exist, and names that never do."""

alias_targets = st.sampled_from([*product(range(2), NAMESPACES, ALIAS_TARGETS)])


@st.composite
def aliases(draw: st.DrawFn) -> Service:
    """An ExternalName Service, with a name that other drawn Services may have as well."""
    number, namespace, target = draw(alias_targets)
    return an_alias(f"s{number}", target, namespace)


named_objects: st.SearchStrategy[Object] = st.one_of(objects, aliases())
"""The objects behind names in the DNS, aliases included."""


def named_histories() -> st.SearchStrategy[list[Change]]:
    """Changes of the objects behind names in the DNS."""
    return histories(written=named_objects)


turns = st.sampled_from([*product((False, True), (0, 1))])
"""Whether an existing object is deleted, and by how much the revision increases."""


@st.composite
def histories(
    draw: st.DrawFn, max_size: int = 12, written: st.SearchStrategy[Object] = objects
) -> list[Change]:
    """A history of changes from the empty state: created, replaced, deleted."""
    state: dict[tuple[str, NamespacedName], Object] = {}
    steps = draw(st.lists(st.tuples(written, turns), max_size=max_size))
    revisions = accumulate((stride for _, (_, stride) in steps), initial=1)
    changes: list[Change] = []
    for (drawn, (is_removal, _)), revision in zip(steps, revisions, strict=False):
        place = (resource_of(drawn).name, drawn.metadata.key)
        before = state.pop(place, None)
        after = None if is_removal and before is not None else drawn
        if after is not None:
            state[place] = after
        changes.append(Change(revision=Revision(revision), before=before, after=after))
    return changes


question_types = st.sampled_from([1, 2, 5, 6, 12, 15, 16, 28, 33, 255])
"""A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV and ANY."""

names_below_services = st.tuples(
    st.sampled_from(["", "10-244-0-1", "db-0", "_http._tcp", "_tcp", "x", "a.b.c"]),
    st.sampled_from(["web", "db", "s0", "s1", "s2", "nope"]),
    st.sampled_from([*NAMESPACES, "missing"]),
).map(lambda parts: ".".join((*filter(None, parts), "svc.cluster.local")))
"""Names of and below Services that exist with some objects of this module."""

names_of_the_zone = st.one_of(
    names_below_services,
    st.sampled_from(
        [
            "cluster.local",
            "svc.cluster.local",
            "shop.svc.cluster.local",
            "10-244-0-1.default.pod.cluster.local",
            "1.0.244.10.in-addr.arpa",
            "1.0.96.10.in-addr.arpa",
            "0.96.10.in-addr.arpa",
            "dns-version.cluster.local",
            "nope.cluster.local",
            "example.com",
        ]
    ),
)
"""Names that exist, may exist, or never do."""
