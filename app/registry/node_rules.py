"""The rules of nodes: all of them, what changed, and how far a node has drifted.

    Snapshot, node                -> IPVSRules
    mode, node, earlier revision  -> NodeChanges
    node, observed servers        -> Drift

All modes share one source of rules, whose work is done once for all nodes and ahead of the
question.  What takes long runs beside the event loop: names go on resolving meanwhile.

Source: contract.md, ``GET /nodes/{name}/ipvs`` and its siblings.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from app.domain.addresses import parse_prefix
from app.domain.bounded import Bounded
from app.domain.dataplane.incremental.ipvs_mode import IPVSMode, Parts
from app.domain.dataplane.incremental.nftables_mode import NftablesMode
from app.domain.dataplane.incremental.source import Mode, RulesSource
from app.domain.dataplane.incremental.step import Step, step_between
from app.domain.dataplane.ipvs.drift import Drift, Ownership, drift
from app.domain.dataplane.ipvs.state import IPVSRules
from app.domain.dataplane.ipvs.virtual_server import ServerKey, VirtualServer
from app.domain.dataplane.rules.health_checks import HealthCheckChanges
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.errors import not_found
from app.domain.names import NamespacedName, Revision
from app.domain.objects.node import NODE, Node
from app.domain.snapshot import Snapshot
from app.registry.reads.view import Advance, View
from app.registry.rule_stats import Computation, NodePositions, rule_timings
from app.registry.rules_fingerprint import fingerprint
from app.registry.threads import in_thread

IPVS: Final = "ipvs"
NFTABLES: Final = "nftables"
AHEAD_PAUSE_S = 0.5
"""Seconds from a change until it is worked out ahead, together with all that came meanwhile."""

_BESIDE_MIN = 64  # changes, or Services they touch, that are worth a thread of their own
_STEPS_MAX = 16  # ways between revisions that are remembered for the next node to ask

_log = logging.getLogger(__name__)

Plan = Parts | str
"""In IPVS mode operations, in pieces that many nodes share; in nftables mode a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is sent beside rules: what load balancers may ask the node, and may send it."""

    health_checks: HealthCheckChanges = ()
    is_eligible: bool = True
    has_turned: bool = False
    """Whether ``is_eligible`` was otherwise before."""

    @property
    def is_any(self) -> bool:
        """Whether anything changed."""
        return self.has_turned or bool(self.health_checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeChanges:
    """The way of a node from one revision to another."""

    node: str
    since: Revision
    revision: Revision
    plan: Plan
    standing: Standing = Standing()

    @property
    def is_any(self) -> bool:
        """Whether anything changed for the node."""
        return any(self.plan) or self.standing.is_any


_AS_BEFORE: Final = Standing()


def standing_of(checks: HealthCheckChanges, before: Node | None, node: Node) -> Standing:
    """Tell what goes with the rules of a Node that was ``before``, if it was there at all."""
    has_turned = before is None or before.is_eligible != node.is_eligible
    if not checks and not has_turned and node.is_eligible:
        return _AS_BEFORE
    return Standing(health_checks=checks, is_eligible=node.is_eligible, has_turned=has_turned)


class NodeRulesReader:
    """Answers for every node, from the state this process sees."""

    def __init__(self, view: View, config: RulesConfig, *, node_ports: range) -> None:
        self.config = config
        self.fingerprint = fingerprint(config)
        """Changes when the configuration does, or what this version makes of it."""
        self._view = view
        # What is remembered is not shared between threads: one question at a time.
        self._turn = asyncio.Lock()
        self._node_ports = node_ports
        self.source = RulesSource(config)
        self._ipvs = IPVSMode(self.source)
        self._modes: Mapping[str, Mode[Plan]] = {
            IPVS: self._ipvs,
            NFTABLES: NftablesMode(self.source),
        }
        self._steps: Bounded[tuple[Revision, Revision], Step] = Bounded(_STEPS_MAX)
        self.timings, self.positions = rule_timings(), NodePositions()

    async def warm(self) -> None:
        """Work out ahead what nodes will share, so that the first to ask is answered soon.

        It costs what differs from the last time.  Where there are no nodes, nobody will ask.
        """
        async with self._turn:
            snapshot = self._view.snapshot  # those who had their turn before may know a later one
            if snapshot.nodes:
                with self.timings.measured(Computation.AHEAD):
                    await in_thread(self._ipvs.prepare, snapshot)

    async def ipvs(self, snapshot: Snapshot, name: str) -> IPVSRules:
        """Give everything that a node in IPVS mode holds; raises NotFound for an unknown node."""
        node = node_of(snapshot, name)
        async with self._turn:
            with self.timings.measured(Computation.WHOLE):
                return await in_thread(
                    lambda: self._ipvs.rules(snapshot, self.source.node(snapshot, node))
                )

    async def changes(
        self, mode: str, snapshot: Snapshot, name: str, since: Revision
    ) -> NodeChanges:
        """Plan the way of a node in a mode from an earlier revision to the current one.

        Raises Expired when the changes since then are not known any more.
        """
        node = node_of(snapshot, name)
        async with self._turn:
            begun_at = perf_counter()
            step = self._steps.get((since, snapshot.revision))
            if step is None or step.after is not snapshot:
                step = await self._make_step(snapshot, since)
            before = step.before.nodes.get(node.metadata.key)
            is_short = len(step.touched) <= _BESIDE_MIN and self._ipvs.is_prepared
            if before is None or not is_short:
                changes = await in_thread(
                    self.source.changes, self._modes[mode], step, before, node
                )
            else:
                changes = self.source.changes(self._modes[mode], step, before, node)
            self.timings.add(Computation.CHANGES, perf_counter() - begun_at)
        return NodeChanges(
            node=name,
            since=since,
            revision=snapshot.revision,
            plan=changes.plan,
            standing=standing_of(changes.health_checks, before, node),
        )

    async def drift(
        self, snapshot: Snapshot, name: str, observed: Mapping[ServerKey, VirtualServer]
    ) -> Drift:
        """Compare what a node holds with what it should hold."""
        rules = await self.ipvs(snapshot, name)
        return await asyncio.to_thread(drift, observed, rules, self._ownership(snapshot, rules))

    async def _make_step(self, snapshot: Snapshot, since: Revision) -> Step:
        history = self._view.history(since)
        known = [change for change in history if change.revision <= snapshot.revision]

        def made() -> Step:
            return step_between(snapshot.rewound(known, to=since), snapshot)

        step = await asyncio.to_thread(made) if len(known) > _BESIDE_MIN else made()
        self._steps[since, snapshot.revision] = step
        return step

    def _ownership(self, snapshot: Snapshot, rules: IPVSRules) -> Ownership:
        texts = [cidr for served in snapshot.service_cidrs.values() for cidr in served.cidrs]
        return Ownership(
            prefixes=[prefix for text in texts if (prefix := parse_prefix(text)) is not None],
            node_addresses=frozenset(
                address for family in rules.rules.families for address in family.addresses
            ),
            node_ports=self._node_ports,
        )


@asynccontextmanager
async def staying_ahead(
    view: View,
    work_out: Callable[[], Awaitable[None]],
    *,
    pause_s: float = AHEAD_PAUSE_S,
) -> AsyncGenerator[None, None]:
    """Work out the state before the block is entered, and each that comes until it ends.

    Changes wait for others to come, but no longer than ``pause_s``, however many do.
    """
    has_changed = asyncio.Event()

    def note(_: Advance) -> None:
        has_changed.set()

    unsubscribe = view.subscribe(note)
    try:
        await _attempt(work_out)
        working = asyncio.create_task(_work_on(work_out, has_changed, pause_s))
        try:
            yield
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
    finally:
        unsubscribe()


async def _work_on(
    work_out: Callable[[], Awaitable[None]], has_changed: asyncio.Event, pause_s: float
) -> None:
    while True:
        await has_changed.wait()
        await asyncio.sleep(pause_s)
        has_changed.clear()
        await _attempt(work_out)


async def _attempt(work_out: Callable[[], Awaitable[None]]) -> None:
    try:
        await work_out()
    except Exception:  # noqa: BLE001  a supervision point: the next change may be another matter
        _log.exception("what nodes will ask for could not be worked out ahead")


def node_of(snapshot: Snapshot, name: str) -> Node:
    """Find a node; raises NotFound."""
    node = snapshot.nodes.get(NamespacedName("", name))
    if node is None:
        raise not_found(NODE.plural, name)
    return node
