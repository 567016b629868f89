"""The agent's loop: keeps the kernel at the rules that the registry wants.

    turn:  read      the whole, or changes since our revision       -> desired
           sync      observe?  plan(current, desired)  apply        -> current

Level-triggered: changes only update the desired state; steps are planned from the
current state.  The registry may be unreachable for any time, other programs may change
the kernel, and this process may be killed at any moment: the next turn leads to the
same rules.  Removed real servers drain: they take no new connections and are deleted
when theirs have ended, or at a deadline.

Source: style.md 2; spec ipvs 6 and 7.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from app.agent.feed import Feed
from app.agent.sinks.sink import Sink, SinkFailed
from app.agent.stats import AgentStats
from app.domain.dataplane.rules.health_checks import HealthChecks, followed
from app.domain.dataplane.rules.order import OutOfOrder
from app.domain.names import REVISION_ZERO
from app.telemetry.tracing import span
from waypost.client.errors import Expired, Misbehaved, NotFound, Refused, Timeout, WaypostError
from waypost.client.pace import RETRY_S_MAX, Backoff, Clock, Notices
from waypost.client.watching.events import AHEAD_TRIES_MAX

if TYPE_CHECKING:
    from app.domain.dataplane.ipvs.operations import RealServerKey

WAIT_S_MAX: Final = 30  # that the registry is asked to wait for changes
PAUSE_S: Final = 0.2  # after an application; changes during it are applied together
ASK_AGAIN_S: Final = 1.0  # after a registry that does not wait for changes
DRAIN_CHECK_S: Final = 5.0  # between two reads of the connections of draining servers
RELOAD_S: Final = 3600.0  # between two reads of the whole, in case changes were wrong

_log = logging.getLogger(__name__)

StateT = TypeVar("StateT")
StepT = TypeVar("StepT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The intervals of the loop."""

    resync_s: float = 60.0
    """Between two reads of the kernel's state."""
    drain_s: float = 900.0
    """The longest time that a removed real server drains."""
    chance: Callable[[], float] = random.random
    """Random share, from 0 to 1, of the second half of a delay after a failure."""


PACE = Pace()


