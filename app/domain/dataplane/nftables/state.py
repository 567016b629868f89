"""What the nftables tables hold, as a value: read from a kernel, compared, and written as text.

    NodeRules       -> tables_of     -> Tables
    Tables          -> encode_whole  -> text      (``loading`` reads it: loaded(text, {}) == Tables)
    nft -j list     -> parse_listing -> sets and their elements as a kernel holds them
    Tables, Tables  -> encode_difference -> text that leads from one to the other

A node's agent gets texts and has no rules: it compares what it loaded with what it
should load.  What elements mean is not known here.  Source: spec ipvs 8.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NotRequired, TypeAlias, TypedDict

from app.domain.addresses import IPFamily
from app.domain.dataplane.nftables.elements import STANDING_PICKS, Elements
from app.domain.dataplane.nftables.table import (
    CHECK,
    KEPT_SETS,
    TABLE,
    check_rules,
    declarations,
    kind_of,
    layout,
    pick_rules,
)
from app.domain.dataplane.nftables.words import WORDS
from app.domain.dataplane.rules.model import NodeFamily, NodeRules
from app.domain.errors import BadRequest

ELEMENTS_PER_COMMAND_MAX: Final = 1_000  # keeps lines readable; nft does not mind
_BASE: Final = re.compile(r"type (?:nat|filter) hook .*;")

_Json: TypeAlias = "str | int | list[_Json] | dict[str, _Json] | None"


class _SetListing(TypedDict):
    name: str
    elem: NotRequired[list[_Json]]


Sets = Mapping[str, Mapping[str, str]]
"""Elements by set: key -> value, which is "" in plain sets."""


@dataclass(frozen=True, slots=True)
class Table:
    """One family's table: every set, and the rules of every chain that can be reached."""

    sets: Sets
    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


Tables = Mapping[IPFamily, Table]
"""A family that is not served has no table."""


def tables_of(rules: NodeRules) -> Tables:
    """Compute what the tables hold for a node's rules."""
    return {facts.family: _table(rules, facts) for facts in rules.families}


def encode_whole(tables: Tables) -> str:
    """Write the text that makes a kernel hold these tables, whatever it held before."""
    lines: list[str] = []
    for family in IPFamily:
        lines += _whole(family, tables[family]) if family in tables else removal(family)
    return joined(lines)


def encode_difference(current: Tables, desired: Tables) -> str:
    """Write the text that leads from one to the other; empty when nothing differs."""
    lines: list[str] = []
    for family in IPFamily:
        held, wanted = current.get(family), desired.get(family)
        if wanted is None:
            lines += () if held is None else removal(family)
        elif held is None:
            lines += _whole(family, wanted)
        else:
            for name, rules in wanted.chains.items():
                if held.chains.get(name) != rules:
                    lines += chain_anew(family, name, rules)
            lines += element_commands(family, [(held.sets, wanted.sets)])
    return joined(lines)


