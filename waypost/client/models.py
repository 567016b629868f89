"""Objects and answers of the API as typed dictionaries; written by ``make openapi``."""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict


class AccessReview(TypedDict):
    """A question whether a user may do something, with its answer; or several in `reviews`."""

    apiVersion: NotRequired[str]
    """The API version of the question."""
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
    """A question about objects."""
    nonResourceAttributes: NotRequired[NonResourceAttributes]
    """A question about a path."""
    user: NotRequired[str]
    """The user asked about; the caller when absent."""
    groups: NotRequired[list[str]]
    """The groups of the user asked about."""
    uid: NotRequired[str]
    """The uid of the user asked about."""


class AccessReviewStatus(TypedDict):
    """Whether the user may do it."""

    allowed: bool
    """Whether the user may do it."""
    reason: NotRequired[str]
    """The binding that allows it; absent when none does."""


class AddEntry(TypedDict):
    """Put an entry into a set."""

    op: Literal["AddEntry"]
    name: str
    """The name of the interface, the set or the kernel setting."""
    entry: str
    """The entry, in the words of ipset."""


class AddRealServer(TypedDict):
    """Give a virtual server one more real server."""

    op: Literal["AddRealServer"]
    virtualServer: VirtualServerAddress
    """The virtual server."""
    realServer: RealServer
    """The real server."""


class AddVirtualServer(TypedDict):
    """Make a virtual server, without real servers yet."""

    op: Literal["AddVirtualServer"]
    virtualServer: VirtualServerSettings
    """The virtual server."""


AddressType: TypeAlias = Literal["IPv4", "IPv6", "FQDN"]
"""The type of all addresses of a slice."""


class AggregationRule(TypedDict):
    """Which ClusterRoles' rules a ClusterRole has."""

    clusterRoleSelectors: NotRequired[list[LabelSelector]]
    """ClusterRoles that one of these selects."""


Annotations: TypeAlias = dict[str, str]
"""Annotations by key."""


class AppliedObject(TypedDict):
    """The result for one object of the body, or for a pruned one."""

    apiVersion: str
    """The API version of the kind."""
    kind: str
    """The kind of the object."""
    namespace: NotRequired[str]
    """Absent for kinds without namespaces."""
    name: str
    """The name of the object."""
    operation: AppliedOperation
    """What became of the object."""
    message: NotRequired[str]
    """Why; absent if there is no more to say."""


AppliedOperation: TypeAlias = Literal["created", "configured", "unchanged", "deleted", "ignored"]
"""The result for one object."""


class ApplyResult(TypedDict):
    """The results of an apply, object by object, in the order of the body."""

    kind: Literal["ApplyResult"]
    resourceVersion: str
    """The revision after it; nothing changed when it is the one before."""
    dryRun: bool
    """Whether nothing was written, because the request asked so."""
    results: list[AppliedObject]
    """One for each object of the body, and after them those that were pruned."""


class BindAddress(TypedDict):
    """Put an address on the dummy interface."""

    op: Literal["BindAddress"]
    address: str
    """The virtual address."""


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
"""What a Service uses an address for; earlier uses win over later ones."""


class ClientIPConfig(TypedDict):
    """How long connections of a client go to the same backend."""

    timeoutSeconds: NotRequired[int]
    """1 to 86400; 10800 when absent."""


class ClusterIPAllocation(TypedDict):
    """One address in use."""

    address: str
    """The address in use."""
    service: NamespacedName
    """The Service that holds the address."""
    requested: bool
    """Whether the client named the address."""


class ClusterIPAllocations(TypedDict):
    """All ranges and all allocations, by address."""

    kind: Literal["ClusterIPs"]
    resourceVersion: str
    """The revision that is shown."""
    ranges: list[ClusterIPRange]
    """All ranges that ClusterIPs come from."""
    allocations: list[ClusterIPAllocation]
    """All addresses that Services hold."""


class ClusterIPRange(TypedDict):
    """One range and how full it is."""

    cidr: str
    """The range."""
    family: IPFamily
    """The IP family of the range."""
    usable: int
    """Addresses that can be given out."""
    allocated: int
    """Addresses that Services hold."""
    free: int
    """Usable addresses that no Service holds."""
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
    """Whose rules the ClusterRole has, in place of its own."""


class ClusterRoleBinding(TypedDict):
    """Who has the rules of a ClusterRole everywhere."""

    apiVersion: Literal["rbac.authorization.k8s.io/v1"]
    kind: Literal["ClusterRoleBinding"]
    metadata: ObjectMeta
    roleRef: NotRequired[RoleRef]
    """The ClusterRole whose rules are granted."""
    subjects: NotRequired[list[Subject]]
    """Who has them."""


class ClusterRoleBindingList(TypedDict):
    """A page of ClusterRoleBindings, by name."""

    apiVersion: Literal["rbac.authorization.k8s.io/v1"]
    kind: Literal["ClusterRoleBindingList"]
    metadata: ListMeta
    """The revision that is shown, and the next page."""
    items: list[ClusterRoleBinding]
    """The objects of this page."""


class ClusterRoleList(TypedDict):
    """A page of ClusterRoles, by name."""

    apiVersion: Literal["rbac.authorization.k8s.io/v1"]
    kind: Literal["ClusterRoleList"]
    metadata: ListMeta
    """The revision that is shown, and the next page."""
    items: list[ClusterRole]
    """The objects of this page."""


class Condition(TypedDict):
    """One observed aspect of an object."""

    type: str
    """The aspect, in a word."""
    status: str
    """True, False or Unknown."""
    observedGeneration: NotRequired[int]
    """The generation of the object that was observed."""
    lastProbeTime: NotRequired[str]
    """When the aspect was last looked at."""
    lastTransitionTime: NotRequired[str]
    """When `status` last changed."""
    reason: NotRequired[str]
    """A word for programs."""
    message: NotRequired[str]
    """A sentence for people."""


class Container(TypedDict):
    """A container: only its ports and its readiness probe count."""

    name: NotRequired[str]
    """The name of the container."""
    ports: NotRequired[list[ContainerPort]]
    """Ports that Services may refer to by name."""
    readinessProbe: NotRequired[Probe]
    """How it is found out whether the container takes traffic."""
    restartPolicy: NotRequired[str]
    """`Always` makes an init container a sidecar, whose ports and probe count."""


class ContainerPort(TypedDict):
    """A port that a container listens on; Services refer to it by name."""

    name: NotRequired[str]
    """The name by which Services refer to the port."""
    containerPort: int
    """The number of the port."""
    protocol: NotRequired[Protocol]
    """`TCP` when absent."""


class CreateInterface(TypedDict):
    """Make the dummy interface."""

    op: Literal["CreateInterface"]
    name: str
    """The name of the interface, the set or the kernel setting."""


class CreateSet(TypedDict):
    """Make a set, still empty."""

    op: Literal["CreateSet"]
    ipset: IPSet
    """The set with its entries, which `ReplaceSet` puts in place at once."""


