"""Objects for tests: every default is valid, keywords override fields.

``name``, ``namespace``, ``labels``, ``annotations``, ``uid`` and ``metadata``
fields go to the metadata; everything else to the object.
"""
# ruff: noqa: ANN401  an override may be any field of the object

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.domain.access.tokens import digest_of
from app.domain.addresses import family_of_text
from app.domain.dataplane.rules.model import Destination
from app.domain.labels import LabelSelector
from app.domain.names import ZONE_LABEL, NamespacedName, Revision, Uid
from app.domain.objects.endpoint_slice import (
    MANAGED_BY,
    MANAGED_BY_LABEL,
    SERVICE_NAME_LABEL,
    Endpoint,
    EndpointConditions,
    EndpointPort,
    EndpointSlice,
)
from app.domain.objects.endpoints import EndpointAddress, Endpoints, EndpointSubset
from app.domain.objects.meta import Condition, ObjectMeta, ObjectReference
from app.domain.objects.namespace import Namespace
from app.domain.objects.node import Node, NodeAddress
from app.domain.objects.pod import Container, ContainerPort, Pod
from app.domain.objects.role import API_GROUP, AggregationRule, ClusterRole, PolicyRule, Role
from app.domain.objects.role_binding import ClusterRoleBinding, RoleBinding, RoleRef, Subject
from app.domain.objects.service import (
    HEADLESS,
    Service,
    ServicePort,
    ServiceType,
    SessionAffinity,
    TrafficPolicy,
)
from app.domain.objects.service_cidr import ServiceCIDR
from app.domain.objects.token import Token

NOON = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
"""A time for tests that need one."""


def key(text: str) -> NamespacedName:
    """Parse ``namespace/name``; a name alone is in ``default``."""
    namespace, _, name = text.rpartition("/")
    return NamespacedName(namespace or "default", name)


def a_meta(name: str, namespace: str = "default", **fields: Any) -> ObjectMeta:
    """Metadata with a uid made from the name."""
    uid = fields.pop("uid", f"uid-{name}")
    return replace(
        ObjectMeta(name=name, namespace=namespace, uid=Uid(uid), created_at=NOON), **fields
    )


def a_condition(type_: str, status: str = "True", **fields: Any) -> Condition:
    """A condition, True by default."""
    return replace(Condition(type=type_, status=status), **fields)


def a_service(
    name: str = "web",
    namespace: str = "default",
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **fields: Any,
) -> Service:
    """A ClusterIP Service that selects ``app: web``, from port 80 to port 8080 of the Pods."""
    metadata = fields.pop(
        "metadata",
        a_meta(name, namespace, labels=labels or {}, annotations=annotations or {}),
    )
    service = Service(
        metadata=metadata,
        type=ServiceType.CLUSTER_IP,
        selector={"app": "web"},
        ports=(ServicePort(port=80, name="http", target_port=8080),),
        cluster_ip="10.96.0.20",
        cluster_ips=("10.96.0.20",),
        ip_families=("IPv4",),
        ip_family_policy="SingleStack",
        session_affinity=SessionAffinity.NONE,
        internal_traffic_policy=TrafficPolicy.CLUSTER,
    )
    return replace(service, **fields)


def an_alias(
    name: str = "out", target: str = "www.example.com", namespace: str = "default"
) -> Service:
    """An ExternalName Service."""
    return a_service(
        name,
        namespace,
        type=ServiceType.EXTERNAL_NAME,
        external_name=target,
        cluster_ip="",
        cluster_ips=(),
    )


def a_headless_service(name: str = "db", namespace: str = "default", **fields: Any) -> Service:
    """A Service without a cluster address."""
    defaults: dict[str, Any] = {"cluster_ip": HEADLESS, "cluster_ips": (HEADLESS,)}
    return a_service(name, namespace, **{**defaults, **fields})