class RulesLoop(Generic[StateT, StepT]):
    """Keeps one sink at the rules of one node in one registry."""

    def __init__(
        self,
        feed: Feed[StateT, StepT],
        sink: Sink[StateT, StepT],
        clock: Clock,
        *,
        register: Callable[[], Awaitable[None]],
        pace: Pace = PACE,
    ) -> None:
        """Follow ``feed``; ``register`` registers the node, and may raise WaypostError."""
        self.stats = AgentStats()
        self._feed, self._mode = feed, feed.mode
        self._sink = sink
        self._clock = clock
        self._register = register
        self._pace = pace
        self._draining_since_s: dict[RealServerKey, float] = {}
        self._asking, self._applying = (Backoff(chance=pace.chance) for _ in range(2))
        self._desired: StateT | None = None
        self._checks: HealthChecks = {}
        self._publish: Callable[[HealthChecks], None] = lambda _: None
        self._revision = REVISION_ZERO
        self._must_register = self._must_load = True
        self._may_be_stale = False
        self._has_invalid_changes = False
        self._notices = Notices(_log, now_s=clock.now_s)
        self._ahead_count = 0
        self._current: StateT | None = None
        self._is_settled = False
        self.first_applied = asyncio.Event()
        self._loaded_at_s = self._applied_at_s = float("-inf")
        self._observed_at_s = self._looked_at_s = float("-inf")

    def publish_to(self, publish: Callable[[HealthChecks], None]) -> None:
        """Call ``publish`` with the node's health checks once its rules are applied, each time."""
        self._publish = publish
        if self._is_settled:
            publish(self._checks)

    async def run(self) -> None:
        """Run turns until cancelled."""
        while True:
            try:
                await self.turn()
            except Exception:  # noqa: BLE001  a supervision point: log, count, continue
                _log.exception("internal error in the loop; reloading all rules")
                self.stats.mishaps += 1
                self._current, self._must_load = None, True
                await self._clock.sleep(RETRY_S_MAX)

    async def once(self) -> None:
        """Apply the current rules once; raises WaypostError and SinkFailed."""
        await self._load()
        await self._sync()

    async def turn(self) -> None:
        """Wait until something may be due, and do it."""
        await self._wait()
        if self._clock.now_s() >= self._asking.retry_at_s:
            await self._ask()
        if self._due_in_s() <= 0:
            await self._try_to_sync()

    async def _wait(self) -> None:
        """Pause after an application, to batch changes, and after a failure of the registry."""
        now_s = self._clock.now_s()
        pause_s = self._applied_at_s + PAUSE_S - now_s
        away_s = min(self._asking.retry_at_s - now_s, self._due_in_s())
        if (wait_s := max(pause_s, away_s)) > 0:
            await self._clock.sleep(wait_s)

    async def _ask(self) -> None:
        try:
            await self._read()
        except (WaypostError, SinkFailed) as error:  # registering reads the node's addresses too
            self._asking.failed(self._clock.now_s())
            self.stats.registry_failures += 1
            self._may_be_stale = True  # the next answer may come from another process
            self._notices.say("rules", f"{error}; keeping the last known rules")
            self.stats.registry_problem = str(error) or type(error).__name__
        else:
            if not self._has_invalid_changes:
                self._asking.succeeded()
            if self.stats.registry_problem:
                self._notices.say("back", "following the rules again", level=logging.INFO)
            self.stats.registry_problem = ""

    async def _read(self) -> None:
        began_s = self._clock.now_s()
        if self._must_load or self._may_be_stale or began_s - self._loaded_at_s >= RELOAD_S:
            await self._load()
            return
        patience_s = int(max(0.0, min(WAIT_S_MAX, self._due_in_s())))
        has_changed = await self._read_changes(patience_s)
        if not has_changed and self._clock.now_s() - began_s < max(patience_s, 1):
            # The registry did not wait, or was not asked to.
            await self._clock.sleep(max(0.0, min(ASK_AGAIN_S, self._due_in_s())))

    async def _read_changes(self, patience_s: int) -> bool:
        """Update the desired state; return whether it changed."""
        assert self._desired is not None, "changes are read after the whole"
        try:
            changes = await self._feed.changes(self._revision, patience_s)
            desired = self._mode.advanced(changes.steps, self._desired)
        except Refused as refused:
            self._must_register = self._is_gone(refused)
            is_ahead = isinstance(refused, Timeout)
            self._ahead_count += is_ahead
            # A registry that never reaches our revision was restored to an earlier state.
            self._must_load = not is_ahead or self._ahead_count >= AHEAD_TRIES_MAX
            if not isinstance(refused, Expired):
                raise
            return True
        except (OutOfOrder, Misbehaved) as error:
            # Back off until changes are valid again: reading the whole is expensive.
            self._must_load = self._has_invalid_changes = True
            if isinstance(error, Misbehaved):
                raise
            raise Misbehaved(f"changes do not fit the known rules: {error}") from error
        self._ahead_count = 0
        self._has_invalid_changes = False
        self._revision = changes.revision
        self.stats.is_node_eligible = changes.is_eligible
        has_changed = bool(changes.steps or changes.health_checks)
        if has_changed:
            self._desired, self._checks = desired, followed(changes.health_checks, self._checks)
            self._unsettle()
        return has_changed

    async def _load(self) -> None:
        if self._must_register:
            await self._register()
            self._must_register = False
        try:
            whole = await self._feed.whole(only_if_changed=not self._must_load)
        except Refused as refused:
            self._must_register = self._is_gone(refused)
            raise
        if whole is not None and (self._must_load or whole.revision >= self._revision):
            if (whole.state, whole.health_checks) != (self._desired, self._checks):
                self._unsettle()
            self._desired, self._revision = whole.state, whole.revision
            self._checks = whole.health_checks
            self.stats.is_node_eligible = whole.is_eligible
        self._must_load = self._may_be_stale = False
        self._ahead_count = 0
        self._loaded_at_s = self._clock.now_s()

    def _is_gone(self, refused: Refused) -> bool:
        """Whether the registry has no such node; a missing node is not eligible."""
        is_gone = isinstance(refused, NotFound)
        self.stats.is_node_eligible = self.stats.is_node_eligible and not is_gone
        return is_gone

    def _unsettle(self) -> None:
        """Note that rules or health checks are to be applied."""
        self._is_settled = False
        self.stats.pending(self._clock.now_s())

    def _due_in_s(self) -> float:
        """Return the time until the next sync without changes; infinite before the first read.

        Pending rules are due at once, or after the backoff of a failure.
        """
        if self._desired is None:
            return float("inf")
        if not self._is_settled:
            return self._applying.retry_at_s - self._clock.now_s()
        due_at_s = self._observed_at_s + self._pace.resync_s
        if self._draining_since_s:
            due_at_s = min(due_at_s, self._looked_at_s + DRAIN_CHECK_S)
        return due_at_s - self._clock.now_s()

    async def _try_to_sync(self) -> None:
        try:
            await self._sync()
        except SinkFailed as error:
            self._unsettle()
            self._applying.failed(self._clock.now_s())
            self.stats.sink_failures += 1
            if str(error) != self.stats.sink_problem:
                _log.error("%s", error)
            self.stats.sink_problem = str(error)
        else:
            self._applying.succeeded()
            self.stats.sink_problem = ""

    async def _sync(self) -> None:
        assert self._desired is not None, "the whole has been read"
        now_s = self._clock.now_s()
        # After any failure below, the current state is unknown until it has been observed.
        current, self._current = self._current, None
        if current is None or now_s - self._observed_at_s >= self._pace.resync_s:
            current = await self._observe(current)
        plan = self._mode.plan(current, self._desired, await self._finished(now_s))
        if plan.at_once:
            with span("apply rules"):
                await self._sink.apply(plan.at_once)
            self._applied_at_s = self._clock.now_s()
            self.stats.applied(len(plan.at_once))
        self._current = self._mode.advanced(plan.at_once, current)
        # A server that is desired in between has a full deadline when it drains once more.
        since_s = self._draining_since_s
        self._draining_since_s = {key: since_s.get(key, now_s) for key in plan.waiting}
        self._publish(self._checks)
        self._is_settled = True
        if not self.first_applied.is_set():
            words = "the rules of node %s at revision %s are in the kernel: %d steps"
            _log.info(words, self._feed.node, self._revision, len(plan.at_once))
        self.first_applied.set()
        self.stats.settled(self._revision, len(plan.waiting), self._clock.now_s())

    async def _observe(self, expected: StateT | None) -> StateT:
        assert self._desired is not None, "the whole has been read"
        observed = await self._sink.observe(self._desired if expected is None else expected)
        self._observed_at_s = self._clock.now_s()
        self.stats.resyncs += 1
        if expected is not None:
            foreign = len(self._mode.plan(observed, expected, ()).at_once)
            self.stats.foreign_steps += foreign
            if foreign:
                _log.warning(
                    "kernel state was changed externally; repairing with %d operations", foreign
                )
        return observed

    async def _finished(self, now_s: float) -> "frozenset[RealServerKey]":
        """Find the draining servers without connections or past their deadline."""
        if not self._draining_since_s:
            return frozenset()
        self._looked_at_s = now_s
        idle = await self._sink.idle(self._draining_since_s.keys())
        latest_s = now_s - self._pace.drain_s
        overdue = (key for key, since_s in self._draining_since_s.items() if since_s <= latest_s)
        return frozenset((*idle, *overdue))
