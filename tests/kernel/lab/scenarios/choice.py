"""Which endpoint is chosen: weights, session affinity, and changes while connections are open."""

import socket
import time
from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from typing import Final

from tests.kernel.lab.lab import SERVICE_PORT, Lab, LabService, eventually
from tests.kernel.lab.network import CLIENT_ALIASES, NODES, OUTSIDE
from tests.kernel.lab.scenarios.expectations import pods_reached, tally
from tests.kernel.lab.scenarios.registry import scenario
from tests.kernel.lab.traffic import Unanswered, ask, call, connect, open_udp

WEB: Final = LabService(pods={"a1": 1, "a2": 1, "b1": 1})
NODE_PORT: Final = 30080
AFFINITY_S: Final = 5
EXPIRED_WITHIN_S: Final = 60


@scenario()
def equal_endpoints_share_alike(lab: Lab) -> None:
    lab.apply(WEB)
    counts = tally("client1", WEB.ip, calls=300)
    # Binomial with p = 1/3: a standard deviation is 8.2, and chance strays 5 of them never.
    assert all(59 <= counts[pod] <= 141 for pod in WEB.pods), counts


@scenario()
def weights_are_kept_to(lab: Lab) -> None:
    lab.apply(replace(WEB, pods={"a1": 1, "a2": 3, "b1": 0}))
    counts = tally("client1", WEB.ip, calls=300)
    # Binomial with p = 3/4: a standard deviation is 7.5.
    assert 187 <= counts["a2"] <= 263, counts
    assert counts["b1"] == 0, counts


@scenario()
def a_weight_of_zero_takes_no_new_connection_and_keeps_the_old(lab: Lab) -> None:
    lab.apply(replace(WEB, pods={"a1": 1}))
    with closing(connect("client1", WEB.ip, SERVICE_PORT)) as open_connection:
        lab.apply(replace(WEB, pods={"a1": 0, "b1": 1}))
        assert pods_reached("client1", WEB.ip) == {"b1"}
        assert open_connection.echoes("still here")


@scenario()
def an_open_connection_survives_the_removal_of_its_pod(lab: Lab) -> None:
    lab.apply(replace(WEB, pods={"a1": 1}))
    with closing(connect("client2", WEB.ip, SERVICE_PORT)) as open_connection:
        lab.apply(replace(WEB, pods={"b1": 1}))
        assert pods_reached("client2", WEB.ip) == {"b1"}
        assert open_connection.echoes("still here")
        lab.apply(replace(WEB, pods={"a2": 1, "b1": 1}))
        assert open_connection.echoes("and still")


@scenario()
def a_datagram_flow_moves_on_when_its_endpoint_is_gone(lab: Lab) -> None:
    lab.apply(replace(WEB, pods={"a1": 1}, node_port=NODE_PORT))
    flows = [
        open_udp("client1", WEB.ip, SERVICE_PORT),
        open_udp("client1", WEB.ip6, SERVICE_PORT),
        open_udp(OUTSIDE.name, NODES["node1"].ip, NODE_PORT),
    ]
    with ExitStack() as opened:
        for flow in flows:
            opened.enter_context(flow)
            assert ask(flow).pod == "a1"
        lab.apply(replace(WEB, pods={"b1": 1}, node_port=NODE_PORT))
        for flow in flows:
            eventually(partial(_is_answered_by_b1, flow), within_s=60, what="b1 answers")


def _is_answered_by_b1(flow: socket.socket) -> bool:
    """Ask as a patient client would: the first datagram may be what ends the old flow."""
    flow.settimeout(0.5)
    try:
        return ask(flow).pod == "b1"
    except (Unanswered, ConnectionRefusedError):
        return False


@scenario()
def a_client_keeps_its_endpoint(lab: Lab) -> None:
    web = replace(WEB, affinity_timeout_s=600, node_port=NODE_PORT)
    lab.apply(web)
    for caller, address, port in (
        ("client1", web.ip, SERVICE_PORT),
        ("client1", web.ip6, SERVICE_PORT),
        ("node1", web.ip, SERVICE_PORT),
        (OUTSIDE.name, NODES["node2"].ip, NODE_PORT),
    ):
        for protocol in ("tcp", "udp"):
            reached = pods_reached(caller, address, port, protocol=protocol)
            assert len(reached) == 1, (caller, address, protocol, reached)
    assert set(_answers(web.ip).values()) == set(web.pods), "all clients went to the same"


@scenario()
def a_client_keeps_its_endpoint_while_others_come_and_go(lab: Lab) -> None:
    web = replace(WEB, affinity_timeout_s=600)
    lab.apply(web)
    before = _answers(web.ip)
    lab.apply(replace(web, pods={"a1": 1, "b1": 1, "client2": 1}))
    after = _answers(web.ip)
    moved = {alias for alias in before if after[alias] != before[alias]}
    assert moved == {alias for alias in before if before[alias] == "a2"}, (before, after)
    assert _answers(web.ip) == after


@scenario()
def a_forgotten_client_may_go_elsewhere(lab: Lab) -> None:
    web = replace(WEB, affinity_timeout_s=AFFINITY_S)
    lab.apply(web)
    lab.backend.forget_idle_flows_quickly("node1")
    before = _answers(web.ip, protocol="udp")
    assert _answers(web.ip, protocol="udp") == before
    until_s = time.monotonic() + EXPIRED_WITHIN_S
    while _answers(web.ip, protocol="udp") == before:
        assert time.monotonic() < until_s, f"after {EXPIRED_WITHIN_S} s: {before}"
        time.sleep(AFFINITY_S + 0.5)  # a call in between would begin the time anew


def _answers(address: str, *, protocol: str = "tcp") -> dict[str, str]:
    """Ask once from each address of a client that has many; chance alike for all is 3**-15."""
    return {
        alias: call("client1", address, SERVICE_PORT, protocol=protocol, source=alias).pod
        for alias in _shuffled(CLIENT_ALIASES)
    }


def _shuffled(aliases: Iterable[str]) -> list[str]:
    """Change the order from call to call, or round robin would repeat itself."""
    listed = list(aliases)
    turn = time.monotonic_ns() % len(listed)
    return listed[turn:] + listed[:turn]
