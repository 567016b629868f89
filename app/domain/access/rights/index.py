"""The rights of users, found without looking at bindings that are not theirs.

    the stored roles and bindings of a snapshot -> Rights, one a generation of these objects
    user, namespace -> Entry: every rule that the user has there, by what it allows

A generation lasts until a role or binding changes: the snapshot keeps the same four maps until
then.

Source: access.md 2.2, 2.3 and 2.13.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

from app.domain.access.aggregation import effective_rules
from app.domain.access.quoting import quoted
from app.domain.access.rights.entry import Entry, Grant
from app.domain.access.subjects import User, service_account_name
from app.domain.names import NamespacedName
from app.domain.objects.role import (
    API_GROUP,
    CLUSTER_ROLE,
    ROLE,
    ClusterRole,
    PolicyRule,
    Role,
)
from app.domain.objects.role_binding import (
    CLUSTER_ROLE_BINDING,
    ROLE_BINDING,
    AnyBinding,
    ClusterRoleBinding,
    RoleKind,
    RoleRef,
    Subject,
    SubjectKind,
)
from app.domain.persistent import PMap
from app.domain.snapshot import Snapshot

ENTRIES_MAX = 10_000  # of one generation
GENERATIONS_MAX = 4  # a writer and watches ask for others than the latest


class Rights:
    """The rights that one generation of roles and bindings grants."""

    def __init__(self, snapshot: Snapshot, *, entries_max: int = ENTRIES_MAX) -> None:
        self._maps = maps_of(snapshot)
        self._bindings = _Bindings(snapshot)
        # Of a part without reference to this object, so that no cycle keeps a generation alive.
        self._entry = lru_cache(maxsize=entries_max)(partial(_made, self._bindings))

    def is_of(self, snapshot: Snapshot) -> bool:
        """Whether a snapshot has the very roles and bindings of this generation."""
        return all(mine is other for mine, other in zip(self._maps, maps_of(snapshot), strict=True))

    def entry(self, user: User, namespace: str) -> Entry:
        """Give everything that a user may do in a namespace; empty for the cluster scope."""
        return self._entry(user.name, user.groups, namespace)

    def rules_of(self, ref: RoleRef, namespace: str) -> tuple[PolicyRule, ...] | None:
        """Give the rules of the role of a binding; None when there is no such role."""
        return self._bindings.rules_of(ref, namespace)

    @property
    def namespaces(self) -> frozenset[str]:
        """The namespaces that have RoleBindings."""
        return self._bindings.namespaces


class Generations:
    """The generations asked for last.  Safe in threads: a list is replaced, never changed."""

    def __init__(self, generations_max: int = GENERATIONS_MAX) -> None:
        self._generations_max = generations_max
        self._recent: tuple[Rights, ...] = ()

    def of(self, snapshot: Snapshot) -> Rights:
        """Give the rights of a snapshot."""
        for rights in self._recent:
            if rights.is_of(snapshot):
                return rights
        made = Rights(snapshot)
        self._recent = (made, *self._recent[: self._generations_max - 1])
        return made


_GENERATIONS = Generations()


def rights_of(snapshot: Snapshot) -> Rights:
    """Give the rights of a snapshot, kept for the next question."""
    return _GENERATIONS.of(snapshot)


def maps_of(snapshot: Snapshot) -> tuple[PMap[NamespacedName, Any], ...]:
    """Give the roles and bindings of a snapshot, which are the same maps until one changes."""
    return (
        snapshot.of(ROLE),
        snapshot.of(CLUSTER_ROLE),
        snapshot.of(ROLE_BINDING),
        snapshot.of(CLUSTER_ROLE_BINDING),
    )


_BySubject = Mapping[tuple[str, str], list[Grant]]
"""Grants by the kind (User or Group) and the name of whom they are for."""


class _Bindings:
    """Bindings by namespace and subject, and the rules of roles; worked out when asked for."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._roles: PMap[NamespacedName, Role] = snapshot.of(ROLE)
        self._cluster_roles: PMap[NamespacedName, ClusterRole] = snapshot.of(CLUSTER_ROLE)
        in_namespaces: defaultdict[str, list[AnyBinding]] = defaultdict(list)
        for binding in snapshot.of(ROLE_BINDING).values():
            in_namespaces[binding.metadata.namespace].append(binding)
        self.namespaces = frozenset(in_namespaces)
        cluster: Iterable[ClusterRoleBinding] = snapshot.of(CLUSTER_ROLE_BINDING).values()
        self._by_namespace: Mapping[str, list[AnyBinding]] = {**in_namespaces, "": [*cluster]}
        self._by_subject: dict[str, _BySubject] = {}
        self._aggregated: dict[str, tuple[PolicyRule, ...]] = {}

    def grants(self, user: str, groups: tuple[str, ...], namespace: str) -> list[Grant]:
        """List the bindings of one namespace that apply to a user, by name."""
        by_subject = self._by_subject.get(namespace)
        if by_subject is None:
            bindings = self._by_namespace.get(namespace, [])
            # Those of the cluster have negative ranks, and come before those of a namespace.
            by_subject = _by_subject(bindings, first_rank=0 if namespace else -len(bindings))
            self._by_subject[namespace] = by_subject
        asked = [(SubjectKind.USER, user), *((SubjectKind.GROUP, name) for name in groups)]
        found: dict[int, Grant] = {}
        for grant in (grant for named in asked for grant in by_subject.get(named, ())):
            known = found.get(grant.rank, grant)
            found[grant.rank] = grant if grant.place < known.place else known
        return [grant for _, grant in sorted(found.items())]

    def rules_of(self, ref: RoleRef, namespace: str) -> tuple[PolicyRule, ...] | None:
        if ref.kind == RoleKind.ROLE:
            role = self._roles.get(NamespacedName(namespace, ref.name))
            return None if role is None else role.rules
        cluster_role = self._cluster_roles.get(NamespacedName("", ref.name))
        if cluster_role is None or ref.kind != RoleKind.CLUSTER_ROLE:
            return None
        if not cluster_role.is_aggregate:
            return cluster_role.rules
        if ref.name not in self._aggregated:
            self._aggregated[ref.name] = effective_rules(self._cluster_roles, cluster_role)
        return self._aggregated[ref.name]


