"""The state of a server while it runs: loaded from the database, followed, written and kept up.

    Settings, url -> engine -> View <- ChangeLogFollower
                               |  ^
                               |  PostgresWriter, Leases, TokenUses
                               v
                               duties of the elected leader

Part of the composition: it knows settings, and what they are made into.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from app.agent.probe_checks import ProbeChecks
from app.agent.probe_stats import ProbeStats
from app.agent.probes import Prober, Timing
from app.config import Settings
from app.domain.registration.strategies import DERIVATIONS
from app.domain.work import Policy
from app.registry import token_expiry
from app.registry.leases.heartbeats import Leases
from app.registry.leases.lease_tracker import LeaseTracker
from app.registry.leases.readiness_reports import apply_reports, following_pods
from app.registry.ports import Writer
from app.registry.reads.history import History, HistoryBounds
from app.registry.reads.view import View
from app.registry.token_uses import TokenUses
from app.registry.writes import garbage_collection
from app.registry.writes.reconcile import reconcile
from app.replica import policy_of
from app.store import election
from app.store.change_log import ChangeLogFollower
from app.store.election import Elected, Work
from app.store.engine import make_engine
from app.store.keeping import migrations
from app.store.keeping.check import check
from app.store.keeping.compaction import Compactor
from app.store.keeping.last_backup import LastBackup
from app.store.leases import PostgresLeases
from app.store.metrics import StoreCollector
from app.store.token_uses import PostgresTokenUses
from app.store.writer import PostgresWriter

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """What shows the state to this process, and what changes it."""

    view: View
    follower: ChangeLogFollower
    policy: Policy
    writer: PostgresWriter
    leases: Leases
    token_uses: TokenUses
    stored_uses: PostgresTokenUses
    compactor: Compactor
    tracker: LeaseTracker
    probes: ProbeStats
    store: StoreCollector


@asynccontextmanager
async def live_state(
    settings: Settings, url: str, *, probes: bool
) -> AsyncGenerator[LiveState, None]:
    """Load the state, follow it and accept writes, until the block ends.

    Of the processes with ``probes`` the elected leader probes all Pods.  Raises SchemaMismatch
    when the schema is older or newer; the embedded database is migrated instead.
    """
    engine = make_engine(url)
    history = History(HistoryBounds(age_s_max=settings.history_seconds))
    follower = ChangeLogFollower(engine, View(history, derivations=DERIVATIONS))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        await _prepare(engine, is_ours=not settings.database_url)
        await follower.load()
        await _report_contradictions(engine, follower.view)
        state = _state_of(settings, engine, follower)
        duties = _duties_of(state, settings, probes=probes)
        for work in (*_always(state), *(Elected(engine, *each).run() for each in duties.items())):
            stack.push_async_callback(_stop, asyncio.create_task(work))
        yield state


async def _prepare(engine: AsyncEngine, *, is_ours: bool) -> None:
    """Check the schema, after migrating it if the database is the embedded one."""
    if is_ours:
        await migrations.migrate(engine)
    await migrations.require_current(engine)


async def _report_contradictions(engine: AsyncEngine, view: View) -> None:
    """Log the findings of `waypost check`; serving continues, as the Services are correct."""
    for finding in await check(engine, known=view.snapshot):
        _log.warning("an allocation contradicts its Service: %s (see `waypost check`)", finding)


def _state_of(settings: Settings, engine: AsyncEngine, follower: ChangeLogFollower) -> LiveState:
    """Compose what needs a loaded state: leases count from now on."""
    view, policy = follower.view, policy_of(settings)
    writer = PostgresWriter(engine, view, policy=policy, conclude=reconcile, follower=follower)
    tracker = LeaseTracker(node_lease_s=settings.node_lease_seconds)
    tracker.follow(view)
    stored_uses = PostgresTokenUses(engine)
    compactor = Compactor(engine, history_s=settings.history_seconds)
    last_backup = LastBackup(engine)
    return LiveState(
        view=view,
        follower=follower,
        policy=policy,
        writer=writer,
        leases=Leases(view, writer, PostgresLeases(engine), tracker=tracker),
        token_uses=TokenUses(view, stored_uses),
        stored_uses=stored_uses,
        compactor=compactor,
        tracker=tracker,
        probes=ProbeStats(),
        store=StoreCollector(
            engine=engine,
            follower=follower,
            writer=writer,
            compactor=compactor,
            last_backup=last_backup,
        ),
    )


def _always(state: LiveState) -> Iterator[Coroutine[Any, Any, None]]:
    """Yield the work of every process."""
    yield state.writer.run()
    yield state.follower.run()
    yield state.leases.save_periodically()
    yield state.token_uses.exchange_periodically()
    yield state.store.last_backup.read_periodically()


def _duties_of(state: LiveState, settings: Settings, *, probes: bool) -> dict[int, Work]:
    """Give the work of elected leaders, each by its lock."""
    view, writer = state.view, state.writer
    duties: dict[int, Work] = {
        election.UPKEEP: lambda: _together(
            garbage_collection.run(view, writer, now=state.follower.clock.now),
            state.leases.expire_periodically(),
            token_expiry.run(writer, state.stored_uses),
            state.compactor.run(),
        )
    }
    if probes:
        duties[election.PROBES] = lambda: _probe(settings, view, writer, state.probes)
    return duties


async def _probe(settings: Settings, view: View, writer: Writer, stats: ProbeStats) -> None:
    async with ProbeChecks(settings.probe_other_hosts) as checks:
        prober = Prober(
            checks.check,
            lambda found: writer.write(lambda work: apply_reports(work, found), reach=len(found)),
            timing=Timing(share=random.random),
            stats=stats,
        )
        with following_pods(view, prober.see, prober.forget):
            await prober.run()


async def _together(*works: Coroutine[Any, Any, None]) -> None:
    """Run tasks concurrently; when one fails, all end."""
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
