"""The loop against a kernel in memory: it reaches the desired state after any history."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agent.loop import DRAIN_CHECK_S, PAUSE_S, Pace
from app.agent.sinks.sink import SinkFailed
from app.domain.changes import Change
from app.domain.dataplane.ipvs.operations import Operation, RealServerKey
from app.domain.dataplane.rules.health_checks import HealthChecks
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.names import Revision
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.node import NodeAddress, Taint
from tests.agent.sinks.memory_sink import MemorySink
from tests.agent.worlds import NODE, World, a_world, settle
from tests.builders import NOON, a_service, an_endpoint, an_endpoint_slice
from tests.rules_strategies import rule_histories

SERVICE = a_service()


def slice_of(*addresses: str) -> EndpointSlice:
    return an_endpoint_slice(*(an_endpoint(address) for address in addresses))


ONE, TWO = slice_of("10.244.0.1"), slice_of("10.244.0.1", "10.244.0.2")


def weights(sink: MemorySink) -> dict[str, int]:
    return {
        address: weight
        for server in sink.state.servers.values()
        for address, _, weight in server.real_servers
    }


async def test_a_new_node_gets_all_rules_immediately() -> None:
    async with a_world(SERVICE, TWO) as world:
        sink = MemorySink()
        await world.agent(sink).turn()
        assert sink.state == world.desired()
        assert len(sink.applications) == 1


async def test_it_says_once_what_it_has_applied(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with a_world(SERVICE, ONE) as world:
        agent = world.agent(MemorySink())
        await agent.turn()
        world.put(ONE, TWO)
        await agent.turn()
    told = [words for words in caplog.messages if "in the kernel" in words]
    assert len(told) == 1
    assert f"node {NODE.metadata.name} " in told[0]


async def test_changes_are_applied_as_they_arrive() -> None:
    async with a_world(SERVICE, ONE) as world:
        sink = MemorySink()
        agent = world.agent(sink)
        await agent.turn()
        world.put(ONE, TWO)
        await agent.turn()
        assert sink.state == world.desired()
        assert [type(step).__name__ for step in sink.applications[-1]] == ["AddRealServer"]
        assert sum("changes" not in asked for asked in world.network.asked) == 1


async def test_changes_during_a_pause_are_applied_together() -> None:
    async with a_world(SERVICE, ONE) as world:
        sink = MemorySink()
        agent = world.agent(sink)
        await agent.turn()
        world.put(ONE, TWO)
        world.put(TWO, slice_of("10.244.0.1", "10.244.0.3"))
        await agent.turn()
        assert world.clock.slept_s == [pytest.approx(PAUSE_S)]
        assert len(sink.applications) == 2
        assert set(weights(sink)) == {"10.244.0.1", "10.244.0.3"}


async def test_nothing_is_applied_where_nothing_differs() -> None:
    async with a_world(SERVICE, ONE) as world:
        sink = MemorySink(world.desired())
        agent = world.agent(sink)
        await settle(agent, turns=6)
        assert sink.applications == []
        assert agent.stats.settled_at_s is not None


async def test_a_restart_applies_the_difference_alone() -> None:
    async with a_world(SERVICE, ONE) as world:
        sink = MemorySink()
        await world.agent(sink).turn()
        world.put(ONE, TWO)
        await world.agent(sink).turn()
        assert [type(step).__name__ for step in sink.applications[-1]] == ["AddRealServer"]


async def test_an_unreachable_registry_leaves_the_rules_as_they_are() -> None:
    async with a_world(SERVICE, ONE) as world:
        sink = MemorySink()
        agent = world.agent(sink)
        await agent.turn()
        before = sink.state
        world.network.is_down = True
        world.put(ONE, TWO)
        await settle(agent, turns=20)
        assert sink.state == before
        assert "network is down" in agent.stats.registry_problem
        world.network.is_down = False
        await settle(agent)
        assert sink.state == world.desired()
        assert not agent.stats.registry_problem


async def test_drift_is_repaired_while_the_registry_is_unreachable() -> None:
    async with a_world(SERVICE, ONE) as world:
        sink = MemorySink()
        agent = world.agent(sink)
        await agent.turn()
        world.network.is_down = True
        sink.state = replace(sink.state, servers={})
        await settle(agent, turns=20)
        assert sink.state == world.desired()
        assert agent.stats.foreign_steps > 0


async def test_an_agent_that_starts_without_a_registry_touches_nothing() -> None:
    async with a_world(SERVICE, ONE) as world:
        sink = MemorySink(world.desired())
        world.network.is_down = True
        agent = world.agent(sink, pace=Pace(chance=lambda: 1.0))
        await settle(agent, turns=10)
        assert sink.state == world.desired()
        assert sink.applications == []
        assert world.clock.slept_s == sorted(world.clock.slept_s), "each wait is as long or longer"


async def test_only_external_changes_are_repaired() -> None:
    async with a_world(SERVICE, TWO) as world:
        sink = MemorySink()
        agent = world.agent(sink, pace=Pace(resync_s=5))
        await agent.turn()
        (key,) = sink.state.servers
        server = sink.state.servers[key]
        sink.state = replace(
            sink.state, servers={key: server._replace(real_servers=server.real_servers[:1])}
        )
        await settle(agent)
        assert sink.state == world.desired()
        assert [type(step).__name__ for step in sink.applications[-1]] == ["AddRealServer"]
        assert agent.stats.foreign_steps == 1


async def test_a_server_drains_until_its_connections_end() -> None:
    async with a_world(SERVICE, TWO) as world:
        sink = MemorySink()
        agent = world.agent(sink)
        await agent.turn()
        (key,) = sink.state.servers
        sink.busy = {RealServerKey(key, "10.244.0.2", 8080)}
        world.put(TWO, ONE)
        await settle(agent, turns=5)
        assert weights(sink) == {"10.244.0.1": 1, "10.244.0.2": 0}
        assert agent.stats.draining == 1
        sink.busy.clear()
        world.clock.time_s += DRAIN_CHECK_S
        await settle(agent, turns=2)
        assert sink.state == world.desired()
        assert agent.stats.draining == 0


async def test_a_server_that_never_drains_is_removed_at_its_deadline() -> None:
    async with a_world(SERVICE, TWO) as world:
        sink = MemorySink()
        agent = world.agent(sink, pace=Pace(drain_s=60))
        await agent.turn()
        (key,) = sink.state.servers
        sink.busy = {RealServerKey(key, "10.244.0.2", 8080)}
        world.put(TWO, ONE)
        began_s = world.clock.time_s
        while "10.244.0.2" in weights(sink):
            await agent.turn()
        assert 60 <= world.clock.time_s - began_s <= 60 + 3 * DRAIN_CHECK_S


async def test_a_draining_server_that_is_desired_again_gets_its_weight_back() -> None:
    async with a_world(SERVICE, TWO) as world:
        sink = MemorySink()
        agent = world.agent(sink)
        await agent.turn()
        (key,) = sink.state.servers
        sink.busy = {RealServerKey(key, "10.244.0.2", 8080)}
        world.put(TWO, ONE)
        await settle(agent)
        world.put(ONE, TWO)
        await settle(agent)
        assert weights(sink) == {"10.244.0.1": 1, "10.244.0.2": 1}
        assert [type(step).__name__ for step in sink.applications[-1]] == ["SetWeight"]


async def test_each_server_has_its_own_deadline_and_a_new_one_when_it_drains_again() -> None:
    async with a_world(SERVICE, TWO) as world:
        sink = MemorySink()
        agent = world.agent(sink, pace=Pace(drain_s=600))
        await agent.turn()
        (key,) = sink.state.servers
        first, second = (RealServerKey(key, f"10.244.0.{number}", 8080) for number in (1, 2))
        sink.busy = {first, second}
        world.put(TWO, ONE)
        await settle(agent)
        world.clock.time_s += 400
        world.put(ONE, TWO)
        await settle(agent)
        world.put(TWO, ONE)
        await settle(agent)
        world.clock.time_s += 400
        world.put(ONE, slice_of())
        await settle(agent)
        assert weights(sink) == {"10.244.0.1": 0, "10.244.0.2": 0}
        world.clock.time_s += 200
        await settle(agent)
        assert weights(sink) == {"10.244.0.1": 0}


async def test_a_restarted_agent_continues_draining() -> None:
    async with a_world(SERVICE, TWO) as world:
        sink = MemorySink()
        agent = world.agent(sink)
        await agent.turn()
        (key,) = sink.state.servers
        sink.busy = {RealServerKey(key, "10.244.0.2", 8080)}
        world.put(TWO, ONE)
        await settle(agent)
        again = world.agent(sink)
        await settle(again)
        assert weights(sink) == {"10.244.0.1": 1, "10.244.0.2": 0}
        sink.busy.clear()
        await settle(again, turns=4)
        assert sink.state == world.desired()


async def test_after_a_compacted_history_the_whole_is_read() -> None:
    async with a_world(SERVICE, ONE) as world:
        sink = MemorySink()
        agent = world.agent(sink)
        await agent.turn()
        snapshot = world.view.snapshot.apply([Change(revision=Revision(9), before=ONE, after=TWO)])
        world.view.reset(snapshot, history=(), compacted=Revision(9))
        await settle(agent)
        assert sink.state == world.desired()


async def test_a_removed_node_is_registered_again() -> None:
    async with a_world(SERVICE, ONE) as world:
        agent = world.agent()
        await agent.turn()
        assert world.registrations == 1
        world.put(NODE, None)
        await settle(agent)
        assert world.registrations > 1


ANSWERS = [
    httpx.Response(200, content=b"<html>captive portal</html>"),
    httpx.Response(200, json={"kind": "NodeRulesChanges"}),
    httpx.Response(200, json=[]),
    httpx.Response(404, content=b"not here"),
    httpx.Response(503, json={"reason": "ServiceUnavailable", "message": "not synced"}),
    httpx.Response(504, json={"kind": "Status", "reason": "Timeout", "message": "not reached"}),
    httpx.Response(410, json={"kind": "Status", "reason": "Expired", "message": "compacted"}),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.text[:20])
async def test_an_invalid_answer_does_no_harm(answer: httpx.Response) -> None:
    async with a_world(SERVICE, ONE) as world:
        sink = MemorySink()
        agent = world.agent(sink)
        await agent.turn()
        before = sink.state
        world.network.answers_before_it_asks = [answer] * 2
        await settle(agent, turns=2)
        assert sink.state == before
        world.network.answers_before_it_asks = []
        world.put(ONE, TWO)
        await settle(agent, turns=6)
        assert sink.state == world.desired()


class BrokenSink(MemorySink):
    """Applies the first steps of each application, then fails."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps_left = steps

    async def apply(self, steps: Sequence[Operation]) -> None:
        await super().apply(steps[: self.steps_left])
        if len(steps) > self.steps_left:
            raise SinkFailed("the disk is full")


