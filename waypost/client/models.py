"""Objects and answers of the API as typed dictionaries; written by ``make openapi``."""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict


class AccessReview(TypedDict):
    """A question whether a user may do something, with its answer; or several in `reviews`."""

    apiVersion: NotRequired[str]
    kind: NotRequired[AccessReviewKind]
    """Which of the two it is follows from `spec.user` when absent."""
    spec: NotRequired[AccessReviewSpec]
    """The question; absent when there are several."""
    status: NotRequired[AccessReviewStatus]
    """The answer, which a question does not have."""
    reviews: NotRequired[list[AccessReview]]
    """Up to 100 questions in place of one; the answer has them in their order."""


AccessReviewKind: TypeAlias = Literal["SelfSubjectAccessReview", "SubjectAccessReview"]
"""Whether the caller is meant, or any user."""


class AccessReviewSpec(TypedDict):
    """What is asked; exactly one of the two kinds of attributes."""

    resourceAttributes: NotRequired[ResourceAttributes]
    nonResourceAttributes: NotRequired[NonResourceAttributes]
    user: NotRequired[str]
    """The user asked about; the caller when absent."""
    groups: NotRequired[list[str]]
    uid: NotRequired[str]


class AccessReviewStatus(TypedDict):
    """Whether the user may do it."""

    allowed: bool
    reason: NotRequired[str]
    """The binding that allows it; absent when none does."""


class AddEntry(TypedDict):
    """Put an entry into a set."""

    op: Literal["AddEntry"]
    name: str
    entry: str


class AddRealServer(TypedDict):
    """Give a virtual server one more real server."""

    op: Literal["AddRealServer"]
    virtualServer: VirtualServerAddress
    realServer: RealServer


class AddVirtualServer(TypedDict):
    """Make a virtual server, without real servers yet."""

    op: Literal["AddVirtualServer"]
    virtualServer: VirtualServerSettings


AddressType: TypeAlias = Literal["IPv4", "IPv6", "FQDN"]
"""The type of all addresses of a slice."""


class AggregationRule(TypedDict):
    """Which ClusterRoles' rules a ClusterRole has."""

    clusterRoleSelectors: NotRequired[list[LabelSelector]]
    """ClusterRoles that one of these selects."""


Annotations: TypeAlias = dict[str, str]
"""Annotations by key."""


AppliedOperation: TypeAlias = Literal["created", "configured", "unchanged", "deleted", "ignored"]
"""The result for one object."""


class ApplyOutcome(TypedDict):
    """The result for one object of the body, or for a pruned one."""

    apiVersion: str
    kind: str
    namespace: NotRequired[str]
    """Absent for kinds without namespaces."""
    name: str
    operation: AppliedOperation
    message: NotRequired[str]
    """Why; absent if there is no more to say."""


class ApplyResult(TypedDict):
    """The results of an apply, object by object, in the order of the body."""

    kind: Literal["ApplyResult"]
    resourceVersion: str
    """The revision after it; nothing changed when it is the one before."""
    dryRun: bool
    results: list[ApplyOutcome]


class BindAddress(TypedDict):
    """Put an address on the dummy interface."""

    op: Literal["BindAddress"]
    address: str


class Bookmark(TypedDict):
    """
    The revision that a watch of several kinds has reached, from which it can be resumed.

    A watch of one kind has an object of that kind instead, with these metadata alone.
    """

    kind: Literal["Bookmark"]
    apiVersion: Literal["v1"]
    metadata: ObjectMeta
    """Only `resourceVersion`, and the annotation `k8s.io/initial-events-end` when all objects that there were at the start have been sent."""


CauseReason: TypeAlias = Literal[
    "FieldValueRequired",
    "FieldValueInvalid",
    "FieldValueNotSupported",
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueNotFound",
    "FieldValueTypeInvalid",
    "NamespaceTerminating",
]
"""Why one field is refused."""


ClaimRole: TypeAlias = Literal["clusterIP", "externalIP", "loadBalancerIngress", "nodePort"]
"""As what an address is claimed; earlier roles win over later ones."""


class ClientIPConfig(TypedDict):
    """How long connections of a client go to the same backend."""

    timeoutSeconds: NotRequired[int]
    """1 to 86400; 10800 when absent."""


class ClusterIPAllocation(TypedDict):
    """One address in use."""

    address: str
    service: NamespacedName
    """The Service that holds the address."""
    requested: bool
    """Whether the client named the address."""


class ClusterIPAllocations(TypedDict):
    """All ranges and all allocations, by address."""

    kind: Literal["ClusterIPs"]
    resourceVersion: str
    ranges: list[ClusterIPRange]
    allocations: list[ClusterIPAllocation]


class ClusterIPRange(TypedDict):
    """One range and how full it is."""

    cidr: str
    family: IPFamily
    usable: int
    """Addresses that can be given out."""
    allocated: int
    free: int
    staticBand: NotRequired[StaticBand]
    """Absent when the range is too small to have one."""


class ClusterRole(TypedDict):
    """Rules for all namespaces and the cluster."""

    apiVersion: Literal["rbac.authorization.k8s.io/v1"]
    kind: Literal["ClusterRole"]
    metadata: ObjectMeta
    rules: NotRequired[list[PolicyRule]]
    """With an `aggregationRule`, those of the selected roles."""
    aggregationRule: NotRequired[AggregationRule]


class ClusterRoleBinding(TypedDict):
    """Who has the rules of a ClusterRole everywhere."""

    apiVersion: Literal["rbac.authorization.k8s.io/v1"]
    kind: Literal["ClusterRoleBinding"]
    metadata: ObjectMeta
    roleRef: NotRequired[RoleRef]
    subjects: NotRequired[list[Subject]]


class ClusterRoleBindingList(TypedDict):
    """A page of ClusterRoleBindings, by name."""

    apiVersion: Literal["rbac.authorization.k8s.io/v1"]
    kind: Literal["ClusterRoleBindingList"]
    metadata: ListMeta
    items: list[ClusterRoleBinding]


class ClusterRoleList(TypedDict):
    """A page of ClusterRoles, by name."""

    apiVersion: Literal["rbac.authorization.k8s.io/v1"]
    kind: Literal["ClusterRoleList"]
    metadata: ListMeta
    items: list[ClusterRole]


class Condition(TypedDict):
    """One observed aspect of an object."""

    type: str
    status: str
    """True, False or Unknown."""
    observedGeneration: NotRequired[int]
    lastProbeTime: NotRequired[str]
    lastTransitionTime: NotRequired[str]
    reason: NotRequired[str]
    """A word for programs."""
    message: NotRequired[str]
    """A sentence for people."""


class Container(TypedDict):
    """A container: only its ports and its readiness probe count."""

    name: NotRequired[str]
    ports: NotRequired[list[ContainerPort]]
    readinessProbe: NotRequired[Probe]
    restartPolicy: NotRequired[str]
    """`Always` makes an init container a sidecar, whose ports and probe count."""


