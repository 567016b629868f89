"""A node's rules as text for ``nft -f``: the whole, or what changed.

    NodeRules                     -> encode       -> text that replaces all there is
    NodeRules, NodeRules          -> encode_delta -> text that leads from one to the other
    pairs of ServiceRules         -> encode_changes, the same for known changes

Each text is one transaction: packets see all of it or nothing.  Only the table
``waypost`` of each family is ever named.  Which clients keep which endpoint
survives, and connections do anyway.  A chain that nothing goes to any more is
left behind: kernels before 6.2 refuse to delete it together with the elements
that went there.

Source: spec ipvs 8.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from app.domain.addresses import IPFamily
from app.domain.dataplane.nftables_elements import Elements, Pick, service_elements
from app.domain.dataplane.nftables_table import (
    KEPT_SETS,
    TABLE,
    WORDS,
    Layout,
    kind_of,
    layout,
    pick_rules,
)
from app.domain.dataplane.rules import NodeRules, ServiceRules

ELEMENTS_PER_COMMAND_MAX: Final = 1_000  # keeps lines readable; nft does not mind

ServiceChange = tuple[ServiceRules | None, ServiceRules | None]
"""The rules of one Service before and after; None where it has none."""


def encode(rules: NodeRules) -> str:
    """Write the text that makes the tables of both families hold these rules and nothing else."""
    lines: list[str] = []
    for family in IPFamily:
        if (facts := rules.family(family)) is None:
            lines.extend(_removal(family))
        else:
            elements = Elements()
            for service in rules.services:
                elements.add(service, family)
            lines.extend(_whole(family, layout(facts, rules.config), elements))
    return _text(lines)


def encode_removal() -> str:
    """Write the text that removes everything of ours, whether or not it is there."""
    return _text(line for family in IPFamily for line in _removal(family))


def encode_delta(current: NodeRules, desired: NodeRules) -> str:
    """Write the text that leads from ``current`` to ``desired``; empty when nothing differs.

    A change of the node or of the configuration is rare and replaces everything.
    """
    same = (current.families, current.config) == (desired.families, desired.config)
    if not same and _layouts(current) != _layouts(desired):
        return encode(desired)
    families = [facts.family for facts in desired.families]
    return encode_changes(service_changes(current.services, desired.services), families)


def encode_changes(changes: Iterable[ServiceChange], families: Iterable[IPFamily]) -> str:
    """Write the text for known changes of Services; empty when no element differs."""
    known = list(changes)
    return _text(line for family in families for line in _changed(family, known))


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


def _removal(family: IPFamily) -> Iterator[str]:
    table = WORDS[family].ip
    yield f"add table {table} {TABLE}"  # deleting what is not there would be an error
    yield f"delete table {table} {TABLE}"


def _whole(family: IPFamily, fixed: Layout, elements: Elements) -> Iterator[str]:
    table = WORDS[family].ip
    yield f"add table {table} {TABLE}"
    yield f"flush table {table} {TABLE}"  # empties chains; sets follow below
    yield f"table {table} {TABLE} {{"
    for name, lines in fixed.sets.items():
        yield f"  {kind_of(lines)} {name} {{ {'; '.join(lines)}; }}"
    for pick in sorted(elements.picks):
        yield from _chain(pick.name, pick_rules(pick, family))
    for name, lines in fixed.chains.items():
        yield from _chain(name, lines)
    yield "}"
    for name, lines in fixed.sets.items():
        if name not in KEPT_SETS:
            yield f"flush {kind_of(lines)} {table} {TABLE} {name}"
    for address in fixed.node_port_addresses:
        elements.put("node-port-ips", address)
    for name in fixed.sets:
        held = elements.by_set.get(name, {})
        yield from _commands("add", family, name, [_spelt(*element) for element in held.items()])


def _changed(family: IPFamily, changes: Iterable[ServiceChange]) -> Iterator[str]:
    removed: dict[str, list[str]] = {}
    added: dict[str, list[str]] = {}
    picks: set[Pick] = set()
    for before, after in changes:
        old, new = service_elements(before, family), service_elements(after, family)
        picks |= new.picks - old.picks
        for name in {**old.by_set, **new.by_set}:
            was, becomes = old.by_set.get(name, {}), new.by_set.get(name, {})
            # A value changes by going and coming back within the transaction.
            removed.setdefault(name, []).extend(
                key for key, value in was.items() if becomes.get(key) != value
            )
            added.setdefault(name, []).extend(
                _spelt(key, value) for key, value in becomes.items() if was.get(key) != value
            )
    for pick in sorted(picks):
        yield from _chain_anew(pick, family)
    for name in sorted(removed):
        yield from _commands("delete", family, name, removed[name])
    for name in sorted(added):
        yield from _commands("add", family, name, added[name])


def _chain(name: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"  chain {name} {{"
    yield from (f"    {line}" for line in lines)
    yield "  }"


def _chain_anew(pick: Pick, family: IPFamily) -> Iterator[str]:
    """Make sure of a chain that may be there already, for another Service or from before."""
    chain = f"{WORDS[family].ip} {TABLE} {pick.name}"
    yield f"add chain {chain}"
    yield f"flush chain {chain}"
    yield from (f"add rule {chain} {line}" for line in pick_rules(pick, family))


def _commands(verb: str, family: IPFamily, name: str, spelt: list[str]) -> Iterator[str]:
    table = WORDS[family].ip
    for start in range(0, len(spelt), ELEMENTS_PER_COMMAND_MAX):
        some = ", ".join(spelt[start : start + ELEMENTS_PER_COMMAND_MAX])
        yield f"{verb} element {table} {TABLE} {name} {{ {some} }}"


def _spelt(key: str, value: str) -> str:
    return f"{key} : {value}" if value else key


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
