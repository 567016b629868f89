"""What the agent of a node may do: read and change its own Node, report on its own Pods.

    node's user, attributes, Pods -> allowed, or why there is no opinion      (authoriser)
    node's user, what would change -> refused, or nothing                     (restriction)

The restriction is separate as in Kubernetes, because it also holds for rights that RBAC grants
to the agent, and because it needs what a body says.

Sources: Kubernetes `plugin/pkg/auth/authorizer/node/node_authorizer.go` and
`plugin/pkg/admission/noderestriction`; access.md 2.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.domain.access.attributes import Attributes
from app.domain.access.quoting import quoted
from app.domain.access.refusals import Refused, lead_of, restricted
from app.domain.access.subjects import NODES, User, node_user_name
from app.domain.names import NamespacedName
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.node import NODE, Node
from app.domain.objects.pod import POD, Pod
from app.domain.objects.resource import AnyResource
from app.domain.snapshot import Snapshot

READS = frozenset({"get", "list", "watch"})
RESTRICTED_LABELS = "node-restriction.kubernetes.io"  # labels under it, and under its subdomains

_ON_NODE = "spec.nodeName"
_UNRELATED = "no relationship found between node '{}' and this object"
_ONLY_SELECTED = f"can only list/watch pods with {_ON_NODE} field selector"
_ONLY_ITS_PODS = "can only update pod status for pods with spec.nodeName set to itself"
_OWN_NODE: Mapping[str, frozenset[str]] = {
    "": frozenset({*READS, "create", "update", "patch"}),
    "status": frozenset({"get", "update", "patch"}),
    "heartbeat": frozenset({"create"}),
    "rules": frozenset({"get"}),
    "observed": frozenset({"update"}),
}
"""Verbs by subresource of Nodes; writes of other Nodes are left to the restriction."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the node authoriser says; a reason explains why it does not allow."""

    is_allowed: bool
    reason: str = ""


_ALLOWED, _NO_OPINION = Opinion(is_allowed=True), Opinion(is_allowed=False)


def opinion(snapshot: Snapshot, user: User, attributes: Attributes) -> Opinion:
    """Ask the node authoriser, which has an opinion on the agents of nodes alone."""
    node = user.node_name
    if node is None:
        if user.name == node_user_name("") and NODES in user.groups:
            return _because(f"unknown node for user {quoted(user.name)}")
        return _NO_OPINION
    if attributes.path or attributes.api_group:
        return _NO_OPINION
    if attributes.resource == NODE.plural:
        return _of_nodes(node, attributes)
    if attributes.resource == POD.plural:
        return _of_pods(snapshot, node, attributes)
    return _NO_OPINION


def restriction(snapshot: Snapshot, user: User, attributes: Attributes) -> Refused | None:
    """Refuse what the agent of a node may not write, whatever else allows it."""
    node = user.node_name
    if node is None or attributes.api_group or attributes.path or attributes.verb in READS:
        return None
    if attributes.resource == NODE.plural and attributes.name not in ("", node):
        return restricted(attributes, _not_its_node(node, attributes.name))
    if attributes.resource != POD.plural or attributes.subresource == "heartbeat":
        return None
    if attributes.subresource != "status":
        return restricted(attributes, _only_conditions(node))
    if not _is_pod_on(snapshot, node, attributes):
        return restricted(attributes, _not_its_pod(node))
    return None


def node_write_refusal(user: User, current: Node | None, desired: Node) -> Refused | None:
    """Refuse a change of a Node that its own agent may not make."""
    node = user.node_name
    if node is None:
        return None
    name = desired.metadata.name
    before = ObjectMeta() if current is None else current.metadata
    if name != node:
        return _refused(NODE, name, _not_its_node(node, name))
    if labels := ", ".join(_restricted_changes(before.labels, desired.metadata.labels)):
        set_ = f"node {quoted(node)} is not allowed to set the following labels: {labels}"
        modified = f"is not allowed to modify labels: {labels}"
        return _refused(NODE, name, set_ if current is None else modified)
    if desired.metadata.owner_references != before.owner_references:
        words = f"node {quoted(node)} is not allowed to modify ownerReferences"
        return _refused(NODE, name, words)
    return None