class DNSConfig(TypedDict):
    """The additions of a Pod to its resolv.conf."""

    nameservers: NotRequired[list[str]]
    """Addresses of more name servers."""
    searches: NotRequired[list[str]]
    """More domains to search in."""
    options: NotRequired[list[DNSConfigOption]]
    """Options, in place of those of the same name."""


class DNSConfigOption(TypedDict):
    """One option of resolv.conf."""

    name: str
    """The name of the option."""
    value: NotRequired[str]
    """The value of the option, if it has one."""


DNSPolicy: TypeAlias = Literal["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]
"""The basis of a Pod's resolv.conf."""


class DestroySet(TypedDict):
    """Remove a set."""

    op: Literal["DestroySet"]
    name: str
    """The name of the interface, the set or the kernel setting."""


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
    """The virtual server."""
    realServer: RealServerAddress
    """The real server."""


DryRun: TypeAlias = Literal["All"]
"""What is left out of a write: `All` leaves out the commit."""


class DummyInterface(TypedDict):
    """The interface that makes virtual addresses local."""

    name: str
    """The name of the interface."""
    addresses: list[str]
    """The addresses on it."""


class EditVirtualServer(TypedDict):
    """Change a virtual server in place; connections survive."""

    op: Literal["EditVirtualServer"]
    virtualServer: VirtualServerSettings
    """The virtual server."""


class Endpoint(TypedDict):
    """The addresses of one backend."""

    addresses: list[str]
    """Addresses of the backend; the first one is used."""
    conditions: NotRequired[EndpointConditions]
    """Whether it takes traffic."""
    hostname: NotRequired[str]
    """The host name below the name of a headless Service."""
    nodeName: NotRequired[str]
    """The Node that it runs on."""
    zone: NotRequired[str]
    """The zone that it runs in."""
    targetRef: NotRequired[ObjectReference]
    """The Pod that it is, if it is one."""
    hints: NotRequired[EndpointHints]
    """Whose traffic it should get."""
    weight: NotRequired[int]
    """Share of the traffic; 1 when absent, 0 drains (an extension of Waypost)."""


class EndpointAddress(TypedDict):
    """One address of a subset."""

    ip: str
    """The address."""
    hostname: NotRequired[str]
    """The host name below the name of a headless Service."""
    nodeName: NotRequired[str]
    """The Node that it is on."""
    targetRef: NotRequired[ObjectReference]
    """The Pod that has the address."""


class EndpointConditions(TypedDict):
    """Three facts; absent reads as ready, serving, and not terminating."""

    ready: NotRequired[bool]
    """Whether it takes new connections."""
    serving: NotRequired[bool]
    """Whether it answers, also while it is terminating."""
    terminating: NotRequired[bool]
    """Whether it is about to end."""


class EndpointHints(TypedDict):
    """The zones and nodes whose traffic an endpoint should get."""

    forZones: NotRequired[list[ForZone]]
    """Zones whose traffic it should get."""
    forNodes: NotRequired[list[ForNode]]
    """Nodes whose traffic it should get."""


class EndpointPort(TypedDict):
    """A port of every endpoint in the slice."""

    name: NotRequired[str]
    """The name of the Service's port; empty for a port without a name."""
    protocol: NotRequired[Protocol]
    """`TCP` when absent."""
    port: NotRequired[int]
    """Absent means any port."""
    appProtocol: NotRequired[str]
    """The application protocol of the port."""


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
"""What is to be said of a Pod or a slice; reasons that exclude a Pod come first."""


class EndpointSlice(TypedDict):
    """Some of the endpoints behind a Service."""

    apiVersion: Literal["discovery.k8s.io/v1"]
    kind: Literal["EndpointSlice"]
    metadata: ObjectMeta
    addressType: AddressType
    """The type of all addresses; it cannot be changed."""
    endpoints: NotRequired[list[Endpoint]]
    """Up to 1000 endpoints."""
    ports: NotRequired[list[EndpointPort]]
    """The ports of every endpoint."""


class EndpointSliceList(TypedDict):
    """A page of EndpointSlices, by namespace and name."""

    apiVersion: Literal["discovery.k8s.io/v1"]
    kind: Literal["EndpointSliceList"]
    metadata: ListMeta
    """The revision that is shown, and the next page."""
    items: list[EndpointSlice]
    """The objects of this page."""


class EndpointSubset(TypedDict):
    """Addresses that all listen on all of the ports."""

    addresses: NotRequired[list[EndpointAddress]]
    """Addresses that are ready."""
    notReadyAddresses: NotRequired[list[EndpointAddress]]
    """Addresses that are not ready."""
    ports: NotRequired[list[EndpointSubsetPort]]
    """The ports of every address."""


class EndpointSubsetPort(TypedDict):
    """A port that all addresses of a subset listen on."""

    name: NotRequired[str]
    """The name of the Service's port; empty for a port without a name."""
    protocol: NotRequired[Protocol]
    """`TCP` when absent."""
    port: int
    """The number of the port."""
    appProtocol: NotRequired[str]
    """The application protocol of the port."""


EndpointVerdict: TypeAlias = Literal["Ready", "Drained", "Terminating", "NotReady", "NotAnEndpoint"]
"""The state of a Pod as an endpoint of the Service."""


class Endpoints(TypedDict):
    """The older kind that lists the endpoints of a Service; `/apply` mirrors it into slices."""

    apiVersion: Literal["v1"]
    kind: Literal["Endpoints"]
    metadata: ObjectMeta
    subsets: NotRequired[list[EndpointSubset]]
    """Addresses with their ports."""


class ExecAction(TypedDict):
    """Probe by running a command in the container, which Waypost does not do."""

    command: list[str]
    """The command with its arguments."""


class ExplainedPod(TypedDict):
    """One Pod of the namespace."""

    pod: NamespacedName
    """The Pod."""
    verdict: EndpointVerdict
    """What the Pod is to the Service."""
    reasons: list[ExplainedReason]
    """Empty when all is well."""
    selected: bool
    """Whether the selector picks it."""
    requirementsFailed: int
    """Parts of the selector that it does not meet."""
    addresses: list[str]
    """The addresses of the Pod."""
    slices: list[str]
    """EndpointSlices that hold it."""


class ExplainedReason(TypedDict):
    """One thing to know: a stable word for programs, and a sentence for people."""

    code: EndpointReason
    """The word for programs."""
    message: str
    """The sentence for people."""


class ExplainedSlice(TypedDict):
    """One EndpointSlice that was written by hand, or is no longer kept up to date."""

    slice: NamespacedName
    """The EndpointSlice."""
    managedBy: str
    """The controller that the slice names as its manager; may be empty."""
    addressType: AddressType
    """The type of its addresses."""
    endpoints: int
    """How many endpoints it has."""
    endpointsReady: int
    """How many of them are ready."""
    reasons: list[ExplainedReason]
    """What is to be said of it."""


FieldValidation: TypeAlias = Literal["Ignore", "Warn", "Strict"]
"""What is done about fields that are unknown, not kept or given twice; `Warn` when absent."""


class ForNode(TypedDict):
    """A node whose traffic an endpoint should get."""

    name: str
    """The name of the Node."""


class ForZone(TypedDict):
    """A zone whose traffic an endpoint should get."""

    name: str
    """The name of the zone."""


class GRPCAction(TypedDict):
    """Probe by the standard gRPC health service."""

    port: int
    """The port that is asked."""
    service: NotRequired[str]
    """The service whose health is asked for; the server's when empty."""


class HTTPGetAction(TypedDict):
    """Probe by HTTP: 200 to 399 is a success."""

    path: NotRequired[str]
    """The path that is asked for; `/` when absent."""
    port: IntOrString
    """The port that is asked."""
    scheme: NotRequired[str]
    """HTTP or HTTPS."""
    host: NotRequired[str]
    """The host that is asked; the Pod's address when absent."""
    httpHeaders: NotRequired[list[HTTPHeader]]
    """Headers of the request."""


class HTTPHeader(TypedDict):
    """A header of a probe's request."""

    name: str
    """The name of the header."""
    value: str
    """The value of the header."""


class Health(TypedDict):
    """Whether the process can do its work, and what each check says."""

    status: HealthStatus
    """Whether all checks succeeded."""
    checks: list[ServerCheck]
    """Every check with its result."""


class HealthCheckNodePort(TypedDict):
    """The health check of a Service on this node, and its answer to load balancers."""

    service: NamespacedName
    """The Service whose endpoints are counted."""
    port: int
    """The port of the node that load balancers ask."""
    localEndpoints: int
    """Ready endpoints on the node; 0 answers 503."""
    addresses: list[str]
    """Addresses of the node that answer; `0.0.0.0` and `::` mean all."""


HealthStatus: TypeAlias = Literal["ok", "failed"]
"""The result of all checks."""


class HeartbeatResult(TypedDict):
    """Which leases were renewed, and which Pods are not registered."""

    renewed: list[NamespacedName]
    """Pods that are registered; their leases begin anew."""
    unknown: list[NamespacedName]
    """Pods that are not registered; register them again."""


class Heartbeats(TypedDict):
    """Pods whose leases are to be renewed."""

    pods: list[PodName]
    """Up to 10000 Pods."""


IPFamily: TypeAlias = Literal["IPv4", "IPv6"]
"""The family of addresses."""


IPFamilyPolicy: TypeAlias = Literal["SingleStack", "PreferDualStack", "RequireDualStack"]
"""Whether a Service is single-stack or dual-stack."""


class IPSet(TypedDict):
    """One set and all its entries, sorted."""

    name: str
    """The name of the set."""
    type: IPSetType
    """What an entry is made of."""
    family: IPSetFamily
    """The family of its addresses."""
    maxElements: int | None
    """Entries it can hold; null for a bitmap."""
    entries: list[str]
    """Its entries, in the words of ipset."""


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
    """When the token was revoked; absent while it works."""
    createdBy: NotRequired[str]
    """The user that created it."""
    token: NotRequired[str]
    """To be sent as `Authorization: Bearer …`. The server does not keep it: store it now. Absent in a dry run."""


class LabelSelector(TypedDict):
    """Conditions on labels, which must all hold; an empty selector matches everything."""

    matchLabels: NotRequired[Labels]
    """Labels that must be there with these values."""
    matchExpressions: NotRequired[list[LabelSelectorRequirement]]
    """Further conditions."""


class LabelSelectorRequirement(TypedDict):
    """One condition on a label."""

    key: str
    """The key of the label."""
    operator: SelectorOperator
    """How the label is compared."""
    values: NotRequired[list[str]]
    """Values to compare with; none for `Exists` and `DoesNotExist`."""


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
    """The address."""
    hostname: NotRequired[str]
    """The name."""
    ipMode: NotRequired[LoadBalancerIPMode]
    """What is done with packets to the address; VIP when absent."""


class LoadBalancerStatus(TypedDict):
    """The addresses and names at which a load balancer answers."""

    ingress: NotRequired[list[LoadBalancerIngress]]
    """Addresses and names at which it answers."""


LocalDetection: TypeAlias = Literal[
    "ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix"
]
"""How a node tells traffic of its own Pods from other traffic."""


class LocalSource(TypedDict):
    """How the node's own Pods are recognised."""

    detection: LocalDetection
    """What they are recognised by."""
    value: str
    """The range, or the name of the interface."""


class ManifestList(TypedDict):
    """Several objects in one body."""

    apiVersion: Literal["v1"]
    kind: Literal["List"]
    items: list[Manifest]
    """The objects, of any kinds."""


class MergePatch(TypedDict):
    """Parts of an object to change, as in RFC 7396: null removes a field, and a list replaces the whole list. JSON patches (`application/json-patch+json`) and strategic merge patches (`application/strategic-merge-patch+json`) are accepted in its place."""


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
    """The revision that is shown, and the next page."""
    items: list[Namespace]
    """The objects of this page."""


NamespacePhase: TypeAlias = Literal["Active", "Terminating"]
"""Whether a Namespace takes new objects."""


class NamespaceSpec(TypedDict):
    """The finalizers that delay the deletion of a Namespace."""

    finalizers: NotRequired[list[str]]
    """Set on creation, with `kubernetes` added; later only `/finalize` changes them."""


class NamespaceStatus(TypedDict):
    """Whether a Namespace takes new objects."""

    phase: NotRequired[NamespacePhase]
    """Set by the server."""
    conditions: NotRequired[list[Condition]]
    """What keeps a terminating Namespace, if anything does."""


class NamespacedName(TypedDict):
    """The name of an object in a namespace."""

    namespace: str
    """The namespace of the object."""
    name: str
    """The name of the object."""


class Netfilter(TypedDict):
    """The iptables rules of one family, in order of writing."""

    family: IPFamily
    """The IP family of the rules."""
    nat: list[str]
    """Rules of the table `nat`, in the words of iptables-restore."""
    filter: list[str]
    """Rules of the table `filter`, in the words of iptables-restore."""
    basis: NetfilterBasis
    """What the rules follow from."""


class NetfilterBasis(TypedDict):
    """The facts that determine the rules of one family."""

    occupiedSets: list[str]
    """Sets that are not empty, by IPv4 name."""
    shutAddresses: list[RejectingAddress]
    """Addresses that only some clients may use, and the node may not."""
    masqueradeAll: bool
    """Whether all traffic to virtual addresses is masqueraded."""
    localSource: LocalSource | None
    """How the node's own Pods are recognised; null when they are not."""


class NftablesRules(TypedDict):
    """The rules of one node in nftables mode at one revision."""

    kind: Literal["NodeText"]
    node: str
    """The Node that the rules are for."""
    resourceVersion: str
    """The revision that the rules follow from."""
    nodeEligible: bool
    """Whether load balancers may send the node traffic: false while it is being deleted, or has the taint `ToBeDeletedByClusterAutoscaler`."""
    healthCheckNodePorts: list[HealthCheckNodePort]
    """What the node answers to load balancers."""
    text: str
    """Input for `nft -f`."""


class NftablesRulesChanges(TypedDict):
    """One transaction that takes a node from revision `since` to `resourceVersion`."""

    kind: Literal["NodeTextChanges"]
    node: str
    """The Node that the rules are for."""
    since: str
    """The revision that the node has."""
    resourceVersion: str
    """The revision that the node then has."""
    text: str
    """Input for `nft -f`; empty when nothing changed for this node."""
    healthCheckNodePorts: list[HealthCheckNodePortChange]
    """Changes for the program that serves the health-check node ports."""
    nodeEligible: bool
    """Whether load balancers may send the node traffic: false while it is being deleted, or has the taint `ToBeDeletedByClusterAutoscaler`."""


class NoLocalEndpoints(TypedDict):
    """Services with policy Local whose endpoints are all on other nodes."""

    internal: list[str]
    """Services with `internalTrafficPolicy` Local."""
    external: list[str]
    """Services with `externalTrafficPolicy` Local."""


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
    """The address, or the name."""


class NodeHeartbeatResult(TypedDict):
    """A Node's lease was renewed."""

    node: str
    """The name of the Node."""
    leaseDurationSeconds: int
    """The next heartbeat must come before that."""


class NodeList(TypedDict):
    """A page of Nodes, by name."""

    apiVersion: Literal["v1"]
    kind: Literal["NodeList"]
    metadata: ListMeta
    """The revision that is shown, and the next page."""
    items: list[Node]
    """The objects of this page."""


class NodeRules(TypedDict):
    """The rules of one node at one revision; sorted, so that equal state gives equal bytes."""

    kind: Literal["NodeRules"]
    node: str
    """The Node that the rules are for."""
    resourceVersion: str
    """The revision that the rules follow from."""
    backend: RulesBackend
    """The kernel interface that was asked for."""
    nodeEligible: bool
    """Whether load balancers may send the node traffic: false while it is being deleted, or has the taint `ToBeDeletedByClusterAutoscaler`."""
    dummyInterface: DummyInterface
    sysctls: Sysctls
    """Kernel settings that the rules need."""
    virtualServers: list[VirtualServer]
    """What IPVS is told."""
    ipsets: list[IPSet]
    """The sets that the rules of iptables refer to."""
    netfilters: list[Netfilter]
    """The rules of iptables, an IP family each."""
    healthCheckNodePorts: list[HealthCheckNodePort]
    """What the node answers to load balancers."""
    noLocalEndpoints: NoLocalEndpoints
    """Services that this node has no endpoints for."""
    conflicts: list[PortConflict]
    """Addresses that two Services claim."""
    notices: list[RulesNotice]
    """Settings that may not have their effect."""
    nftables: NotRequired[str]
    """Input for `nft -f`, when that backend was asked for."""


class NodeRulesChanges(TypedDict):
    """Ordered operations that take a node from revision `since` to `resourceVersion`."""

    kind: Literal["NodeRulesChanges"]
    node: str
    """The Node that the rules are for."""
    since: str
    """The revision that the node has."""
    resourceVersion: str
    """The revision that the node then has."""
    operations: list[RulesOperation]
    """What is to be done, in this order."""
    healthCheckNodePorts: list[HealthCheckNodePortChange]
    """Changes for the program that serves the health-check node ports."""
    nodeEligible: bool
    """Whether load balancers may send the node traffic: false while it is being deleted, or has the taint `ToBeDeletedByClusterAutoscaler`."""


class NodeRulesDrift(TypedDict):
    """The differences between a node's kernel and its rules, and their repair."""

    kind: Literal["NodeRulesDrift"]
    node: str
    """The Node that the rules are for."""
    resourceVersion: str
    """The revision that the rules follow from."""
    inSync: bool
    """Whether there are no differences."""
    differences: list[RulesDifference]
    """What is missing, too much, or other than wanted."""
    foreign: list[VirtualServerAddress]
    """Virtual servers that Waypost did not make; they are left alone."""
    operations: list[RulesOperation]
    """The repair, in this order."""
    commands: str
    """Input for `ipvsadm --restore` that repairs what can be repaired now."""
    commandsWhenDrained: str
    """The rest, once the connections of drained real servers have ended."""


class NodeSpec(TypedDict):
    """The desired state of a Node."""

    podCIDR: NotRequired[str]
    """The first of `podCIDRs`."""
    podCIDRs: NotRequired[list[str]]
    """One range of each IP family."""
    providerID: NotRequired[str]
    """The name of the machine at its provider; stored as given."""
    unschedulable: NotRequired[bool]
    """Stored as given; nothing is scheduled here."""
    taints: NotRequired[list[Taint]]
    """Stored as given; `ToBeDeletedByClusterAutoscaler` makes the `/healthz` of the node's agent fail, so that load balancers stop using the node."""


class NodeStatus(TypedDict):
    """The reported state of a Node."""

    addresses: NotRequired[list[NodeAddress]]
    """Addresses and names of the Node."""
    conditions: NotRequired[list[Condition]]
    """Conditions, `Ready` among them."""
    capacity: NotRequired[Quantities]
    """What the machine has; stored as given."""
    allocatable: NotRequired[Quantities]
    """What Pods may use; stored as given."""


class NonResourceAttributes(TypedDict):
    """One verb, a method in lower case, on a path."""

    path: NotRequired[str]
    """The path of the request."""
    verb: NotRequired[str]
    """The method of the request, in lower case."""


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
    """Words to select the object by."""
    annotations: NotRequired[Annotations]
    """What tools note on the object."""
    ownerReferences: NotRequired[list[OwnerReference]]
    """Objects with which this one is deleted."""


class ObjectReference(TypedDict):
    """A pointer to another object."""

    kind: NotRequired[str]
    """The kind of the object."""
    namespace: NotRequired[str]
    """The namespace of the object."""
    name: NotRequired[str]
    """The name of the object."""
    uid: NotRequired[str]
    """The uid of the object."""
    apiVersion: NotRequired[str]
    """The API version of the kind."""
    resourceVersion: NotRequired[str]
    """The revision of the object."""
    fieldPath: NotRequired[str]
    """A part of the object."""


class OwnerReference(TypedDict):
    """A reference to an owner, with which the object is deleted."""

    apiVersion: str
    """The API version of its kind."""
    kind: str
    """The kind of the owner."""
    name: str
    """The name of the owner."""
    uid: str
    """The uid of the owner."""
    controller: NotRequired[bool]
    """Whether the owner manages the object."""
    blockOwnerDeletion: NotRequired[bool]
    """Stored as given."""


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
    """The address."""


class PodList(TypedDict):
    """A page of Pods, by namespace and name."""

    apiVersion: Literal["v1"]
    kind: Literal["PodList"]
    metadata: ListMeta
    """The revision that is shown, and the next page."""
    items: list[Pod]
    """The objects of this page."""


class PodName(TypedDict):
    """The name of a Pod."""

    namespace: NotRequired[str]
    """`default` when absent."""
    name: str
    """The name of the Pod."""


PodPhase: TypeAlias = Literal["Pending", "Running", "Succeeded", "Failed", "Unknown"]
"""The phase of a Pod's life."""


class PodSpec(TypedDict):
    """The registered properties of a Pod."""

    containers: NotRequired[list[Container]]
    """Containers, for their ports and probes."""
    initContainers: NotRequired[list[Container]]
    """Init containers, of which sidecars count."""
    nodeName: NotRequired[str]
    """The Node that the Pod runs on."""
    hostname: NotRequired[str]
    """The host name of the Pod; its name when absent."""
    subdomain: NotRequired[str]
    """Names the headless Service that gives the hostname a DNS name."""
    hostNetwork: NotRequired[bool]
    """Whether the Pod has the addresses of its Node."""
    dnsPolicy: NotRequired[DNSPolicy]
    """`ClusterFirst` when absent."""
    restartPolicy: NotRequired[str]
    """Stored as given."""
    schedulerName: NotRequired[str]
    """Stored as given."""
    serviceAccountName: NotRequired[str]
    """Stored as given."""
    dnsConfig: NotRequired[DNSConfig]
    """Additions to the Pod's resolv.conf."""
    terminationGracePeriodSeconds: NotRequired[int]
    """How long the Pod keeps terminating after its deletion; 30 when absent."""
    leaseDurationSeconds: NotRequired[int]
    """Heartbeats are expected within this time; absent means no lease (an extension of Waypost)."""
    weight: NotRequired[int]
    """Share of the traffic, 0 to 65535; 1 when absent, 0 drains (an extension of Waypost)."""


class PodStatus(TypedDict):
    """The state of a Pod that its registrar or a probe reports."""

    phase: NotRequired[PodPhase]
    """Running when absent and there is an address, else Pending."""
    hostIP: NotRequired[str]
    """The address of the Node."""
    reason: NotRequired[str]
    """A word for programs."""
    message: NotRequired[str]
    """A sentence for people."""
    nominatedNodeName: NotRequired[str]
    """Stored as given."""
    podIP: NotRequired[str]
    """The first of `podIPs`."""
    podIPs: NotRequired[list[PodIP]]
    """At most one address of each IP family."""
    conditions: NotRequired[list[Condition]]
    """Conditions, of which `Ready` decides whether the Pod gets traffic."""


class PolicyRule(TypedDict):
    """Verbs on resources, or on paths; a `*` stands for all of a list."""

    verbs: list[str]
    """What may be done."""
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
    """The port that both claim."""
    protocol: Protocol
    """The protocol that both claim."""
    winner: ServicePortReference
    """The port of the Service that has the address."""
    loser: ServicePortReference
    """The port of the Service that does not get it."""
    role: ClaimRole
    """What the loser would use the address for."""


class Probe(TypedDict):
    """A readiness probe: one action, and when to run it."""

    exec: NotRequired[ExecAction]
    """Stored but not run: a client has to report readiness."""
    httpGet: NotRequired[HTTPGetAction]
    """Probe by HTTP."""
    tcpSocket: NotRequired[TCPSocketAction]
    """Probe by opening a connection."""
    grpc: NotRequired[GRPCAction]
    """Probe by gRPC."""
    initialDelaySeconds: NotRequired[int]
    """Seconds before the first probe; 0 when absent."""
    periodSeconds: NotRequired[int]
    """10 when absent."""
    timeoutSeconds: NotRequired[int]
    """1 when absent."""
    successThreshold: NotRequired[int]
    """1 when absent."""
    failureThreshold: NotRequired[int]
    """3 when absent."""


Protocol: TypeAlias = Literal["TCP", "UDP", "SCTP"]
"""The transport of a port; TCP where it may be absent."""


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
    """Up to 256 questions."""


QuestionType: TypeAlias = Literal["ADDR", "A", "AAAA", "SRV", "PTR", "CNAME", "TXT"]
"""What is asked of a name: `ADDR`, the default, for A and AAAA."""


class RealServer(TypedDict):
    """A real server of a virtual server: the destination of connections."""

    address: str
    """The address of the endpoint."""
    port: int
    """The port of the endpoint."""
    weight: int
    """0 takes no new connections."""
    forwarding: Literal["masquerade"]
    """How packets get there."""


class RealServerAddress(TypedDict):
    """The identity of a real server of a virtual server."""

    address: str
    """The address of the endpoint."""
    port: int
    """The port of the endpoint."""


class RejectingAddress(TypedDict):
    """A load-balancer address that the node itself may not use."""

    address: str
    """The address."""
    port: int
    """The port."""
    protocol: Protocol
    """The protocol."""


class RemoveEntry(TypedDict):
    """Take an entry out of a set."""

    op: Literal["RemoveEntry"]
    name: str
    """The name of the interface, the set or the kernel setting."""
    entry: str
    """The entry, in the words of ipset."""


class RemoveHealthCheckNodePort(TypedDict):
    """Remove the health check of a Service."""

    op: Literal["RemoveHealthCheckNodePort"]
    service: NamespacedName
    """The Service whose check is removed."""


class RemoveInterface(TypedDict):
    """Remove the dummy interface."""

    op: Literal["RemoveInterface"]
    name: str
    """The name of the interface, the set or the kernel setting."""


class RemoveNetfilter(TypedDict):
    """Remove the iptables rules of a family that is not served any more."""

    op: Literal["RemoveNetfilter"]
    family: IPFamily
    """The IP family that is not served any more."""


class RemoveRealServer(TypedDict):
    """Remove a real server, at once or when its connections have ended."""

    op: Literal["RemoveRealServer"]
    virtualServer: VirtualServerAddress
    """The virtual server."""
    realServer: RealServerAddress
    """The real server."""
    whenDrained: bool
    """Whether to wait until the connections of the real server have ended."""


class RemoveVirtualServer(TypedDict):
    """Remove a virtual server with what real servers it still has."""

    op: Literal["RemoveVirtualServer"]
    virtualServer: VirtualServerAddress
    """The virtual server."""


class RenderConfig(TypedDict):
    """The settings that an operator would have for all nodes."""

    scheduler: NotRequired[Scheduler]
    """`rr` when absent."""
    masqueradeAll: NotRequired[bool]
    """Whether all traffic to virtual addresses is masqueraded; false when absent."""
    clusterCIDR: NotRequired[str]
    """The addresses of Pods: at most one range of each IP family."""
    nodePortAddresses: NotRequired[list[str]]
    """Ranges of the node's addresses at which node ports answer, or `primary`; all when absent."""
    serviceCIDRs: NotRequired[list[str]]
    """Ranges that ClusterIPs come from, beside those of the ServiceCIDRs of the request. With nftables, packets to an address in them that no Service has are dropped."""
    ipFamilies: NotRequired[list[IPFamily]]
    """Both when absent."""
    backend: NotRequired[RulesBackend]
    """`ipvs` when absent."""


class RenderRequest(TypedDict):
    """The state to make one node's rules from; nothing is stored."""

    node: Node
    """The node that the rules are for."""
    services: NotRequired[list[Service]]
    """The Services there are."""
    endpointSlices: NotRequired[list[EndpointSlice]]
    """Their endpoints."""
    serviceCIDRs: NotRequired[list[ServiceCIDR]]
    """Objects whose ranges ClusterIPs come from."""
    config: NotRequired[RenderConfig]
    """Settings; the defaults when absent."""


class ReplaceNetfilter(TypedDict):
    """Replace the iptables rules of one family."""

    op: Literal["ReplaceNetfilter"]
    netfilter: Netfilter
    """The rules as they are to be."""


class ReplaceSet(TypedDict):
    """Replace a set and its content in one step."""

    op: Literal["ReplaceSet"]
    ipset: IPSet
    """The set with its entries, which `ReplaceSet` puts in place at once."""


class Resolution(TypedDict):
    """The result that a program with this resolver would get, and its queries."""

    kind: Literal["Resolution"]
    name: str
    """The name, as it was asked."""
    type: str
    """The type, as it was asked."""
    status: ResolutionStatus
    """How the lookup ended."""
    canonicalName: NotRequired[str]
    """Absent when nothing in the DNS answered."""
    addresses: list[str]
    """In the order in which the program gets them."""
    records: list[ResolvedRecord]
    """The records that the addresses were taken from, aliases included."""
    queries: list[ResolverQuery]
    """Every packet that was sent, in order."""
    resolvConf: ResolvConf
    """The resolv.conf that was used."""
    resolver: Resolver
    """The library that was modelled."""
    service: NotRequired[NamespacedName]
    """The Service whose name answered; absent when none did."""
    resourceVersion: str
    """The revision whose names were resolved."""
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
    """The remark, as a sentence."""


class ResolutionBatch(TypedDict):
    """The answers to a batch, in the order of its questions."""

    resolutions: list[Resolution]
    """One for each question."""


ResolutionStatus: TypeAlias = Literal[
    "NOERROR", "NXDOMAIN", "NODATA", "SERVFAIL", "REFUSED", "TIMEOUT"
]
"""The result for the program, in DNS terms."""


class ResolvConf(TypedDict):
    """The resolv.conf the program reads."""

    nameservers: list[str]
    """Addresses of name servers, in order of use."""
    search: list[str]
    """Domains that a name is searched in, in order."""
    options: ResolvConfOptions
    """Options of the resolver."""


class ResolvConfOptions(TypedDict):
    """Options by name: a number, a text, or `true` without a value."""


class ResolvedEndpoint(TypedDict):
    """One address behind the Service, with one port of it."""

    address: str
    """The address of the endpoint."""
    port: NotRequired[int]
    """The number of the port; absent for a Service without ports."""
    portName: NotRequired[str]
    """The name of the port; absent when it has none."""
    protocol: NotRequired[str]
    """The protocol of the port."""
    node: NotRequired[str]
    """The node that it runs on, if known."""
    zone: NotRequired[str]
    """The zone that it runs in, if known."""
    conditions: EndpointConditions
    """Whether it takes traffic."""


class ResolvedRecord(TypedDict):
    """A record that the answer was made of."""

    name: str
    """The owner of the record, with a final dot."""
    type: str
    """The type of the record."""
    ttl: int
    """Seconds."""
    data: str
    """The value in presentation form."""


Resolver: TypeAlias = Literal["glibc", "musl", "musl-1.2.3", "go", "c-ares"]
"""The library that resolves, as it is modelled."""


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
    """The namespace of the objects."""
    verb: NotRequired[str]
    """What is to be done, such as `get` or `create`."""
    group: NotRequired[str]
    """The API group; the core group is empty."""
    version: NotRequired[str]
    """Accepted; rights do not depend on it."""
    resource: NotRequired[str]
    """The plural of the kind."""
    subresource: NotRequired[str]
    """A part of the object, such as `status`."""
    name: NotRequired[str]
    """The name of the object."""


ResourceVersionMatch: TypeAlias = Literal["Exact", "NotOlderThan"]
"""Whether a list shows `resourceVersion` itself, or one that may be later, as it does when absent."""


class Role(TypedDict):
    """Rules for one namespace."""

    apiVersion: Literal["rbac.authorization.k8s.io/v1"]
    kind: Literal["Role"]
    metadata: ObjectMeta
    rules: NotRequired[list[PolicyRule]]
    """What is allowed."""


class RoleBinding(TypedDict):
    """Who has the rules of a role in one namespace."""

    apiVersion: Literal["rbac.authorization.k8s.io/v1"]
    kind: Literal["RoleBinding"]
    metadata: ObjectMeta
    roleRef: NotRequired[RoleRef]
    """The role whose rules are granted."""
    subjects: NotRequired[list[Subject]]
    """Who has them."""


class RoleBindingList(TypedDict):
    """A page of RoleBindings, by namespace and name."""

    apiVersion: Literal["rbac.authorization.k8s.io/v1"]
    kind: Literal["RoleBindingList"]
    metadata: ListMeta
    """The revision that is shown, and the next page."""
    items: list[RoleBinding]
    """The objects of this page."""


class RoleList(TypedDict):
    """A page of Roles, by namespace and name."""

    apiVersion: Literal["rbac.authorization.k8s.io/v1"]
    kind: Literal["RoleList"]
    metadata: ListMeta
    """The revision that is shown, and the next page."""
    items: list[Role]
    """The objects of this page."""


class RoleRef(TypedDict):
    """The role that is granted; it cannot be changed."""

    apiGroup: NotRequired[str]
    """The API group of the role."""
    kind: RoleRefKind
    name: str
    """The name of the role."""


RoleRefKind: TypeAlias = Literal["Role", "ClusterRole"]
"""What a binding refers to; a ClusterRoleBinding only to ClusterRoles."""


RulesBackend: TypeAlias = Literal["ipvs", "nftables"]
"""The kernel interface that rules are made for."""


class RulesDifference(TypedDict):
    """One difference between a node's kernel and its rules."""

    reason: DifferenceReason
    """In what way they differ."""
    virtualServer: VirtualServerAddress
    """The virtual server that differs."""
    realServer: NotRequired[RealServer]
    """The real server that differs; absent when it is the virtual server."""


class RulesNotice(TypedDict):
    """A setting that may not have the intended effect."""

    service: NamespacedName
    """The Service that has the setting."""
    reason: NoticeReason
    """Which setting it is, in a word for programs."""
    message: str
    """What may not have its effect, for people."""


RulesPart: TypeAlias = Literal[
    "script", "ipvsadm", "ipset", "iptables", "ip6tables", "ip", "sysctl"
]
"""The text that rules are loaded from, by the program that loads it."""


Scheduler: TypeAlias = Literal[
    "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"
]
"""How IPVS chooses a real server."""


class ScrapeTargetGroup(TypedDict):
    """Addresses that share labels."""

    targets: list[str]
    """Addresses with their ports."""
    labels: dict[str, str]
    """Labels; those that begin with `__` are for relabelling."""


ScrapeTargets: TypeAlias = list[ScrapeTargetGroup]
"""Everything that is to be scraped."""


class SelectorExpression(TypedDict):
    """
    One condition on a label of the Pods (an extension of Waypost).

    It is a LabelSelectorRequirement whose `values` are always in answers.
    """

    key: str
    """The key of the label."""
    operator: SelectorOperator
    """How the label is compared."""
    values: NotRequired[list[str]]
    """Values to compare with; none for `Exists` and `DoesNotExist`."""


SelectorOperator: TypeAlias = Literal["In", "NotIn", "Exists", "DoesNotExist"]
"""How the value of a label is compared with those of a condition."""


class SelfSubjectReview(TypedDict):
    """The user that the request acts for, after impersonation."""

    apiVersion: Literal["authentication.k8s.io/v1"]
    kind: Literal["SelfSubjectReview"]
    status: SelfSubjectReviewStatus
    """The answer."""


class SelfSubjectReviewStatus(TypedDict):
    """The user."""

    userInfo: UserInfo
    """Who the caller is."""


class ServerCheck(TypedDict):
    """One thing that must work."""

    name: str
    """What is checked."""
    ok: bool
    """Whether it works."""
    message: NotRequired[str]
    """How well it goes; absent if there is no more to say."""


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
    """The revision that is shown, and the next page."""
    items: list[ServiceCIDR]
    """The objects of this page."""


class ServiceCIDRSpec(TypedDict):
    """The ranges of a ServiceCIDR."""

    cidrs: list[str]
    """One range, or one of each IP family."""


class ServiceCIDRStatus(TypedDict):
    """Whether addresses may be allocated from the ranges: condition `Ready`."""

    conditions: NotRequired[list[Condition]]
    """Conditions, `Ready` among them."""


class ServiceExplanation(TypedDict):
    """Why a Service has the endpoints it has."""

    kind: Literal["Explanation"]
    service: NamespacedName
    """The Service that is explained."""
    resourceVersion: str
    """The revision that is explained; another one may read differently."""
    summary: str
    """One sentence: the state, or the likeliest reason why there are no endpoints."""
    endpoints: int
    """How many endpoints the Service has."""
    endpointsReady: int
    """How many of them are ready."""
    pods: list[ExplainedPod]
    """Those with something to be said come first."""
    podsOmitted: int
    """Pods of the namespace that are not listed."""
    slices: list[ExplainedSlice]
    """EndpointSlices of which there is something to be said."""
    slicesOmitted: int
    """EndpointSlices that are not listed for want of room."""
    conditions: list[Condition]
    """Of the Service; `MassFailureGuard` says that endpoints which missed their heartbeats are kept."""


class ServiceList(TypedDict):
    """A page of Services, by namespace and name."""

    apiVersion: Literal["v1"]
    kind: Literal["ServiceList"]
    metadata: ListMeta
    """The revision that is shown, and the next page."""
    items: list[Service]
    """The objects of this page."""


class ServicePort(TypedDict):
    """One listening port of a Service."""

    name: NotRequired[str]
    """Required and unique among several ports."""
    protocol: NotRequired[Protocol]
    """`TCP` when absent."""
    appProtocol: NotRequired[str]
    """The application protocol of the port."""
    port: int
    """The number of the port."""
    targetPort: NotRequired[IntOrString]
    """Number, or name of a container port, on the Pods; absent means `port`."""
    nodePort: NotRequired[int]
    """Port opened on every node; allocated when the type needs one."""


class ServicePortReference(TypedDict):
    """One port of a Service."""

    namespace: str
    """The namespace of the Service."""
    name: str
    """The name of the Service."""
    portName: str
    """The name of the port; empty for a port without a name."""
    protocol: Protocol
    """The protocol of the port."""


class ServiceSpec(TypedDict):
    """The desired state of a Service."""

    ports: NotRequired[list[ServicePort]]
    """The ports that the Service listens on."""
    type: NotRequired[ServiceType]
    """`ClusterIP` when absent."""
    selector: NotRequired[Labels]
    """Labels a Pod must carry to be an endpoint; absent or empty selects nothing."""
    selectorExpressions: NotRequired[list[SelectorExpression]]
    """More conditions, all of which must hold (an extension of Waypost)."""
    clusterIP: NotRequired[str]
    """The virtual address; the text `None` makes the Service headless; allocated when absent."""
    clusterIPs: NotRequired[list[str]]
    """One address of each IP family; the first equals `clusterIP`."""
    ipFamilies: NotRequired[list[IPFamily]]
    """The IP families of the Service; chosen when absent."""
    sessionAffinity: NotRequired[SessionAffinity]
    """`None` when absent."""
    externalName: NotRequired[str]
    """For type ExternalName: the name this one is an alias of."""
    externalIPs: NotRequired[list[str]]
    """Addresses, routed to the nodes by others, at which the ports answer."""
    externalTrafficPolicy: NotRequired[TrafficPolicy]
    """For traffic from outside, at node ports and load balancers; Cluster when absent."""
    healthCheckNodePort: NotRequired[int]
    """The port at which nodes tell load balancers whether they have endpoints; allocated when needed."""
    loadBalancerIP: NotRequired[str]
    """The address that is asked of the load balancer; stored as given."""
    loadBalancerSourceRanges: NotRequired[list[str]]
    """Clients that may use the load balancer; all when absent."""
    publishNotReadyAddresses: NotRequired[bool]
    """Whether Pods are endpoints before they are ready."""
    ipFamilyPolicy: NotRequired[IPFamilyPolicy]
    """Whether one or both IP families are used."""
    internalTrafficPolicy: NotRequired[TrafficPolicy]
    """For traffic from inside; Cluster when absent."""
    allocateLoadBalancerNodePorts: NotRequired[bool]
    """Whether a load balancer's ports get node ports; true when absent."""
    loadBalancerClass: NotRequired[str]
    """Which load balancer is meant; it cannot be changed."""
    trafficDistribution: NotRequired[TrafficDistribution]
    """Which endpoints are preferred; none when absent."""
    scheduler: NotRequired[Scheduler]
    """The IPVS scheduler of this Service (an extension of Waypost)."""
    sessionAffinityConfig: NotRequired[SessionAffinityConfig]
    """Details of the session affinity."""


class ServiceStatus(TypedDict):
    """The reported state of a Service."""

    loadBalancer: LoadBalancerStatus
    """Where the load balancer answers."""
    conditions: NotRequired[list[Condition]]
    """Conditions of the Service."""


ServiceType: TypeAlias = Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]
"""How clients reach a Service; ClusterIP when absent."""


