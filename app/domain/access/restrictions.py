"""Restrictions on what agents and DNS replicas write, in the form that strategies ask for.

    snapshot, user, current or None, desired -> Forbidden, or nothing

``desired`` is the object as the write would store it, before defaults: for a report of the
status, the current object with the reported one.
"""

from app.domain.access import dns_replicas, nodes
from app.domain.access.refusals import Refused
from app.domain.access.subjects import User
from app.domain.objects.node import Node
from app.domain.objects.pod import Pod
from app.domain.snapshot import Snapshot


def require_node_writable(_: Snapshot, user: User, current: Node | None, desired: Node) -> None:
    """Raise Forbidden for what the agent of a node may not change of a Node."""
    _raise(nodes.node_write_refusal(user, current, desired))


def require_pod_writable(_: Snapshot, user: User, current: Pod | None, desired: Pod) -> None:
    """Raise Forbidden for what the agent of a node, or a DNS replica, may not change of a Pod."""
    _raise(nodes.pod_write_refusal(user, current, desired))
    _raise(dns_replicas.pod_write_refusal(user, desired))


def _raise(refused: Refused | None) -> None:
    if refused is not None:
        raise refused.error