async def test_a_sink_that_fails_half_way_is_observed_and_completed() -> None:
    async with a_world(SERVICE, ONE) as world:
        sink = BrokenSink(7)
        agent = world.agent(sink)
        await settle(agent)
        assert sink.state != world.desired()
        assert agent.stats.sink_problem == "the disk is full"
        sink.steps_left = 1_000
        await settle(agent)
        assert sink.state == world.desired()
        assert not agent.stats.sink_problem


async def test_changes_that_stay_invalid_are_requested_with_backoff() -> None:
    async with a_world(SERVICE, ONE) as world:
        sink, clock = MemorySink(), world.clock
        agent = world.agent(sink, pace=Pace(chance=lambda: 1.0))
        await agent.turn()
        asked = len(world.network.asked)
        world.network.answers_to_changes = httpx.Response(200, json={"kind": "Nonsense"})
        began_s = clock.time_s
        while agent.stats.registry_failures < 10:
            await agent.turn()
        assert clock.time_s - began_s > 100
        assert len(world.network.asked) - asked < 30
        world.network.answers_to_changes = None
        world.put(ONE, TWO)
        await settle(agent, turns=6)
        assert sink.state == world.desired()
        assert not agent.stats.registry_problem


async def test_a_failing_sink_is_retried_with_backoff() -> None:
    async with a_world(SERVICE, ONE) as world:
        agent = world.agent(BrokenSink(0), pace=Pace(chance=lambda: 1.0))
        began_s = world.clock.time_s
        while agent.stats.sink_failures < 10:
            await agent.turn()
        assert world.clock.time_s - began_s > 100


