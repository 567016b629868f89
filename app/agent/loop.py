"""The agent's loop: what the registry wants, the kernel gets.

    turn:  listen    whole, or news since the revision we have      -> desired
           converge  observe?  plan(current, desired)  apply        -> current

Level-triggered: news only say what is desired; what is done follows from what
is held.  The registry may be away for as long as it likes, the kernel may be
changed by others, and this process may be killed at any moment: the next turn
leads to the same rules.  Servers that are not wanted any more take no new
connections and are removed when theirs have ended, or their time is over.

Source: style.md 2; spec ipvs 6 and 7.
"""

import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from app.agent.drains import Drains
from app.agent.feed import Feed
from app.agent.sinks.sink import Sink, SinkFailed
from app.agent.tally import Tally
from app.client.errors import Refused, RegistryError, RegistryMisbehaved
from app.client.notices import Notices
from app.client.pace import RETRY_S_MAX, Backoff, Clock
from app.client.watch import AHEAD_TRIES_MAX
from app.domain.dataplane.ipvs.applied import OutOfOrder
from app.domain.dataplane.ipvs.operations import RealServerKey
from app.domain.dataplane.rules.health_checks import HealthChecks, followed
from app.domain.names import REVISION_ZERO

LISTEN_S_MAX: Final = 30  # a registry is asked to wait so long for news, at most
PAUSE_S: Final = 0.2  # after an application; what comes meanwhile is applied together
ASK_AGAIN_S: Final = 1.0  # after a registry that does not wait for news
DRAIN_CHECK_S: Final = 5.0  # between two looks at the connections of draining servers
RELOAD_S: Final = 3600.0  # between two readings of everything, in case news were wrong

_log = logging.getLogger(__name__)

