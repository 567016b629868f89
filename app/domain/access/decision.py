"""Decides whether a user may do what a request would do.

    snapshot, user, attributes -> Allowed | Refused

In order: members of `system:masters` may do everything; the node authoriser; RBAC.  What one of
them allows may still be refused to the agent of a node and to a DNS replica.

Sources: apiserver `pkg/authorization/union`, Kubernetes `plugin/pkg/auth/authorizer/rbac/rbac.go`;
access.md 2.1, 2.3, 2.9 and 2.11.
"""

from dataclasses import dataclass, replace

from app.domain.access import dns_replicas, nodes
from app.domain.access.attributes import Attributes
from app.domain.access.refusals import Refused, refused
from app.domain.access.rights.entry import Entry, Grant
from app.domain.access.rights.index import rights_of
from app.domain.access.subjects import User
from app.domain.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Allowed:
    """A request that is allowed; ``grant`` is the binding by which RBAC allows it."""

    grant: Grant | None = None

    @property
    def reason(self) -> str:
        """Why it is allowed, for reviews and audit; empty where RBAC was not asked."""
        return "" if self.grant is None else self.grant.reason


Decision = Allowed | Refused
_ALLOWED = Allowed()


def authorize(snapshot: Snapshot, user: User, attributes: Attributes) -> Decision:
    """Decide on a request by its verb and object; the object's content is not known here.

    A write is also asked of ``authorize_write`` of the kind's strategy, which sees the content.
    """
    if user.is_master:
        return _ALLOWED
    opinion = nodes.opinion(snapshot, user, attributes)
    allowed = _ALLOWED if opinion.is_allowed else None
    if allowed is None:
        entry = rights_of(snapshot).entry(user, attributes.namespace)
        grant = entry.allows(attributes)
        if grant is None:
            return refused(user, attributes, opinion.reason or _missing_roles(entry))
        allowed = Allowed(grant)
    restricted = nodes.restriction(snapshot, user, attributes) or dns_replicas.restriction(
        user, attributes
    )
    return allowed if restricted is None else restricted


def visible_namespaces(snapshot: Snapshot, user: User, attributes: Attributes) -> frozenset[str]:
    """Find the namespaces for which a RoleBinding allows a request that names none.

    A user who may do it at the cluster scope may do it in every namespace: ask ``authorize``.
    """
    rights = rights_of(snapshot)
    return frozenset(
        namespace
        for namespace in rights.namespaces
        if rights.entry(user, namespace).allows(replace(attributes, namespace=namespace))
    )


def _missing_roles(entry: Entry) -> str:
    """Tell of roles that bindings of the user name and that are not there."""
    if not entry.missing:
        return ""
    several = len(entry.missing) > 1
    return f"RBAC: [{', '.join(entry.missing)}]" if several else f"RBAC: {entry.missing[0]}"