class ContainerPort(TypedDict):
    """A port that a container listens on; Services refer to it by name."""

    name: NotRequired[str]
    containerPort: int
    protocol: NotRequired[Protocol]
    """TCP when absent."""


class CreateInterface(TypedDict):
    """Make the dummy interface."""

    op: Literal["CreateInterface"]
    name: str


class CreateSet(TypedDict):
    """Make a set, still empty."""

    op: Literal["CreateSet"]
    ipset: IPSet


class DNSConfig(TypedDict):
    """The additions of a Pod to its resolv.conf."""

    nameservers: NotRequired[list[str]]
    searches: NotRequired[list[str]]
    options: NotRequired[list[DNSConfigOption]]


class DNSConfigOption(TypedDict):
    """One option of resolv.conf."""

    name: str
    value: NotRequired[str]


DNSPolicy: TypeAlias = Literal["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]
"""The basis of a Pod's resolv.conf."""


class DestroySet(TypedDict):
    """Remove a set."""

    op: Literal["DestroySet"]
    name: str


DifferenceReason: TypeAlias = Literal[
    "MissingVirtualServer",
    "UnexpectedVirtualServer",
    "ChangedVirtualServer",
    "MissingRealServer",
    "UnexpectedRealServer",
    "ChangedWeight",
]
"""In what way a node differs."""


class DrainRealServer(TypedDict):
    """Send no new connections to a real server."""

    op: Literal["DrainRealServer"]
    virtualServer: VirtualServerAddress
    realServer: RealServerAddress


DryRun: TypeAlias = Literal["All"]
"""What is left out of a write."""


class DummyInterface(TypedDict):
    """The interface that makes virtual addresses local."""

    name: str
    addresses: list[str]


class EditVirtualServer(TypedDict):
    """Change a virtual server in place; connections survive."""

    op: Literal["EditVirtualServer"]
    virtualServer: VirtualServerSettings


class Endpoint(TypedDict):
    """The addresses of one backend."""

    addresses: list[str]
    conditions: NotRequired[EndpointConditions]
    hostname: NotRequired[str]
    nodeName: NotRequired[str]
    zone: NotRequired[str]
    targetRef: NotRequired[ObjectReference]
    hints: NotRequired[EndpointHints]
    weight: NotRequired[int]
    """Share of the traffic; 1 when absent, 0 drains (an extension of Waypost)."""


class EndpointAddress(TypedDict):
    """One address of a subset."""

    ip: str
    hostname: NotRequired[str]
    nodeName: NotRequired[str]
    targetRef: NotRequired[ObjectReference]


class EndpointConditions(TypedDict):
    """Three facts; absent reads as ready, serving, and not terminating."""

    ready: NotRequired[bool]
    serving: NotRequired[bool]
    terminating: NotRequired[bool]


class EndpointHints(TypedDict):
    """The zones and nodes whose traffic an endpoint should get."""

    forZones: NotRequired[list[ForZone]]
    forNodes: NotRequired[list[ForNode]]


class EndpointPort(TypedDict):
    """A port of every endpoint in the slice."""

    name: NotRequired[str]
    protocol: NotRequired[Protocol]
    """TCP when absent."""
    port: NotRequired[int]
    """Absent means any port."""
    appProtocol: NotRequired[str]


EndpointReason: TypeAlias = Literal[
    "SelectorMismatch",
    "Finished",
    "NoAddress",
    "WrongFamily",
    "LeaseExpired",
    "NodeLeaseExpired",
    "NotReady",
    "Terminating",
    "PortNotFound",
    "Drained",
    "PublishedRegardless",
    "NotInSlices",
    "LeftOver",
    "WrittenByHand",
    "Mirrored",
    "BesideSelector",
    "NoEndpoints",
    "NoPorts",
    "NoneReady",
    "LabelMissing",
]
"""What is to be said of a Pod; reasons that exclude a Pod from the endpoints come first."""


class EndpointSlice(TypedDict):
    """Some of the endpoints behind a Service."""

    apiVersion: Literal["discovery.k8s.io/v1"]
    kind: Literal["EndpointSlice"]
    metadata: ObjectMeta
    addressType: AddressType
    endpoints: NotRequired[list[Endpoint]]
    ports: NotRequired[list[EndpointPort]]


class EndpointSliceList(TypedDict):
    """A page of EndpointSlices, by namespace and name."""

    apiVersion: Literal["discovery.k8s.io/v1"]
    kind: Literal["EndpointSliceList"]
    metadata: ListMeta
    items: list[EndpointSlice]


class EndpointSubset(TypedDict):
    """Addresses that all listen on all of the ports."""

    addresses: NotRequired[list[EndpointAddress]]
    notReadyAddresses: NotRequired[list[EndpointAddress]]
    ports: NotRequired[list[EndpointsPort]]


EndpointVerdict: TypeAlias = Literal["Ready", "Drained", "Terminating", "NotReady", "NotAnEndpoint"]
"""The state of a Pod as an endpoint of the Service."""


class Endpoints(TypedDict):
    """The older kind that lists the endpoints of a Service; `/apply` mirrors it into slices."""

    apiVersion: Literal["v1"]
    kind: Literal["Endpoints"]
    metadata: ObjectMeta
    subsets: NotRequired[list[EndpointSubset]]


class EndpointsPort(TypedDict):
    """A port that all addresses of a subset listen on."""

    name: NotRequired[str]
    protocol: NotRequired[Protocol]
    """TCP when absent."""
    port: int
    appProtocol: NotRequired[str]


class ExecAction(TypedDict):
    """Probe by running a command in the container, which Waypost does not do."""

    command: list[str]


class ExplainedPod(TypedDict):
    """One Pod of the namespace."""

    pod: NamespacedName
    verdict: EndpointVerdict
    reasons: list[ExplainedReason]
    """Empty when all is well."""
    selected: bool
    """Whether the selector picks it."""
    requirementsFailed: int
    """Parts of the selector that it does not meet."""
    addresses: list[str]
    slices: list[str]
    """EndpointSlices that hold it."""


class ExplainedReason(TypedDict):
    """One thing to know: a stable word for programs, and a sentence for people."""

    code: EndpointReason
    message: str


class ExplainedSlice(TypedDict):
    """One EndpointSlice that was written by hand, or is no longer kept up to date."""

    slice: NamespacedName
    managedBy: str
    """The controller that the slice names as its manager; may be empty."""
    addressType: AddressType
    endpoints: int
    endpointsReady: int
    reasons: list[ExplainedReason]


FieldValidation: TypeAlias = Literal["Ignore", "Warn", "Strict"]
"""What is done about fields that are not read."""


class ForNode(TypedDict):
    """A node whose traffic an endpoint should get."""

    name: str


class ForZone(TypedDict):
    """A zone whose traffic an endpoint should get."""

    name: str


class GRPCAction(TypedDict):
    """Probe by the standard gRPC health service."""

    port: int
    service: NotRequired[str]


class HTTPGetAction(TypedDict):
    """Probe by HTTP: 200 to 399 is a success."""

    path: NotRequired[str]
    port: IntOrString
    scheme: NotRequired[str]
    """HTTP or HTTPS."""
    host: NotRequired[str]
    httpHeaders: NotRequired[list[HTTPHeader]]


class HTTPHeader(TypedDict):
    """A header of a probe's request."""

    name: str
    value: str


class Health(TypedDict):
    """Whether the process can do its work, and what each check says."""

    status: HealthStatus
    checks: list[HealthCheck]


class HealthCheck(TypedDict):
    """One thing that must work."""

    name: str
    ok: bool
    message: NotRequired[str]
    """How well it goes; absent if there is no more to say."""


class HealthCheckNodePort(TypedDict):
    """The health check of a Service on this node, and its answer to load balancers."""

    service: NamespacedName
    port: int
    localEndpoints: int
    """Ready endpoints on the node; 0 answers 503."""
    addresses: list[str]
    """Addresses of the node that answer; the zero address means all of a family."""


HealthStatus: TypeAlias = Literal["ok", "failed"]
"""The result of all checks."""


class HeartbeatResult(TypedDict):
    """Which leases were renewed, and which Pods are not registered."""

    renewed: list[NamespacedName]
    unknown: list[NamespacedName]


class Heartbeats(TypedDict):
    """Pods whose leases are to be renewed."""

    pods: list[PodName]


IPFamily: TypeAlias = Literal["IPv4", "IPv6"]
"""The two families of addresses."""


IPFamilyPolicy: TypeAlias = Literal["SingleStack", "PreferDualStack", "RequireDualStack"]
"""Whether a Service is single-stack or dual-stack."""


class IPSet(TypedDict):
    """One set and all its entries, sorted."""

    name: str
    type: IPSetType
    family: IPSetFamily
    maxElements: int | None
    """Entries it can hold; null for a bitmap."""
    entries: list[str]


IPSetFamily: TypeAlias = Literal["inet", "inet6"]
"""IPv4 or IPv6, as ipset names them."""


IPSetType: TypeAlias = Literal[
    "hash:ip", "hash:ip,port", "hash:ip,port,ip", "hash:ip,port,net", "bitmap:port"
]
"""How a set stores its entries."""


IntOrString: TypeAlias = int | str
"""A port by its number, or by its name."""


class IssuedToken(TypedDict):
    """A new token, with its text."""

    apiVersion: Literal["access.waypost/v1"]
    kind: Literal["Token"]
    metadata: ObjectMeta
    spec: NotRequired[TokenSpec]
    status: IssuedTokenStatus


class IssuedTokenStatus(TypedDict):
    """The status of a new token, with its text."""

    lastUsedAt: NotRequired[str]
    """To the minute, and up to two minutes late."""
    revokedAt: NotRequired[str]
    createdBy: NotRequired[str]
    """The user that created it."""
    token: NotRequired[str]
    """To be sent as `Authorization: Bearer …`. The server does not keep it: store it now. Absent in a dry run."""


class LabelSelector(TypedDict):
    """Conditions on labels, which must all hold; an empty selector matches everything."""

    matchLabels: NotRequired[Labels]
    matchExpressions: NotRequired[list[LabelSelectorRequirement]]


class LabelSelectorRequirement(TypedDict):
    """One condition on a label."""

    key: str
    operator: str
    values: NotRequired[list[str]]


Labels: TypeAlias = dict[str, str]
"""Labels by key."""


ListMeta = TypedDict(
    "ListMeta",
    {
        "resourceVersion": str,
        "continue": NotRequired[str],
        "remainingItemCount": NotRequired[int],
    },
)


LoadBalancerIPMode: TypeAlias = Literal["VIP", "Proxy"]
"""Whether a load balancer sends packets to its own address on to the nodes."""


class LoadBalancerIngress(TypedDict):
    """One address or name at which a load balancer answers."""

    ip: NotRequired[str]
    hostname: NotRequired[str]
    ipMode: NotRequired[LoadBalancerIPMode]


class LoadBalancerStatus(TypedDict):
    """The addresses and names at which a load balancer answers."""

    ingress: NotRequired[list[LoadBalancerIngress]]


LocalDetection: TypeAlias = Literal[
    "ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix"
]
"""How a node tells traffic of its own Pods from other traffic."""


class LocalSource(TypedDict):
    """How the node's own Pods are recognised."""

    detection: LocalDetection
    value: str


class ManifestList(TypedDict):
    """Several objects in one body."""

    apiVersion: Literal["v1"]
    kind: Literal["List"]
    items: list[Manifest]


class MergePatch(TypedDict):
    """Parts of an object to change, as in RFC 7396: null removes a field, and a list replaces the whole list."""


class Namespace(TypedDict):
    """A scope of names, which is deleted with all objects in it."""

    apiVersion: Literal["v1"]
    kind: Literal["Namespace"]
    metadata: ObjectMeta
    spec: NotRequired[NamespaceSpec]
    status: NotRequired[NamespaceStatus]


class NamespaceList(TypedDict):
    """A page of Namespaces, by name."""

    apiVersion: Literal["v1"]
    kind: Literal["NamespaceList"]
    metadata: ListMeta
    items: list[Namespace]


NamespacePhase: TypeAlias = Literal["Active", "Terminating"]
"""Whether a Namespace takes new objects."""


class NamespaceSpec(TypedDict):
    """The finalizers that delay the deletion of a Namespace."""

    finalizers: NotRequired[list[str]]
    """Set on creation, with `kubernetes` added; later only `/finalize` changes them."""


class NamespaceStatus(TypedDict):
    """Whether a Namespace takes new objects."""

    phase: NotRequired[NamespacePhase]
    conditions: NotRequired[list[Condition]]


class NamespacedName(TypedDict):
    """The name of an object in a namespace."""

    namespace: str
    name: str


class Netfilter(TypedDict):
    """The iptables rules of one family, in order of writing."""

    family: IPFamily
    nat: list[str]
    filter: list[str]
    basis: NetfilterBasis


class NetfilterBasis(TypedDict):
    """The facts that determine the rules of one family."""

    occupiedSets: list[str]
    """Sets that are not empty, by IPv4 name."""
    shutAddresses: list[RejectingAddress]
    masqueradeAll: bool
    localSource: LocalSource | None


class NoLocalEndpoints(TypedDict):
    """Services with policy Local whose endpoints are all on other nodes."""

    internal: list[str]
    external: list[str]


class Node(TypedDict):
    """A machine with kernel rules of its own."""

    apiVersion: Literal["v1"]
    kind: Literal["Node"]
    metadata: ObjectMeta
    spec: NotRequired[NodeSpec]
    status: NotRequired[NodeStatus]


class NodeAddress(TypedDict):
    """One address of a Node."""

    type: str
    """InternalIP and ExternalIP are used by rules; any other type is kept."""
    address: str


class NodeHeartbeatResult(TypedDict):
    """A Node's lease was renewed."""

    node: str
    leaseDurationSeconds: int
    """The next heartbeat must come before that."""


class NodeList(TypedDict):
    """A page of Nodes, by name."""

    apiVersion: Literal["v1"]
    kind: Literal["NodeList"]
    metadata: ListMeta
    items: list[Node]


class NodeRules(TypedDict):
    """The rules of one node at one revision; sorted, so that equal state gives equal bytes."""

    kind: Literal["NodeRules"]
    node: str
    resourceVersion: str
    backend: RulesBackend
    nodeEligible: bool
    """Whether load balancers may send the node traffic: false while it is being deleted, or has the taint `ToBeDeletedByClusterAutoscaler`."""
    dummyInterface: DummyInterface
    sysctls: Sysctls
    virtualServers: list[VirtualServer]
    ipsets: list[IPSet]
    netfilters: list[Netfilter]
    healthCheckNodePorts: list[HealthCheckNodePort]
    noLocalEndpoints: NoLocalEndpoints
    conflicts: list[PortConflict]
    notices: list[RulesNotice]
    nftables: NotRequired[str]
    """Input for `nft -f`, when that backend was asked for."""


class NodeRulesChanges(TypedDict):
    """Ordered operations that take a node from revision `since` to `resourceVersion`."""

    kind: Literal["NodeRulesChanges"]
    node: str
    since: str
    resourceVersion: str
    operations: list[RulesOperation]
    healthCheckNodePorts: list[HealthCheckOperation]
    """Changes for the program that serves the health-check node ports."""
    nodeEligible: bool
    """Whether load balancers may send the node traffic: false while it is being deleted, or has the taint `ToBeDeletedByClusterAutoscaler`."""


class NodeRulesDrift(TypedDict):
    """The differences between a node's kernel and its rules, and their repair."""

    kind: Literal["NodeRulesDrift"]
    node: str
    resourceVersion: str
    inSync: bool
    differences: list[RulesDifference]
    foreign: list[VirtualServerAddress]
    """Virtual servers that Waypost did not make; they are left alone."""
    operations: list[RulesOperation]
    commands: str
    """Input for `ipvsadm --restore` that repairs what can be repaired now."""
    commandsWhenDrained: str
    """The rest, once the connections of drained real servers have ended."""


class NodeSpec(TypedDict):
    """The desired state of a Node."""

    podCIDR: NotRequired[str]
    podCIDRs: NotRequired[list[str]]
    """One prefix a family."""
    providerID: NotRequired[str]
    unschedulable: NotRequired[bool]
    taints: NotRequired[list[Taint]]
    """Stored as given; `ToBeDeletedByClusterAutoscaler` makes the `/healthz` of the node's agent fail, so that load balancers stop using the node."""


class NodeStatus(TypedDict):
    """The reported state of a Node."""

    addresses: NotRequired[list[NodeAddress]]
    conditions: NotRequired[list[Condition]]
    capacity: NotRequired[Quantities]
    allocatable: NotRequired[Quantities]


class NodeText(TypedDict):
    """The rules of one node in nftables mode at one revision."""

    kind: Literal["NodeText"]
    node: str
    resourceVersion: str
    nodeEligible: bool
    """Whether load balancers may send the node traffic: false while it is being deleted, or has the taint `ToBeDeletedByClusterAutoscaler`."""
    healthCheckNodePorts: list[HealthCheckNodePort]
    text: str
    """Input for `nft -f`."""


class NodeTextChanges(TypedDict):
    """One transaction that takes a node from revision `since` to `resourceVersion`."""

    kind: Literal["NodeTextChanges"]
    node: str
    since: str
    resourceVersion: str
    text: str
    """Input for `nft -f`; empty when nothing changed for this node."""
    healthCheckNodePorts: list[HealthCheckOperation]
    """Changes for the program that serves the health-check node ports."""
    nodeEligible: bool
    """Whether load balancers may send the node traffic: false while it is being deleted, or has the taint `ToBeDeletedByClusterAutoscaler`."""


class NonResourceAttributes(TypedDict):
    """One verb, a method in lower case, on a path."""

    path: NotRequired[str]
    verb: NotRequired[str]


NoticeReason: TypeAlias = Literal["SourceRangesOfOtherFamily"]
"""Why something is worth a look."""


class ObjectMeta(TypedDict):
    """Identity, history and labels of an object; set partly by the server."""

    name: NotRequired[str]
    """Unique among objects of the kind in the namespace. In every answer."""
    generateName: NotRequired[str]
    """Prefix of a name that the server completes when `name` is absent."""
    namespace: NotRequired[str]
    """`default` when absent; kinds without namespaces do not have it."""
    uid: NotRequired[str]
    """Set by the server: a UUID, another one when the object is deleted and created again. In every answer. On a write: the one that the object must have."""
    generation: NotRequired[int]
    """Set by the server: counts the changes of the spec."""
    finalizers: NotRequired[list[str]]
    """Names of controllers that delay the deletion of the object."""
    resourceVersion: NotRequired[str]
    """Set by the server: the revision of the last change. In every answer. On a write: the revision that the client last saw; a newer object is 409."""
    creationTimestamp: NotRequired[str]
    """Set by the server. In every answer."""
    deletionTimestamp: NotRequired[str]
    """Set by the server: when the grace period of a terminating object ends."""
    deletionGracePeriodSeconds: NotRequired[int]
    """Set by the server: the grace period of a terminating object."""
    labels: NotRequired[Labels]
    annotations: NotRequired[Annotations]
    ownerReferences: NotRequired[list[OwnerReference]]


class ObjectReference(TypedDict):
    """A pointer to another object."""

    kind: NotRequired[str]
    namespace: NotRequired[str]
    name: NotRequired[str]
    uid: NotRequired[str]
    apiVersion: NotRequired[str]
    resourceVersion: NotRequired[str]
    fieldPath: NotRequired[str]


class OwnerReference(TypedDict):
    """A reference to an owner, with which the object is deleted."""

    apiVersion: str
    kind: str
    name: str
    uid: str
    controller: NotRequired[bool]
    """Whether the owner manages the object."""
    blockOwnerDeletion: NotRequired[bool]


class Pod(TypedDict):
    """A registration of something that runs at an address."""

    apiVersion: Literal["v1"]
    kind: Literal["Pod"]
    metadata: ObjectMeta
    spec: NotRequired[PodSpec]
    status: NotRequired[PodStatus]


class PodIP(TypedDict):
    """One address of a Pod."""

    ip: str


class PodList(TypedDict):
    """A page of Pods, by namespace and name."""

    apiVersion: Literal["v1"]
    kind: Literal["PodList"]
    metadata: ListMeta
    items: list[Pod]


class PodName(TypedDict):
    """The name of a Pod."""

    namespace: NotRequired[str]
    """`default` when absent."""
    name: str


PodPhase: TypeAlias = Literal["Pending", "Running", "Succeeded", "Failed", "Unknown"]
"""The phase of a Pod's life."""


class PodSpec(TypedDict):
    """The registered properties of a Pod."""

    containers: NotRequired[list[Container]]
    initContainers: NotRequired[list[Container]]
    nodeName: NotRequired[str]
    hostname: NotRequired[str]
    subdomain: NotRequired[str]
    """Names the headless Service that gives the hostname a DNS name."""
    hostNetwork: NotRequired[bool]
    dnsPolicy: NotRequired[DNSPolicy]
    """ClusterFirst when absent."""
    restartPolicy: NotRequired[str]
    schedulerName: NotRequired[str]
    serviceAccountName: NotRequired[str]
    dnsConfig: NotRequired[DNSConfig]
    terminationGracePeriodSeconds: NotRequired[int]
    leaseDurationSeconds: NotRequired[int]
    """Heartbeats are expected within this time; absent means no lease (an extension of Waypost)."""
    weight: NotRequired[int]
    """Share of the traffic, 0 to 65535; 1 when absent, 0 drains (an extension of Waypost)."""


class PodStatus(TypedDict):
    """The state of a Pod that its registrar or a probe reports."""

    phase: NotRequired[PodPhase]
    """Running when absent and there is an address, else Pending."""
    hostIP: NotRequired[str]
    reason: NotRequired[str]
    message: NotRequired[str]
    nominatedNodeName: NotRequired[str]
    podIP: NotRequired[str]
    podIPs: NotRequired[list[PodIP]]
    """At most one address a family."""
    conditions: NotRequired[list[Condition]]


class PolicyRule(TypedDict):
    """Verbs on resources, or on paths; a `*` stands for all of a list."""

    verbs: list[str]
    apiGroups: NotRequired[list[str]]
    """The core group is empty."""
    resources: NotRequired[list[str]]
    """Plurals; `pods/status` for a subresource, a `*` before it for that of all."""
    resourceNames: NotRequired[list[str]]
    """Names of objects; all when absent."""
    nonResourceURLs: NotRequired[list[str]]
    """Paths, which only a ClusterRole has; a `*` at the end stands for the rest."""


class PortConflict(TypedDict):
    """An address, port and protocol that two Services claim."""

    address: str
    """Empty for a node port: every address of the node."""
    port: int
    protocol: Protocol
    winner: ServicePortReference
    loser: ServicePortReference
    role: ClaimRole
    """The role of the address for the loser."""


class Probe(TypedDict):
    """A readiness probe: one action, and when to run it."""

    exec: NotRequired[ExecAction]
    """Stored but not run: a client has to report readiness."""
    httpGet: NotRequired[HTTPGetAction]
    tcpSocket: NotRequired[TCPSocketAction]
    grpc: NotRequired[GRPCAction]
    initialDelaySeconds: NotRequired[int]
    periodSeconds: NotRequired[int]
    """10 when absent."""
    timeoutSeconds: NotRequired[int]
    """1 when absent."""
    successThreshold: NotRequired[int]
    """1 when absent."""
    failureThreshold: NotRequired[int]
    """3 when absent."""


PropagationPolicy: TypeAlias = Literal["Foreground", "Background", "Orphan"]
"""What is to happen to dependents."""


Protocol: TypeAlias = Literal["TCP", "UDP", "SCTP"]
"""The transports a port may have."""


Quantities: TypeAlias = dict[str, str]
"""Amounts in Kubernetes' notation, by resource; a number is accepted, too."""


QueryDecision: TypeAlias = Literal["hit", "next", "stop"]
"""What the resolver did after the reply."""


QueryTransport: TypeAlias = Literal["udp", "tcp"]
"""The transport of a query."""


class Question(TypedDict):
    """One question: a name, what of it, and the program that asks."""

    name: str
    """As the program writes it; with a final dot it is not searched."""
    type: NotRequired[QuestionType]
    """`ADDR`, the default, asks for A and AAAA as getaddrinfo does."""
    namespace: NotRequired[str]
    """Where the program runs, `default` when absent; `pod` says it more exactly."""
    pod: NotRequired[str]
    """`namespace/name` of the Pod it runs in: its dnsPolicy and dnsConfig apply."""
    search: NotRequired[list[str]]
    """Search domains to use instead; a text with commas is read as a list."""
    ndots: NotRequired[int]
    """`options ndots:` instead."""
    resolver: NotRequired[Resolver]
    """The library that resolves; `glibc` when absent."""
    explain: NotRequired[bool]
    """Add endpoints, advice and what else is known of each query."""


class QuestionBatch(TypedDict):
    """Many questions at once."""

    questions: list[Question]


QuestionType: TypeAlias = Literal["ADDR", "A", "AAAA", "SRV", "PTR", "CNAME", "TXT"]
"""What is asked of a name."""


class RealServer(TypedDict):
    """A real server of a virtual server: the destination of connections."""

    address: str
    port: int
    weight: int
    """0 takes no new connections."""
    forwarding: Literal["masquerade"]


class RealServerAddress(TypedDict):
    """The identity of a real server of a virtual server."""

    address: str
    port: int


class RejectingAddress(TypedDict):
    """A load-balancer address that the node itself may not use."""

    address: str
    port: int
    protocol: Protocol


class RemoveEntry(TypedDict):
    """Take an entry out of a set."""

    op: Literal["RemoveEntry"]
    name: str
    entry: str


class RemoveHealthCheckNodePort(TypedDict):
    """Remove the health check of a Service."""

    op: Literal["RemoveHealthCheckNodePort"]
    service: NamespacedName


class RemoveInterface(TypedDict):
    """Remove the dummy interface."""

    op: Literal["RemoveInterface"]
    name: str


class RemoveNetfilter(TypedDict):
    """Remove the iptables rules of a family that is not served any more."""

    op: Literal["RemoveNetfilter"]
    family: IPFamily


class RemoveRealServer(TypedDict):
    """Remove a real server, at once or when its connections have ended."""

    op: Literal["RemoveRealServer"]
    virtualServer: VirtualServerAddress
    realServer: RealServerAddress
    whenDrained: bool


class RemoveVirtualServer(TypedDict):
    """Remove a virtual server with what real servers it still has."""

    op: Literal["RemoveVirtualServer"]
    virtualServer: VirtualServerAddress


class RenderConfig(TypedDict):
    """The settings that an operator would have for all nodes."""

    scheduler: NotRequired[Scheduler]
    """`rr` when absent."""
    masqueradeAll: NotRequired[bool]
    clusterCIDR: NotRequired[str]
    """At most one range a family."""
    nodePortAddresses: NotRequired[list[str]]
    serviceCIDRs: NotRequired[list[str]]
    """Ranges of ClusterIPs, besides those of `serviceCIDRs`. With nftables, packets to an address in them that no Service has are dropped."""
    ipFamilies: NotRequired[list[IPFamily]]
    """Both when absent."""
    backend: NotRequired[RulesBackend]
    """`ipvs` when absent."""


class RenderRequest(TypedDict):
    """The state to make one node's rules from; nothing is stored."""

    node: Node
    services: NotRequired[list[Service]]
    endpointSlices: NotRequired[list[EndpointSlice]]
    serviceCIDRs: NotRequired[list[ServiceCIDR]]
    """Objects whose ranges ClusterIPs come from."""
    config: NotRequired[RenderConfig]


class ReplaceNetfilter(TypedDict):
    """Replace the iptables rules of one family."""

    op: Literal["ReplaceNetfilter"]
    netfilter: Netfilter


class ReplaceSet(TypedDict):
    """Replace a set and its content in one step."""

    op: Literal["ReplaceSet"]
    ipset: IPSet


class Resolution(TypedDict):
    """The result that a program with this resolver would get, and its queries."""

    kind: Literal["Resolution"]
    name: str
    type: str
    status: ResolutionStatus
    canonicalName: NotRequired[str]
    """Absent when nothing in the DNS answered."""
    addresses: list[str]
    """In the order in which the program gets them."""
    records: list[ResolvedRecord]
    queries: list[ResolverQuery]
    resolvConf: ResolvConf
    resolver: Resolver
    service: NotRequired[NamespacedName]
    """The Service whose name answered; absent when none did."""
    resourceVersion: str
    error: NotRequired[str]
    """With `explain`: the library's own word for the failure."""
    reportedFrom: NotRequired[str]
    """With `explain`: the reply the failure was taken from."""
    endpoints: NotRequired[list[ResolvedEndpoint]]
    """With `explain`."""
    advice: NotRequired[list[ResolutionAdvice]]
    """With `explain`."""


class ResolutionAdvice(TypedDict):
    """A remark on the lookup or on its resolv.conf."""

    code: str
    """The rule it comes from."""
    message: str


class ResolutionBatch(TypedDict):
    """The answers to a batch, in the order of its questions."""

    resolutions: list[Resolution]


ResolutionStatus: TypeAlias = Literal[
    "NOERROR", "NXDOMAIN", "NODATA", "SERVFAIL", "REFUSED", "TIMEOUT"
]
"""The result for the program, in DNS terms."""


class ResolvConf(TypedDict):
    """The resolv.conf the program reads."""

    nameservers: list[str]
    search: list[str]
    options: ResolvConfOptions


class ResolvConfOptions(TypedDict):
    """Options by name: a number, a text, or `true` without a value."""


class ResolvedEndpoint(TypedDict):
    """One address behind the Service, with one port of it."""

    address: str
    port: NotRequired[int]
    portName: NotRequired[str]
    protocol: NotRequired[str]
    node: NotRequired[str]
    zone: NotRequired[str]
    conditions: EndpointConditions


class ResolvedRecord(TypedDict):
    """A record that the answer was made of."""

    name: str
    type: str
    ttl: int
    """Seconds."""
    data: str
    """The value in presentation form."""


Resolver: TypeAlias = Literal["glibc", "musl", "musl-1.2.3", "go", "c-ares"]
"""The resolvers that are modelled."""


ResolverQuery = TypedDict(
    "ResolverQuery",
    {
        "name": str,
        "type": str,
        "rcode": str,
        "answers": int,
        "from": str,
        "decision": QueryDecision,
        "nameserver": NotRequired[str],
        "transport": NotRequired[QueryTransport],
        "attempt": NotRequired[int],
        "reason": NotRequired[str],
    },
)


class ResourceAttributes(TypedDict):
    """One verb on objects; an empty `name` or `namespace` means all of them."""

    namespace: NotRequired[str]
    verb: NotRequired[str]
    group: NotRequired[str]
    version: NotRequired[str]
    resource: NotRequired[str]
    subresource: NotRequired[str]
    name: NotRequired[str]


ResourceVersionMatch: TypeAlias = Literal["Exact", "NotOlderThan"]
"""Whether a list shows a revision, or one that may be later."""


class Role(TypedDict):
    """Rules for one namespace."""

    apiVersion: Literal["rbac.authorization.k8s.io/v1"]
    kind: Literal["Role"]
    metadata: ObjectMeta
    rules: NotRequired[list[PolicyRule]]


class RoleBinding(TypedDict):
    """Who has the rules of a role in one namespace."""

    apiVersion: Literal["rbac.authorization.k8s.io/v1"]
    kind: Literal["RoleBinding"]
    metadata: ObjectMeta
    roleRef: NotRequired[RoleRef]
    subjects: NotRequired[list[Subject]]


class RoleBindingList(TypedDict):
    """A page of RoleBindings, by namespace and name."""

    apiVersion: Literal["rbac.authorization.k8s.io/v1"]
    kind: Literal["RoleBindingList"]
    metadata: ListMeta
    items: list[RoleBinding]


class RoleList(TypedDict):
    """A page of Roles, by namespace and name."""

    apiVersion: Literal["rbac.authorization.k8s.io/v1"]
    kind: Literal["RoleList"]
    metadata: ListMeta
    items: list[Role]


class RoleRef(TypedDict):
    """The role that is granted; it cannot be changed."""

    apiGroup: NotRequired[str]
    kind: RoleRefKind
    name: str


RoleRefKind: TypeAlias = Literal["Role", "ClusterRole"]
"""What a binding refers to; a ClusterRoleBinding only to ClusterRoles."""


RulesBackend: TypeAlias = Literal["ipvs", "nftables"]
"""The two kernel interfaces that rules are made for."""


class RulesDifference(TypedDict):
    """One difference between a node's kernel and its rules."""

    reason: DifferenceReason
    virtualServer: VirtualServerAddress
    realServer: NotRequired[RealServer]


class RulesNotice(TypedDict):
    """A setting that may not have the intended effect."""

    service: NamespacedName
    reason: NoticeReason
    message: str


RulesPart: TypeAlias = Literal[
    "script", "ipvsadm", "ipset", "iptables", "ip6tables", "ip", "sysctl"
]
"""The texts that rules are loaded from."""


Scheduler: TypeAlias = Literal[
    "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"
]
"""The IPVS schedulers."""


class SelectorExpression(TypedDict):
    """One condition on a label of the Pods (an extension of Waypost)."""

    key: str
    operator: SelectorOperator
    values: NotRequired[list[str]]


SelectorOperator: TypeAlias = Literal["In", "NotIn", "Exists", "DoesNotExist"]
"""How the value of a label is compared with those of a condition."""


class SelfSubjectReview(TypedDict):
    """The user that the request acts for, after impersonation."""

    apiVersion: Literal["authentication.k8s.io/v1"]
    kind: Literal["SelfSubjectReview"]
    status: SelfSubjectReviewStatus


class SelfSubjectReviewStatus(TypedDict):
    """The user."""

    userInfo: UserInfo


class Service(TypedDict):
    """A named group of Pods behind one address."""

    apiVersion: Literal["v1"]
    kind: Literal["Service"]
    metadata: ObjectMeta
    spec: NotRequired[ServiceSpec]
    status: NotRequired[ServiceStatus]


class ServiceCIDR(TypedDict):
    """Ranges that ClusterIPs come from."""

    apiVersion: Literal["networking.k8s.io/v1"]
    kind: Literal["ServiceCIDR"]
    metadata: ObjectMeta
    spec: NotRequired[ServiceCIDRSpec]
    status: NotRequired[ServiceCIDRStatus]


Manifest: TypeAlias = (
    Service
    | Pod
    | EndpointSlice
    | Node
    | Namespace
    | ServiceCIDR
    | Role
    | ClusterRole
    | RoleBinding
    | ClusterRoleBinding
    | Endpoints
    | ManifestList
)
"""An object of any kind that can be applied, or a list of such objects."""


class ServiceCIDRList(TypedDict):
    """A page of ServiceCIDRs, by name."""

    apiVersion: Literal["networking.k8s.io/v1"]
    kind: Literal["ServiceCIDRList"]
    metadata: ListMeta
    items: list[ServiceCIDR]


class ServiceCIDRSpec(TypedDict):
    """The ranges."""

    cidrs: list[str]
    """One prefix, or one a family."""


class ServiceCIDRStatus(TypedDict):
    """Whether addresses may be allocated from the ranges: condition `Ready`."""

    conditions: NotRequired[list[Condition]]


class ServiceExplanation(TypedDict):
    """Why a Service has the endpoints it has."""

    kind: Literal["Explanation"]
    service: NamespacedName
    resourceVersion: str
    """The revision that is explained; another one may read differently."""
    summary: str
    """One sentence: the state, or the likeliest reason why there are no endpoints."""
    endpoints: int
    endpointsReady: int
    pods: list[ExplainedPod]
    """Those with something to be said come first."""
    podsOmitted: int
    """Pods of the namespace that are not listed."""
    slices: list[ExplainedSlice]
    slicesOmitted: int
    conditions: list[Condition]
    """Of the Service; `MassFailureGuard` says that endpoints which missed their heartbeats are kept."""


class ServiceList(TypedDict):
    """A page of Services, by namespace and name."""

    apiVersion: Literal["v1"]
    kind: Literal["ServiceList"]
    metadata: ListMeta
    items: list[Service]


class ServicePort(TypedDict):
    """One listening port of a Service."""

    name: NotRequired[str]
    """Required and unique among several ports."""
    protocol: NotRequired[Protocol]
    """TCP when absent."""
    appProtocol: NotRequired[str]
    """The application protocol of the port."""
    port: int
    targetPort: NotRequired[IntOrString]
    """Number, or name of a container port, on the Pods; absent means `port`."""
    nodePort: NotRequired[int]
    """Port opened on every node; allocated when the type needs one."""


class ServicePortReference(TypedDict):
    """One port of a Service."""

    namespace: str
    name: str
    portName: str
    protocol: Protocol


class ServiceSpec(TypedDict):
    """The desired state of a Service."""

    ports: NotRequired[list[ServicePort]]
    type: NotRequired[ServiceType]
    """ClusterIP when absent."""
    selector: NotRequired[Labels]
    """Labels a Pod must carry to be an endpoint; absent or empty selects nothing."""
    selectorExpressions: NotRequired[list[SelectorExpression]]
    """More conditions, all of which must hold (an extension of Waypost)."""
    clusterIP: NotRequired[str]
    """The virtual address; `None`, the word, makes the Service headless; allocated when absent."""
    clusterIPs: NotRequired[list[str]]
    """One address a family; the first equals `clusterIP`."""
    ipFamilies: NotRequired[list[IPFamily]]
    sessionAffinity: NotRequired[SessionAffinity]
    """None, the word, when absent."""
    externalName: NotRequired[str]
    """For type ExternalName: the name this one is an alias of."""
    externalIPs: NotRequired[list[str]]
    """Addresses, routed to the nodes by others, at which the ports answer."""
    externalTrafficPolicy: NotRequired[TrafficPolicy]
    healthCheckNodePort: NotRequired[int]
    loadBalancerIP: NotRequired[str]
    loadBalancerSourceRanges: NotRequired[list[str]]
    publishNotReadyAddresses: NotRequired[bool]
    ipFamilyPolicy: NotRequired[IPFamilyPolicy]
    internalTrafficPolicy: NotRequired[TrafficPolicy]
    allocateLoadBalancerNodePorts: NotRequired[bool]
    loadBalancerClass: NotRequired[str]
    trafficDistribution: NotRequired[TrafficDistribution]
    scheduler: NotRequired[Scheduler]
    """The IPVS scheduler of this Service (an extension of Waypost)."""
    sessionAffinityConfig: NotRequired[SessionAffinityConfig]


class ServiceStatus(TypedDict):
    """The reported state of a Service."""

    loadBalancer: LoadBalancerStatus
    conditions: NotRequired[list[Condition]]


ServiceType: TypeAlias = Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]
"""The type of a Service: how clients reach it."""


