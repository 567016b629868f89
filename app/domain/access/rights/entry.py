"""Everything that one user may do in one namespace, by what it allows.

    rules, each with the binding that grants it -> Entry
    request -> the first binding that allows it

Rules are held as the members of their product (verb, group, resource), so that a decision is a
dozen look-ups, however many bindings there are; rules with very large products are kept as they
are and matched one by one.

Source: Kubernetes `pkg/registry/rbac/validation/rule.go`; access.md 2.2, 2.3 and 2.13.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

from app.domain.access.attributes import Attributes
from app.domain.access.quoting import quoted
from app.domain.access.rules import ALL, allows, atoms_count, covers
from app.domain.objects.role import PolicyRule
from app.domain.objects.role_binding import AnyBinding, RoleBinding, SubjectKind

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
