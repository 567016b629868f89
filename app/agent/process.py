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
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from app.agent.feed import AGENT_BOUNDS, Feed
from app.agent.health import ProxyHealth, metrics_route, problems_of, ready_route
from app.agent.health_check_ports import HealthCheckPorts
from app.agent.ipvs_mode import IPVSMode
from app.agent.loop import PACE, Pace, RulesLoop
from app.agent.mode import Mode
from app.agent.nftables_mode import NftablesMode
from app.agent.node import Identity, Registration, own_addresses
from app.agent.pods import NodePods
from app.agent.probe_checks import ProbeChecks
from app.agent.probes import Prober, Timing
from app.agent.sinks.dry import DrySink
from app.agent.sinks.ipvs import IPVSSink
from app.agent.sinks.nftables import NftablesSink
from app.agent.sinks.programs import run as run_program
from app.agent.sinks.sink import Sink
from app.client.access import access_to
from app.client.health_server import Route, answering
from app.client.pace import RealClock
from app.client.registry_client import RegistryClient

if TYPE_CHECKING:
    from app.client.credentials import Credentials

NET_ADMIN_BIT: Final = 12
_STATUS: Final = Path("/proc/self/status")

StateT = TypeVar("StateT")
StepT = TypeVar("StepT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of an agent."""

    identity: Identity
    urls: Sequence[str] = ()
    credentials: "Credentials | None" = None
    addresses: Sequence[str] = ()
    """The addresses of the node, primary ones first; empty: those of its interfaces."""
    backend: str = IPVSMode.name
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

    Raises RegistryError and SinkFailed with ``is_once``, ValueError for an invalid address.
    """
    if options.backend == NftablesMode.name:
        await _Agent(options, NftablesMode(), NftablesSink(), write).run()
    else:
        await _Agent(options, IPVSMode(), IPVSSink(), write).run()


class _Agent(Generic[StateT, StepT]):
    """One agent in one mode."""

    def __init__(
        self,
        options: Options,
        mode: Mode[StateT, StepT],
        sink: Sink[StateT, StepT],
        write: Callable[[str], None],
    ) -> None:
        self._options, self._mode = options, mode
        self._sink = DrySink(sink, mode, write) if options.is_dry else sink
        self._clock = RealClock()

    async def run(self) -> None:
        options = self._options
        if options.is_cleanup:
            await clean_up(self._mode, self._sink)
            return
        async with RegistryClient(
            access_to(options.urls, credentials=options.credentials),
            bounds=AGENT_BOUNDS,
            logs_failures=not options.is_once,
        ) as client:
            addresses = partial(
                own_addresses, run_program, given=options.addresses, name=options.identity.name
            )
            registration = Registration(client, options.identity, addresses, self._clock)
            loop = RulesLoop(
                Feed(client, options.identity.name, self._mode),
                self._sink,
                self._clock,
                register=_nothing if options.is_dry else registration.register,
                pace=options.pace,
            )
            if options.is_once:
                await loop.once()
            elif options.is_dry:
                await loop.run()
            else:
                await self._run_all(client, loop, registration)

    async def _run_all(
        self,
        client: RegistryClient,
        loop: RulesLoop[StateT, StepT],
        registration: Registration,
    ) -> None:
        """Run the loop and its side tasks until cancelled; raises OSError for a used port."""
        pods = NodePods(client, self._options.identity.name, self._clock)
        health = ProxyHealth(loop.stats, self._clock)
        balancers = HealthCheckPorts(loop.stats, self._clock, is_healthy=lambda: health.is_healthy)
        loop.publish_to(balancers.want)
        routes: dict[str, Route] = {
            "/healthz": health.healthz,
            "/livez": health.livez,
            "/readyz": ready_route(
                lambda: problems_of(loop.stats, (registration.problem, pods.problem))
            ),
            "/metrics": metrics_route(loop.stats),
        }
        async with AsyncExitStack() as stack:
            if self._options.metrics_port:
                host, port = self._options.metrics_host, self._options.metrics_port
                await stack.enter_async_context(answering(host, port, routes))
            checks = await stack.enter_async_context(ProbeChecks(self._options.probe_other_hosts))
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