SessionAffinity: TypeAlias = Literal["None", "ClientIP"]
"""Whether connections of one client go to the same endpoint; None when absent."""


class SessionAffinityConfig(TypedDict):
    """Details of the session affinity."""

    clientIP: NotRequired[ClientIPConfig]
    """Details of affinity by the client's address."""


class SetHealthCheckNodePort(TypedDict):
    """Add or replace the health check of a Service."""

    service: NamespacedName
    """The Service whose endpoints are counted."""
    port: int
    """The port of the node that load balancers ask."""
    localEndpoints: int
    """Ready endpoints on the node; 0 answers 503."""
    addresses: list[str]
    """Addresses of the node that answer; `0.0.0.0` and `::` mean all."""
    op: Literal["SetHealthCheckNodePort"]


HealthCheckNodePortChange: TypeAlias = SetHealthCheckNodePort | RemoveHealthCheckNodePort
"""A change of the health checks that a node serves."""


class SetSysctl(TypedDict):
    """Give a kernel setting a value."""

    op: Literal["SetSysctl"]
    name: str
    """The name of the interface, the set or the kernel setting."""
    value: str
    """The value of the kernel setting."""


class SetWeight(TypedDict):
    """Change the weight of a real server."""

    op: Literal["SetWeight"]
    virtualServer: VirtualServerAddress
    """The virtual server."""
    realServer: RealServer
    """The real server."""


