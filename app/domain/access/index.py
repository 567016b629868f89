"""The rights of users, found without looking at bindings that are not theirs.

    the stored roles and bindings of a snapshot -> Rights, one a generation of these objects
    user, namespace -> Entry: every rule that the user has there, by what it allows

A generation lasts until a role or binding changes: the snapshot keeps the same four maps until
then.  An entry holds rules as the members of their product (verb, group, resource), so that a
decision is a dozen look-ups, however many bindings there are; rules with very large products
are kept as they are and matched one by one.

Source: Kubernetes `pkg/registry/rbac/validation/rule.go`; access.md 2.2, 2.3 and 2.13.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import product
from typing import Any

from app.domain.access.aggregation import effective_rules
from app.domain.access.attributes import Attributes
from app.domain.access.quoting import quoted
from app.domain.access.rules import ALL, allows, atoms_count, covers
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
    RoleBinding,
    RoleKind,
    RoleRef,
    Subject,
    SubjectKind,
)
from app.domain.persistent import PMap
from app.domain.snapshot import Snapshot

ENTRIES_MAX = 10_000  # of one generation
GENERATIONS_MAX = 4  # a writer and watches ask for others than the latest
SPREAD_RULE_MAX = 256  # members of the product of a rule, beyond which it is matched as it is
SPREAD_MAX = 4_096  # such members in one entry

_Key = tuple[str, str, str]
"""A verb, an API group, and a resource with its subresource."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A binding that applies to a user, and the first of its subjects that is the user.

    Grants of lower ``rank`` come first: ClusterRoleBindings, then RoleBindings, by name.
    """

    rank: int
    place: int
    binding: AnyBinding

    @property
    def reason(self) -> str:
        """Why a request is allowed, in Kubernetes' words."""
        meta, ref = self.binding.metadata, self.binding.role_ref
        kind, name = "ClusterRoleBinding", meta.name
        if isinstance(self.binding, RoleBinding):
            kind, name = "RoleBinding", f"{meta.name}/{meta.namespace}"
        subject = self.binding.subjects[self.place]
        named = subject.name
        if subject.kind == SubjectKind.SERVICE_ACCOUNT:
            named = f"{named}/{subject.namespace or meta.namespace}"
        return (
            f"RBAC: allowed by {kind} {quoted(name)} of {ref.kind} {quoted(ref.name)} "
            f"to {subject.kind} {quoted(named)}"
        )


_Granted = tuple[PolicyRule, Grant]
_NO_NAMES: Mapping[str, Grant] = {}


@dataclass(slots=True)
class Entry:
    """Everything that one user may do in one namespace, or at the cluster scope.

    ``spread`` counts the members of products.  ``missing`` are the roles that bindings of the
    user name and that are not there, in the order of the bindings; they grant nothing.
    """

    everywhere: dict[_Key, Grant] = field(default_factory=dict[_Key, Grant])
    named: dict[_Key, dict[str, Grant]] = field(default_factory=dict[_Key, dict[str, Grant]])
    wide: list[_Granted] = field(default_factory=list[_Granted])
    paths: list[_Granted] = field(default_factory=list[_Granted])
    missing: list[str] = field(default_factory=list[str])
    spread: int = 0

    def allows(self, attributes: Attributes) -> Grant | None:
        """Find the first binding that allows a request."""
        if attributes.path:
            allowing = (grant for rule, grant in self.paths if allows(rule, attributes))
            return next(allowing, None)
        resource, subresource = attributes.resource, attributes.subresource
        wanted = f"{resource}/{subresource}" if subresource else resource
        keys = _keys(attributes.verb, attributes.api_group, wanted, subresource)
        found = self._found(keys, attributes.name)
        for rule, grant in self.wide:
            if found is not None and found.rank <= grant.rank:
                break
            if allows(rule, attributes):
                return grant
        return found

    def covers(self, atom: PolicyRule) -> bool:
        """Whether one of the rules covers an atomic rule."""
        if atom.non_resource_urls:
            return any(covers(rule, atom) for rule, _ in self.paths)
        resource = atom.resources[0]
        keys = _keys(atom.verbs[0], atom.api_groups[0], resource, resource.partition("/")[2])
        name = atom.resource_names[0] if atom.resource_names else None
        if self._found(keys, name) is not None:
            return True
        return any(covers(rule, atom) for rule, _ in self.wide)

    def add(self, rule: PolicyRule, grant: Grant) -> None:
        """Add a rule of a binding; bindings come in the order of their ranks."""
        if rule.non_resource_urls:
            self.paths.append((rule, grant))
            return
        count = atoms_count(rule)
        if count > SPREAD_RULE_MAX or self.spread + count > SPREAD_MAX:
            self.wide.append((rule, grant))
            return
        self.spread += count
        for key in product(rule.verbs, rule.api_groups, rule.resources):
            if not rule.resource_names:
                self.everywhere.setdefault(key, grant)
                continue
            named = self.named.setdefault(key, {})
            for name in rule.resource_names:
                named.setdefault(name, grant)

    def _found(self, keys: Iterable[_Key], name: str | None) -> Grant | None:
        """Find the first grant under the keys; without a name only those of all names."""
        found: list[Grant] = []
        for key in keys:
            if (grant := self.everywhere.get(key)) is not None:
                found.append(grant)
            if name is not None and (grant := self.named.get(key, _NO_NAMES).get(name)):
                found.append(grant)
        return min(found, key=_rank) if found else None


def _rank(grant: Grant) -> int:
    return grant.rank


def _keys(verb: str, group: str, resource: str, subresource: str) -> Iterator[_Key]:
    """Yield every member of a product that would match."""
    resources = (resource, ALL, f"{ALL}/{subresource}") if subresource else (resource, ALL)
    return product((verb, ALL), (group, ALL), resources)


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