SessionAffinity: TypeAlias = Literal["None", "ClientIP"]
"""Whether connections of one client go to the same endpoint."""


class SessionAffinityConfig(TypedDict):
    """Details of the session affinity."""

    clientIP: NotRequired[ClientIPConfig]


class SetHealthCheckNodePort(TypedDict):
    """Add or replace the health check of a Service."""

    service: NamespacedName
    port: int
    localEndpoints: int
    """Ready endpoints on the node; 0 answers 503."""
    addresses: list[str]
    """Addresses of the node that answer; the zero address means all of a family."""
    op: Literal["SetHealthCheckNodePort"]


HealthCheckOperation: TypeAlias = SetHealthCheckNodePort | RemoveHealthCheckNodePort
"""A change of the health checks that a node serves."""


class SetSysctl(TypedDict):
    """Give a kernel setting a value."""

    op: Literal["SetSysctl"]
    name: str
    value: str


class SetWeight(TypedDict):
    """Change the weight of a real server."""

    op: Literal["SetWeight"]
    virtualServer: VirtualServerAddress
    realServer: RealServer


class StaticBand(TypedDict):
    """The part of a range that automatic choices take last."""

    first: str
    last: str


class Status(TypedDict):
    """The answer to a request that was refused, or to a deletion."""

    kind: Literal["Status"]
    apiVersion: Literal["v1"]
    metadata: StatusMeta
    status: StatusOutcome
    code: int
    """The HTTP status."""
    reason: NotRequired[StatusReason]
    """Why, in a word for programs; absent for a success."""
    message: NotRequired[str]
    details: NotRequired[StatusDetails]


