"""The nftables sink: one transaction at a time, read back, repaired and rebuilt."""

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.agent.modes.nftables import NFTABLES
from app.agent.sinks.nftables import NftablesSink
from app.agent.sinks.sink import SinkFailed
from app.domain.addresses import IPFamily
from app.domain.dataplane.nftables.state import Tables, tables_of
from app.domain.dataplane.nftables.table_flows import Flow
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.names import Revision
from app.domain.objects.endpoint_slice import EndpointPort
from app.domain.objects.resource import Object
from app.domain.objects.service import ServicePort
from app.domain.snapshot import Snapshot, load
from tests.agent.sinks.fake_kernel import FakeNft
from tests.builders import a_node, a_service, an_endpoint, an_endpoint_slice
from tests.rules_strategies import addressed_nodes, configs, rule_histories

MODE, NODE = NFTABLES, a_node("n1")


def no_flows(_family: IPFamily, _should_forget: Callable[[Flow], bool]) -> int:
    return 0


def sink_of(kernel: FakeNft) -> NftablesSink:
    return NftablesSink(kernel.run, forget=no_flows)


def tables_with(*objects: Object) -> Tables:
    return tables_of(node_rules(load(objects, revision=Revision(1)), NODE, RulesConfig()))


def web(*addresses: str, protocol: str = "TCP") -> Tables:
    return tables_with(
        a_service(ports=(ServicePort(port=80, name="http", protocol=protocol),)),
        an_endpoint_slice(
            *(an_endpoint(a) for a in addresses),
            ports=(EndpointPort(port=8080, name="http", protocol=protocol),),
        ),
    )


async def lead(sink: NftablesSink, desired: Tables) -> Tables:
    current = await sink.observe(desired)
    steps = MODE.plan(current, desired, ()).at_once
    if steps:
        await sink.apply(steps)
    return await sink.observe(desired)


def differences(current: Tables, desired: Tables) -> tuple[str, ...]:
    return MODE.plan(current, desired, ()).at_once


async def test_applied_rules_are_read_back() -> None:
    kernel, desired = FakeNft(), web("10.244.0.1", "10.244.0.2")
    assert differences(await lead(sink_of(kernel), desired), desired) == ()
    assert len(kernel.texts) == 1


async def test_a_restart_rewrites_chains_and_only_different_elements() -> None:
    kernel, desired = FakeNft(), web("10.244.0.1")
    await lead(sink_of(kernel), desired)
    assert differences(await lead(sink_of(kernel), desired), desired) == ()
    assert "element" not in kernel.texts[-1]
    assert "flush table" not in kernel.texts[-1]


async def test_only_a_removed_element_is_restored() -> None:
    kernel, desired = FakeNft(), web("10.244.0.1")
    sink = sink_of(kernel)
    await lead(sink, desired)
    kernel.tables["ip"].sets["services-tcp"].clear()
    await lead(sink, desired)
    (line,) = kernel.texts[-1].splitlines()
    assert re.match(r"add element ip waypost services-tcp \{ 10\.96\.0\.20 \. 80 : goto", line)


async def test_only_a_changed_chain_is_rewritten() -> None:
    kernel, desired = FakeNft(), web("10.244.0.1")
    sink = sink_of(kernel)
    await lead(sink, desired)
    kernel.tables["ip"].chains["services"].insert(0, "drop")
    await lead(sink, desired)
    lines = kernel.texts[-1].splitlines()
    assert lines[:2] == ["add chain ip waypost services", "flush chain ip waypost services"]
    assert {line.split()[4] for line in lines} == {"services"}
    assert kernel.tables["ip"].chains["services"][0] != "drop"


async def test_a_deleted_table_is_restored() -> None:
    kernel, desired = FakeNft(), web("10.244.0.1")
    sink = sink_of(kernel)
    await lead(sink, desired)
    del kernel.tables["ip"]
    assert differences(await lead(sink, desired), desired) == ()


