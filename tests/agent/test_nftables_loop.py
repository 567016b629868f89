"""The loop in nftables mode: the same laws, with texts instead of operations."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agent.feed import Feed
from app.agent.loop import RulesLoop
from app.agent.modes.nftables import NFTABLES
from app.agent.sinks.nftables import NftablesSink
from app.domain.changes import Change
from app.domain.dataplane.nftables.state import Tables, tables_of
from app.domain.dataplane.nftables.table import CHECK
from app.domain.dataplane.rules.health_checks import HealthChecks
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.names import NamespacedName
from tests.agent.sinks.fake_kernel import FakeNft
from tests.agent.worlds import CONFIG, World, a_world
from tests.builders import a_service, a_service_cidr, an_endpoint, an_endpoint_slice
from tests.rules_strategies import rule_histories

MODE = NFTABLES
ONE = an_endpoint_slice(an_endpoint("10.244.0.1"))
TWO = an_endpoint_slice(an_endpoint("10.244.0.1"), an_endpoint("10.244.0.2"))


def agent_of(world: World, sink: NftablesSink) -> RulesLoop[Tables, str]:
    async def register() -> None:
        pass

    return RulesLoop(Feed(world.client, "n1", MODE), sink, world.clock, register=register)


def desired(world: World) -> Tables:
    snapshot = world.view.snapshot
    return tables_of(node_rules(snapshot, snapshot.nodes[NamespacedName("", "n1")], CONFIG))


async def missing(world: World, sink: NftablesSink) -> tuple[str, ...]:
    """Return the steps from the kernel's state to the desired one."""
    return MODE.plan(await sink.observe({}), desired(world), ()).at_once


def sink_of(kernel: FakeNft) -> NftablesSink:
    return NftablesSink(kernel.run, forget=lambda _family, _should_forget: 0)


async def test_a_change_of_one_endpoint_costs_a_node_three_lines() -> None:
    async with a_world(a_service(), ONE) as world:
        kernel = FakeNft()
        sink = sink_of(kernel)
        agent = agent_of(world, sink)
        await agent.turn()
        world.put(ONE, TWO)
        await agent.turn()
        assert await missing(world, sink) == ()
        assert len([line for line in kernel.texts[-1].splitlines() if " element " in line]) == 3
        assert sum("changes" not in asked for asked in world.network.asked) == 1


async def test_changed_ranges_are_followed_and_repaired() -> None:
    ranges = a_service_cidr("10.96.0.0/12", "fd00:10:96::/112")
    more = a_service_cidr("10.112.0.0/16", name="more")
    async with a_world(a_service(), ONE) as world:
        kernel = FakeNft()
        sink = sink_of(kernel)
        agent = agent_of(world, sink)
        await agent.turn()
        for before, after in ((None, ranges), (None, more), (ranges, None)):
            world.put(before, after)
            await agent.turn()
            assert await missing(world, sink) == ()
        assert kernel.tables["ip"].chains[CHECK][1:] == ["ip daddr { 10.112.0.0/16 } drop"]
        kernel.tables["ip"].chains[CHECK].pop()
        world.clock.time_s += 120
        for _ in range(3):
            await agent.turn()
        assert await missing(world, sink) == ()
        assert agent.stats.foreign_steps == 1
        assert not any("element" in text for text in kernel.texts[1:])


async def test_a_restart_keeps_elements() -> None:
    async with a_world(a_service(), ONE) as world:
        kernel = FakeNft()
        await agent_of(world, sink_of(kernel)).turn()
        await agent_of(world, sink_of(kernel)).turn()
        assert "element" not in kernel.texts[-1]
        assert len(kernel.texts) == 2


async def test_external_changes_are_repaired() -> None:
    async with a_world(a_service(), ONE) as world:
        kernel = FakeNft()
        sink = sink_of(kernel)
        agent = agent_of(world, sink)
        await agent.turn()
        kernel.tables.clear()
        world.clock.time_s += 120
        for _ in range(3):
            await agent.turn()
        assert await missing(world, sink) == ()
        assert agent.stats.foreign_steps == 1


TOLD = {"kind": "NodeText", "node": "n1", "resourceVersion": "9", "nodeEligible": True}
ANSWERS = [
    httpx.Response(200, content=b"add table ip waypost\n"),
    httpx.Response(200, json={**TOLD, "healthCheckNodePorts": [], "text": "accept\n"}),
    httpx.Response(200, json={**TOLD, "healthCheckNodePorts": [{"port": 0}], "text": ""}),
    httpx.Response(200, json={"kind": "NodeTextChanges"}),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.text[:20])
async def test_an_invalid_answer_does_no_harm(answer: httpx.Response) -> None:
    async with a_world(a_service(), ONE) as world:
        kernel = FakeNft()
        sink = sink_of(kernel)
        agent = agent_of(world, sink)
        await agent.turn()
        world.network.answers_before_it_asks = [answer] * 2
        for _ in range(2):
            await agent.turn()
        world.network.answers_before_it_asks = []
        assert await missing(world, sink) == ()
        world.put(ONE, TWO)
        for _ in range(6):
            await agent.turn()
        assert await missing(world, sink) == ()


@given(rule_histories(max_size=8), st.lists(st.integers(0, 3), max_size=8))
async def test_the_path_does_not_matter(changes: list[Change], strides: list[int]) -> None:
    shown = [change for change in changes if change.kind != "Node"]
    async with a_world() as world:
        sink = sink_of(FakeNft())
        agent, place, published = agent_of(world, sink), 0, list[HealthChecks]()
        agent.publish_to(published.append)
        for stride in [*strides, len(shown)]:
            world.replay(shown[place : place + stride])
            place += stride
            await agent.turn()
        await agent.turn()
        assert await missing(world, sink) == ()
        assert published[-1] == world.desired_checks()
