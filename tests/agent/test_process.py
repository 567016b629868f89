"""Composition of the agent: privileges, dry runs, clean-up."""

import pytest

from app.agent.feed import Feed
from app.agent.loop import RulesLoop
from app.agent.modes.ipvs import IPVS
from app.agent.process import clean_up, lacking_privilege
from app.agent.sinks.sink import DrySink, SinkFailed
from app.domain.dataplane.ipvs.operations import IPVSState, Operation, RealServerKey
from tests.agent.sinks.memory_sink import MemorySink
from tests.agent.worlds import World, a_world
from tests.builders import a_service, an_endpoint, an_endpoint_slice

ONE = an_endpoint_slice(an_endpoint("10.244.0.1"))
TWO = an_endpoint_slice(an_endpoint("10.244.0.1"), an_endpoint("10.244.0.2"))
MODE = IPVS


@pytest.mark.parametrize(
    ("capabilities", "is_enough"),
    [
        ("000001ffffffffff", True),
        ("0000000000001000", True),
        ("00000000a80425fb", False),  # root of a container, as is usual
        ("0000000000000000", False),
    ],
)
def test_the_capability_is_checked(capabilities: str, *, is_enough: bool) -> None:
    status = f"Name:\twaypost\nCapEff:\t{capabilities}\nCapBnd:\t000001ffffffffff\n"
    lack = lacking_privilege(status)
    assert (not lack) is is_enough
    assert is_enough or ("CAP_NET_ADMIN" in lack and "\n" not in lack)


def dry_agent(
    world: World, sink: MemorySink, printed: list[str]
) -> RulesLoop[IPVSState, Operation]:
    async def register() -> None:
        pass

    dry = DrySink(sink, MODE, printed.append)
    return RulesLoop(Feed(world.client, "n1", MODE), dry, world.clock, register=register)


async def test_a_dry_run_prints_the_input_of_programs_and_applies_nothing() -> None:
    async with a_world(a_service(), ONE) as world:
        sink, printed = MemorySink(), list[str]()
        await dry_agent(world, sink, printed).once()
        assert sink.applications == []
        assert "# ipvsadm --restore\n-A -t 10.96.0.20:80 -s rr\n" in printed[0]


async def test_a_continuous_dry_run_prints_each_change_once() -> None:
    async with a_world(a_service(), ONE) as world:
        sink, printed = MemorySink(world.desired()), list[str]()
        agent = dry_agent(world, sink, printed)
        await agent.turn()
        world.put(ONE, TWO)
        for _ in range(3):
            await agent.turn()
        world.put(TWO, ONE)
        for _ in range(6):
            await agent.turn()
        assert printed == [
            "# ipvsadm --restore\n-a -t 10.96.0.20:80 -r 10.244.0.2:8080 -m -w 1\n",
            "# ipvsadm --restore\n-e -t 10.96.0.20:80 -r 10.244.0.2:8080 -m -w 0\n",
            "# ipvsadm --restore\n-d -t 10.96.0.20:80 -r 10.244.0.2:8080\n",
        ]


class Unreadable(MemorySink):
    """A kernel that cannot be read."""

    async def observe(self, known: IPVSState) -> IPVSState:
        raise SinkFailed("root is needed")

    async def idle(self, servers: object) -> list[RealServerKey]:
        raise SinkFailed("root is needed")


async def test_a_dry_run_without_privileges_prints_the_rules_of_a_new_node() -> None:
    async with a_world(a_service(), ONE) as world:
        printed = list[str]()
        await dry_agent(world, Unreadable(), printed).once()
        assert printed[0] == "# root is needed: assuming a node without rules\n"
        assert "-A -t 10.96.0.20:80 -s rr" in printed[1]


async def test_cleaning_up_removes_all_but_sysctls() -> None:
    async with a_world(a_service(), ONE) as world:
        sink = MemorySink()
        await world.agent(sink).turn()
        await clean_up(MODE, sink)
        assert sink.state == IPVSState(sysctls=sink.state.sysctls)


async def test_cleaning_up_a_clean_node_does_nothing() -> None:
    sink = MemorySink()
    await clean_up(MODE, sink)
    assert sink.applications == []