def pod_write_refusal(user: User, current: Pod | None, desired: Pod) -> Refused | None:
    """Refuse a change of a Pod by the agent of a node, but for the conditions of its own."""
    node = user.node_name
    if node is None:
        return None
    name = desired.metadata.name
    if current is None:
        return _refused(POD, name, _only_conditions(node))
    if current.node_name != node:
        return _refused(POD, name, _not_its_pod(node))
    if desired.metadata.labels != current.metadata.labels:
        words = f"node {quoted(node)} cannot update labels through pod status"
        return _refused(POD, name, words)
    reported = replace(
        current, conditions=desired.conditions, metadata=_as_sent(current, desired.metadata)
    )
    return None if reported == desired else _refused(POD, name, _only_conditions(node))


def _of_nodes(node: str, attributes: Attributes) -> Opinion:
    verb, name = attributes.verb, attributes.name
    if verb not in _OWN_NODE.get(attributes.subresource, ()):
        return _NO_OPINION
    if verb not in READS or name == node:
        return _ALLOWED
    if not name:
        return _because(f"node '{node}' cannot read all nodes, only its own Node object")
    return _because(f"node '{node}' cannot read '{name}', only its own Node object")


def _of_pods(snapshot: Snapshot, node: str, attributes: Attributes) -> Opinion:
    match attributes.subresource, attributes.verb:
        case "", "list" | "watch":
            is_own = attributes.field_selector.get(_ON_NODE) == node
            return _ALLOWED if is_own else _because(_ONLY_SELECTED)
        case ("" | "status", "get") | ("heartbeat", "create"):
            is_own = _is_pod_on(snapshot, node, attributes)
            return _ALLOWED if is_own else _because(_UNRELATED.format(node))
        case "status", "update" | "patch":
            return _ALLOWED
        case _:
            return _NO_OPINION


def _is_pod_on(snapshot: Snapshot, node: str, attributes: Attributes) -> bool:
    pod = snapshot.pods.get(NamespacedName(attributes.namespace, attributes.name))
    return pod is not None and pod.node_name == node


def _restricted_changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    changed = (key for key in {*before, *after} if before.get(key) != after.get(key))
    return sorted(key for key in changed if _is_restricted(key.rpartition("/")[0]))


def _is_restricted(prefix: str) -> bool:
    return prefix == RESTRICTED_LABELS or prefix.endswith(f".{RESTRICTED_LABELS}")


def _as_sent(current: Pod, sent: ObjectMeta) -> ObjectMeta:
    """Give the current metadata with what the registry itself assigns as it was sent."""
    return replace(
        current.metadata,
        uid=sent.uid,
        revision=sent.revision,
        resource_version=sent.resource_version,
        generate_name=sent.generate_name,
        generation=sent.generation,
        created_at=sent.created_at,
        deleted_at=sent.deleted_at,
        deletion_grace_s=sent.deletion_grace_s,
    )


def _because(reason: str) -> Opinion:
    return Opinion(is_allowed=False, reason=reason)


def _refused(resource: AnyResource, name: str, words: str) -> Refused:
    message = lead_of(resource.group, resource.plural, name) + words
    return Refused(message=message, resource=resource.plural, name=name)


def _not_its_node(node: str, other: str) -> str:
    return f"node {quoted(node)} is not allowed to modify node {quoted(other)}"


def _not_its_pod(node: str) -> str:
    return f"node {quoted(node)} {_ONLY_ITS_PODS}"


def _only_conditions(node: str) -> str:
    return f"node {quoted(node)} can only update status.conditions of pods"
