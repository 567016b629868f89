"""Hypothesis strategies for rules, requests, users and stored roles; and the naive decision.

Small worlds, so that drawn bindings name drawn roles and drawn requests meet drawn rules.
"""

from collections.abc import Iterable, Iterator

from hypothesis import strategies as st

from app.domain.access.aggregation import effective_rules
from app.domain.access.attributes import Attributes
from app.domain.access.rules import allows
from app.domain.access.subjects import User, service_account_name
from app.domain.labels import LabelSelector
from app.domain.names import NamespacedName
from app.domain.objects.resource import Object
from app.domain.objects.role import (
    CLUSTER_ROLE,
    ROLE,
    AggregationRule,
    ClusterRole,
    PolicyRule,
    Role,
)
from app.domain.objects.role_binding import (
    CLUSTER_ROLE_BINDING,
    ROLE_BINDING,
    AnyBinding,
    ClusterRoleBinding,
    RoleBinding,
    RoleRef,
    Subject,
)
from app.domain.snapshot import Snapshot
from tests.builders import API_GROUP, a_meta, a_subject

VERBS = ("get", "list", "create")
GROUPS = ("", "g")
RESOURCES = ("services", "pods")
SUBRESOURCES = ("", "status")
NAMES = ("a", "b")
NAMESPACES = ("prod", "dev")
PATHS = ("/metrics", "/docs", "/docs/x")
LABELS = ("x", "y")
ROLES = ("p", "q", "r")

_in_rules = ("services", "pods", "services/status", "pods/status", "*", "*/status", "serv*")


def _some(words: tuple[str, ...], *, least: int = 1) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(words), min_size=least, max_size=2, unique=True).map(tuple)


resource_rules = st.builds(
    PolicyRule,
    verbs=_some((*VERBS, "*")),
    api_groups=_some((*GROUPS, "*")),
    resources=_some(_in_rules),
    resource_names=st.just(()) | _some((*NAMES, "*"), least=0),
)
path_rules = st.builds(
    PolicyRule,
    verbs=_some((*VERBS, "*")),
    non_resource_urls=_some((*PATHS, "/docs*", "/docs/*", "*", "/**")),
)
rules = resource_rules | resource_rules | path_rules
rule_lists = st.lists(rules, max_size=3).map(tuple)

requests = st.builds(
    Attributes,
    verb=st.sampled_from(VERBS),
    api_group=st.sampled_from(GROUPS),
    resource=st.sampled_from(RESOURCES),
    subresource=st.sampled_from(SUBRESOURCES),
    namespace=st.sampled_from(("", *NAMESPACES)),
    name=st.sampled_from(("", *NAMES)),
) | st.builds(Attributes, verb=st.sampled_from(VERBS), path=st.sampled_from(PATHS))

users = st.builds(
    User,
    name=st.sampled_from(("alice", "bob", service_account_name("prod", "bot"))),
    groups=st.lists(st.sampled_from(("dev", "ops")), max_size=2, unique=True).map(tuple),
)
subjects = st.sampled_from(
    (
        a_subject("alice"),
        a_subject("bob"),
        a_subject("dev", "Group"),
        a_subject("ops", "Group"),
        a_subject("bot", "ServiceAccount"),
        a_subject("bot", "ServiceAccount", "prod"),
        a_subject(service_account_name("prod", "bot")),
    )
)
subject_lists = st.lists(subjects, max_size=2).map(tuple)


@st.composite
def roles(draw: st.DrawFn) -> Role:
    name, namespace = draw(st.sampled_from(ROLES)), draw(st.sampled_from(NAMESPACES))
    return Role(metadata=a_meta(name, namespace), rules=draw(rule_lists))


@st.composite
def cluster_roles(draw: st.DrawFn) -> ClusterRole:
    selected = draw(st.lists(st.sampled_from(LABELS), max_size=2))
    labels = draw(st.lists(st.sampled_from(LABELS), max_size=1))
    selectors = tuple(LabelSelector(match_labels={label: "1"}) for label in selected)
    return ClusterRole(
        metadata=a_meta(draw(st.sampled_from(ROLES)), "", labels=dict.fromkeys(labels, "1")),
        rules=draw(rule_lists),
        aggregation_rule=AggregationRule(cluster_role_selectors=selectors) if selectors else None,
    )


@st.composite
def role_bindings(draw: st.DrawFn) -> RoleBinding:
    kind, role = draw(st.sampled_from(("Role", "ClusterRole"))), draw(st.sampled_from(ROLES))
    name, namespace = draw(st.sampled_from("abc")), draw(st.sampled_from(NAMESPACES))
    return RoleBinding(
        metadata=a_meta(name, namespace),
        role_ref=RoleRef(api_group=API_GROUP, kind=kind, name=role),
        subjects=draw(subject_lists),
    )


@st.composite
def cluster_role_bindings(draw: st.DrawFn) -> ClusterRoleBinding:
    return ClusterRoleBinding(
        metadata=a_meta(draw(st.sampled_from("abc")), ""),
        role_ref=RoleRef(
            api_group=API_GROUP, kind="ClusterRole", name=draw(st.sampled_from(ROLES))
        ),
        subjects=draw(subject_lists),
    )


stored: st.SearchStrategy[Object] = st.one_of(
    roles(), cluster_roles(), role_bindings(), role_bindings(), cluster_role_bindings()
)


def naive_grants(
    snapshot: Snapshot, user: User, namespace: str
) -> Iterator[tuple[AnyBinding, tuple[PolicyRule, ...] | None]]:
    """Walk all bindings, as Kubernetes does: cluster-wide first, each by name."""
    bindings: list[AnyBinding] = [*_ordered(snapshot.of(CLUSTER_ROLE_BINDING).values())]
    if namespace:
        bindings += [
            each
            for each in _ordered(snapshot.of(ROLE_BINDING).values())
            if each.metadata.namespace == namespace
        ]
    for binding in bindings:
        own = binding.metadata.namespace
        if any(_is_meant(subject, user, own) for subject in binding.subjects):
            yield binding, _rules_of(snapshot, binding.role_ref, own)


def naive_binding(snapshot: Snapshot, user: User, attributes: Attributes) -> AnyBinding | None:
    """Find the first binding that allows a request, looking at all of them."""
    for binding, granted in naive_grants(snapshot, user, attributes.namespace):
        if any(allows(rule, attributes) for rule in granted or ()):
            return binding
    return None


def _ordered(bindings: Iterable[AnyBinding]) -> list[AnyBinding]:
    return sorted(bindings, key=lambda each: each.metadata.name)


def _is_meant(subject: Subject, user: User, namespace: str) -> bool:
    match subject.kind:
        case "User":
            return subject.name == user.name
        case "Group":
            return subject.name in user.groups
        case _:
            own = subject.namespace or namespace
            return bool(own) and user.name == service_account_name(own, subject.name)


def _rules_of(snapshot: Snapshot, ref: RoleRef, namespace: str) -> tuple[PolicyRule, ...] | None:
    if ref.kind == "Role":
        role = snapshot.of(ROLE).get(NamespacedName(namespace, ref.name))
        return None if role is None else role.rules
    cluster_role = snapshot.of(CLUSTER_ROLE).get(NamespacedName("", ref.name))
    return (
        None if cluster_role is None else effective_rules(snapshot.of(CLUSTER_ROLE), cluster_role)
    )