class StaticBand(TypedDict):
    """The part of a range that automatic choices take last."""

    first: str
    """Its first address."""
    last: str
    """Its last address."""


class Status(TypedDict):
    """The answer to a request that was refused, or to a deletion."""

    kind: Literal["Status"]
    apiVersion: Literal["v1"]
    metadata: StatusMeta
    """How to continue an expired list; else empty."""
    status: StatusOutcome
    """Whether the request was carried out."""
    code: int
    """The HTTP status."""
    reason: NotRequired[StatusReason]
    """Why, in a word for programs; absent for a success."""
    message: NotRequired[str]
    """What happened, for people."""
    details: NotRequired[StatusDetails]
    """The object, and all causes."""


class StatusCause(TypedDict):
    """One thing that is wrong."""

    reason: CauseReason
    """Why the field is refused, in a word for programs."""
    message: str
    """What is wrong, for people."""
    field: str
    """The path as the client wrote it."""


class StatusDetails(TypedDict):
    """Which object a refusal concerns, and everything that is wrong with it."""

    name: NotRequired[str]
    """The name of the object."""
    group: NotRequired[str]
    """The API group of the kind; absent for the core group."""
    kind: NotRequired[str]
    """The kind for a refused object, else the plural word of its path."""
    uid: NotRequired[str]
    """The uid of the object, if known."""
    causes: list[StatusCause]
    """Everything that is wrong, a field each; may be empty."""
    retryAfterSeconds: NotRequired[int]
    """When the request may be sent again."""


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
    """The name of the user, group or service account."""
    namespace: NotRequired[str]
    """Of a service account; a RoleBinding's own when absent."""


