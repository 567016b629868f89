"""A node registers itself, keeps other fields of its Node, and finds its addresses."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from app.agent.node import (
    HEARTBEAT_S_DEFAULT,
    Identity,
    Registration,
    given_addresses,
    parse_addresses,
)
from app.domain.objects.node import NodeAddress
from tests.agent.worlds import client_to
from tests.client.fake_clock import FakeClock
from tests.registries import an_api
from waypost.client.errors import Misbehaved
from waypost.client.http.registry_client import RegistryClient

IDENTITY = Identity(name="n1", zone="z1", labels={"rack": "r7"})


class Machine:
    """A machine whose addresses change."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def found(self) -> tuple[NodeAddress, ...]:
        return given_addresses(self.addresses, name="n1")


async def node_of(api: httpx.AsyncClient) -> dict[str, Any]:
    answer = await api.get("/nodes/n1")
    assert answer.is_success, answer.text
    return answer.json()


@pytest.mark.database
async def test_an_unknown_node_is_created(database_url: str) -> None:
    async with an_api(database_url) as api, client_to(api) as client:
        machine = Machine("192.0.2.1", "2001:db8::1")
        await Registration(client, IDENTITY, machine.found, FakeClock()).register()
        node = await node_of(api)
        assert node["metadata"]["labels"] == {
            "kubernetes.io/hostname": "n1",
            "topology.kubernetes.io/zone": "z1",
            "rack": "r7",
        }
        assert [each["address"] for each in node["status"]["addresses"]] == [
            "192.0.2.1",
            "2001:db8::1",
            "n1",
        ]


@pytest.mark.database
async def test_a_known_node_is_updated_and_keeps_other_fields(
    database_url: str,
) -> None:
    async with an_api(database_url) as api, client_to(api) as client:
        made = {
            "metadata": {"name": "n1", "labels": {"owner": "me"}},
            "spec": {"podCIDR": "10.0.0.0/24"},
        }
        assert (await api.post("/nodes", json=made)).is_success
        machine = Machine("192.0.2.1")
        registration = Registration(client, IDENTITY, machine.found, FakeClock())
        await registration.register()
        machine.addresses = ("192.0.2.2",)
        await registration.register()
        node = await node_of(api)
        assert node["metadata"]["labels"]["owner"] == "me"
        assert node["metadata"]["labels"]["rack"] == "r7"
        assert node["spec"]["podCIDR"] == "10.0.0.0/24"
        assert node["status"]["addresses"][0]["address"] == "192.0.2.2"


@pytest.mark.database
async def test_a_node_gets_the_annotations_by_which_its_agent_is_found(database_url: str) -> None:
    scraped = {"prometheus.io/scrape": "true", "prometheus.io/port": "9154"}
    async with an_api(database_url) as api, client_to(api) as client:
        machine = Machine("192.0.2.1")
        await Registration(client, IDENTITY, machine.found, FakeClock()).register()
        assert "annotations" not in (await node_of(api))["metadata"]
        found = Identity(name="n1", annotations=scraped)
        await Registration(client, found, machine.found, FakeClock()).register()
        assert (await node_of(api))["metadata"]["annotations"] == scraped
        (targets,) = [
            group["targets"]
            for group in (await api.get("/prometheus/targets")).json()
            if group["labels"]["__meta_waypost_role"] == "agent"
        ]
        assert targets == ["192.0.2.1:9154"]


@pytest.mark.database
async def test_an_equal_node_is_not_written(database_url: str) -> None:
    async with an_api(database_url) as api, client_to(api) as client:
        registration = Registration(client, IDENTITY, Machine("192.0.2.1").found, FakeClock())
        await registration.register()
        before = await node_of(api)
        await registration.register()
        assert await node_of(api) == before


@pytest.mark.database
async def test_the_heartbeat_interval_follows_the_lease_of_the_registry(database_url: str) -> None:
    async with an_api(database_url, node_lease_seconds=40) as api, client_to(api) as client:
        registration = Registration(client, IDENTITY, Machine("192.0.2.1").found, FakeClock())
        await registration.register()
        assert await registration.heartbeat() == 10
        assert registration.problem == ""