class StatusCause(TypedDict):
    """One thing that is wrong."""

    reason: CauseReason
    message: str
    field: str
    """The path as the client wrote it."""


class StatusDetails(TypedDict):
    """Which object a refusal concerns, and everything that is wrong with it."""

    name: NotRequired[str]
    group: NotRequired[str]
    kind: NotRequired[str]
    """The kind for a refused object, else the plural word of its path."""
    uid: NotRequired[str]
    causes: list[StatusCause]
    retryAfterSeconds: NotRequired[int]


StatusMeta = TypedDict(
    "StatusMeta",
    {"continue": NotRequired[str]},
)


StatusOutcome: TypeAlias = Literal["Failure", "Success"]
"""Whether a request was carried out."""


StatusReason: TypeAlias = Literal[
    "AlreadyExists",
    "BadRequest",
    "Conflict",
    "Exhausted",
    "Expired",
    "Forbidden",
    "InternalError",
    "Invalid",
    "MethodNotAllowed",
    "MisdirectedRequest",
    "NotAcceptable",
    "NotFound",
    "PreconditionFailed",
    "RequestEntityTooLarge",
    "RequestHeaderFieldsTooLarge",
    "RequestTimeout",
    "ServiceUnavailable",
    "Timeout",
    "TooManyRequests",
    "URITooLong",
    "Unauthorized",
    "UnsupportedMediaType",
]
"""Why a request was refused, in a word for programs."""