SubjectKind: TypeAlias = Literal["User", "Group", "ServiceAccount"]
"""What a subject names."""


Sysctls: TypeAlias = dict[str, str]
"""Kernel settings by name."""


class TCPSocketAction(TypedDict):
    """Probe by opening a connection."""

    port: IntOrString
    """The port that is opened."""
    host: NotRequired[str]
    """The host that is connected to; the Pod's address when absent."""


class Taint(TypedDict):
    """A taint, which keeps Pods away from a Node."""

    key: str
    """The key of the taint."""
    effect: str
    """NoSchedule, PreferNoSchedule or NoExecute."""
    value: NotRequired[str]
    """The value of the taint."""
    timeAdded: NotRequired[str]
    """When the taint was added."""


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
    """The revision that is shown, and the next page."""
    items: list[Token]
    """The objects of this page."""


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
    """What the token is for, for people."""


class TokenStatus(TypedDict):
    """The use and the end of the token."""

    lastUsedAt: NotRequired[str]
    """To the minute, and up to two minutes late."""
    revokedAt: NotRequired[str]
    """When the token was revoked; absent while it works."""
    createdBy: NotRequired[str]
    """The user that created it."""


TrafficDistribution: TypeAlias = Literal["PreferClose", "PreferSameZone", "PreferSameNode"]
"""Which endpoints are preferred; `PreferClose` is the older name of `PreferSameZone`."""


