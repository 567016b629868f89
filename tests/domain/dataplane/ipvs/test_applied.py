"""Single steps: what each makes of a state, and which ones a kernel would refuse."""

from dataclasses import replace

import pytest

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs.applied import apply
from app.domain.dataplane.ipvs.ipsets import IPSet, SetType
from app.domain.dataplane.ipvs.operations import (
    AddEntry,
    AddRealServer,
    AddVirtualServer,
    BindAddress,
    CreateInterface,
    CreateSet,
    DestroySet,
    DrainRealServer,
    EditVirtualServer,
    IPVSState,
    Operation,
    RemoveEntry,
    RemoveInterface,
    RemoveNetfilter,
    RemoveRealServer,
    RemoveVirtualServer,
    ReplaceNetfilter,
    ReplaceSet,
    SetSysctl,
    SetWeight,
    UnbindAddress,
    held_set,
    state_of,
)
from app.domain.dataplane.ipvs.plan import plan
from app.domain.dataplane.ipvs.state import ipvs_rules
from app.domain.dataplane.ipvs.virtual_server import server_key
from app.domain.dataplane.rules.model import DUMMY_INTERFACE, Destination, RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.dataplane.rules.order import OutOfOrder
from app.domain.names import Revision
from app.domain.snapshot import load
from tests.builders import a_destination, a_node, a_service, an_endpoint, an_endpoint_slice

ADDRESS, ENTRY, SET = "10.96.0.20", "10.96.0.20,tcp:80", "KUBE-CLUSTER-IP"
ONE, TWO = a_destination("10.244.0.1", 8080), a_destination("10.244.0.2", 8080)


def serving(*endpoints: str) -> IPVSState:
    slice_ = an_endpoint_slice(*(an_endpoint(address) for address in endpoints))
    snapshot = load([a_service(), slice_], revision=Revision(1))
    return state_of(ipvs_rules(node_rules(snapshot, a_node("n1"), RulesConfig())))


EMPTY, STATE = IPVSState(), serving(ONE[0])
(KEY,) = STATE.servers
SERVER = STATE.servers[KEY]
OTHER = server_key(IPFamily.IPV4, "TCP", "10.96.0.99", 80)
NETFILTER = STATE.netfilters[IPFamily.IPV4]
BARE = SERVER._replace(real_servers=())
SMALL = IPSet(name="SMALL", type=SetType.IP, family="inet", entries=("a",), elements_max=1)
FULL = replace(EMPTY, ipsets={SMALL.name: held_set(SMALL)})
DRAINED = apply([DrainRealServer(KEY, ONE[:2])], STATE)


def real_servers(state: IPVSState) -> tuple[Destination, ...]:
    return state.servers[KEY].real_servers


@pytest.mark.parametrize(
    ("state", "operation"),
    [
        (STATE, CreateSet(SMALL)),
        (EMPTY, CreateInterface(DUMMY_INTERFACE)),
        (STATE, AddEntry(SET, "10.96.0.21,tcp:80")),
        (STATE, RemoveEntry(SET, ENTRY)),
        (STATE, UnbindAddress(ADDRESS)),
        (STATE, RemoveNetfilter(IPFamily.IPV4)),
        (STATE, AddVirtualServer(BARE._replace(key=OTHER))),
        (STATE, RemoveVirtualServer(KEY)),
        (STATE, AddRealServer(KEY, TWO)),
        (STATE, SetWeight(KEY, ONE._replace(weight=7))),
        (STATE, EditVirtualServer(BARE._replace(scheduler="lc"))),
        (STATE, SetSysctl("net.ipv4.ip_forward", "0")),
    ],
    ids=lambda drawn: getattr(drawn, "op", ""),
)
def test_a_step_is_all_that_a_plan_would_make_up_for(
    state: IPVSState, operation: Operation
) -> None:
    after = apply([operation], state)
    assert after != state
    if not isinstance(operation, SetSysctl):  # settings are never taken back
        assert apply(plan(after, state), after) == state


