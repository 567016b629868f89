"""Health-check node ports over real sockets: answers and listeners."""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from app.agent.health_check_ports import HealthCheckPorts
from app.agent.stats import AgentStats
from app.domain.dataplane.rules.health_checks import HealthCheckNodePort, HealthChecks
from app.health_server import Connections
from tests.builders import key
from tests.waiting import eventually, until

pytestmark = pytest.mark.enable_socket

LOOPBACK = ("127.0.0.1",)
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  as a node port answers
WEB, API = key("default/web"), key("shop/api")


def a_port() -> int:
    """Find a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def a_check(port: int, count: int, addresses: tuple[str, ...] = LOOPBACK) -> HealthCheckNodePort:
    return HealthCheckNodePort(port, count, addresses)


@dataclass
class ManualClock:
    """A clock whose sleepers the test wakes."""

    woken: asyncio.Event = field(default_factory=asyncio.Event)
    sleepers: int = 0

    def now_s(self) -> float:
        return 0.0

    async def sleep(self, duration_s: float) -> None:
        assert duration_s > 0
        self.sleepers += 1
        try:
            await self.woken.wait()
        finally:
            self.sleepers -= 1
        self.woken.clear()


@dataclass
class Balancer:
    """A load balancer and the listeners that it asks."""

    ports: HealthCheckPorts
    stats: AgentStats
    clock: ManualClock
    client: httpx.AsyncClient
    is_healthy: bool = True

    async def want(self, checks: HealthChecks, *, sockets: int | None = None) -> None:
        """Change the Services, and wait until ``sockets`` sockets listen."""
        self.ports.want(checks)
        await until(
            lambda: self.stats.health_check_sockets == (len(checks) if sockets is None else sockets)
        )

    async def ask(self, port: int, path: str = "/healthz") -> httpx.Response:
        return await self.client.get(f"http://127.0.0.1:{port}{path}")


@asynccontextmanager
async def a_balancer(
    *, sockets_max: int = 8, connections: Connections | None = None
) -> AsyncGenerator[Balancer]:
    stats, clock = AgentStats(), ManualClock()
    async with httpx.AsyncClient(trust_env=False) as client:
        ports = HealthCheckPorts(
            stats,
            clock,
            is_healthy=lambda: balancer.is_healthy,
            sockets_max=sockets_max,
            connections=connections,
        )
        balancer = Balancer(ports, stats, clock, client)
        running = asyncio.create_task(ports.run())
        try:
            yield balancer
        finally:
            running.cancel()
            await asyncio.wait([running])


async def test_a_node_with_a_ready_endpoint_answers_as_kube_proxy() -> None:
    port = a_port()
    async with a_balancer() as balancer:
        await balancer.want({WEB: a_check(port, 2)})
        answer = await balancer.ask(port)
    assert answer.status_code == 200
    assert answer.text == (
        '{\n\t"service": {\n\t\t"namespace": "default",\n\t\t"name": "web"\n\t},\n'
        '\t"localEndpoints": 2,\n\t"serviceProxyHealthy": true\n}'
    )
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-load-balancing-endpoint-weight"] == "2"


async def test_a_node_without_a_ready_endpoint_answers_503() -> None:
    port = a_port()
    async with a_balancer() as balancer:
        await balancer.want({WEB: a_check(port, 0)})
        answer = await balancer.ask(port, "/whatever?path=it&may=be")
        assert (answer.status_code, answer.json()["localEndpoints"]) == (503, 0)
        assert answer.headers["x-load-balancing-endpoint-weight"] == "0"
        await balancer.want({WEB: a_check(port, 1)})
        assert (await balancer.ask(port)).status_code == 200


async def test_an_unhealthy_node_answers_503_even_with_endpoints() -> None:
    port = a_port()
    async with a_balancer() as balancer:
        await balancer.want({WEB: a_check(port, 1)})
        balancer.is_healthy = False
        answer = await balancer.ask(port)
    assert answer.status_code == 503
    assert (answer.json()["localEndpoints"], answer.json()["serviceProxyHealthy"]) == (1, False)


async def test_listeners_open_move_and_close_with_their_services() -> None:
    first, second, third = a_port(), a_port(), a_port()
    async with a_balancer() as balancer:
        await balancer.want({WEB: a_check(first, 1), API: a_check(second, 1)})
        assert (await balancer.ask(second)).json()["service"] == {
            "namespace": "shop",
            "name": "api",
        }
        await balancer.want({WEB: a_check(third, 1)})
        assert (await balancer.ask(third)).status_code == 200
        for gone in (first, second):
            with pytest.raises(httpx.ConnectError):
                await balancer.ask(gone)
        await balancer.want({})
        with pytest.raises(httpx.ConnectError):
            await balancer.ask(third)


async def test_a_port_may_pass_from_one_service_to_another() -> None:
    port = a_port()
    async with a_balancer() as balancer:
        await balancer.want({WEB: a_check(port, 1)})
        balancer.ports.want({API: a_check(port, 1)})

        async def is_passed_on() -> bool:
            try:
                return (await balancer.ask(port)).json()["service"]["name"] == "api"
            except httpx.ConnectError:
                return False

        await eventually(is_passed_on)


async def test_a_port_in_use_is_logged_once_and_retried(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with a_balancer() as balancer:
        with socket.create_server(("127.0.0.1", 0)) as theirs:
            port = int(theirs.getsockname()[1])
            balancer.ports.want({WEB: a_check(port, 1)})
            await until(lambda: balancer.clock.sleepers == 1)
            balancer.clock.woken.set()
            await until(lambda: balancer.clock.sleepers == 1 and not balancer.clock.woken.is_set())
            where = f"default/web, port {port} at address 127.0.0.1"
            assert balancer.stats.health_check_problem == (
                f"health checks are not answered: {where}: Address already in use"
            )
        balancer.clock.woken.set()
        await until(lambda: balancer.stats.health_check_sockets == 1)
        assert balancer.stats.health_check_problem == ""
        assert (await balancer.ask(port)).status_code == 200
    assert [record.message for record in caplog.records if "health check of" in record.message] == [
        f"the health check of {where} is not answered: Address already in use; retrying",
        f"the health check of {where} is answered now",
    ]


async def test_a_service_without_a_listener_does_not_affect_others_and_may_be_deleted() -> None:
    port = a_port()
    async with a_balancer() as balancer:
        with socket.create_server(("127.0.0.1", 0)) as theirs:
            taken = int(theirs.getsockname()[1])
            await balancer.want({API: a_check(taken, 1), WEB: a_check(port, 1)}, sockets=1)
            assert (await balancer.ask(port)).status_code == 200
            await balancer.want({WEB: a_check(port, 1)})
            await until(lambda: balancer.stats.health_check_problem == "")


async def test_each_address_has_a_listener_and_all_addresses_share_one_socket() -> None:
    port = a_port()
    async with a_balancer() as balancer:
        await balancer.want({WEB: a_check(port, 1, ("127.0.0.1", "127.0.0.2"))}, sockets=2)
        answer = await balancer.client.get(f"http://127.0.0.2:{port}/")
        assert answer.status_code == 200
        await balancer.want({WEB: a_check(port, 1, EVERYWHERE)}, sockets=1)
        assert (await balancer.ask(port)).status_code == 200


async def test_sockets_are_bounded_and_missing_listeners_are_reported() -> None:
    checks = {key(f"default/s{n}"): a_check(a_port(), 1) for n in range(6)}
    async with a_balancer(sockets_max=1) as balancer:
        await balancer.want(checks, sockets=1)
        assert balancer.stats.health_check_problem.endswith(
            "the limit of 1 listening sockets is reached"
        )


async def test_many_problems_are_counted_rather_than_listed() -> None:
    async with a_balancer() as balancer:
        with socket.create_server(("127.0.0.1", 0)) as theirs:
            taken = int(theirs.getsockname()[1])
            checks = {key(f"default/s{n}"): a_check(taken, 1) for n in range(5)}
            balancer.ports.want(checks)
            await until(lambda: balancer.stats.health_check_problem.endswith("; and 2 more"))


async def test_connections_are_bounded_over_all_services() -> None:
    ports = (a_port(), a_port())
    connections = Connections(count_max=1)
    async with a_balancer(connections=connections) as balancer:
        await balancer.want({WEB: a_check(ports[0], 1), API: a_check(ports[1], 1)})
        _, held = await asyncio.open_connection("127.0.0.1", ports[0])
        await until(lambda: connections.count == 1)
        with pytest.raises(httpx.TransportError):
            await balancer.ask(ports[1])
        held.close()
        await until(lambda: connections.count == 0)
        assert (await balancer.ask(ports[1])).status_code == 200


async def test_nothing_listens_after_the_end() -> None:
    port = a_port()
    async with a_balancer() as balancer:
        await balancer.want({WEB: a_check(port, 1)})
    socket.create_server(("127.0.0.1", port)).close()
