"""Real servers as Pods: one that dies leaves every answer and rule, and comes back."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import httpx
import pytest

from tests.end_to_end.processes import Serving, serving
from tests.waiting import eventually

pytestmark = pytest.mark.end_to_end

PERIOD_S = 1
BOUND_S = PERIOD_S + 1.0
ADDRESSES: tuple[str, ...] = ("127.0.0.11", "127.0.0.12", "127.0.0.13")
"""Each Pod has a loopback address of its own, so that all can listen on one port."""


@dataclass(slots=True)
class Backend:
    """A real server that can die and be started again."""

    address: str
    answer: bytes
    port: int = 0
    server: asyncio.Server | None = None

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._serve, self.address, self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    def die(self) -> None:
        assert self.server is not None
        self.server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.answer:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def backends(answer: bytes) -> AsyncGenerator[list[Backend], None]:
    """Start one server an address, all on one port."""
    first = Backend(ADDRESSES[0], answer)
    await first.start()
    every = [first, *(Backend(address, answer, first.port) for address in ADDRESSES[1:])]
    for backend in every[1:]:
        await backend.start()
    try:
        yield every
    finally:
        for backend in every:
            backend.die()


def manifests(port: int, probe: dict[str, Any]) -> dict[str, Any]:
    """A headless Service, a plain one, and a Pod for each address, all to be probed."""
    ports = [{"name": "web", "port": 80, "targetPort": port}]
    spec = {"selector": {"app": "web"}, "ports": ports}
    services = [
        {"metadata": {"name": "web"}, "spec": spec},
        {"metadata": {"name": "each"}, "spec": {**spec, "clusterIP": "None"}},
    ]
    timing = {"periodSeconds": PERIOD_S, "timeoutSeconds": 1, "failureThreshold": 1}
    containers = [{"name": "main", "readinessProbe": {**probe, **timing}}]
    pods = [
        {
            "metadata": {"name": f"web-{number}", "labels": {"app": "web"}},
            "spec": {"nodeName": "n1", "containers": containers},
            "status": {"podIPs": [{"ip": address}]},
        }
        for number, address in enumerate(ADDRESSES)
    ]
    items: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}},
        *({"apiVersion": "v1", "kind": "Service", **service} for service in services),
        *({"apiVersion": "v1", "kind": "Pod", **pod} for pod in pods),
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


async def answered(running: Serving) -> set[str]:
    """Ask the DNS for every ready endpoint of the headless Service."""
    question = dns.message.make_query("each.default.svc.cluster.local.", "A")
    reply = await asyncio.to_thread(dns.query.udp, question, "127.0.0.1", 10.0, running.dns_port)
    return {line.split()[-1] for rrset in reply.answer for line in rrset.to_text().splitlines()}


async def ruled(running: Serving) -> set[str]:
    """Ask for the addresses that a node sends the plain Service's traffic to."""
    rules = (await running.client.get("/nodes/n1/ipvs")).json()
    return {
        real["address"]
        for virtual in rules["virtualServers"]
        for real in virtual["realServers"]
        if virtual["service"]["name"] == "web"
    }


async def until_serving(running: Serving, expected: set[str], *, within_s: float = 30.0) -> float:
    """Wait until answers and rules name exactly these addresses; gives the seconds it took."""
    clock: Callable[[], float] = asyncio.get_running_loop().time
    begun_at = clock()

    async def is_so() -> bool:
        return await answered(running) == expected and await ruled(running) == expected

    await eventually(is_so, within_s=within_s)
    return clock() - begun_at


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        ("httpGet", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("tcpSocket", b""),
    ],
)
async def test_a_server_that_dies_leaves_names_and_rules_and_comes_back(
    action: str, answer: bytes, tmp_path: Path
) -> None:
    async with (
        backends(answer) as servers,
        serving(tmp_path, "--probe", probe_other_hosts="127.0.0.0/8") as running,
    ):
        probe = {action: {"port": servers[0].port}}
        applied = await running.client.post("/apply", json=manifests(servers[0].port, probe))
        assert applied.is_success, applied.text
        await until_serving(running, set(ADDRESSES))

        dying = servers[1]
        dying.die()
        took_s = await until_serving(running, set(ADDRESSES) - {dying.address})
        explained = (await running.client.get("/services/default/web/explain")).json()
        await dying.start()
        await until_serving(running, set(ADDRESSES))

    assert took_s < 5 * BOUND_S, "a loaded machine is slow, but not by periods"
    [first, *_] = explained["pods"]
    assert first["pod"]["name"] == "web-1"
    assert first["reasons"][0]["code"] == "NotReady"
    assert "ReadinessProbeFailed" in first["reasons"][0]["message"]
    assert "cannot connect to 127.0.0.12" in first["reasons"][0]["message"]


async def test_what_has_not_been_probed_yet_is_not_served(tmp_path: Path) -> None:
    probe = {"tcpSocket": {"port": 1}}
    async with serving(tmp_path) as running:
        await running.client.post("/apply", json=manifests(1, probe))
        assert await answered(running) == set()
        explained = (await running.client.get("/services/default/web/explain")).json()
    assert "None of 3 selected Pods gets new connections: 3 not ready" in explained["summary"]


async def test_a_readiness_write_is_one_for_all_that_change_together(tmp_path: Path) -> None:
    async with (
        backends(b"") as servers,
        serving(tmp_path, "--probe", probe_other_hosts="127.0.0.0/8") as running,
    ):
        probe = {"tcpSocket": {"port": servers[0].port}}
        await running.client.post("/apply", json=manifests(servers[0].port, probe))
        await until_serving(running, set(ADDRESSES))
        revision = await revision_of(running.client)
        for server in servers:
            server.die()
        await until_serving(running, set())
        after = await revision_of(running.client)
        for server in servers:
            await server.start()
    # Three loops that ask once a second, and a window of half a second: two writes at most.
    assert after - revision <= 3


async def revision_of(client: httpx.AsyncClient) -> int:
    return int((await client.get("/services")).json()["metadata"]["resourceVersion"])