StateT = TypeVar("StateT")
StepT = TypeVar("StepT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often things are done."""

    resync_s: float = 60.0
    """Between two looks at what the kernel holds."""
    drain_s: float = 900.0
    """How long connections may keep a server that is not wanted any more."""
    chance: Callable[[], float] = random.random
    """From 0 to 1: how much of the second half of a wait after a failure is waited."""


PACE = Pace()


class RulesLoop(Generic[StateT, StepT]):
    """Keeps one sink at what one registry wants of one node."""

    def __init__(
        self,
        feed: Feed[StateT, StepT],
        sink: Sink[StateT, StepT],
        clock: Clock,
        *,
        introduce: Callable[[], Awaitable[None]],
        pace: Pace = PACE,
    ) -> None:
        """Follow ``feed``; ``introduce`` makes the node known, and may raise RegistryError."""
        self.tally = Tally()
        self._feed, self._mode = feed, feed.mode
        self._sink = sink
        self._clock = clock
        self._introduce = introduce
        self._pace = pace
        self._drains = Drains(pace.drain_s)
        self._asking, self._applying = (Backoff(chance=pace.chance) for _ in range(2))
        self._desired: StateT | None = None
        self._checks: HealthChecks = {}
        self._publish: Callable[[HealthChecks], None] = _nobody_asks
        self._revision = REVISION_ZERO
        self._must_introduce = self._must_load = True
        self._may_be_stale = False
        self._is_misled = False
        """Whether the last news made no sense."""
        self._notices = Notices(_log, now_s=clock.now_s)
        self._aheads = 0
        self._current: StateT | None = None
        self._is_settled = False
        self._loaded_at_s = self._applied_at_s = float("-inf")
        self._observed_at_s = self._looked_at_s = float("-inf")

    def publish_to(self, publish: Callable[[HealthChecks], None]) -> None:
        """Give the node's health checks to ``publish`` whenever the kernel holds its rules."""
        self._publish = publish

    async def run(self) -> None:
        """Take turns until cancelled."""
        while True:
            try:
                await self.turn()
            except Exception:  # noqa: BLE001  a supervision point: logged, counted, and on it goes
                _log.exception("a turn failed; everything is read anew")
                self.tally.mishaps += 1
                self._current, self._must_load = None, True
                await self._clock.sleep(RETRY_S_MAX)

    async def once(self) -> None:
        """Apply what the registry wants now; raises RegistryError and SinkFailed."""
        await self._load()
        await self._sync()

    async def turn(self) -> None:
        """Wait until there may be something to do, and do it."""
        await self._pass_time()
        if self._clock.now_s() >= self._asking.retry_at_s:
            await self._ask()
        if self._due_in_s() <= 0:
            await self._try_to_sync()

    async def _pass_time(self) -> None:
        """Let things gather after an application, and a registry rest after a failure."""
        now_s = self._clock.now_s()
        pause_s = self._applied_at_s + PAUSE_S - now_s
        away_s = min(self._asking.retry_at_s - now_s, self._due_in_s())
        if (wait_s := max(pause_s, away_s)) > 0:
            await self._clock.sleep(wait_s)

    async def _ask(self) -> None:
        try:
            await self._listen()
        except (RegistryError, SinkFailed) as error:  # introducing the node asks the machine too
            self._asking.failed(self._clock.now_s())
            self.tally.registry_failures += 1
            self._may_be_stale = True  # whoever answers next may be another process
            self._notices.say("rules", f"{error}; going on with the rules that are known")
            self.tally.registry_problem = str(error) or type(error).__name__
        else:
            if not self._is_misled:
                self._asking.succeeded()
            if self.tally.registry_problem:
                self._notices.say("back", "the rules are followed again", level=logging.INFO)
            self.tally.registry_problem = ""

    async def _listen(self) -> None:
        began_s = self._clock.now_s()
        if self._must_load or self._may_be_stale or began_s - self._loaded_at_s >= RELOAD_S:
            await self._load()
            return
        patience_s = int(max(0.0, min(LISTEN_S_MAX, self._due_in_s())))
        if not await self._hear(patience_s) and self._clock.now_s() - began_s < max(patience_s, 1):
            # It did not wait, or was not asked to.
            await self._clock.sleep(max(0.0, min(ASK_AGAIN_S, self._due_in_s())))

    async def _hear(self, patience_s: int) -> bool:
        """Take in news; says whether anything is to be done about them."""
        assert self._desired is not None, "news come after the whole"
        try:
            news = await self._feed.news(self._revision, patience_s)
            desired = self._mode.advanced(news.steps, self._desired)
        except Refused as refused:
            self._must_introduce = self._is_gone(refused)
            self._aheads += refused.reason == "Timeout"
            # A revision that nobody reaches is of no past of this registry any more.
            self._must_load = refused.reason != "Timeout" or self._aheads >= AHEAD_TRIES_MAX
            if refused.reason != "Expired":
                raise
            return True
        except (OutOfOrder, RegistryMisbehaved) as error:
            # Until news fit again, each attempt waits longer: everything is a lot to read anew.
            self._must_load = self._is_misled = True
            if isinstance(error, RegistryMisbehaved):
                raise
            raise RegistryMisbehaved(
                f"news do not fit the rules that are known: {error}"
            ) from error
        self._aheads = 0
        self._is_misled = False
        self._revision = news.revision
        self.tally.is_node_eligible = news.is_eligible
        has_news = bool(news.steps or news.health_checks)
        if has_news:
            self._desired, self._checks = desired, followed(news.health_checks, self._checks)
            self._unsettle()
        return has_news

    async def _load(self) -> None:
        if self._must_introduce:
            await self._introduce()
            self._must_introduce = False
        try:
            whole = await self._feed.whole(is_news_only=not self._must_load)
        except Refused as refused:
            self._must_introduce = self._is_gone(refused)
            raise
        if whole is not None and (self._must_load or whole.revision >= self._revision):
            if (whole.state, whole.health_checks) != (self._desired, self._checks):
                self._unsettle()
            self._desired, self._revision = whole.state, whole.revision
            self._checks = whole.health_checks
            self.tally.is_node_eligible = whole.is_eligible
        self._must_load = self._may_be_stale = False
        self._aheads = 0
        self._loaded_at_s = self._clock.now_s()

    def _is_gone(self, refused: Refused) -> bool:
        """Tell whether the registry has no such node: until it has again, none is eligible."""
        is_gone = refused.reason == "NotFound"
        self.tally.is_node_eligible = self.tally.is_node_eligible and not is_gone
        return is_gone

    def _unsettle(self) -> None:
        """Note that the kernel, or what balancers are told, is to be led on."""
        self._is_settled = False
        self.tally.pending(self._clock.now_s())

    def _due_in_s(self) -> float:
        """Give the time until something is to be done, news or not; never while nothing is known.

        What is not settled is due at once, unless it has just failed.
        """
        if self._desired is None:
            return float("inf")
        if not self._is_settled:
            return self._applying.retry_at_s - self._clock.now_s()
        due_at_s = self._observed_at_s + self._pace.resync_s
        if self._drains:
            due_at_s = min(due_at_s, self._looked_at_s + DRAIN_CHECK_S)
        return due_at_s - self._clock.now_s()

    async def _try_to_sync(self) -> None:
        try:
            await self._sync()
        except SinkFailed as error:
            self._unsettle()
            self._applying.failed(self._clock.now_s())
            self.tally.sink_failures += 1
            if str(error) != self.tally.sink_problem:
                _log.error("%s", error)
            self.tally.sink_problem = str(error)
        else:
            self._applying.succeeded()
            self.tally.sink_problem = ""

    async def _sync(self) -> None:
        assert self._desired is not None, "there is something to lead to"
        now_s = self._clock.now_s()
        # Whatever fails on the way, what is held is unknown until it has been observed.
        current, self._current = self._current, None
        if current is None or now_s - self._observed_at_s >= self._pace.resync_s:
            current = await self._observe(current)
        plan = self._mode.plan(current, self._desired, await self._finished(now_s))
        if plan.at_once:
            await self._sink.apply(plan.at_once)
            self._applied_at_s = self._clock.now_s()
            self.tally.applied(len(plan.at_once))
        self._current = self._mode.advanced(plan.at_once, current)
        self._drains.await_only(plan.waiting, now_s=now_s)
        self._publish(self._checks)
        self._is_settled = True
        self.tally.settled(self._revision, len(plan.waiting), self._clock.now_s())

    async def _observe(self, expected: StateT | None) -> StateT:
        assert self._desired is not None, "there is something to compare with"
        observed = await self._sink.observe(self._desired if expected is None else expected)
        self._observed_at_s = self._clock.now_s()
        self.tally.resyncs += 1
        if expected is not None:
            foreign = len(self._mode.plan(observed, expected, ()).at_once)
            self.tally.foreign_steps += foreign
            if foreign:
                _log.warning("somebody changed what is ours; %d steps mend it", foreign)
        return observed

    async def _finished(self, now_s: float) -> frozenset[RealServerKey]:
        """Find the draining servers that may go: nobody is left, or their time is over."""
        if not self._drains:
            return frozenset()
        self._looked_at_s = now_s
        idle = await self._sink.idle(self._drains.servers())
        return self._drains.overdue(now_s) | frozenset(idle)


def _nobody_asks(_: HealthChecks) -> None:
    """Tell nobody, as where no load balancer can ask."""