def parse_listing(text: str) -> Sets:
    """Read the sets of one table from ``nft -j list table``; those that packets fill are left out.

    Raises BadRequest when the text is not such a listing.
    """
    try:
        listed: dict[str, list[dict[str, _SetListing]]] = json.loads(text)
        sets = [entry.get("set") or entry.get("map") for entry in listed["nftables"]]
        return {
            held["name"]: dict(_listed_element(element) for element in held.get("elem", ()))
            for held in sets
            if held is not None and held["name"] not in KEPT_SETS
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRequest("not a listing of nft -j") from error


def removal(family: IPFamily) -> list[str]:
    """Write the lines that remove a table, whether or not it is there."""
    table = f"{WORDS[family].ip} {TABLE}"
    return [f"add table {table}", f"delete table {table}"]


def chain_anew(family: IPFamily, name: str, rules: Iterable[str]) -> Iterator[str]:
    """Write the lines that make sure of a chain, be it there already or not."""
    chain = f"{WORDS[family].ip} {TABLE} {name}"
    written = tuple(rules)
    base = next((f" {{ {rule} }}" for rule in written if _BASE.fullmatch(rule)), "")
    yield f"add chain {chain}{base}"
    yield f"flush chain {chain}"
    yield from (f"add rule {chain} {rule}" for rule in written if not _BASE.fullmatch(rule))


def element_commands(family: IPFamily, changes: Iterable[tuple[Sets, Sets]]) -> Iterator[str]:
    """Write the lines that lead from elements to others; all that goes, then all that comes."""
    removed: dict[str, list[str]] = {}
    added: dict[str, list[str]] = {}
    for before, after in changes:
        for name in {**before, **after}:
            was, becomes = before.get(name, {}), after.get(name, {})
            if was is becomes:
                continue
            # A value changes by going and coming back within the transaction.
            gone = [key for key, value in was.items() if becomes.get(key) != value]
            come = [_spelt(key, value) for key, value in becomes.items() if was.get(key) != value]
            removed.setdefault(name, []).extend(gone)
            added.setdefault(name, []).extend(come)
    for name in sorted(removed):
        yield from _commands("delete", family, name, removed[name])
    for name in sorted(added):
        yield from _commands("add", family, name, added[name])


def joined(lines: Iterable[str]) -> str:
    """Make a text of lines."""
    return "".join(f"{line}\n" for line in lines)


def _table(rules: NodeRules, facts: NodeFamily) -> Table:
    family, fixed, elements = facts.family, layout(facts, rules.config), Elements()
    for service in rules.services:
        elements.add(service, family)
    for address in fixed.node_port_addresses:
        elements.put("node-port-ips", address)
    picks = {
        pick.name: pick_rules(pick, family) for pick in sorted(elements.picks | STANDING_PICKS)
    }
    sets = {name: elements.by_set.get(name, {}) for name in declarations(family)}
    # In an order in which each chain may be written that goes to those before it.
    check = check_rules(facts, rules.service_cidrs)
    return Table(sets, {**picks, CHECK: check, **fixed.chains})


def _whole(family: IPFamily, table: Table) -> Iterator[str]:
    place = f"{WORDS[family].ip} {TABLE}"
    yield f"add table {place}"
    yield f"flush table {place}"  # empties chains; sets follow below
    yield f"table {place} {{"
    declared = declarations(family)
    for name, lines in declared.items():
        yield f"  {kind_of(lines)} {name} {{ {'; '.join(lines)}; }}"
    for name, rules in table.chains.items():
        yield f"  chain {name} {{"
        yield from (f"    {rule}" for rule in rules)
        yield "  }"
    yield "}"
    for name, lines in declared.items():
        if name not in KEPT_SETS:
            yield f"flush {kind_of(lines)} {place} {name}"
    for name, held in table.sets.items():
        yield from _commands("add", family, name, [_spelt(*element) for element in held.items()])


def _commands(verb: str, family: IPFamily, name: str, spelt: list[str]) -> Iterator[str]:
    for start in range(0, len(spelt), ELEMENTS_PER_COMMAND_MAX):
        some = ", ".join(spelt[start : start + ELEMENTS_PER_COMMAND_MAX])
        yield f"{verb} element {WORDS[family].ip} {TABLE} {name} {{ {some} }}"


def _spelt(key: str, value: str) -> str:
    return f"{key} : {value}" if value else key


def _listed_element(element: _Json) -> tuple[str, str]:
    match element:
        case [key, value]:
            return _listed_text(key), _listed_text(value)
        case _:
            return _listed_text(element), ""


def _listed_text(value: _Json) -> str:
    match value:
        case {"concat": [*parts]}:
            return " . ".join(_listed_text(part) for part in parts)
        case {"prefix": {"addr": address, "len": length}}:
            return f"{address}/{length}"
        case {"goto": {"target": target}}:
            return f"goto {target}"
        case {"elem": {"val": inner}}:  # an element with a timeout or a counter
            return _listed_text(inner)
        case {**only} if only:
            return next(iter(only))  # a verdict alone, as drop
        case _:
            return str(value)
