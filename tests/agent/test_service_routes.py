"""Ranges of ClusterIPs lead nowhere, unless the node itself is in one."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
import pytest

from app.agent.node import given_addresses
from app.agent.service_routes import METRIC, PROTOCOL, ServiceRoutes, parse_routes, remove_routes
from app.agent.sinks.sink import SinkFailed
from app.domain.addresses import parse_prefix
from app.domain.objects.node import NodeAddress
from tests.agent.worlds import client_to
from tests.client.fake_clock import FakeClock
from tests.registries import an_api
from waypost.client.errors import Misbehaved
from waypost.client.http.registry_client import RegistryClient

RANGES = ("10.96.0.0/12", "fd00:10:96::/112")


@dataclass
class Machine:
    """A machine with addresses, and the routes of its kernel by the words of ``ip``."""

    addresses: Sequence[str] = ("192.0.2.1", "2001:db8::1")
    routes: list[str] = field(default_factory=list[str])
    batches: int = 0

    async def found(self) -> Sequence[NodeAddress]:
        return given_addresses(self.addresses, name="n1")

    async def run(self, command: str, *, text: str = "") -> str:
        if command == "ip -batch -":
            self.batches += 1
            for line in text.splitlines():
                self._route(shlex.split(line))
            return ""
        family = shlex.split(command)[2]
        assert command == f"ip -j {family} route show type unreachable proto {PROTOCOL}"
        return json.dumps([{"dst": r} for r in self.routes if (":" in r) == (family == "-6")])

    def _route(self, words: list[str]) -> None:
        verb, dst = words[1], words[3]
        assert words == f"route {verb} unreachable {dst} proto {PROTOCOL} metric {METRIC}".split()
        if verb == "add":
            assert dst not in self.routes, "File exists"
            self.routes.append(dst)
        else:
            self.routes.remove(dst)


def routes_of(client: RegistryClient, machine: Machine) -> ServiceRoutes:
    return ServiceRoutes(client, machine.found, machine.run, FakeClock())


@pytest.mark.database
async def test_every_range_leads_nowhere_and_a_second_look_changes_nothing(
    database_url: str,
) -> None:
    async with an_api(database_url, service_cidrs=RANGES) as api, client_to(api) as client:
        machine = Machine()
        routes = routes_of(client, machine)
        await routes.keep()
        assert machine.routes == ["10.96.0.0/12", "fd00:10:96::/112"]
        await routes.keep()
        assert machine.batches == 1


@pytest.mark.database
async def test_a_new_range_gets_a_route_and_a_strange_one_goes(database_url: str) -> None:
    async with an_api(database_url, service_cidrs=RANGES) as api, client_to(api) as client:
        machine = Machine(routes=["10.64.0.0/16"])
        created = await api.post(
            "/servicecidrs",
            json={"metadata": {"name": "more"}, "spec": {"cidrs": ["10.200.0.0/24"]}},
        )
        assert created.is_success, created.text
        await routes_of(client, machine).keep()
        assert sorted(machine.routes) == ["10.200.0.0/24", "10.96.0.0/12", "fd00:10:96::/112"]


@pytest.mark.database
@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (("10.96.3.4", "2001:db8::1"), ["fd00:10:96::/112"]),  # its neighbours are in the range
        (("192.0.2.1",), ["10.96.0.0/12"]),  # there is nowhere for IPv6 to go
        ((), []),
    ],
)
async def test_the_nodes_own_network_is_not_cut_off(
    database_url: str, addresses: Sequence[str], expected: list[str]
) -> None:
    async with an_api(database_url, service_cidrs=RANGES) as api, client_to(api) as client:
        machine = Machine(addresses)
        await routes_of(client, machine).keep()
        assert machine.routes == expected


async def test_cleaning_up_removes_all_and_runs_nothing_where_there_is_none() -> None:
    machine = Machine(routes=["10.96.0.0/12", "fd00:10:96::/112"])
    await remove_routes(machine.run)
    assert (machine.routes, machine.batches) == ([], 1)
    await remove_routes(machine.run)
    assert machine.batches == 1


async def test_an_answer_that_lists_no_ranges_changes_nothing() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"items": [{"spec": None}]})

    machine = Machine(routes=["10.96.0.0/12"])
    async with RegistryClient(
        ["http://localhost"], transport=httpx.MockTransport(answer)
    ) as client:
        with pytest.raises(Misbehaved, match="ServiceCIDRs"):
            await routes_of(client, machine).keep()
    assert machine.routes == ["10.96.0.0/12"]


def test_single_addresses_are_read_and_other_output_is_a_failure() -> None:
    listed = '[{"dst": "10.96.0.1"}, {"dst": "fd00::1"}, {"dst": "10.0.0.0/8"}]'
    texts = ("10.96.0.1/32", "fd00::1/128", "10.0.0.0/8")
    assert parse_routes(listed) == {parse_prefix(text) for text in texts}
    assert parse_routes("") == set()
    for broken in ("no JSON", '{"dst": 1}', "[{}]", "[1]"):
        with pytest.raises(SinkFailed):
            parse_routes(broken)