EXPOSED = a_service(
    type="LoadBalancer", external_traffic_policy="Local", health_check_node_port=31_000
)
HERE = an_endpoint_slice(an_endpoint("10.244.0.1", node_name="n1"))
BOTH_HERE = an_endpoint_slice(*HERE.endpoints, an_endpoint("10.244.0.2", node_name="n1"))


async def test_health_checks_are_published_after_the_rules_are_applied() -> None:
    async with a_world(EXPOSED, HERE) as world:
        sink = BrokenSink(1_000)
        agent, published = world.agent(sink), list[HealthChecks]()
        agent.publish_to(published.append)
        await agent.turn()
        assert published[-1] == world.desired_checks()
        assert [check.local_endpoints for check in published[-1].values()] == [1]
        sink.steps_left = 0
        world.put(HERE, BOTH_HERE)
        await settle(agent)
        assert [check.local_endpoints for check in published[-1].values()] == [1]
        sink.steps_left = 1_000
        await settle(agent)
        assert published[-1] == world.desired_checks()
        assert [check.local_endpoints for check in published[-1].values()] == [2]


async def test_who_asks_for_health_checks_late_is_given_those_that_are_applied() -> None:
    async with a_world(EXPOSED, HERE) as world:
        sink = BrokenSink(0)
        agent, published = world.agent(sink), list[HealthChecks]()
        await agent.turn()
        agent.publish_to(published.append)
        assert (published, agent.first_applied.is_set()) == ([], False)
        sink.steps_left = 1_000
        await settle(agent)
        late = list[HealthChecks]()
        agent.publish_to(late.append)
        assert late == [world.desired_checks()] == published[-1:]
        assert agent.first_applied.is_set()