def a_pod(
    name: str = "web-1",
    namespace: str = "default",
    *,
    ready: bool | None = True,
    labels: Mapping[str, str] | None = None,
    deleted_at: datetime | None = None,
    **fields: Any,
) -> Pod:
    """A running, ready Pod labelled ``app: web`` on node ``n1``; ``ready=None``: no condition."""
    metadata = fields.pop(
        "metadata",
        a_meta(
            name,
            namespace,
            labels={"app": "web"} if labels is None else labels,
            deleted_at=deleted_at,
        ),
    )
    conditions = () if ready is None else (a_condition("Ready", str(ready)),)
    pod = Pod(
        metadata=metadata,
        node_name="n1",
        containers=(Container(name="main"),),
        phase="Running",
        pod_ips=("10.244.0.1",),
        conditions=conditions,
    )
    return replace(pod, **fields)


def a_container(*ports: ContainerPort, name: str = "main", **fields: Any) -> Container:
    """A container with ports."""
    return replace(Container(name=name, ports=ports), **fields)


def a_node(
    name: str = "n1",
    *,
    zone: str = "z1",
    ready: bool = True,
    labels: Mapping[str, str] | None = None,
    **fields: Any,
) -> Node:
    """A ready Node of four CPUs in a zone; ``zone=""`` omits the label."""
    zone_label = {ZONE_LABEL: zone} if zone else {}
    node = Node(
        metadata=a_meta(name, "", labels={**zone_label, **(labels or {})}),
        addresses=(NodeAddress(type="InternalIP", address="192.0.2.10"),),
        conditions=(a_condition("Ready", str(ready)),),
        allocatable={"cpu": "4"},
    )
    return replace(node, **fields)


def a_namespace(name: str = "default", **fields: Any) -> Namespace:
    """An active Namespace."""
    return replace(Namespace(metadata=a_meta(name, "")), **fields)


def a_service_cidr(*cidrs: str, name: str = "kubernetes") -> ServiceCIDR:
    """A range of cluster addresses, 10.96.0.0/24 by default."""
    return ServiceCIDR(metadata=a_meta(name, ""), cidrs=cidrs or ("10.96.0.0/24",))


def a_rule(
    verbs: str = "get", resources: str = "services", *, group: str = "", names: str = ""
) -> PolicyRule:
    """A rule; verbs, resources and names are separated by blanks."""
    return PolicyRule(
        verbs=tuple(verbs.split()),
        api_groups=(group,),
        resources=tuple(resources.split()),
        resource_names=tuple(names.split()),
    )


def a_path_rule(verbs: str = "get", *paths: str) -> PolicyRule:
    """A rule for paths."""
    return PolicyRule(verbs=tuple(verbs.split()), non_resource_urls=paths)


def a_role(*rules: PolicyRule, name: str = "r", namespace: str = "default") -> Role:
    """A Role that may read Services, unless rules are given."""
    return Role(metadata=a_meta(name, namespace), rules=rules or (a_rule(),))


def a_cluster_role(
    *rules: PolicyRule,
    name: str = "cr",
    labels: Mapping[str, str] | None = None,
    aggregates: Mapping[str, str] | None = None,
) -> ClusterRole:
    """A ClusterRole that may read Services, unless rules are given or it aggregates a label."""
    selector = None if aggregates is None else LabelSelector(match_labels=aggregates)
    return ClusterRole(
        metadata=a_meta(name, "", labels=labels or {}),
        rules=rules or (() if aggregates else (a_rule(),)),
        aggregation_rule=selector and AggregationRule(cluster_role_selectors=(selector,)),
    )


def a_subject(name: str = "alice", kind: str = "User", namespace: str = "") -> Subject:
    """A user, group or service account."""
    group = "" if kind == "ServiceAccount" else API_GROUP
    return Subject(kind=kind, api_group=group, name=name, namespace=namespace)


def a_role_binding(
    *subjects: Subject,
    name: str = "b",
    namespace: str = "default",
    role: str = "r",
    kind: str = "Role",
) -> RoleBinding:
    """A binding of a Role to alice, unless subjects are given."""
    return RoleBinding(
        metadata=a_meta(name, namespace),
        role_ref=RoleRef(api_group=API_GROUP, kind=kind, name=role),
        subjects=subjects or (a_subject(),),
    )