def _by_subject(bindings: list[AnyBinding], *, first_rank: int) -> _BySubject:
    found: defaultdict[tuple[str, str], list[Grant]] = defaultdict(list)
    ordered = sorted(bindings, key=lambda binding: binding.metadata.name)
    for rank, binding in enumerate(ordered, first_rank):
        for place, subject in enumerate(binding.subjects):
            if (named := _named_by(subject, binding.metadata.namespace)) is not None:
                found[named].append(Grant(rank, place, binding))
    return found


def _named_by(subject: Subject, namespace: str) -> tuple[str, str] | None:
    """Give the user or group that a subject names; None where it names nobody."""
    if subject.kind in (SubjectKind.USER, SubjectKind.GROUP):
        return subject.kind, subject.name
    own = subject.namespace or namespace
    if subject.kind != SubjectKind.SERVICE_ACCOUNT or not own:
        return None
    return SubjectKind.USER, service_account_name(own, subject.name)


def _made(bindings: _Bindings, user: str, groups: tuple[str, ...], namespace: str) -> Entry:
    entry = Entry()
    for scope in ("", namespace) if namespace else ("",):
        for grant in bindings.grants(user, groups, scope):
            ref = grant.binding.role_ref
            rules = bindings.rules_of(ref, scope)
            if rules is None:
                missing = f"{ref.kind.lower()}.{API_GROUP} {quoted(ref.name)} not found"
                if missing not in entry.missing:
                    entry.missing.append(missing)
            for rule in rules or ():
                entry.add(rule, grant)
    return entry