class Subject(TypedDict):
    """Who has the role."""

    kind: SubjectKind
    apiGroup: NotRequired[str]
    """Empty for a service account."""
    name: str
    namespace: NotRequired[str]
    """Of a service account; a RoleBinding's own when absent."""


SubjectKind: TypeAlias = Literal["User", "Group", "ServiceAccount"]
"""What a subject names."""


Sysctls: TypeAlias = dict[str, str]
"""Kernel settings by name."""


class TCPSocketAction(TypedDict):
    """Probe by opening a connection."""

    port: IntOrString
    host: NotRequired[str]


class Taint(TypedDict):
    """A taint, which keeps Pods away from a Node."""

    key: str
    effect: str
    """NoSchedule, PreferNoSchedule or NoExecute."""
    value: NotRequired[str]
    timeAdded: NotRequired[str]


class Token(TypedDict):
    """A token, without its text."""

    apiVersion: Literal["access.waypost/v1"]
    kind: Literal["Token"]
    metadata: ObjectMeta
    spec: NotRequired[TokenSpec]
    status: NotRequired[TokenStatus]


class TokenList(TypedDict):
    """A page of Tokens, by name."""

    apiVersion: Literal["access.waypost/v1"]
    kind: Literal["TokenList"]
    metadata: ListMeta
    items: list[Token]


