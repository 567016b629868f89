"""A replica registers over HTTP as a server process does in memory."""

import json
from collections.abc import AsyncGenerator

import httpx
import pytest

from app.dns.registrar import APIRegistrar
from app.domain.errors import NotFound, NotSynced
from app.registry.leases.self_registration import dns_pod
from tests.registries import an_api
from waypost.client.registry_client import RegistryClient

POD = dns_pod("node-1", ("10.0.0.5",), dns_port=53, api_port=9153)


class Relay(httpx.AsyncBaseTransport):
    """Passes requests to a running application."""

    def __init__(self, api: httpx.AsyncClient) -> None:
        self.api = api

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self.api.request(
            request.method,
            request.url.raw_path.decode(),
            content=await request.aread(),
            headers={"content-type": request.headers.get("content-type", "")},
        )
        return httpx.Response(answer.status_code, content=answer.content)


def registrar_over(transport: httpx.AsyncBaseTransport, *urls: str) -> APIRegistrar:
    access = urls or ["http://localhost"]
    return APIRegistrar(RegistryClient(access, transport=transport))


@pytest.fixture
async def api(database_url: str) -> AsyncGenerator[httpx.AsyncClient]:
    async with an_api(database_url, bootstrap=True) as client:
        yield client


async def endpoints(api: httpx.AsyncClient) -> list[str]:
    listed = await api.get("/endpointslices", params={"namespace": "kube-system"})
    return [
        address
        for slice_ in listed.json()["items"]
        for endpoint in slice_.get("endpoints") or ()
        for address in endpoint["addresses"]
    ]


async def test_a_replica_registers_renews_and_removes_itself(api: httpx.AsyncClient) -> None:
    registrar = registrar_over(Relay(api))
    assert not await registrar.renew(POD.metadata.key), "it is not registered yet"
    await registrar.register(POD)
    assert "10.0.0.5" in await endpoints(api)
    assert await registrar.renew(POD.metadata.key)
    await registrar.register(POD)
    await registrar.remove(POD.metadata.key)
    assert await endpoints(api) == []
    with pytest.raises(NotFound):
        await registrar.remove(POD.metadata.key)


async def test_an_unreachable_or_refusing_api_raises_not_synced() -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    away = registrar_over(httpx.MockTransport(refuse))
    with pytest.raises(NotSynced, match="refused"):
        await away.register(POD)
    status = json.dumps({"message": "no"})
    broken = httpx.MockTransport(lambda _: httpx.Response(503, text=status))
    with pytest.raises(NotSynced, match="it answers 503: no"):
        await registrar_over(broken).register(POD)


async def test_the_next_api_is_asked_when_one_does_not_answer() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(503 if request.url.host == "down" else 200, json={})

    registrar = registrar_over(httpx.MockTransport(answer), "http://down", "http://up")
    with pytest.raises(NotSynced):
        await registrar.register(POD)
    await registrar.register(POD)
    assert asked == ["down", "up"]
