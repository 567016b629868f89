"""Every draft is admitted or refused: no other exception escapes.

Arbitrary texts take the place of words, names, addresses and numbers.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import DomainError
from app.domain.labels import Requirement
from app.domain.objects.endpoint_slice import Endpoint, EndpointPort, EndpointSlice, Hints
from app.domain.objects.meta import Condition, ObjectMeta, OwnerReference
from app.domain.objects.namespace import Namespace
from app.domain.objects.node import Node, NodeAddress
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
from app.domain.objects.service import LoadBalancerIngress, Service, ServicePort
from app.domain.objects.service_cidr import ServiceCIDR
from app.domain.registration import namespaces, nodes, pods, service_cidrs
from app.domain.registration.pod_conditions import with_pod_defaults
from app.domain.registration.service.strategy import admit_status
from app.domain.registration.slices import validation
from tests.domain.registration.core import Core, a_pool_of, assert_consistent

WORDS = (
    "", "None", "web", "WEB", "a.b", "a/b", "a/b/c", ".", "..", "-", "\0", "\ud800", "x" * 300,
    "10.96.0.10", "010.96.0.10", "10.96.0.0/24", "::", "fd00::5", "FD00::5", "::ffff:10.96.0.10",
    "::ffff:1.2.3.4/120", "fe80::1%1", "1.2.3", "0/0", "٣", "IPv4", "IPv6", "ClusterIP",
    "NodePort", "LoadBalancer", "ExternalName", "ClientIP", "Local", "Cluster", "SingleStack",
    "PreferDualStack", "RequireDualStack", "TCP", "In", "Exists", "True", "VIP",
)  # fmt: skip
words = st.one_of(st.sampled_from(WORDS), st.text(max_size=5))
numbers = st.one_of(
    st.sampled_from([0, 1, 80, 30_000, 30_086, 65_536, -1, 2**31, 2**200]), st.integers()
)
optional_words = st.none() | words
maps = st.dictionaries(words, words, max_size=3)


def lists(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Up to three values."""
    return st.lists(values, max_size=3).map(tuple)


metadata = st.builds(
    ObjectMeta,
    name=words,
    namespace=words,
    generate_name=words,
    labels=maps,
    annotations=maps,
    finalizers=lists(words),
    owner_references=lists(
        st.builds(OwnerReference, api_version=words, kind=words, name=words, uid=words)
    ),
)
conditions = lists(st.builds(Condition, type=words, status=words, reason=words))
_SERVICE_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "selector": st.none() | maps,
    "selector_expressions": lists(
        st.builds(Requirement, key=words, operator=words, values=lists(words))
    ),
    "cluster_ip": words,
    "cluster_ips": lists(words),
    "ip_families": lists(words),
    "ip_family_policy": optional_words,
    "session_affinity": words,
    "affinity_timeout_s": st.none() | numbers,
    "external_name": words,
    "external_ips": lists(words),
    "external_traffic_policy": words,
    "internal_traffic_policy": optional_words,
    "health_check_node_port": numbers,
    "allocate_load_balancer_node_ports": st.none() | st.booleans(),
    "load_balancer_class": optional_words,
    "load_balancer_ip": words,
    "load_balancer_source_ranges": lists(words),
    "traffic_distribution": optional_words,
    "scheduler": optional_words,
    "ingress": lists(
        st.builds(LoadBalancerIngress, ip=words, hostname=words, ip_mode=optional_words)
    ),
    "conditions": conditions,
}
ports = lists(
    st.builds(
        ServicePort,
        port=numbers,
        name=words,
        protocol=words,
        target_port=numbers | words,
        node_port=numbers,
        app_protocol=optional_words,
    )
)
PLAIN = Service(metadata=ObjectMeta(name="web", namespace="default"))


def a_service_of(fields: dict[str, Any]) -> Service:
    return replace(PLAIN, **fields)


services = st.fixed_dictionaries(
    {"metadata": metadata, "type": words, "ports": ports}, optional=_SERVICE_FIELDS
).map(a_service_of)
service_types = st.sampled_from(["", "NodePort", "LoadBalancer", "ExternalName"])
spoilt_fields = st.sets(st.sampled_from(sorted(_SERVICE_FIELDS)), max_size=8)


@st.composite
def nearly_right(draw: st.DrawFn) -> Service:
    """A hostile Service with a good part of its fields valid."""
    fields = {name: draw(_SERVICE_FIELDS[name]) for name in sorted(draw(spoilt_fields))}
    return replace(PLAIN, type=draw(service_types), ports=(ServicePort(port=80),), **fields)


drafts = services | nearly_right()


