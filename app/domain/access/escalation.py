"""Nobody grants rights that they do not hold.

    snapshot, user, current or None, desired role or binding -> Forbidden, NotFound, or nothing

Asked after authorisation and decoding, before validation and existence, of every write of these
kinds.  The right to `escalate` roles, or to `bind` a role, lifts the check.

Sources: Kubernetes `pkg/registry/rbac/*/policybased/storage.go`,
`pkg/registry/rbac/escalation_check.go` and `pkg/registry/rbac/validation/rule.go`; access.md 2.7.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from app.domain.access.attributes import Attributes
from app.domain.access.decision import Allowed, authorize
from app.domain.access.quoting import quoted, quoted_list
from app.domain.access.refusals import Refused, lead_of
from app.domain.access.rights.index import Rights, rights_of
from app.domain.access.rules import EVERYTHING, atoms, lines_of
from app.domain.access.subjects import User
from app.domain.errors import DomainError, NotFound
from app.domain.objects.resource import AnyResource
from app.domain.objects.role import (
    API_GROUP,
    CLUSTER_ROLE,
    ROLE,
    AnyRole,
    ClusterRole,
    PolicyRule,
)
from app.domain.objects.role_binding import (
    AnyBinding,
    RoleBinding,
    RoleKind,
    RoleRef,
    with_default_groups,
)
from app.domain.resources import resource_of
from app.domain.snapshot import Snapshot

MISSING_MAX = 1_000  # atomic rules that a refusal lists; one more is enough to refuse

_ROLES: dict[str, AnyResource] = {RoleKind.ROLE: ROLE, RoleKind.CLUSTER_ROLE: CLUSTER_ROLE}
_AGGREGATION = "must have cluster-admin privileges to use the aggregationRule"


def require_role_held(
    snapshot: Snapshot, user: User, current: AnyRole | None, desired: AnyRole
) -> None:
    """Raise Forbidden for a role with a rule that the user does not hold where it counts."""
    kind, meta = resource_of(desired), desired.metadata
    if user.is_master or _changes_no_right(current, desired):
        return
    escalate = Attributes(
        verb="escalate",
        api_group=API_GROUP,
        resource=kind.plural,
        namespace=meta.namespace,
        name="" if current is None else meta.name,  # as its creation, which has no name
    )
    if isinstance(authorize(snapshot, user, escalate), Allowed):
        return
    _require_held(snapshot, user, desired, desired.rules)
    if (_is_aggregate(current) or _is_aggregate(desired)) and _missing(
        rights_of(snapshot), user, meta.namespace, EVERYTHING
    ):
        raise _forbidden(desired, _AGGREGATION)


def require_bound_role_held(
    snapshot: Snapshot, user: User, current: AnyBinding | None, desired: AnyBinding
) -> None:
    """Raise Forbidden for a binding of a role with a rule that the user does not hold.

    Raises NotFound where the role is not there: its rules are not known.
    """
    desired = with_default_groups(desired)
    namespace = desired.metadata.namespace
    if user.is_master or _changes_no_right(current, desired):
        return
    ref, role = desired.role_ref, _ROLES.get(desired.role_ref.kind)
    if role is None or (role is ROLE and not isinstance(desired, RoleBinding)):
        return  # the binding is invalid
    bind = Attributes(
        verb="bind",
        api_group=ref.api_group,
        resource=role.plural,
        namespace=namespace,
        name=ref.name,
    )
    if isinstance(authorize(snapshot, user, bind), Allowed):
        return
    rules = rights_of(snapshot).rules_of(ref, namespace)
    if rules is None:
        raise _role_not_found(role, ref)
    _require_held(snapshot, user, desired, rules)


def _require_held(
    snapshot: Snapshot, user: User, desired: AnyRole | AnyBinding, rules: Iterable[PolicyRule]
) -> None:
    rights, namespace = rights_of(snapshot), desired.metadata.namespace
    missing = _missing(rights, user, namespace, rules)
    if not missing:
        return
    words = (
        f"user {quoted(user.name)} (groups={quoted_list(user.groups)}) is attempting to grant "
        "RBAC permissions not currently held:\n" + "\n".join(lines_of(missing))
    )
    if unresolved := ", ".join(rights.entry(user, namespace).missing):
        several = len(rights.entry(user, namespace).missing) > 1
        words += f"; resolution errors: [{f'[{unresolved}]' if several else unresolved}]"
    raise _forbidden(desired, words)


def _missing(
    rights: Rights, user: User, namespace: str, rules: Iterable[PolicyRule]
) -> list[PolicyRule]:
    """List the atomic rules that the user does not hold, up to a bound."""
    held = rights.entry(user, namespace)
    missing = (atom for rule in rules for atom in atoms(rule) if not held.covers(atom))
    return list(islice(missing, MISSING_MAX))


def _changes_no_right(current: AnyRole | AnyBinding | None, desired: AnyRole | AnyBinding) -> bool:
    """Whether an update changes at most owner references and finalizers."""
    if current is None:
        return False
    sent, held = desired.metadata, current.metadata
    meta = replace(held, labels=sent.labels, annotations=sent.annotations)
    return replace(desired, metadata=meta) == current


def _is_aggregate(role: AnyRole | None) -> bool:
    return isinstance(role, ClusterRole) and role.is_aggregate


def _forbidden(desired: AnyRole | AnyBinding, words: str) -> DomainError:
    kind, name = resource_of(desired), desired.metadata.name
    message = lead_of(kind.group, kind.plural, name) + words
    return Refused(message=message, api_group=kind.group, resource=kind.plural, name=name).error


def _role_not_found(role: AnyResource, ref: RoleRef) -> DomainError:
    refusal = NotFound(f"{role.plural}.{API_GROUP} {quoted(ref.name)} not found")
    return refusal.about(role.plural, ref.name, group=API_GROUP)
