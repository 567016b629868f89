"""The IPVS sink: applied rules are read back, and objects of other programs are kept."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.agent.modes.ipvs import IPVS, awaited
from app.agent.sinks.ipvs import IPVSSink
from app.agent.sinks.sink import SinkFailed
from app.domain.dataplane.ipvs.operations import IPVSState, RealServerKey, state_of
from app.domain.dataplane.ipvs.plan import plan
from app.domain.dataplane.ipvs.state import ipvs_rules
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.snapshot import Snapshot, load
from tests.agent.sinks.fake_kernel import FakeKernel
from tests.builders import a_node, a_service, an_endpoint, an_endpoint_slice
from tests.rules_strategies import addressed_nodes, configs, rule_histories

NODE, NOWHERE = a_node("n1"), Path("/nowhere")
MODE = IPVS


def state_with(*objects: Object) -> IPVSState:
    snapshot = load(objects, revision=Revision(1))
    return state_of(ipvs_rules(node_rules(snapshot, NODE, RulesConfig())))


def web(*addresses: str) -> IPVSState:
    return state_with(a_service(), an_endpoint_slice(*(an_endpoint(a) for a in addresses)))


async def lead(sink: IPVSSink, desired: IPVSState) -> IPVSState:
    """Observe, and apply all steps except removals that drain."""
    current = await sink.observe(desired)
    await sink.apply(MODE.plan(current, desired, ()).at_once)
    return await sink.observe(desired)


async def test_applied_rules_are_read_back() -> None:
    kernel, desired = FakeKernel(), web("10.244.0.1", "10.244.0.2")
    current = await lead(IPVSSink(kernel.run, settings=NOWHERE), desired)
    assert plan(current, desired) == ()


async def test_each_program_runs_once_an_application() -> None:
    kernel, desired = FakeKernel(), web("10.244.0.1")
    sink = IPVSSink(kernel.run, settings=NOWHERE)
    current = await sink.observe(desired)
    kernel.ran.clear()
    await sink.apply(MODE.plan(current, desired, ()).at_once)
    assert len(kernel.ran) == len(set(kernel.ran) - {"sh"}) + kernel.ran.count("sh")
    assert kernel.ran.count("ipvsadm --restore") == kernel.ran.count("ipset restore") == 1


async def test_existing_jumps_are_not_added_again() -> None:
    kernel = FakeKernel()
    sink = IPVSSink(kernel.run, settings=NOWHERE)
    await lead(sink, state_with())
    kernel.ran.clear()
    await lead(sink, web("10.244.0.1"))
    assert "iptables-restore --noflush -w" in kernel.ran
    assert "sh" not in kernel.ran


async def test_a_restart_finds_the_state_and_writes_rules_once() -> None:
    kernel, desired = FakeKernel(), web("10.244.0.1")
    await lead(IPVSSink(kernel.run, settings=NOWHERE), desired)
    sink = IPVSSink(kernel.run, settings=NOWHERE)
    steps = plan(await sink.observe(desired), desired)
    assert [type(step).__name__ for step in steps] == ["ReplaceNetfilter"] * 2
    await sink.apply(steps)
    assert plan(await sink.observe(desired), desired) == ()


async def test_objects_of_other_programs_are_kept() -> None:
    kernel, desired = FakeKernel(), web("10.244.0.1")
    kernel.servers["-t 203.0.113.9:80"] = {"": "-s rr", "192.0.2.77:80": "1"}
    kernel.sets["THEIRS"] = ("hash:ip family inet hashsize 1024 maxelem 65536", {"192.0.2.1"})
    kernel.filters["iptables"].chains["filter", "THEIRS"] = ["-j DROP"]
    sink = IPVSSink(kernel.run, settings=NOWHERE)
    await lead(sink, desired)
    await lead(sink, IPVSState())
    assert kernel.servers == {"-t 203.0.113.9:80": {"": "-s rr", "192.0.2.77:80": "1"}}
    assert set(kernel.sets) == {"THEIRS"}
    assert kernel.addresses is None
    assert kernel.filters["iptables"].chains["filter", "THEIRS"] == ["-j DROP"]
    assert not any("KUBE" in name for _, name in kernel.filters["ip6tables"].chains)


@pytest.mark.parametrize("chain", [("nat", "KUBE-SERVICES"), ("filter", "INPUT")])
async def test_rules_that_were_changed_are_replaced(chain: tuple[str, str]) -> None:
    kernel, desired = FakeKernel(), web("10.244.0.1")
    sink = IPVSSink(kernel.run, settings=NOWHERE)
    await lead(sink, desired)
    before = kernel.filters["iptables"].save()
    kernel.filters["iptables"].chains[chain].pop(0)
    steps = plan(await sink.observe(desired), desired)
    assert [type(step).__name__ for step in steps] == ["ReplaceNetfilter"]
    await sink.apply(steps)
    assert kernel.filters["iptables"].save() == before


async def test_a_missing_sysctl_is_logged_once(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "net/ipv4").mkdir(parents=True)
    (tmp_path / "net/ipv4/ip_forward").write_text("0\n")
    sink = IPVSSink(FakeKernel().run, settings=tmp_path)
    desired = state_with()
    with caplog.at_level(logging.WARNING):
        current = await sink.observe(desired)
        await sink.observe(desired)
    assert current.sysctls["net.ipv4.ip_forward"] == "0"
    assert current.sysctls["net.ipv4.vs.conntrack"] == "1"
    assert caplog.text.count("net.ipv4.vs.conntrack") == 1


async def test_a_machine_without_ipv6_needs_no_program_for_it() -> None:
    kernel = FakeKernel(missing={"ip6tables-save"})
    sink = IPVSSink(kernel.run, settings=NOWHERE)
    assert (await sink.observe(IPVSState())).netfilters == {}
    with pytest.raises(SinkFailed, match="ip6tables-save"):
        await sink.observe(state_with())


async def test_a_program_that_lists_other_rules_than_written_is_noticed() -> None:
    kernel = FakeKernel()

    async def run(command: str, *, text: str = "") -> str:
        return "" if command == "iptables-save" else await kernel.run(command, text=text)

    with pytest.raises(SinkFailed, match="iptables-save does not show"):
        await lead(IPVSSink(run, settings=NOWHERE), web("10.244.0.1"))


async def test_invalid_output_of_a_program_is_a_failure() -> None:
    async def run(command: str, *, text: str = "") -> str:
        del command, text
        return "nonsense\n"

    with pytest.raises(SinkFailed, match="cannot be read"):
        await IPVSSink(run, settings=NOWHERE).observe(IPVSState())


async def test_servers_without_connections_are_idle() -> None:
    kernel, desired = FakeKernel(), web("10.244.0.1", "10.244.0.2")
    sink = IPVSSink(kernel.run, settings=NOWHERE)
    await lead(sink, desired)
    kernel.busy.add("10.244.0.2:8080")
    (key,) = desired.servers
    both = [RealServerKey(key, f"10.244.0.{number}", 8080) for number in (1, 2)]
    assert list(await sink.idle(both)) == both[:1]
    gone = RealServerKey(key, "10.244.0.9", 8080)
    assert list(await sink.idle([gone])) == [gone]


@st.composite
def states(draw: st.DrawFn) -> IPVSState:
    snapshot = Snapshot().apply(draw(rule_histories(max_size=6)))
    node = draw(addressed_nodes())
    return state_of(ipvs_rules(node_rules(snapshot, node, draw(configs))))


@given(st.lists(states(), min_size=1, max_size=3))
@settings(deadline=None)
async def test_a_kernel_reaches_the_desired_state_from_any_state(path: list[IPVSState]) -> None:
    kernel = FakeKernel()
    sink = IPVSSink(kernel.run, settings=NOWHERE)
    for desired in path:
        current = await lead(sink, desired)
        # Only sysctls that the fake machine lacks, and draining servers, may differ.
        left = plan(replace(current, sysctls=desired.sysctls), desired)
        assert [step for step in left if awaited(step) is None] == []
    await lead(sink, IPVSState())
    assert (kernel.servers, kernel.sets, kernel.addresses) == ({}, {}, None)