class TokenSpec(TypedDict):
    """The user of the token, and its end; only the description can be changed."""

    user: str
    """The user that requests with the token act for: any name, `system:serviceaccount:NAMESPACE:NAME`, or `system:node:NAME` for the agent of a node."""
    groups: NotRequired[list[str]]
    """The groups of the user; those of service accounts and agents are implied."""
    expiresAt: NotRequired[str]
    """90 days from now when absent; tokens of agents and DNS replicas then have no end."""
    boundNamespace: NotRequired[str]
    """The token is revoked when this Namespace is deleted; always that of a service account."""
    description: NotRequired[str]


class TokenStatus(TypedDict):
    """The use and the end of the token."""

    lastUsedAt: NotRequired[str]
    """To the minute, and up to two minutes late."""
    revokedAt: NotRequired[str]
    createdBy: NotRequired[str]
    """The user that created it."""


TrafficDistribution: TypeAlias = Literal["PreferClose", "PreferSameZone", "PreferSameNode"]
"""Which endpoints are preferred; `PreferClose` is the older name of `PreferSameZone`."""


TrafficPolicy: TypeAlias = Literal["Cluster", "Local"]
"""Whether traffic may leave the node it arrives on."""


class UnbindAddress(TypedDict):
    """Take an address off the dummy interface."""

    op: Literal["UnbindAddress"]
    address: str


