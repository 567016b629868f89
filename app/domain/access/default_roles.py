"""The roles and bindings that every registry with authentication has.

    -> objects without uid or revision, in an order in which they may be written
    stored object, built-in one -> the stored one with the rules and subjects that it lacks

Source: Kubernetes `plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go` and
`component-helpers/auth/rbac/reconciliation`; access.md 2.6.
"""

from collections.abc import Iterator
from dataclasses import replace

from app.domain.access.dns_replicas import ACCOUNT
from app.domain.access.rules import EVERYTHING, uncovered
from app.domain.access.subjects import AUTHENTICATED, MASTERS, UNAUTHENTICATED
from app.domain.labels import LabelSelector
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.namespace import SYSTEM
from app.domain.objects.resource import Object
from app.domain.objects.role import (
    API_GROUP,
    AggregationRule,
    AnyRole,
    ClusterRole,
    PolicyRule,
    Role,
)
from app.domain.objects.role_binding import (
    AnyBinding,
    ClusterRoleBinding,
    RoleBinding,
    RoleKind,
    RoleRef,
    Subject,
    SubjectKind,
)
from app.domain.objects.service_cidr import SERVICE_CIDR

BOOTSTRAP_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"
MONITORING = "system:monitoring"
DNS_ROLE = "system:waypost-dns"

_AGGREGATE_TO = f"{API_GROUP}/aggregate-to-"
_DISCOVERY, _READS = "discovery.k8s.io", ("get", "list", "watch")
_WRITES = ("create", "update", "patch", "delete", "deletecollection")
_HEALTH = ("/livez", "/readyz", "/healthz")
_PUBLIC = (*_HEALTH, "/version", "/openapi.json", "/docs", "/docs/*", "/", "/favicon.ico")


def _on(resources: str, *verbs: str, group: str = "") -> PolicyRule:
    """Make a rule on resources, which are separated by blanks."""
    return PolicyRule(verbs=verbs, api_groups=(group,), resources=tuple(resources.split()))


def _at(paths: tuple[str, ...], *verbs: str) -> PolicyRule:
    return PolicyRule(verbs=verbs, non_resource_urls=paths)


_VIEW = (
    _on("services services/status pods pods/status namespaces", *_READS),
    _on("endpointslices", *_READS, group=_DISCOVERY),
    _on("resourcequotas resourcequotas/status", *_READS),
    _on("services/explain pods/resolvconf namespaces/resolvconf */history", "get"),
    _on("*/history", "get", group=_DISCOVERY),
)
_EDIT = (
    _on("services pods", *_WRITES),
    _on("pods/status", "update", "patch"),
    _on("pods/heartbeat", "create"),
)
_ADMIN = (
    # Every verb by name: a star would be the rights to escalate and to bind as well.
    _on("roles rolebindings", *_READS, *_WRITES, group=API_GROUP),
)
_REGISTRAR = (
    _on("pods", *_READS, "create", "update", "patch", "delete"),
    _on("pods/status", "get", "update", "patch"),
    _on("pods/heartbeat", "create"),
)
_NODE = (
    _on("nodes", *_READS, "create", "update", "patch"),
    _on("nodes/status", "get", "update", "patch"),
    _on("nodes/heartbeat", "create"),
    _on("nodes/rules", "get"),
    _on("nodes/observed", "update"),
    _on("servicecidrs", "list", "watch", group=SERVICE_CIDR.group),  # routed to nowhere
    _on("pods", *_READS),
    _on("pods/status", "get", "update", "patch"),
    _on("pods/heartbeat", "create"),
)
_DNS = (
    _on("services namespaces pods", "list", "watch"),
    _on("endpointslices", "list", "watch", group=_DISCOVERY),
    _on("servicecidrs", "list", "watch", group=SERVICE_CIDR.group),  # compared with settings
)
_DNS_REGISTRATION = (
    _on("pods", "create", "get", "update", "patch", "delete"),
    _on("pods/heartbeat", "create"),
)
_BASIC_USER = (
    _on("selfsubjectreviews", "create", group="authentication.k8s.io"),
    _on("selfsubjectaccessreviews", "create", group="authorization.k8s.io"),
)
_RESOLVER = (_at(("/resolve",), "get", "post"), _at(("/render",), "post"))