def test_a_virtual_server_is_edited_around_its_real_servers() -> None:
    after = apply([EditVirtualServer(BARE._replace(scheduler="lc"))], STATE)
    assert after.servers == {KEY: SERVER._replace(scheduler="lc")}


def test_real_servers_keep_their_order_whatever_comes_and_goes() -> None:
    ten = a_destination("10.244.0.10", 8080)
    state = apply([AddRealServer(KEY, ten), AddRealServer(KEY, TWO)], STATE)
    assert real_servers(state) == (ONE, TWO, ten)
    state = apply([RemoveRealServer(KEY, TWO[:2], when_drained=False)], state)
    assert real_servers(state) == (ONE, ten)


def test_a_drained_real_server_is_there_with_no_weight_until_it_is_removed() -> None:
    assert real_servers(DRAINED) == (ONE._replace(weight=0),)
    assert real_servers(apply([SetWeight(KEY, ONE)], DRAINED)) == (ONE,)
    gone = apply([RemoveRealServer(KEY, ONE[:2], when_drained=True)], DRAINED)
    assert real_servers(gone) == ()


def test_a_set_is_replaced_as_a_whole() -> None:
    wider = replace(SMALL, entries=("b", "c"), elements_max=2)
    assert apply([ReplaceSet(wider)], FULL).ipsets == {SMALL.name: held_set(wider)}


@pytest.mark.parametrize(
    ("state", "operation"),
    [
        # Sets.
        (FULL, CreateSet(SMALL)),
        (EMPTY, ReplaceSet(SMALL)),
        (EMPTY, DestroySet(SET)),
        (STATE, DestroySet(SET)),  # filter rules ask it
        (EMPTY, AddEntry(SET, ENTRY)),
        (STATE, AddEntry(SET, ENTRY)),
        (FULL, AddEntry(SMALL.name, "b")),
        (EMPTY, RemoveEntry(SET, ENTRY)),
        (STATE, RemoveEntry(SET, "10.96.0.99,tcp:80")),
        # The interface and its addresses.
        (STATE, CreateInterface(DUMMY_INTERFACE)),
        (EMPTY, RemoveInterface(DUMMY_INTERFACE)),
        (STATE, RemoveInterface(DUMMY_INTERFACE)),
        (EMPTY, BindAddress(ADDRESS)),
        (STATE, BindAddress(ADDRESS)),
        (STATE, BindAddress("10.96.0.99")),  # nothing answers there
        (STATE, UnbindAddress("10.96.0.99")),
        # Filter rules.
        (EMPTY, ReplaceNetfilter(NETFILTER)),
        (EMPTY, RemoveNetfilter(IPFamily.IPV4)),
        # Servers.
        (STATE, AddVirtualServer(BARE)),
        (EMPTY, AddVirtualServer(BARE)),  # nothing lets traffic through yet
        (STATE, AddVirtualServer(SERVER._replace(key=OTHER))),  # it brings real servers along
        (STATE, EditVirtualServer(BARE._replace(key=OTHER))),
        (STATE, RemoveVirtualServer(OTHER)),
        (STATE, AddRealServer(OTHER, ONE)),
        (STATE, AddRealServer(KEY, ONE)),
        (STATE, SetWeight(KEY, TWO)),
        (STATE, DrainRealServer(KEY, TWO[:2])),
        (DRAINED, DrainRealServer(KEY, ONE[:2])),
        (STATE, RemoveRealServer(KEY, TWO[:2], when_drained=False)),
        (STATE, RemoveRealServer(KEY, ONE[:2], when_drained=True)),
    ],
    ids=lambda drawn: getattr(drawn, "op", ""),
)
def test_a_step_that_does_not_fit_is_refused(state: IPVSState, operation: Operation) -> None:
    with pytest.raises(OutOfOrder):
        apply([operation], state)


def test_all_that_was_told_can_be_taken_back_but_for_settings() -> None:
    assert apply(plan(STATE, EMPTY), STATE) == replace(EMPTY, sysctls=STATE.sysctls)