RulesOperation: TypeAlias = (
    SetSysctl
    | CreateInterface
    | RemoveInterface
    | CreateSet
    | ReplaceSet
    | DestroySet
    | AddEntry
    | RemoveEntry
    | ReplaceNetfilter
    | RemoveNetfilter
    | AddVirtualServer
    | EditVirtualServer
    | RemoveVirtualServer
    | AddRealServer
    | SetWeight
    | DrainRealServer
    | RemoveRealServer
    | BindAddress
    | UnbindAddress
)
"""One step between two states of a node's kernel."""


class UserInfo(TypedDict):
    """A user as the server sees it."""

    username: str
    uid: NotRequired[str]
    groups: list[str]
    extra: NotRequired[dict[str, list[str]]]


class Version(TypedDict):
    """The build that answers."""

    major: str
    minor: str
    gitVersion: str
    """The full version."""
    gitCommit: str
    gitTreeState: str
    buildDate: str
    goVersion: str
    """Always empty; clients of Kubernetes insist on it."""
    pythonVersion: str
    compiler: str
    platform: str


class VirtualServer(TypedDict):
    """One address, port and protocol, and its real servers."""

    address: str
    port: int
    protocol: Protocol
    scheduler: str
    flags: list[str]
    persistenceTimeoutSeconds: int | None
    """How long a client keeps its real server; null without affinity."""
    service: NamespacedName
    portName: str
    realServers: list[RealServer]


class VirtualServerAddress(TypedDict):
    """The identity of a virtual server."""

    address: str
    port: int
    protocol: Protocol


class VirtualServerSettings(TypedDict):
    """A virtual server without its real servers."""

    address: str
    port: int
    protocol: Protocol
    scheduler: str
    flags: list[str]
    persistenceTimeoutSeconds: int | None


class WatchEvent(TypedDict):
    """One event: the object after a change, or before its deletion."""

    type: WatchEventType
    object: WatchedObject


WatchEventType: TypeAlias = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
"""What an event is: a change, a bookmark, or the error that ends the stream."""


WatchedObject: TypeAlias = (
    Service
    | Pod
    | EndpointSlice
    | Node
    | Namespace
    | ServiceCIDR
    | Role
    | ClusterRole
    | RoleBinding
    | ClusterRoleBinding
    | Bookmark
    | Status
)
"""What an event of a watch is about: an object, the bookmark of a watch of several kinds, or the refusal that ends the stream."""
