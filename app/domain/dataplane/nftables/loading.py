"""What loading a text makes of the nftables tables that a node holds.

    text, Tables -> Tables

An agent keeps what its kernel holds as a value, and refuses what a kernel would refuse.
What elements mean is not known here.  Source: spec ipvs 8.
"""

import re
from collections.abc import Iterator

from app.domain.addresses import IPFamily
from app.domain.dataplane.nftables.state import Table, Tables
from app.domain.dataplane.nftables.table import TABLE, WORDS
from app.domain.errors import BadRequest

_SHOWN_MAX = 200  # characters of a bad line that a refusal repeats
_FAMILIES = {words.ip: family for family, words in WORDS.items()}
_OPENINGS = {f"table {word} {TABLE} {{": word for word in _FAMILIES}
_HOOK = "type "  # begins the line that makes a chain one of the kernel's own
_TARGET = re.compile(r": goto ([^ ,]+)")
_WORDS_OF_COMMAND = 5


def loaded(text: str, tables: Tables) -> Tables:
    """Give what tables hold once a text is loaded; what it does not touch is shared.

    Raises BadRequest when the text does not fit them, as a kernel would refuse it.
    """
    draft, lines = _Draft(dict(tables)), iter(text.splitlines())
    for line in lines:
        try:
            if (word := _OPENINGS.get(line)) is not None:
                draft.read_block(_FAMILIES[word], lines)
            else:
                draft.take(line)
        except (LookupError, ValueError) as error:
            raise BadRequest(f"not a line that fits: {line[:_SHOWN_MAX]!r}") from error
    return draft.tables


class _Draft:
    """Tables that are being changed; each part is copied before it is touched first."""

    def __init__(self, tables: dict[IPFamily, Table]) -> None:
        self.tables = tables
        self._sets: dict[tuple[IPFamily, str], dict[str, str]] = {}
        self._chains: dict[IPFamily, dict[str, tuple[str, ...]]] = {}

    def take(self, line: str) -> None:
        verb, kind, word, table, *rest = line.split(" ", _WORDS_OF_COMMAND)
        family = _FAMILIES[word]
        if table != TABLE:
            raise ValueError(table)
        match verb, kind:
            case (("add" | "delete"), "element"):
                self._change_elements(verb, self._own_set(family, rest[0]), rest[1])
                self._require_targets(family, rest[1])
            case "flush", "set" | "map":
                self._own_set(family, rest[0]).clear()
            case _, "table":
                self._change_table(verb, family)
            case _:
                self._change_chain(verb, kind, self._own_chains(family), rest)

    def read_block(self, family: IPFamily, lines: Iterator[str]) -> None:
        chains, chain = self._own_chains(family), ""
        for line in lines:
            if line == "}":
                return
            words = line.split()
            match words:
                case [("set" | "map"), name, "{", *_]:
                    self._declare(family, name)
                case ["chain", chain, "{"]:
                    chains.setdefault(chain, ())
                case ["}"]:
                    chain = ""
                case ["type", *_] if _hooks(chains[chain]):
                    pass  # it is one of the kernel's own already
                case _:
                    chains[chain] = (*chains[chain], line.strip())
        raise ValueError("a table does not end")

    def _change_table(self, verb: str, family: IPFamily) -> None:
        match verb:
            case "add":
                self.tables.setdefault(family, Table({}))
            case "delete":
                del self.tables[family]
                self._chains.pop(family, None)
                for place in [place for place in self._sets if place[0] is family]:
                    del self._sets[place]
            case "flush":
                chains = self._own_chains(family)
                chains.update({name: _hooks(rules) for name, rules in chains.items()})
            case _:
                raise ValueError(verb)

    @staticmethod
    def _change_chain(
        verb: str, kind: str, chains: dict[str, tuple[str, ...]], rest: list[str]
    ) -> None:
        name = rest[0]
        base = rest[1].removeprefix("{ ").removesuffix(" }") if len(rest) > 1 else ""
        match verb, kind:
            case "add", "chain":
                held = chains.get(name, ())
                chains[name] = (base, *held) if base and not _hooks(held) else held
            case "flush", "chain":
                chains[name] = _hooks(chains[name])
            case "add", "rule":
                chains[name] = (*chains[name], rest[1])
            case _:
                raise ValueError(f"{verb} {kind}")

    @staticmethod
    def _change_elements(verb: str, held: dict[str, str], braced: str) -> None:
        for element in braced.removeprefix("{ ").removesuffix(" }").split(", "):
            key, _, value = element.partition(" : ")
            if verb == "delete":
                del held[key]
            elif held.setdefault(key, value) != value:
                raise ValueError(f"{key} has another value")

    def _require_targets(self, family: IPFamily, braced: str) -> None:
        """Refuse verdicts that go nowhere: tables of an older layout lack a chain."""
        for target in set(_TARGET.findall(braced)) - self.tables[family].chains.keys():
            raise ValueError(target)

    def _declare(self, family: IPFamily, name: str) -> None:
        table = self.tables[family]
        if name not in table.sets:
            self.tables[family] = Table({**table.sets, name: {}}, table.chains)

    def _own_set(self, family: IPFamily, name: str) -> dict[str, str]:
        place = (family, name)
        if place not in self._sets:
            table = self.tables[family]
            copied = self._sets[place] = dict(table.sets[name])
            self.tables[family] = Table({**table.sets, name: copied}, table.chains)
        return self._sets[place]

    def _own_chains(self, family: IPFamily) -> dict[str, tuple[str, ...]]:
        if family not in self._chains:
            table = self.tables[family]
            copied = self._chains[family] = dict(table.chains)
            self.tables[family] = Table(table.sets, copied)
        return self._chains[family]


def _hooks(rules: tuple[str, ...]) -> tuple[str, ...]:
    """Give what stays of a chain that is flushed: a hook is no rule."""
    return tuple(rule for rule in rules if rule.startswith(_HOOK))