def a_cluster_role_binding(
    *subjects: Subject, name: str = "cb", role: str = "cr"
) -> ClusterRoleBinding:
    """A binding of a ClusterRole to alice, unless subjects are given."""
    return ClusterRoleBinding(
        metadata=a_meta(name, ""),
        role_ref=RoleRef(api_group=API_GROUP, kind="ClusterRole", name=role),
        subjects=subjects or (a_subject(),),
    )


def a_token(text: str = "", *, id: str = "abcdefghijkl", **fields: Any) -> Token:  # noqa: A002
    """A token of alice; with its text, it has the id and the digest of that."""
    token = Token(
        metadata=a_meta(text[4:16] if text else id, ""),
        user="alice",
        digest=digest_of(text).hex() if text else "",
    )
    return replace(token, **fields)


def an_endpoint(
    *addresses: str,
    ready: bool = True,
    serving: bool | None = None,
    terminating: bool = False,
    pod: str = "",
    **fields: Any,
) -> Endpoint:
    """An endpoint, at 10.244.0.1 by default, with a reference to ``pod``."""
    endpoint = Endpoint(
        addresses=addresses or ("10.244.0.1",),
        conditions=EndpointConditions(
            ready=ready, serving=ready if serving is None else serving, terminating=terminating
        ),
        target_ref=ObjectReference(kind="Pod", namespace="default", name=pod, uid=f"uid-{pod}")
        if pod
        else None,
    )
    return replace(endpoint, **fields)


def a_destination(address: str, port: int, weight: int = 1) -> Destination:
    return Destination(address, port, weight)


def an_endpoint_slice(
    *endpoints: Endpoint,
    name: str = "web-abcde",
    namespace: str = "default",
    service: str = "web",
    managed: bool = True,
    **fields: Any,
) -> EndpointSlice:
    """A slice of a Service's endpoints on port 8080; ``managed=False`` is written by hand."""
    labels = {SERVICE_NAME_LABEL: service} if service else {}
    if managed:
        labels[MANAGED_BY_LABEL] = MANAGED_BY
    family = family_of_text(endpoints[0].addresses[0]) if endpoints else None
    slice_ = EndpointSlice(
        metadata=fields.pop("metadata", a_meta(name, namespace, labels=labels, generation=1)),
        address_type=family or "IPv4",
        endpoints=endpoints,
        ports=(EndpointPort(port=8080, name="http"),),
    )
    return replace(slice_, **fields)


def an_address(ip: str = "192.0.2.77", **fields: Any) -> EndpointAddress:
    """An address of an Endpoints object."""
    return replace(EndpointAddress(ip=ip), **fields)


def a_subset(*ips: str, not_ready: tuple[str, ...] = (), **fields: Any) -> EndpointSubset:
    """Addresses on port 3306."""
    subset = EndpointSubset(
        addresses=tuple(an_address(ip) for ip in ips),
        not_ready_addresses=tuple(an_address(ip) for ip in not_ready),
        ports=(EndpointPort(port=3306),),
    )
    return replace(subset, **fields)


def an_endpoints(
    *subsets: EndpointSubset,
    name: str = "legacy-db",
    namespace: str = "default",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Endpoints:
    """An Endpoints object with one address, unless subsets are given."""
    meta = ObjectMeta(
        name=name, namespace=namespace, labels=labels or {}, annotations=annotations or {}
    )
    return Endpoints(metadata=meta, subsets=subsets or (a_subset("192.0.2.77"),))


def nodes_by_key(*nodes: Node) -> Mapping[NamespacedName, Node]:
    """Nodes by key, as in a snapshot."""
    return {node.metadata.key: node for node in nodes}


def revisions(start: int = 1) -> Iterator[Revision]:
    """Revisions without end."""
    while True:
        yield Revision(start)
        start += 1