async def test_a_failed_heartbeat_is_retried() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(503))
    async with RegistryClient(["http://localhost"], transport=transport) as client:
        registration = Registration(client, IDENTITY, Machine().found, FakeClock())
        assert await registration.heartbeat() == HEARTBEAT_S_DEFAULT
        assert "503" in registration.problem


class Endless(FakeClock):
    """A clock whose sleeps do not end."""

    async def sleep(self, duration_s: float) -> None:
        await asyncio.Event().wait()


async def test_a_node_beats_only_once_it_is_registered() -> None:
    asked: list[str] = []
    beaten = asyncio.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        if request.url.path.endswith("/heartbeat"):
            beaten.set()
        return httpx.Response(200, json={"kind": "Node", "status": {"addresses": []}})

    transport = httpx.MockTransport(answer)
    async with RegistryClient(["http://r"], transport=transport) as client:
        registration = Registration(client, IDENTITY, Machine().found, Endless())
        beating = asyncio.create_task(registration.run())
        await asyncio.sleep(0)
        assert asked == []
        await registration.register()
        await beaten.wait()
        beating.cancel()
    assert asked[0] == "GET /nodes/n1"
    assert asked.count("POST /nodes/n1/heartbeat") == 1


@pytest.mark.parametrize("wire", [{"kind": "Pod", "apiVersion": "v1"}, {"kind": 7}, {}])
async def test_another_document_in_place_of_a_node_is_misbehaviour(wire: object) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=wire))
    async with RegistryClient(["http://localhost"], transport=transport) as client:
        with pytest.raises(Misbehaved):
            await Registration(client, IDENTITY, Machine().found, FakeClock()).register()


def link(name: str, *addresses: dict[str, object]) -> dict[str, object]:
    return {"ifname": name, "addr_info": list(addresses)}


def entry(local: str, scope: str = "global", **words: bool) -> dict[str, object]:
    return {"local": local, "scope": scope, **words}


def test_addresses_of_the_default_route_come_first_and_local_ones_are_ignored() -> None:
    links = [
        link("lo", entry("127.0.0.1", "host"), entry("::1", "host")),
        link("docker0", entry("172.17.0.1")),
        link("kube-ipvs0", entry("10.96.0.10")),
        link("eth0", entry("192.0.2.1"), entry("2001:db8::1"), entry("fe80::1", "link")),
        link("eth1", entry("2001:db8::2", temporary=True), entry("2001:db8:0::3", tentative=True)),
    ]
    routes = [json.dumps([{"dst": "default", "dev": "eth0"}]), "[]"]
    found = parse_addresses(json.dumps(links), routes, name="n1")
    assert [(each.type, each.address) for each in found] == [
        ("InternalIP", "192.0.2.1"),
        ("InternalIP", "2001:db8::1"),
        ("InternalIP", "172.17.0.1"),
        ("Hostname", "n1"),
    ]


def test_a_machine_without_addresses_has_its_host_name() -> None:
    assert parse_addresses("", [""], name="n1") == (NodeAddress(type="Hostname", address="n1"),)


def test_an_invalid_address_is_refused() -> None:
    with pytest.raises(ValueError, match="not-an-address"):
        given_addresses(["not-an-address"], name="n1")


@pytest.mark.parametrize("lease_s", ["9" * 400, "1e999", "-1", "0", "null", '"a"', "[]", "86401"])
async def test_an_invalid_lease_keeps_the_default_heartbeat(lease_s: str) -> None:
    answer = httpx.Response(200, content=f'{{"leaseDurationSeconds": {lease_s}}}')
    transport = httpx.MockTransport(lambda _: answer)
    async with RegistryClient(["http://r"], transport=transport) as client:
        registration = Registration(client, IDENTITY, Machine().found, FakeClock())
        assert await registration.heartbeat() == HEARTBEAT_S_DEFAULT


async def test_failed_heartbeats_are_logged_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(503))
    clock = FakeClock()
    async with RegistryClient(["http://r"], transport=transport) as client:
        registration = Registration(client, IDENTITY, Machine().found, clock)
        for _ in range(12):
            clock.time_s += await registration.heartbeat()
    assert sum("heartbeat failed" in words for words in caplog.messages) == 2
