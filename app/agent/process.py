"""Composition of the agent: options become a client, a sink, the loop and its side tasks.

Options -> one application | until a signal | clean-up
"""

import asyncio
import os
import random
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from app.agent.feed import AGENT_BOUNDS, Feed
from app.agent.health import ProxyHealth, metrics_route, ready_route
from app.agent.health_check_ports import HealthCheckPorts
from app.agent.loop import PACE, Pace, RulesLoop
from app.agent.modes import IPVS, NFTABLES, Mode
from app.agent.node import Identity, Registration, own_addresses
from app.agent.pods import NodePods
from app.agent.probe_checks import ProbeChecks
from app.agent.probes import Prober, Timing
from app.agent.sinks.ipvs import IPVSSink
from app.agent.sinks.nftables import NftablesSink
from app.agent.sinks.programs import run as run_program
from app.agent.sinks.sink import DrySink, Sink
from app.health_server import Route, answering
from waypost.client.http.credentials import Credentials
from waypost.client.http.registry_client import RegistryClient
from waypost.client.pace import CLOCK

NET_ADMIN_BIT: Final = 12
_STATUS: Final = Path("/proc/self/status")

StateT = TypeVar("StateT")
StepT = TypeVar("StepT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of an agent."""

    identity: Identity
    urls: Sequence[str] = ()
    credentials: Credentials | None = None
    addresses: Sequence[str] = ()
    """The addresses of the node, primary ones first; empty: those of its interfaces."""
    backend: str = IPVS.name
    is_once: bool = False
    is_dry: bool = False
    is_cleanup: bool = False
    """Whether to remove all of Waypost's rules and exit."""
    pace: Pace = PACE
    probe_other_hosts: Sequence[str] = ()
    """Hosts that probes may reach besides their Pods."""
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    """The port of health and metrics; 0 is none."""


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
    if options.backend == NFTABLES.name:
        await _run(options, NFTABLES, NftablesSink(), write)
    else:
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
        elif options.is_dry:
            await loop.run()
        else:
            await _run_all(options, client, loop, registration)


async def _run_all(
    options: Options,
    client: RegistryClient,
    loop: RulesLoop[StateT, StepT],
    registration: Registration,
) -> None:
    """Run the loop and its side tasks until cancelled; raises OSError for a used port."""
    pods = NodePods(client, options.identity.name, CLOCK)
    health = ProxyHealth(loop.stats, CLOCK)
    balancers = HealthCheckPorts(loop.stats, CLOCK, is_healthy=lambda: health.is_healthy)
    loop.publish_to(balancers.want)
    routes: dict[str, Route] = {
        "/healthz": health.healthz,
        "/livez": health.livez,
        "/readyz": ready_route(loop.stats, lambda: (registration.problem, pods.problem)),
        "/metrics": metrics_route(loop.stats),
    }
    async with AsyncExitStack() as stack:
        if options.metrics_port:
            answers = answering(options.metrics_host, options.metrics_port, routes)
            await stack.enter_async_context(answers)
        checks = await stack.enter_async_context(ProbeChecks(options.probe_other_hosts))
        prober = Prober(checks.check, pods.report, timing=Timing(share=random.random))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        for work in (
            loop.run(),
            balancers.run(),
            registration.run(),
            prober.run(),
            pods.follow(prober),
            pods.keep_leases(),
        ):
            group.create_task(work)


async def clean_up(mode: Mode[StateT, StepT], sink: Sink[StateT, StepT]) -> None:
    """Remove all of Waypost's rules from a sink; raises SinkFailed."""
    current = await sink.observe(mode.empty)
    steps = mode.plan(current, mode.empty, ()).at_once
    if steps:
        await sink.apply(steps)


async def _nothing() -> None:
    """Register nothing, as in a dry run."""