@given(drafts, drafts)
@settings(deadline=None)
def test_a_service_is_admitted_or_refused(first: Service, second: Service) -> None:
    core = Core(pools=a_pool_of("10.96.0.0/24", "fd00::/112"))
    good = Service(
        metadata=ObjectMeta(name="good", namespace="default"), ports=(ServicePort(port=80),)
    )
    key = core.create(good).metadata.key
    for draft in (first, second):
        named = replace(draft, metadata=replace(draft.metadata, generate_name=""))
        with suppress(DomainError):
            admit_status(core.services[key], draft)
        with suppress(DomainError):
            core.create(named)
        with suppress(DomainError):
            core.update(key, replace(draft, metadata=good.metadata))
        assert_consistent(core)


containers = lists(
    st.builds(
        Container,
        name=words,
        ports=lists(st.builds(ContainerPort, container_port=numbers, name=words, protocol=words)),
        readiness_probe=st.none()
        | st.builds(
            Probe,
            exec=st.none() | st.builds(ExecAction, command=lists(words)),
            http_get=st.none()
            | st.builds(
                HTTPGetAction,
                port=numbers | words,
                path=words,
                scheme=words,
                headers=lists(st.tuples(words, words)),
            ),
            tcp_socket=st.none() | st.builds(TCPSocketAction, port=numbers | words),
            grpc=st.none() | st.builds(GRPCAction, port=numbers, service=words),
            period_s=numbers,
        ),
        restart_policy=optional_words | st.just("Always"),
    )
)
_POD_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "node_name": words,
    "hostname": words,
    "subdomain": words,
    "dns_policy": words,
    "dns_config": st.none()
    | st.builds(
        DNSConfig,
        nameservers=lists(words),
        searches=lists(words),
        options=lists(st.tuples(words, optional_words)),
    ),
    "containers": containers,
    "init_containers": containers,
    "grace_period_s": st.none() | numbers,
    "restart_policy": words,
    "weight": numbers,
    "lease_duration_s": st.none() | numbers,
    "phase": words,
    "pod_ips": lists(words),
    "host_ip": words,
    "conditions": conditions,
}


def a_pod_of(fields: dict[str, Any]) -> Pod:
    return Pod(**fields)


pods_ = st.fixed_dictionaries({"metadata": metadata}, optional=_POD_FIELDS).map(a_pod_of)


@given(pods_, pods_)
@settings(deadline=None)
def test_a_pod_is_accepted_or_refused(current: Pod, draft: Pod) -> None:
    pod = with_pod_defaults(draft)
    assert with_pod_defaults(pod) == pod
    assert all(
        violation.field and violation.message for violation in pods.STRATEGY.violations(None, pod)
    )
    pods.STRATEGY.violations(current, pod)


@given(
    st.builds(
        Node,
        metadata=metadata,
        pod_cidrs=lists(words),
        addresses=lists(st.builds(NodeAddress, type=words, address=words)),
        conditions=conditions,
        allocatable=maps,
    )
)
@settings(deadline=None)
def test_a_node_is_accepted_or_refused(node: Node) -> None:
    nodes.STRATEGY.violations(None, node)
    assert not nodes.STRATEGY.violations(node, node) or nodes.STRATEGY.violations(None, node)


@given(
    st.builds(
        EndpointSlice,
        metadata=metadata,
        address_type=words | st.just("FQDN"),
        endpoints=lists(
            st.builds(
                Endpoint,
                addresses=lists(words),
                hostname=words,
                node_name=words,
                hints=st.none() | st.builds(Hints, for_zones=lists(words), for_nodes=lists(words)),
                weight=st.none() | numbers,
            )
        ),
        ports=lists(
            st.builds(
                EndpointPort,
                port=st.none() | numbers,
                name=words,
                protocol=words,
                app_protocol=optional_words,
            )
        ),
    )
)
@settings(deadline=None)
def test_a_slice_is_accepted_or_refused(slice_: EndpointSlice) -> None:
    validation.STRATEGY.violations(None, slice_)
    validation.STRATEGY.violations(slice_, slice_)


@given(metadata, lists(words), conditions, words)
@settings(deadline=None)
def test_ranges_and_namespaces_are_accepted_or_refused(
    meta: ObjectMeta, texts: tuple[str, ...], observed: tuple[Condition, ...], phase: str
) -> None:
    cidr = ServiceCIDR(metadata=meta, cidrs=texts, conditions=observed)
    service_cidrs.STRATEGY.violations(None, cidr)
    service_cidrs.STRATEGY.violations(cidr, replace(cidr, cidrs=texts[:1]))
    namespace = Namespace(metadata=meta, finalizers=texts, phase=phase, conditions=observed)
    namespaces.STRATEGY.violations(None, namespace)
    namespaces.STRATEGY.violations(namespace, namespace)
