"""A node's rules as text for ``nft -f``: the whole, or what changed.

    NodeRules             -> encode         -> text that replaces all there is
    NodeRules, NodeRules  -> encode_delta   -> text that leads from one to the other
    pairs of ServiceRules -> encode_changes -> the same for known changes of Services
    Checks, Checks        -> encode_checks  -> the same for the ranges of their addresses

Each text is one transaction: packets see all of it or nothing.  Only the table
``waypost`` of each family is ever named.  Which clients keep which endpoint
survives, and connections do anyway.  A chain that nothing goes to any more is
left behind: kernels before 6.2 refuse to delete it together with the elements
that went there.

Source: spec ipvs 8.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from app.domain.addresses import IPFamily
from app.domain.dataplane.nftables.elements import STANDING_PICKS, service_elements
from app.domain.dataplane.nftables.state import (
    chain_anew,
    element_commands,
    encode_whole,
    joined,
    removal,
    tables_of,
)
from app.domain.dataplane.nftables.table import CHECK, Layout, check_rules, layout, pick_rules
from app.domain.dataplane.rules.model import NodeFamily, NodeRules, ServiceRules

ServiceChange = tuple[ServiceRules | None, ServiceRules | None]
"""The rules of one Service before and after; None where it has none."""

Checks = Mapping[IPFamily, tuple[str, ...]]
"""By family, the rules for what is still sent to an address of Services."""


def encode(rules: NodeRules) -> str:
    """Write the text that makes the tables of both families hold these rules and nothing else."""
    return encode_whole(tables_of(rules))


def encode_removal() -> str:
    """Write the text that removes everything of ours, whether or not it is there."""
    return joined(line for family in IPFamily for line in removal(family))


def encode_delta(current: NodeRules, desired: NodeRules) -> str:
    """Write the text that leads from ``current`` to ``desired``; empty when nothing differs.

    A change of the node or of the configuration is rare and replaces everything.
    """
    same = (current.families, current.config) == (desired.families, desired.config)
    if not same and _layouts(current) != _layouts(desired):
        return encode(desired)
    families = [facts.family for facts in desired.families]
    checks = encode_checks(
        checks_of(current.families, current.service_cidrs),
        checks_of(desired.families, desired.service_cidrs),
    )
    return checks + encode_changes(service_changes(current.services, desired.services), families)


def checks_of(families: Iterable[NodeFamily], service_cidrs: tuple[str, ...]) -> Checks:
    """Write the rules for the ranges of Services on a node."""
    return {facts.family: check_rules(facts, service_cidrs) for facts in families}


def encode_checks(current: Checks, desired: Checks) -> str:
    """Write the text for a change of those rules; empty when none differs."""
    return joined(
        line
        for family, rules in desired.items()
        if current.get(family) != rules
        for line in chain_anew(family, CHECK, rules)
    )


def encode_changes(changes: Iterable[ServiceChange], families: Iterable[IPFamily]) -> str:
    """Write the text for known changes of Services; empty when no element differs."""
    known = list(changes)
    return joined(line for family in families for line in _changed(family, known))


def service_changes(
    current: Sequence[ServiceRules], desired: Sequence[ServiceRules]
) -> Iterator[ServiceChange]:
    """Pair the Services that differ; both sequences are sorted by key.

    Rules that are the same object are passed over without a look inside.
    """
    mine, theirs = iter(current), iter(desired)
    before, after = next(mine, None), next(theirs, None)
    while before is not None or after is not None:
        if before is after:
            before, after = next(mine, None), next(theirs, None)
        elif after is None or (before is not None and before.service < after.service):
            yield before, None
            before = next(mine, None)
        elif before is None or after.service < before.service:
            yield None, after
            after = next(theirs, None)
        else:
            if before != after:
                yield before, after
            before, after = next(mine, None), next(theirs, None)


def _layouts(rules: NodeRules) -> Mapping[IPFamily, Layout]:
    return {facts.family: layout(facts, rules.config) for facts in rules.families}


def _changed(family: IPFamily, changes: Iterable[ServiceChange]) -> Iterator[str]:
    elements = [
        (service_elements(before, family), service_elements(after, family))
        for before, after in changes
    ]
    picks = {pick for old, new in elements for pick in new.picks - old.picks}
    for pick in sorted(picks - STANDING_PICKS):
        yield from chain_anew(family, pick.name, pick_rules(pick, family))
    yield from element_commands(family, [(old.by_set, new.by_set) for old, new in elements])
