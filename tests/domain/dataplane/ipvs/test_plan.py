"""Plans: examples to read, then the laws every pair of states obeys."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.dataplane.ipvs.applied import apply
from app.domain.dataplane.ipvs.ipsets import SetType
from app.domain.dataplane.ipvs.operations import (
    AddRealServer,
    DrainRealServer,
    HeldSet,
    IPVSState,
    Operation,
    RealServerKey,
    RemoveRealServer,
    ReplaceSet,
    SetWeight,
    state_of,
)
from app.domain.dataplane.ipvs.plan import plan
from app.domain.dataplane.ipvs.state import ipvs_rules
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.names import Revision
from app.domain.objects.endpoint_slice import EndpointPort
from app.domain.objects.resource import Object
from app.domain.objects.service import ServicePort
from app.domain.snapshot import Snapshot, load
from tests.builders import a_destination, a_node, a_service, an_endpoint, an_endpoint_slice
from tests.rules_strategies import addressed_nodes, configs, rule_histories

NODE = a_node("n1")


def state_with(*objects: Object) -> IPVSState:
    snapshot = load(objects, revision=Revision(1))
    return state_of(ipvs_rules(node_rules(snapshot, NODE, RulesConfig())))


def web(*addresses: str, protocol: str = "TCP", weight: int | None = None) -> IPVSState:
    """A state in which one Service has these endpoints."""
    return state_with(
        a_service(ports=(ServicePort(port=80, name="http", protocol=protocol),)),
        an_endpoint_slice(
            *(an_endpoint(address, weight=weight) for address in addresses),
            ports=(EndpointPort(port=8080, name="http", protocol=protocol),),
        ),
    )


def names(operations: tuple[Operation, ...]) -> list[str]:
    return [type(operation).__name__ for operation in operations]


def test_a_fresh_node_gets_sets_before_rules_before_servers_before_addresses() -> None:
    operations = names(plan(IPVSState(), web("10.244.0.1")))
    firsts = list(dict.fromkeys(operations))
    assert firsts == [
        "SetSysctl",
        "CreateSet",
        "AddEntry",
        "ReplaceNetfilter",
        "AddVirtualServer",
        "AddRealServer",
        "CreateInterface",
        "BindAddress",
    ]


def test_a_real_server_that_goes_is_drained_after_its_successor_is_there() -> None:
    operations = plan(web("10.244.0.1"), web("10.244.0.2"))
    (key,) = web("10.244.0.1").servers
    assert operations == (
        AddRealServer(key, a_destination("10.244.0.2", 8080)),
        DrainRealServer(key, ("10.244.0.1", 8080)),
        RemoveRealServer(key, ("10.244.0.1", 8080), when_drained=True),
    )


@pytest.mark.parametrize("protocol", ["UDP", "SCTP"])
def test_without_connections_to_wait_for_a_real_server_goes_at_once(protocol: str) -> None:
    current, desired = web("10.244.0.1", protocol=protocol), web(protocol=protocol)
    (key,) = current.servers
    assert plan(current, desired) == (
        RemoveRealServer(key, ("10.244.0.1", 8080), when_drained=False),
    )


def test_an_idle_real_server_goes_at_once() -> None:
    current = web("10.244.0.1")
    (key,) = current.servers
    idle = {RealServerKey(key, "10.244.0.1", 8080)}
    assert plan(current, web(), idle=idle) == (
        RemoveRealServer(key, ("10.244.0.1", 8080), when_drained=False),
    )


def test_a_draining_real_server_that_is_wanted_again_gets_its_weight_back() -> None:
    draining, wanted = web("10.244.0.1", weight=0), web("10.244.0.1")
    (key,) = wanted.servers
    assert plan(draining, wanted) == (SetWeight(key, a_destination("10.244.0.1", 8080)),)


def test_a_draining_real_server_is_not_drained_again() -> None:
    draining = web("10.244.0.1", weight=0)
    (key,) = draining.servers
    assert plan(draining, web()) == (
        RemoveRealServer(key, ("10.244.0.1", 8080), when_drained=True),
    )


def test_a_virtual_server_goes_before_its_address_its_rules_and_its_entries() -> None:
    operations = names(plan(web("10.244.0.1"), state_with()))
    assert operations == [
        "RemoveVirtualServer",
        "UnbindAddress",
        "ReplaceNetfilter",
        "RemoveEntry",
        "RemoveEntry",
    ]


def test_a_set_that_would_overflow_on_the_way_is_replaced_in_one_step() -> None:
    current, desired = web("10.244.0.1"), web("10.244.0.2")
    full = frozenset(str(number) for number in range(65_000))
    other = frozenset(f"other {number}" for number in range(65_000))

    def filled(state: IPVSState, entries: frozenset[str]) -> IPVSState:
        held = replace(state.ipsets["KUBE-IPVS-IPS"], entries=entries)
        return replace(state, ipsets={**state.ipsets, "KUBE-IPVS-IPS": held})

    operations = plan(filled(current, full), filled(desired, other))
    assert isinstance(operations[0], ReplaceSet)
    assert apply(operations, filled(current, full)) == filled(desired, other)


def holding(*entries: str, elements_max: int | None, type_: SetType = SetType.IP) -> IPVSState:
    """A state of one set."""
    return IPVSState(ipsets={"SOME": HeldSet(type_, "inet", elements_max, frozenset(entries))})


@pytest.mark.parametrize(
    ("current", "desired", "during", "operations"),
    [
        # A set of another size takes over what the old one holds until traffic has moved.
        (
            holding("a", "b", elements_max=4),
            holding("b", "c", elements_max=8),
            {"a", "b", "c"},
            ["ReplaceSet", "RemoveEntry"],
        ),
        # There is no room for both.
        (
            holding("a", "b", elements_max=4),
            holding("c", "d", "e", elements_max=3),
            {"c", "d", "e"},
            ["ReplaceSet"],
        ),
        # Entries of another type mean nothing in it.
        (
            holding("80", elements_max=None, type_=SetType.PORT),
            holding("a", elements_max=4),
            {"a"},
            ["ReplaceSet"],
        ),
    ],
)
def test_a_set_that_cannot_be_kept_is_replaced_with_as_much_of_the_old_as_fits(
    current: IPVSState, desired: IPVSState, during: set[str], operations: list[str]
) -> None:
    steps = plan(current, desired)
    assert names(steps) == operations
    assert apply(steps[:1], current).ipsets["SOME"].entries == during
    assert apply(steps, current) == desired


@st.composite
def states(draw: st.DrawFn) -> IPVSState:
    changes = draw(rule_histories(max_size=6))
    snapshot = Snapshot().apply(changes)
    node = draw(addressed_nodes())
    return state_of(ipvs_rules(node_rules(snapshot, node, draw(configs))))


@given(states(), states())
def test_applying_a_plan_leads_to_what_is_desired(current: IPVSState, desired: IPVSState) -> None:
    assert apply(plan(current, desired), current) == desired


@given(states())
def test_nothing_is_planned_where_nothing_differs(state: IPVSState) -> None:
    assert plan(state, state) == ()
    assert plan(state, replace(state, servers=dict(state.servers))) == ()


@given(states(), states())
def test_an_applied_plan_leaves_nothing_to_plan(current: IPVSState, desired: IPVSState) -> None:
    assert plan(apply(plan(current, desired), current), desired) == ()


@given(states(), states(), st.data())
def test_a_plan_cut_short_is_made_good_by_the_next(
    current: IPVSState, desired: IPVSState, data: st.DataObject
) -> None:
    operations = plan(current, desired)
    done = data.draw(st.integers(0, len(operations)))
    midway = apply(operations[:done], current)
    assert apply(plan(midway, desired), midway) == desired


@given(st.lists(states(), min_size=1, max_size=4))
def test_the_path_does_not_matter(path: list[IPVSState]) -> None:
    state = IPVSState()
    for desired in path:
        state = apply(plan(state, desired), state)
    assert state == apply(plan(IPVSState(), path[-1]), IPVSState())


@given(states())
def test_clean_up_leaves_nothing_but_settings(state: IPVSState) -> None:
    empty = replace(IPVSState(), sysctls=state.sysctls)
    assert apply(plan(state, IPVSState()), state) == empty