async def test_a_changed_health_check_alone_is_published_without_steps() -> None:
    moved = replace(NODE, addresses=(NodeAddress(type="InternalIP", address="192.0.2.99"),))
    config = RulesConfig(node_port_addresses=("192.0.2.0/24",))
    async with a_world(EXPOSED, HERE, config=config) as world:
        sink = MemorySink()
        agent, published = world.agent(sink), list[HealthChecks]()
        agent.publish_to(published.append)
        await agent.turn()
        applications = len(sink.applications)
        world.put(NODE, moved)
        await agent.turn()
        assert [check.addresses for check in published[-1].values()] == [("192.0.2.99", "::")]
        assert len(sink.applications) == applications
        assert sum("changes" not in asked for asked in world.network.asked) == 1


async def test_a_node_that_is_to_be_deleted_is_not_eligible() -> None:
    taint = Taint(key="ToBeDeletedByClusterAutoscaler", effect="NoSchedule")
    tainted, leaving = (
        replace(NODE, taints=(taint,)),
        replace(NODE, metadata=replace(NODE.metadata, deleted_at=NOON)),
    )
    async with a_world(SERVICE, ONE) as world:
        agent = world.agent()
        seen: list[bool] = []
        for before, after in ((None, None), (NODE, tainted), (tainted, NODE), (NODE, leaving)):
            if after is not None:
                world.put(before, after)
            await agent.turn()
            seen.append(agent.stats.is_node_eligible)
        assert seen == [True, False, True, False]
        world.put(leaving, None)
        await settle(agent)
        assert not agent.stats.is_node_eligible
        world.put(None, NODE)
        await settle(agent, turns=6)
        assert agent.stats.is_node_eligible


async def test_a_change_is_pending_from_when_it_was_first_read() -> None:
    async with a_world(SERVICE, ONE) as world:
        sink = BrokenSink(1_000)
        agent = world.agent(sink)
        await agent.turn()
        assert agent.stats.pending_since_s is None
        sink.steps_left = 0
        world.put(ONE, TWO)
        await agent.turn()
        since_s = agent.stats.pending_since_s
        assert since_s is not None
        await settle(agent)
        assert agent.stats.pending_since_s == since_s
        assert world.clock.time_s > since_s
        sink.steps_left = 1_000
        await settle(agent, turns=4)
        assert agent.stats.pending_since_s is None


async def lead(world: World, sink: MemorySink, changes: list[Change], strides: list[int]) -> None:
    """Make changes visible in groups; the agent runs after each group."""
    agent, place, published = world.agent(sink), 0, list[HealthChecks]()
    agent.publish_to(published.append)
    for stride in [*strides, len(changes)]:
        world.replay(changes[place : place + stride])
        place += stride
        await agent.turn()
    await settle(agent, turns=6)
    assert published[-1] == world.desired_checks()


def of_services(changes: list[Change]) -> list[Change]:
    return [change for change in changes if change.kind != "Node"]


@given(rule_histories(max_size=8), st.lists(st.integers(0, 3), max_size=8))
async def test_the_path_does_not_matter(changes: list[Change], strides: list[int]) -> None:
    async with a_world() as world:
        sink = MemorySink()
        await lead(world, sink, of_services(changes), strides)
        assert sink.state == world.desired()


@given(rule_histories(max_size=6), rule_histories(max_size=6), st.integers(0, 40))
async def test_the_next_agent_recovers_from_a_kill_at_any_moment(
    first: list[Change], second: list[Change], steps: int
) -> None:
    async with a_world() as world:
        killed = BrokenSink(steps)
        world.replay(of_services(first))
        await world.agent(killed).turn()
    async with a_world() as world:
        sink = MemorySink(killed.state)
        world.replay(of_services(second))
        await settle(world.agent(sink), turns=6)
        assert sink.state == world.desired()