async def test_a_table_that_cannot_be_updated_is_rebuilt() -> None:
    kernel, desired = FakeNft(), web("10.244.0.1")
    await lead(sink_of(kernel), desired)
    kernel.tables["ip"].declarations["services-tcp"] = "typeof something else"
    del (
        kernel.tables["ip"].sets["masqueraded-tcp"],
        kernel.tables["ip"].declarations["masqueraded-tcp"],
    )
    sink = sink_of(kernel)
    with pytest.raises(SinkFailed):
        await lead(sink, desired)
    assert differences(await lead(sink, desired), desired) == ()
    assert kernel.texts[-1].startswith("add table ip waypost\ndelete table ip waypost\n")


async def test_cleaning_up_removes_the_tables() -> None:
    kernel = FakeNft()
    sink = sink_of(kernel)
    await lead(sink, web("10.244.0.1"))
    assert await lead(sink, MODE.empty) == {}
    assert kernel.tables == {}


async def test_datagram_flows_to_removed_endpoints_are_deleted() -> None:
    asked: list[tuple[IPFamily, dict[str, bool]]] = []
    flows = {
        "gone": Flow("UDP", "10.96.0.20", 80, "10.244.0.1", 8080),
        "kept": Flow("UDP", "10.96.0.20", 80, "10.244.0.2", 8080),
        "other": Flow("UDP", "10.96.0.99", 80, "10.244.0.1", 8080),
        "tcp": Flow("TCP", "10.96.0.20", 80, "10.244.0.1", 8080),
    }

    def forget(family: IPFamily, should_forget: Callable[[Flow], bool]) -> int:
        asked.append((family, {name: should_forget(flow) for name, flow in flows.items()}))
        return 1

    sink = NftablesSink(FakeNft().run, forget=forget)
    await lead(sink, web("10.244.0.1", "10.244.0.2", protocol="UDP"))
    asked.clear()
    await lead(sink, web("10.244.0.2", protocol="UDP"))
    expected = {"gone": True, "kept": False, "other": False, "tcp": False}
    assert asked == [(IPFamily.IPV4, expected)]
    asked.clear()
    await lead(sink, web("10.244.0.2", protocol="UDP"))
    assert asked == []


async def test_a_kernel_without_flow_tracking_is_no_failure() -> None:
    def forget(_family: IPFamily, _should_forget: Callable[[Flow], bool]) -> int:
        raise PermissionError(1, "not permitted")

    sink = NftablesSink(FakeNft().run, forget=forget)
    desired = web("10.244.0.1", protocol="UDP")
    assert differences(await lead(sink, desired), desired) == ()


@pytest.mark.parametrize("listing", ["{}", "[]", "nonsense", '{"nftables": [{"rule": {}}]}'])
async def test_invalid_output_of_nft_is_a_failure(listing: str) -> None:
    async def run(command: str, *, text: str = "") -> str:
        del text
        tables = {"nftables": [{"table": {"family": "ip", "name": "waypost"}}]}
        return json.dumps(tables) if command.endswith("tables") else listing

    with pytest.raises(SinkFailed):
        await NftablesSink(run, forget=no_flows).observe({})


async def test_no_server_drains() -> None:
    assert list(await sink_of(FakeNft()).idle([])) == []


@st.composite
def tables(draw: st.DrawFn) -> Tables:
    snapshot = Snapshot().apply(draw(rule_histories(max_size=6)))
    config = replace(draw(configs), scheduler="rr")
    return tables_of(node_rules(snapshot, draw(addressed_nodes()), config))


@given(st.lists(tables(), min_size=1, max_size=3))
@settings(deadline=None)
async def test_a_kernel_reaches_the_desired_state_from_any_state(path: list[Tables]) -> None:
    sink = sink_of(FakeNft())
    for desired in path:
        assert differences(await lead(sink, desired), desired) == ()
