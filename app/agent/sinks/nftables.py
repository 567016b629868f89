"""The kernel's nftables, through ``nft``.

    text -> one `nft -f -`, one transaction        `nft -j list` -> Tables

Only the tables called ``waypost`` are touched.  Rules cannot be parsed back: their
listing is compared with the listing right after they were written.  After a restart that
is not known, so chains are rewritten, in one transaction with all other differences;
connections and session affinity are kept.

Source: spec ipvs 8.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from app.agent.conntrack import forget_flows
from app.agent.modes.nftables import NFT
from app.agent.sinks import programs
from app.agent.sinks.programs import Run
from app.agent.sinks.sink import SinkFailed
from app.domain.addresses import IPFamily
from app.domain.dataplane.nftables.loading import loaded
from app.domain.dataplane.nftables.state import Table, Tables, parse_listing
from app.domain.dataplane.nftables.table import KEPT_SETS, TABLE, WORDS, declarations
from app.domain.dataplane.nftables.table_flows import Flow, changed_destinations, is_stale
from app.domain.dataplane.nftables.text import encode_removal
from app.domain.errors import BadRequest

if TYPE_CHECKING:
    from app.domain.dataplane.ipvs.operations import RealServerKey

_UNKNOWN: Final = ("?",)  # equal to no desired rules
_log = logging.getLogger(__name__)

Place = tuple[IPFamily, str]
Forget = Callable[[IPFamily, Callable[[Flow], bool]], int]


class NftablesSink:
    """The kernel of this machine; changing it needs CAP_NET_ADMIN."""

    def __init__(self, run: Run = programs.run, *, forget: Forget = forget_flows) -> None:
        """Run programs with ``run``; delete flows with ``forget``."""
        self._run, self._forget = run, forget
        self._held: Tables = {}
        self._spelt: dict[Place, tuple[tuple[str, ...], str]] = {}
        """Rules of chains as written, and as the kernel lists them."""
        self._must_rebuild = False

    async def observe(self, known: Tables) -> Tables:
        """Read Waypost's tables; raises SinkFailed.

        A table that lacks a set, or after an update has failed, counts as absent.
        """
        del known  # these tables are Waypost's alone
        if self._must_rebuild:
            return {}
        found: dict[IPFamily, Table] = {}
        for family in await self._present():
            text = await self._run(f"nft -j list table {WORDS[family].ip} {TABLE}")
            try:
                sets, chains = parse_listing(text), dict(_chains(text))
            except (BadRequest, ValueError, LookupError) as error:
                raise SinkFailed(f"the output of nft cannot be read: {error!r}") from error
            if sets.keys() | KEPT_SETS >= declarations(family).keys():
                rules = {name: self._rules(family, name, spelt) for name, spelt in chains.items()}
                found[family] = Table(sets, rules)
        self._held = found
        return found

    async def apply(self, steps: Sequence[str]) -> None:
        """Load texts as one transaction; raises SinkFailed when it was not applied."""
        text, before = "".join(steps), self._held
        try:
            await self._run(NFT, text=encode_removal() + text if self._must_rebuild else text)
        except SinkFailed:
            # A table of another version of Waypost cannot always be updated: rebuild it.
            self._must_rebuild = True
            raise
        self._must_rebuild = False
        for step in steps:
            self._held = loaded(step, self._held)
        if "chain" in text:
            await self._remember_spelling()
        await self._forget_stale_flows(before)

    async def idle(self, servers: "Collection[RealServerKey]") -> "Collection[RealServerKey]":
        """Return all: nothing drains in this mode."""
        return servers

    async def _present(self) -> list[IPFamily]:
        listed = json.loads(await self._run("nft -j list tables"))["nftables"]
        tables = [entry["table"] for entry in listed if "table" in entry]
        named = {table["family"] for table in tables if table["name"] == TABLE}
        return [family for family in IPFamily if WORDS[family].ip in named]

    def _rules(self, family: IPFamily, name: str, spelt: str) -> tuple[str, ...]:
        rules, known = self._spelt.get((family, name), (_UNKNOWN, ""))
        return rules if known == spelt else _UNKNOWN

    async def _remember_spelling(self) -> None:
        self._spelt.clear()
        for family, table in self._held.items():
            text = await self._run(f"nft -j -t list table {WORDS[family].ip} {TABLE}")
            spellings = dict(_chains(text))
            for name, rules in table.chains.items():
                if name in spellings:
                    self._spelt[family, name] = (rules, spellings[name])

    async def _forget_stale_flows(self, before: Tables) -> None:
        """Delete tracked datagram flows, which would keep their old translation forever."""
        changed = changed_destinations(before, self._held)
        if not changed:
            return
        # Slow to load, and seldom needed: an agent that starts has no flows to forget.
        from app.agent.sinks.readings import parse_bound  # noqa: PLC0415

        own = parse_bound(await self._run("ip -j addr show up")).own
        for family, expected in changed.items():
            try:
                await asyncio.to_thread(
                    self._forget,
                    family,
                    lambda flow, expected=expected: is_stale(flow, expected, own),
                )
            except OSError as error:
                _log.warning("datagram flows keep their old endpoints: %s", error)


def _chains(text: str) -> Iterator[tuple[str, str]]:
    """Yield each chain with its hook and rules in a comparable form."""
    spelt: dict[str, list[Any]] = {}
    for entry in json.loads(text)["nftables"]:
        if (chain := entry.get("chain")) is not None:
            hook = [chain.get(word) for word in ("type", "hook", "prio", "policy")]
            spelt[chain["name"]] = [hook]
        elif (rule := entry.get("rule")) is not None:
            spelt[rule["chain"]].append(rule["expr"])
    return ((name, json.dumps(parts, sort_keys=True)) for name, parts in spelt.items())