TrafficPolicy: TypeAlias = Literal["Cluster", "Local"]
"""Whether traffic may leave the node it arrives on; Cluster when absent."""


class UnbindAddress(TypedDict):
    """Take an address off the dummy interface."""

    op: Literal["UnbindAddress"]
    address: str
    """The virtual address."""


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
    """The name of the user."""
    uid: NotRequired[str]
    """The uid of the user; absent when its credentials say none."""
    groups: list[str]
    """The groups of the user, those that follow from its credentials among them."""
    extra: NotRequired[dict[str, list[str]]]
    """What else its credentials say."""


class Version(TypedDict):
    """The build that answers."""

    major: str
    """The first number of the version."""
    minor: str
    """The second number of the version."""
    gitVersion: str
    """The full version."""
    gitCommit: str
    """The commit that was built; empty when it is not known."""
    gitTreeState: str
    """Whether the source was `clean` when it was built; empty when it is not known."""
    buildDate: str
    """When it was built; empty when it is not known."""
    goVersion: str
    """Always empty; clients of Kubernetes insist on it."""
    pythonVersion: str
    """The version of Python that runs the server."""
    compiler: str
    """The implementation of Python."""
    platform: str
    """The operating system and the processor."""


class VirtualServer(TypedDict):
    """One address, port and protocol, and its real servers."""

    address: str
    """The virtual address."""
    port: int
    """The port."""
    protocol: Protocol
    """The protocol."""
    scheduler: str
    """How real servers are chosen."""
    flags: list[str]
    """Flags, in the words of IPVS."""
    persistenceTimeoutSeconds: int | None
    """How long a client keeps its real server; null without affinity."""
    service: NamespacedName
    """The Service that is served."""
    portName: str
    """The name of its port; empty for a port without a name."""
    realServers: list[RealServer]
    """The endpoints, by address."""


class VirtualServerAddress(TypedDict):
    """The identity of a virtual server."""

    address: str
    """The virtual address."""
    port: int
    """The port."""
    protocol: Protocol
    """The protocol."""


class VirtualServerSettings(TypedDict):
    """A virtual server without its real servers."""

    address: str
    """The virtual address."""
    port: int
    """The port."""
    protocol: Protocol
    """The protocol."""
    scheduler: str
    """How real servers are chosen."""
    flags: list[str]
    """Flags, in the words of IPVS."""
    persistenceTimeoutSeconds: int | None
    """How long a client keeps its real server; null without affinity."""


class WatchEvent(TypedDict):
    """One event: the object after a change, or before its deletion."""

    type: WatchEventType
    """What happened to the object."""
    object: WatchedObject
    """The object; with `ERROR` a `Status`."""


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
