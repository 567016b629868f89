"""Composition of the agent: options become a client, a sink, the loop and its side tasks.

Options -> one application | until a signal | clean-up
"""
# ruff: noqa: PLC0415  a mode, and what runs beside it, is imported when it runs

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from app.agent.feed import AGENT_BOUNDS, Feed
from app.agent.loop import RulesLoop
from app.agent.modes.mode import Mode
from app.agent.node import Registration, own_addresses
from app.agent.options import Options
from app.agent.service_routes import ServiceRoutes, remove_routes
from app.agent.sinks.programs import run as run_program
from app.agent.sinks.sink import DrySink, Sink
from waypost.client.http.registry_client import RegistryClient
from waypost.client.pace import CLOCK

NET_ADMIN_BIT: Final = 12
HEAD_START_S_MAX: Final = 5.0  # of the rules before the side tasks, health and metrics among them
_STATUS: Final = Path("/proc/self/status")

StateT = TypeVar("StateT")
StepT = TypeVar("StepT")


def lacking_privilege(status: str) -> str:
    """Say which privilege ``/proc/self/status`` lacks to change rules; empty if none.

    Root in a container may lack it too, so the capability is checked.
    """
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == "CapEff" and int(value, 16) >> NET_ADMIN_BIT & 1:
            return ""
    return "root is needed, or the capability CAP_NET_ADMIN, to change this node's rules"


def own_privilege() -> str:
    """Say which privilege this process lacks to change rules; empty if none."""
    try:
        return lacking_privilege(_STATUS.read_text(encoding="utf-8"))
    except OSError:
        return "" if os.geteuid() == 0 else "root is needed to change this node's rules"


async def run(options: Options, write: Callable[[str], None]) -> None:
    """Run the agent; ``write`` prints the steps of a dry run.

    Raises WaypostError and SinkFailed with ``is_once``, ValueError for an invalid address.
    """
    if options.backend == "nftables":
        from app.agent.modes.nftables import NFTABLES
        from app.agent.sinks.nftables import NftablesSink

        await _run(options, NFTABLES, NftablesSink(), write)
    else:
        from app.agent.modes.ipvs import IPVS
        from app.agent.sinks.ipvs import IPVSSink

        await _run(options, IPVS, IPVSSink(), write)


async def _run(
    options: Options,
    mode: Mode[StateT, StepT],
    kernel: Sink[StateT, StepT],
    write: Callable[[str], None],
) -> None:
    sink = DrySink(kernel, mode, write) if options.is_dry else kernel
    if options.is_cleanup:
        await clean_up(mode, sink)
        if options.lays_routes and not options.is_dry:
            await remove_routes(run_program)
        return
    name = options.identity.name
    async with RegistryClient(
        options.urls,
        credentials=options.credentials,
        bounds=AGENT_BOUNDS,
        logs_failures=not options.is_once,
    ) as client:
        addresses = partial(own_addresses, run_program, given=options.addresses, name=name)
        registration = Registration(client, options.identity, addresses, CLOCK)
        loop = RulesLoop(
            Feed(client, name, mode),
            sink,
            CLOCK,
            register=_nothing if options.is_dry else registration.register,
            pace=options.pace,
        )
        if options.is_once:
            await loop.once()
            if options.lays_routes and not options.is_dry:
                await ServiceRoutes(client, addresses, run_program, CLOCK).keep()
        elif options.is_dry:
            await loop.run()
        else:
            routes = ServiceRoutes(client, addresses, run_program, CLOCK)
            await _run_all(options, client, loop, registration, routes)


async def _run_all(
    options: Options,
    client: RegistryClient,
    loop: RulesLoop[StateT, StepT],
    registration: Registration,
    routes: ServiceRoutes,
) -> None:
    """Run the loop and its side tasks until cancelled; raises OSError for a used port."""
    async with asyncio.TaskGroup() as group:
        group.create_task(loop.run())
        if options.lays_routes:
            group.create_task(routes.run())
        # Rules first: the side tasks take longer to import than a small node's rules to load.
        with suppress(TimeoutError):
            async with asyncio.timeout(HEAD_START_S_MAX):
                await loop.first_applied.wait()
        from app.agent.side_tasks import run_beside

        await run_beside(options, client, loop, registration)


async def clean_up(mode: Mode[StateT, StepT], sink: Sink[StateT, StepT]) -> None:
    """Remove all of Waypost's rules from a sink; raises SinkFailed."""
    current = await sink.observe(mode.empty)
    steps = mode.plan(current, mode.empty, ()).at_once
    if steps:
        await sink.apply(steps)


async def _nothing() -> None:
    """Register nothing, as in a dry run."""
