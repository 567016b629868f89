"""Hypothesis strategies for the nouns of the core, and for histories of them.

Small worlds on purpose: few names, few addresses, few labels, so that what is
drawn meets, collides and changes places.
"""

from dataclasses import replace
from itertools import accumulate

from hypothesis import strategies as st

from app.domain.changes import Change
from app.domain.names import NamespacedName, Revision
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.kinds import Object, kind_of
from app.domain.objects.node import Node
from app.domain.objects.pod import ContainerPort, Pod
from app.domain.objects.service import Service, ServicePort
from tests.builders import (
    NOON,
    a_container,
    a_headless_service,
    a_node,
    a_pod,
    a_service,
    an_endpoint,
    an_endpoint_slice,
)

NAMESPACES = ("default", "shop")
NODES = ("n1", "n2", "n3")
ZONES = ("", "z1", "z2", "z3")

# Whole values are sampled rather than put together: a draw costs more than what is drawn.
labels = st.sampled_from(
    [
        {"app": "web"},
        {"app": "web", "tier": "a"},
        {"app": "web", "tier": "b"},
        {"app": "db"},
        {"tier": "a"},
        {},
    ]
)
ip_lists = st.sampled_from(
    [
        ("10.244.0.1",),
        ("10.244.0.2",),
        ("010.244.0.3",),
        ("10.244.0.1", "10.244.0.2"),
        ("10.244.0.2", "fd00:1::1"),
        ("FD00:1::2", "10.244.0.1"),
        ("fd00:1::1",),
        (),
    ]
)
"""What Pods have: none, one or two addresses, some of them spelt oddly."""

containers = st.sampled_from(
    [
        (a_container(),),
        (a_container(ContainerPort(container_port=8080, name="http")),),
        (a_container(ContainerPort(container_port=9090, name="http")),),
        (a_container(ContainerPort(container_port=8080, name="http", protocol="UDP")),),
        (
            a_container(ContainerPort(container_port=8080, name="http")),
            a_container(ContainerPort(container_port=9090, name="admin"), name="side"),
        ),
    ]
)
lives = st.sampled_from(
    [
        ("Running", True, None),
        ("Running", True, None),
        ("Running", False, None),
        ("Running", None, None),
        ("Running", True, NOON),
        ("Running", False, NOON),
        ("Pending", False, None),
        ("Succeeded", False, None),
        ("Failed", True, None),
    ]
)
"""Phase, readiness and the time of removal."""


@st.composite
def pods(draw: st.DrawFn, name: str | None = None, namespace: str | None = None) -> Pod:
    """A Pod in any state a registrar may report."""
    phase, ready, deleted_at = draw(lives)
    return a_pod(
        name or f"p{draw(st.integers(0, 9))}",
        namespace or draw(st.sampled_from(NAMESPACES)),
        ready=ready,
        labels=draw(labels),
        deleted_at=deleted_at,
        phase=phase,
        node_name=draw(st.sampled_from(["", *NODES, "unknown"])),
        pod_ips=draw(ip_lists),
        containers=draw(containers),
        weight=draw(st.sampled_from([1, 1, 0, 5])),
        hostname=draw(st.sampled_from(["", "db-0"])),
        subdomain="web",
    )


@st.composite
def nodes(draw: st.DrawFn, name: str | None = None) -> Node:
    """A Node with or without a zone, ready or not."""
    return a_node(
        name or draw(st.sampled_from(NODES)),
        zone=draw(st.sampled_from(ZONES)),
        ready=draw(st.booleans()),
        allocatable={"cpu": draw(st.sampled_from(["", "1", "4", "500m"]))},
    )


service_ports = st.sampled_from(
    [
        (),
        (ServicePort(port=80, name="http", target_port=8080),),
        (ServicePort(port=80, name="http", target_port="http"),),
        (
            ServicePort(port=80, name="http", target_port="http"),
            ServicePort(port=81, name="admin", target_port="admin"),
        ),
    ]
)


@st.composite
def services(draw: st.DrawFn, name: str = "web", namespace: str = "default") -> Service:
    """A Service with a selector; headless or not, of one family or both."""
    build = draw(st.sampled_from([a_service, a_headless_service]))
    return build(
        name,
        namespace,
        labels=draw(labels),
        annotations=draw(
            st.sampled_from([{}, {}, {"service.kubernetes.io/topology-mode": "Auto"}])
        ),
        selector=draw(st.sampled_from([{"app": "web"}, {"app": "web", "tier": "a"}])),
        ports=draw(service_ports),
        ip_families=draw(st.sampled_from([("IPv4",), ("IPv6",), ("IPv4", "IPv6")])),
        publish_not_ready_addresses=draw(st.booleans()),
        traffic_distribution=draw(st.sampled_from([None, "PreferSameZone", "PreferSameNode"])),
    )


@st.composite
def endpoint_slices(draw: st.DrawFn) -> EndpointSlice:
    """A slice of the Service ``web``, written by hand or managed."""
    numbers = draw(st.lists(st.integers(1, 9), max_size=3, unique=True))
    return an_endpoint_slice(
        *(an_endpoint(f"10.244.0.{number}", pod=f"p{number}") for number in numbers),
        name=f"web-{draw(st.sampled_from('abc'))}",
        namespace=draw(st.sampled_from(NAMESPACES)),
        service=draw(st.sampled_from(["", "web", "db"])),
        managed=draw(st.booleans()),
    )


@st.composite
def addressed_services(draw: st.DrawFn) -> Service:
    """A Service of any name that holds addresses and node ports no other drawn one holds."""
    number = draw(st.integers(0, 4))
    service = draw(services(f"s{number}", draw(st.sampled_from(NAMESPACES))))
    place = NAMESPACES.index(service.metadata.namespace)
    if not service.is_headless:
        address = f"10.96.{place}.{number + 1 + 10 * draw(st.integers(0, 1))}"
        service = replace(service, cluster_ip=address, cluster_ips=(address,))
    ports = tuple(
        replace(port, node_port=draw(st.sampled_from([0, 30_000 + 100 * place + 10 * number + i])))
        for i, port in enumerate(service.ports)
    )
    return replace(service, ports=ports, ip_families=("IPv4",))


objects: st.SearchStrategy[Object] = st.one_of(
    pods(), nodes(), addressed_services(), endpoint_slices()
)


@st.composite
def histories(draw: st.DrawFn, max_size: int = 12) -> list[Change]:
    """Changes that follow each other from the empty state: written, rewritten, removed."""
    state: dict[tuple[str, NamespacedName], Object] = {}
    steps = draw(st.lists(st.tuples(objects, st.booleans(), st.integers(0, 1)), max_size=max_size))
    revisions = accumulate((step for _, _, step in steps), initial=1)
    changes: list[Change] = []
    for (drawn, is_removal, _), revision in zip(steps, revisions, strict=False):
        place = (kind_of(drawn).name, drawn.metadata.key)
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
"""Names of Services, and below them, that the objects of this module may make exist."""

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
