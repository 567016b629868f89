"""A small model of nft: the tables that texts for ``nft -f`` make, without a kernel.

It refuses what a kernel refuses: adding an existing element with another value, deleting a
missing one, verdicts with chains that do not exist, overlapping intervals; and, like kernels
before 6.5, rules that test whether a map has a key instead of using its value.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network

from app.domain.dataplane.nftables.table import TABLE

_BLOCK = re.compile(r"table (\w+) (\S+) \{")
_SET = re.compile(r"  (set|map) (\S+) \{ (.*) \}")
_CHAIN = re.compile(r"  chain (\S+) \{")
_GOTO = re.compile(r"(?:goto|jump) ([\w-]+)")
_ASKED = re.compile(r"(\S+) @([\w-]+)")
_FOR_MAPS = ("map", "vmap", "update", "delete")


class RefusedText(Exception):
    """A kernel would refuse this text."""


@dataclass(slots=True)
class Table:
    """Sets by name with their elements, chains by name with their rules."""

    declarations: dict[str, str] = field(default_factory=dict[str, str])
    sets: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    chains: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def reachable(self) -> dict[str, list[str]]:
        """Give the chains that packets reach."""
        found: dict[str, list[str]] = {}
        queue = [name for name, rules in self.chains.items() if _is_base(rules)]
        queue += [
            target
            for elements in self.sets.values()
            for verdict in elements.values()
            for target in _GOTO.findall(verdict)
        ]
        while queue:
            name = queue.pop()
            if name in found:
                continue
            if name not in self.chains:
                raise RefusedText(f"no chain {name}")
            found[name] = self.chains[name]
            queue += [target for rule in found[name] for target in _GOTO.findall(rule)]
        return found


Tables = dict[str, Table]
"""Tables by family, ``ip`` or ``ip6``."""


def loaded(text: str, tables: Tables) -> Tables:
    """Apply a text to existing tables, as one transaction.

    Raises RefusedText when a kernel would refuse it, and then changes nothing.
    """
    following = {
        family: Table(
            dict(table.declarations),
            {name: dict(elements) for name, elements in table.sets.items()},
            {name: list(rules) for name, rules in table.chains.items()},
        )
        for family, table in tables.items()
    }
    lines = iter(text.splitlines())
    for line in lines:
        if (block := _BLOCK.fullmatch(line)) is not None:
            _read_block(lines, following[block[1]])
        else:
            _command(line, following)
    for table in following.values():
        table.reachable()
        _refuse_maps_as_sets(table)
        _refuse_overlaps(table)
    return following


def _read_block(lines: Iterator[str], table: Table) -> None:
    chain = ""
    for line in lines:
        if line == "}":
            return
        if (declared := _SET.fullmatch(line)) is not None:
            known = table.declarations.setdefault(declared[2], declared[3])
            if known != declared[3]:
                raise RefusedText(f"{declared[2]} is declared otherwise")
            table.sets.setdefault(declared[2], {})
        elif (begun := _CHAIN.fullmatch(line)) is not None:
            chain = begun[1]
            table.chains.setdefault(chain, [])
        elif line != "  }" and not (_is_base([line.strip()]) and _is_base(table.chains[chain])):
            table.chains[chain].append(line.strip())


def _command(line: str, tables: Tables) -> None:
    verb, kind, family, name, *rest = line.split(" ", 5)
    assert name == TABLE, line
    match verb, kind:
        case "add", "table":
            tables.setdefault(family, Table())
        case "delete", "table":
            del tables[family]
        case "flush", "table":
            for rules in tables[family].chains.values():
                _flush(rules)
        case "flush", "set" | "map":
            tables[family].sets[rest[0]].clear()
        case (("add" | "delete"), "element"):
            _change_elements(verb, tables[family].sets[rest[0]], rest[1])
        case _:
            _change_chain(verb, kind, tables[family].chains, rest)


def _change_chain(verb: str, kind: str, chains: dict[str, list[str]], rest: list[str]) -> None:
    match verb, kind:
        case "add", "chain":
            chains.setdefault(rest[0], [rest[1].strip("{ }")] if rest[1:] else [])
        case "flush", "chain":
            _flush(chains[rest[0]])
        case "add", "rule":
            chains[rest[0]].append(rest[1])
        case _:
            raise RefusedText(f"{verb} {kind}")


def _change_elements(verb: str, held: dict[str, str], braced: str) -> None:
    for element in braced.removeprefix("{ ").removesuffix(" }").split(", "):
        key, _, value = element.partition(" : ")
        if verb == "delete":
            if key not in held:
                raise RefusedText(f"no element {key}")
            del held[key]
        elif held.setdefault(key, value) != value:
            raise RefusedText(f"{key} has another value")


def _flush(rules: list[str]) -> None:
    rules[:] = [rule for rule in rules if _is_base([rule])]  # keeps the hook, which is not a rule


def _is_base(rules: list[str]) -> bool:
    return any(rule.startswith("type ") for rule in rules)


def _refuse_maps_as_sets(table: Table) -> None:
    for rules in table.chains.values():
        for word, name in (asked for rule in rules for asked in _ASKED.findall(rule)):
            if " : " in table.declarations[name] and word not in _FOR_MAPS:
                raise RefusedText(f"{name} is a map: {word} @{name}")


def _refuse_overlaps(table: Table) -> None:
    for name, held in table.sets.items():
        if "flags interval" not in table.declarations[name]:
            continue
        keys = [key.rsplit(" . ", 1) for key in held]
        for index, (front, prefix) in enumerate(keys):
            for other_front, other in keys[:index]:
                if front == other_front and ip_network(prefix).overlaps(ip_network(other)):
                    raise RefusedText(f"{prefix} and {other} overlap")