def default_roles() -> Iterator[Object]:
    """Yield every built-in role and binding."""
    yield _cluster_role("cluster-admin", EVERYTHING)
    yield from _user_facing("view", _VIEW, below="edit")
    yield from _user_facing("edit", _EDIT, below="admin")
    yield from _user_facing("admin", _ADMIN)
    yield _cluster_role("waypost:registrar", _REGISTRAR)
    yield _cluster_role("system:node", _NODE)
    yield _cluster_role(DNS_ROLE, _DNS)
    yield _cluster_role(MONITORING, (_at(("/metrics", "/prometheus/targets", *_HEALTH), "get"),))
    yield _cluster_role("system:discovery", (_at(_PUBLIC, "get"),))
    yield _cluster_role("system:public-info-viewer", (_at(_PUBLIC, "get"),))
    yield _cluster_role("system:basic-user", _BASIC_USER)
    yield _cluster_role("waypost:resolver", _RESOLVER)
    yield Role(metadata=_meta(DNS_ROLE, SYSTEM), rules=_DNS_REGISTRATION)
    yield _bound_to_groups("cluster-admin", MASTERS)
    yield _bound_to_groups(MONITORING, MONITORING)
    yield _bound_to_groups("system:discovery", AUTHENTICATED)
    yield _bound_to_groups("system:public-info-viewer", AUTHENTICATED, UNAUTHENTICATED)
    yield _bound_to_groups("system:basic-user", AUTHENTICATED)
    yield _bound_to_groups("waypost:resolver", AUTHENTICATED)
    replica = Subject(kind=SubjectKind.SERVICE_ACCOUNT, name=ACCOUNT, namespace=SYSTEM)
    yield ClusterRoleBinding(
        metadata=_meta(DNS_ROLE),
        role_ref=_ref(RoleKind.CLUSTER_ROLE, DNS_ROLE),
        subjects=(replica,),
    )
    yield RoleBinding(
        metadata=_meta(DNS_ROLE, SYSTEM),
        role_ref=_ref(RoleKind.ROLE, DNS_ROLE),
        subjects=(replica,),
    )


def reconciled(stored: Object, built_in: Object) -> Object:
    """Give a stored object what it lacks of the built-in one; nothing is taken away.

    An object whose annotation for it is "false" is left as it is.  A binding of another role
    than the built-in one is replaced, for its role cannot be changed.
    """
    if stored.metadata.annotations.get(AUTOUPDATE) == "false":
        return stored
    held, wanted = stored.metadata, built_in.metadata
    meta = replace(
        held,
        labels={**held.labels, **wanted.labels},
        annotations={**held.annotations, **wanted.annotations},
    )
    match stored, built_in:
        case ClusterRole(), ClusterRole() if built_in.is_aggregate:
            return replace(stored, metadata=meta, aggregation_rule=_joined(stored, built_in))
        case (ClusterRole(), ClusterRole()) | (Role(), Role()):
            return replace(stored, metadata=meta, rules=_rules_joined(stored, built_in))
        case (RoleBinding(), RoleBinding()) | (ClusterRoleBinding(), ClusterRoleBinding()):
            return replace(_subjects_joined(stored, built_in), metadata=meta)
        case _:
            raise AssertionError("both are of one kind")


def _joined(stored: ClusterRole, built_in: ClusterRole) -> AggregationRule:
    rules = [role.aggregation_rule for role in (stored, built_in)]
    selectors: list[LabelSelector] = []
    for selector in (each for rule in rules if rule for each in rule.cluster_role_selectors):
        if selector not in selectors:
            selectors.append(selector)
    return AggregationRule(cluster_role_selectors=tuple(selectors))


def _rules_joined(stored: AnyRole, built_in: AnyRole) -> tuple[PolicyRule, ...]:
    return (*stored.rules, *uncovered(stored.rules, built_in.rules))


def _subjects_joined(stored: AnyBinding, built_in: AnyBinding) -> AnyBinding:
    if stored.role_ref != built_in.role_ref:
        return replace(stored, role_ref=built_in.role_ref, subjects=built_in.subjects)
    lacking = (subject for subject in built_in.subjects if subject not in stored.subjects)
    return replace(stored, subjects=(*stored.subjects, *lacking))


def _user_facing(
    name: str, rules: tuple[PolicyRule, ...], *, below: str = ""
) -> Iterator[ClusterRole]:
    """Make a role that other roles may be added to by a label, and the part that is built in.

    A role ``below`` another is a part of it.
    """
    aggregated = f"{_AGGREGATE_TO}{name}"
    yield _cluster_role(f"system:aggregate-to-{name}", rules, **{aggregated: "true"})
    selector = LabelSelector(match_labels={aggregated: "true"})
    labels = {f"{_AGGREGATE_TO}{below}": "true"} if below else {}
    yield replace(
        _cluster_role(name, (), **labels),
        aggregation_rule=AggregationRule(cluster_role_selectors=(selector,)),
    )


def _cluster_role(name: str, rules: tuple[PolicyRule, ...], **labels: str) -> ClusterRole:
    return ClusterRole(metadata=_meta(name, **labels), rules=rules)


def _bound_to_groups(role: str, *groups: str) -> ClusterRoleBinding:
    return ClusterRoleBinding(
        metadata=_meta(role),
        role_ref=_ref(RoleKind.CLUSTER_ROLE, role),
        subjects=tuple(
            Subject(kind=SubjectKind.GROUP, api_group=API_GROUP, name=group) for group in groups
        ),
    )


def _ref(kind: RoleKind, name: str) -> RoleRef:
    return RoleRef(api_group=API_GROUP, kind=kind, name=name)


def _meta(name: str, namespace: str = "", **labels: str) -> ObjectMeta:
    return ObjectMeta(
        name=name,
        namespace=namespace,
        labels={**BOOTSTRAP_LABELS, **labels},
        annotations={AUTOUPDATE: "true"},
    )
