"""Several DNS processes behind one API: what `/resolve` says is what each of them answers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.message
import dns.rcode
import pytest

from tests.dns.client import data_of
from tests.dns.upstream.test_forwarder import FakeUpstream, addresses
from tests.end_to_end.processes import Serving, serving
from tests.waiting import eventually

pytestmark = pytest.mark.end_to_end

HOST, WAIT_S = "127.0.0.1", 10.0
NAME, FOREIGN_NAME = "web.default.svc.cluster.local.", "www.example.com."
FOREIGN_ADDRESS = "192.0.2.1"
SOCKETS = 24  # the kernel deals sockets out among workers: so many leave none of two out


def slice_with(*ips: str) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 80}],
        "endpoints": [{"addresses": [ip]} for ip in ips],
    }


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"clusterIP": "None", "ports": [{"name": "http", "port": 80}]},
}


@asynccontextmanager
async def upstream() -> AsyncGenerator[int, None]:
    loop = asyncio.get_running_loop()
    transport, fake = await loop.create_datagram_endpoint(
        lambda: FakeUpstream(addresses(FOREIGN_ADDRESS)), local_addr=(HOST, 0)
    )
    fake.transport = transport
    port: int = transport.get_extra_info("sockname")[1]
    yield port
    transport.close()
    await asyncio.sleep(0)


async def answered(running: Serving, name: str) -> set[tuple[str, ...]]:
    """Ask from many sockets over both transports, and give every answer there was."""
    query = dns.message.make_query(name, "A")
    asking = (
        ask(query, HOST, WAIT_S, running.dns_port)
        for _ in range(SOCKETS)
        for ask in (dns.asyncquery.udp, dns.asyncquery.tcp)
    )
    replies = await asyncio.gather(*asking)
    assert {reply.rcode() for reply in replies} == {dns.rcode.NOERROR}
    return {tuple(sorted(data_of(reply.answer))) for reply in replies}


async def resolved(running: Serving, name: str) -> tuple[str, ...]:
    answer = await running.client.get("/resolve", params={"name": name, "type": "A"})
    assert answer.is_success, answer.text
    return tuple(sorted(answer.json()["addresses"]))


async def test_resolve_and_every_worker_agree_before_and_after_a_change(tmp_path: Path) -> None:
    async with (
        upstream() as port,
        serving(tmp_path, dns_workers="2", dns_upstreams=f"{HOST}:{port}") as running,
    ):
        for ips in (("10.244.0.1",), ("10.244.0.2", "10.244.0.3"), ("10.244.0.3",)):
            items = [SERVICE, slice_with(*ips)]
            content = {"apiVersion": "v1", "kind": "List", "items": items}
            applied = await running.client.post("/apply", json=content)
            assert applied.is_success, applied.text
            assert await resolved(running, NAME) == ips

            async def shows(ips: tuple[str, ...] = ips) -> bool:
                return await answered(running, NAME) == {ips}

            await eventually(shows)
            assert await resolved(running, NAME) == ips

        await running.client.delete("/services/default/web")
        assert await resolved(running, NAME) == ()

        # Names of others are asked by whoever is asked: the workers, and for /resolve their parent.
        assert await answered(running, FOREIGN_NAME) == {(FOREIGN_ADDRESS,)}
        assert await resolved(running, FOREIGN_NAME) == (FOREIGN_ADDRESS,)
