"""A node's nftables text from one revision to a later one, at the cost of the change.

    Step, Node   -> rules of the touched Services, before and after -> text, health checks
    Tables, text -> Tables                                                       (``loaded``)

Elements of different Services never coincide, so the touched ones are all there is
to look at.  Nodes that see the change alike get the same text, made once.  Not
shared between threads.

Source: style.md 2, decision 3; spec ipvs 8.
"""

import re
from collections.abc import Hashable, Iterator
from typing import NamedTuple

from app.domain.addresses import IPFamily
from app.domain.bounded import Bounded
from app.domain.dataplane.incremental.revision_step import Step
from app.domain.dataplane.incremental.rules_cache import RulesCache
from app.domain.dataplane.nftables.state import Table, Tables
from app.domain.dataplane.nftables.table import KEPT_SETS, TABLE, WORDS
from app.domain.dataplane.nftables.text import (
    ServiceChange,
    checks_of,
    encode,
    encode_changes,
    encode_checks,
    encode_delta,
    service_changes,
)
from app.domain.dataplane.rules.health_checks import (
    HealthCheckChanges,
    health_check_changes,
    health_checks,
)
from app.domain.dataplane.rules.model import NodeRules, RulesConfig, ServiceRules
from app.domain.dataplane.rules.node_rules import NodeViews, assemble
from app.domain.dataplane.rules.service_ranges import service_ranges
from app.domain.dataplane.rules.service_rules import NodeView
from app.domain.errors import BadRequest
from app.domain.objects.node import Node
from app.domain.snapshot import Snapshot

TEXTS_MAX = 128  # texts remembered, each for all nodes that see a change alike
_SHOWN_MAX = 200  # characters of a bad line that a refusal repeats
_FAMILIES = {words.ip: family for family, words in WORDS.items()}
_OPENINGS = {f"table {word} {TABLE} {{": word for word in _FAMILIES}
_HOOK = "type "  # begins the line that makes a chain one of the kernel's own
_TARGET = re.compile(r": goto ([^ ,]+)")
_WORDS_OF_COMMAND = 5


class TextNews(NamedTuple):
    """What a node is told of a step: a text, and what load balancers may ask."""

    text: str = ""
    health_checks: HealthCheckChanges = ()


class NftablesRulesSource:
    """Deltas of every node, from rules made once."""

    def __init__(self, config: RulesConfig, *, texts_max: int = TEXTS_MAX) -> None:
        """Remember ``texts_max`` texts."""
        self.config = config
        self._cache: RulesCache[ServiceRules] = RulesCache(config, _as_they_are)
        self._views = NodeViews(config)
        self._texts: Bounded[Hashable, tuple[object, str]] = Bounded(texts_max)

    def news(self, step: Step, node_before: Node | None, node: Node) -> TextNews:
        """Write the way of a node through a step; all of it for one that was not there."""
        view = self._views.view(step.after, node)
        if node_before is None:
            desired = self._rules(step.after, view)
            checks = health_checks(desired.services, view.families)
            return TextNews(encode(desired), health_check_changes({}, checks))
        view_before = self._views.view(step.before, node_before)
        if view_before != view or step.is_whole:
            return self._whole(step, view_before, view)
        before = self._cache.every(step.before, step.touched, view)
        after = self._cache.every(step.after, step.touched, view)
        changes = list(service_changes(before, after))
        checks = health_check_changes(
            health_checks(before, view.families), health_checks(after, view.families)
        )
        return TextNews(self._text(changes, view, _changed_checks(step, view)), checks)

    def _whole(self, step: Step, view_before: NodeView, view: NodeView) -> TextNews:
        current, desired = self._rules(step.before, view_before), self._rules(step.after, view)
        checks = health_check_changes(
            health_checks(current.services, view_before.families),
            health_checks(desired.services, view.families),
        )
        return TextNews(encode_delta(current, desired), checks)

    def _text(self, changes: list[ServiceChange], view: NodeView, checks: str) -> str:
        families = tuple(facts.family for facts in view.families)
        seen = (tuple((id(before), id(after)) for before, after in changes), families, checks)
        if (known := self._texts.get(seen)) is not None:
            return known[1]
        text = checks + encode_changes(changes, families)
        # The rules are kept too: an identity is only good while its object lives.
        self._texts[seen] = (changes, text)
        return text

    def _rules(self, snapshot: Snapshot, view: NodeView) -> NodeRules:
        return assemble(self._cache.all(snapshot, view), view, self.config, snapshot)


def _changed_checks(step: Step, view: NodeView) -> str:
    was, becomes = service_ranges(step.before), service_ranges(step.after)
    if was == becomes:
        return ""
    return encode_checks(checks_of(view.families, was), checks_of(view.families, becomes))


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
        if name not in KEPT_SETS and name not in table.sets:
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


def _as_they_are(rules: ServiceRules, _: NodeView) -> ServiceRules:
    return rules
