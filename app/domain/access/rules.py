"""What a rule allows, and which rules cover which.

    PolicyRule, Attributes -> allowed or not
    held rules, asked rules -> the atomic rules that no single held rule covers

An atomic rule has one verb on one resource of one group with at most one name, or on one path.
Covering is what the check for escalation asks; it is matching with the asked rule in the place
of a request, so a ``*`` is covered by nothing but ``*``.

Source: Kubernetes `pkg/apis/rbac/v1/evaluation_helpers.go` and
`component-helpers/auth/rbac/validation/policy_comparator.go`; access.md 2.2 and 2.7.
"""

from collections.abc import Iterable, Iterator
from itertools import product

from app.domain.access.attributes import Attributes
from app.domain.access.quoting import quoted_list
from app.domain.objects.role import PolicyRule

ALL = "*"
EVERYTHING = (
    PolicyRule(verbs=(ALL,), api_groups=(ALL,), resources=(ALL,)),
    PolicyRule(verbs=(ALL,), non_resource_urls=(ALL,)),
)
"""Every verb on every resource and every path."""


def allows(rule: PolicyRule, attributes: Attributes) -> bool:
    """Whether one rule allows a request; all its parts must match."""
    if not _has(rule.verbs, attributes.verb):
        return False
    if attributes.path:
        return any(is_path_below(attributes.path, pattern) for pattern in rule.non_resource_urls)
    return (
        _has(rule.api_groups, attributes.api_group)
        and _matches_resource(rule.resources, attributes.resource, attributes.subresource)
        and (not rule.resource_names or attributes.name in rule.resource_names)
    )


def covers(held: PolicyRule, asked: PolicyRule) -> bool:
    """Whether one held rule allows everything that one asked rule allows."""
    return (
        _has_all(held.verbs, asked.verbs)
        and _has_all(held.api_groups, asked.api_groups)
        and (ALL in held.resources or all(_covers_resource(held, each) for each in asked.resources))
        and _covers_names(held, asked)
        and all(
            any(is_path_below(path, pattern) for pattern in held.non_resource_urls)
            for path in asked.non_resource_urls
        )
    )


def uncovered(held: Iterable[PolicyRule], asked: Iterable[PolicyRule]) -> Iterator[PolicyRule]:
    """Yield the atomic rules of ``asked`` that no single rule of ``held`` covers."""
    every = tuple(held)
    for rule in asked:
        for atom in atoms(rule):
            if not any(covers(each, atom) for each in every):
                yield atom


def atoms(rule: PolicyRule) -> Iterator[PolicyRule]:
    """Split a rule into atomic rules, which allow together what it allows."""
    names = [(name,) for name in rule.resource_names] or [()]
    for group, resource, verb, name in product(rule.api_groups, rule.resources, rule.verbs, names):
        yield PolicyRule(
            verbs=(verb,), api_groups=(group,), resources=(resource,), resource_names=name
        )
    for path, verb in product(rule.non_resource_urls, rule.verbs):
        yield PolicyRule(verbs=(verb,), non_resource_urls=(path,))


def atoms_count(rule: PolicyRule) -> int:
    """Count the atomic rules of a rule without making them."""
    on_resources = len(rule.api_groups) * len(rule.resources) * max(1, len(rule.resource_names))
    return len(rule.verbs) * (on_resources + len(rule.non_resource_urls))


def is_path_below(path: str, pattern: str) -> bool:
    """Whether a path is the pattern, or begins with it as far as the stars at its end."""
    return path == pattern or (pattern.endswith(ALL) and path.startswith(pattern.rstrip(ALL)))


def lines_of(missing: Iterable[PolicyRule]) -> list[str]:
    """Write atomic rules sorted, those that differ by the verb alone in one line."""
    verbs: dict[PolicyRule, dict[str, None]] = {}
    lines: set[str] = set()
    for rule in missing:
        if rule.non_resource_urls:
            lines.add(_shown(rule, rule.verbs))
        else:
            group = PolicyRule(
                api_groups=rule.api_groups,
                resources=rule.resources,
                resource_names=rule.resource_names,
            )
            verbs.setdefault(group, {}).update(dict.fromkeys(rule.verbs))
    return sorted(lines | {_shown(rule, joined) for rule, joined in verbs.items()})


def _shown(rule: PolicyRule, verbs: Iterable[str]) -> str:
    parts = (
        ("APIGroups", rule.api_groups),
        ("Resources", rule.resources),
        ("NonResourceURLs", rule.non_resource_urls),
        ("ResourceNames", rule.resource_names),
        ("Verbs", tuple(verbs)),
    )
    return "{" + ", ".join(f"{name}:{quoted_list(texts)}" for name, texts in parts if texts) + "}"


def _has(listed: tuple[str, ...], wanted: str) -> bool:
    return ALL in listed or wanted in listed


def _has_all(listed: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return ALL in listed or all(each in listed for each in wanted)


def _matches_resource(listed: tuple[str, ...], resource: str, subresource: str) -> bool:
    if not subresource:
        return _has(listed, resource)
    return _has(listed, f"{resource}/{subresource}") or f"{ALL}/{subresource}" in listed


def _covers_resource(held: PolicyRule, asked: str) -> bool:
    _, slash, subresource = asked.partition("/")
    return asked in held.resources or bool(slash and f"{ALL}/{subresource}" in held.resources)


def _covers_names(held: PolicyRule, asked: PolicyRule) -> bool:
    if not held.resource_names:
        return True
    return bool(asked.resource_names) and all(
        each in held.resource_names for each in asked.resource_names
    )
