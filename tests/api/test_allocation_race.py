"""Concurrent clients and one range: every address is allocated once, then none is left."""

import asyncio
from collections import Counter
from ipaddress import ip_address, ip_network

import httpx

from tests.registries import an_api

RANGE = ip_network("10.96.0.0/20")
CLIENTS, SERVICES = 64, 2_000


async def test_concurrent_clients_get_different_addresses_until_the_range_is_full(
    database_url: str,
) -> None:
    async with an_api(database_url, service_cidrs=(str(RANGE),)) as client:
        given = await created(client, range(SERVICES))
        assert len(set(given)) == SERVICES
        rest = await created(client, range(SERVICES, RANGE.num_addresses - 2))
        full = await post(client, RANGE.num_addresses)

    every = [ip_address(address) for address in (*given, *rest)]
    usable = set(RANGE.hosts())
    assert not [address for address, times in Counter(every).items() if times > 1]
    assert set(every) == usable
    assert full.status_code == httpx.codes.CONFLICT
    assert full.json()["reason"] == "Exhausted"


async def created(client: httpx.AsyncClient, numbers: range) -> list[str]:
    """Create Services from many concurrent clients; gives their addresses."""
    queue = iter(numbers)
    addresses: list[str] = []

    async def one_client() -> None:
        for number in queue:
            response = await post(client, number)
            assert response.status_code == httpx.codes.CREATED, response.text
            addresses.append(response.json()["spec"]["clusterIP"])

    await asyncio.gather(*(one_client() for _ in range(CLIENTS)))
    return addresses


async def post(client: httpx.AsyncClient, number: int) -> httpx.Response:
    manifest = {"metadata": {"name": f"s-{number}"}, "spec": {"ports": [{"port": 80}]}}
    return await client.post("/services", json=manifest)
