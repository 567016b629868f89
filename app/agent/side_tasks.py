"""What an agent does beside the rules of its node: health, balancers' checks, heartbeats, probes.

Options, loop -> tasks, until cancelled
"""

import asyncio
import random
from contextlib import AsyncExitStack
from typing import TypeVar

from app.agent.health import ProxyHealth, metrics_route, ready_route
from app.agent.health_check_ports import HealthCheckPorts
from app.agent.loop import RulesLoop
from app.agent.node import Registration
from app.agent.options import Options
from app.agent.pods import NodePods
from app.agent.probe_checks import ProbeChecks
from app.agent.probe_stats import ProbeStats
from app.agent.probes import Prober, Timing
from app.health_server import Route, answering
from waypost.client.http.registry_client import RegistryClient
from waypost.client.pace import CLOCK

StateT = TypeVar("StateT")
StepT = TypeVar("StepT")


async def run_beside(
    options: Options,
    client: RegistryClient,
    loop: RulesLoop[StateT, StepT],
    registration: Registration,
) -> None:
    """Run all of it until cancelled; raises OSError for a used port."""
    probes = ProbeStats()
    pods = NodePods(client, options.identity.name, CLOCK)
    health = ProxyHealth(loop.stats, CLOCK)
    balancers = HealthCheckPorts(loop.stats, CLOCK, is_healthy=lambda: health.is_healthy)
    loop.publish_to(balancers.want)
    routes: dict[str, Route] = {
        "/healthz": health.healthz,
        "/livez": health.livez,
        "/readyz": ready_route(loop.stats, lambda: (registration.problem, pods.problem)),
        "/metrics": metrics_route(loop.stats, probes),
    }
    async with AsyncExitStack() as stack:
        if options.metrics_port:
            answers = answering(options.metrics_host, options.metrics_port, routes)
            await stack.enter_async_context(answers)
        checks = await stack.enter_async_context(ProbeChecks(options.probe_other_hosts))
        timing = Timing(share=random.random)
        prober = Prober(checks.check, pods.report, timing=timing, stats=probes)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        for work in (
            balancers.run(),
            registration.run(),
            prober.run(),
            pods.follow(prober),
            pods.keep_leases(),
        ):
            group.create_task(work)
