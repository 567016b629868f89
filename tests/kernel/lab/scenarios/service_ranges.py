"""Addresses of the service ranges that no Service has: nothing sent to them leaves the node.

The host behind the default route has such addresses here and refuses, so that what does leave
the node is noticed.
"""

from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Final

from tests.kernel.lab.lab import RANGES, SERVICE_PORT, Lab, LabService
from tests.kernel.lab.namespaces import ip_batch
from tests.kernel.lab.network import FABRIC, FABRIC_HOST, NODES, OUTSIDE
from tests.kernel.lab.scenarios.expectations import is_dropped, is_refused, pods_reached
from tests.kernel.lab.scenarios.registry import scenario
from tests.kernel.lab.traffic import connect

WEB: Final = LabService(pods={"a1": 1, "b1": 1}, external_ips=("198.51.100.10",))
FREE: Final = ("10.96.0.77", "fd00:10:96::77")
"""Addresses of the ranges that no Service ever has."""
LATER: Final = ("10.97.0.0/16",)
FREE_LATER: Final = "10.97.0.77"


@contextmanager
def _behind_the_default_route(*addresses: str) -> Generator[None]:
    """Let the host behind the default route of nodes have these addresses for a while."""
    node = NODES["node1"]
    lines = [
        f"route replace 10.244.1.0/24 via {node.ip}",
        f"route replace fd00:10:244:1::/64 via {node.ip6}",
    ]
    for address in addresses:
        ready_at_once = " nodad" if ":" in address else ""
        lines.append(f"addr add {address} dev {FABRIC}{ready_at_once}")
    ip_batch(lines)
    try:
        yield
    finally:
        ip_batch(f"addr del {address} dev {FABRIC}" for address in addresses)


@scenario("nftables")
def an_address_of_the_range_that_no_service_has_does_not_leave_the_node(lab: Lab) -> None:
    with _behind_the_default_route(*FREE):
        lab.apply(WEB, ranges=())
        assert all(is_refused(caller, at) for caller in ("client1", "node1") for at in FREE)
        lab.apply(WEB)
        for caller in ("client1", "node1"):
            for address in FREE:
                for protocol in ("tcp", "udp"):
                    assert is_dropped(caller, address, protocol=protocol), (caller, address)
        assert pods_reached("client1", WEB.ip) == {"a1", "b1"}
        assert pods_reached("node1", WEB.ip6) == {"a1", "b1"}
        assert pods_reached(OUTSIDE.name, WEB.external_ips[0]) == {"a1", "b1"}


@scenario("nftables")
def the_address_of_a_deleted_service_goes_nowhere_and_open_connections_go_on(lab: Lab) -> None:
    lab.apply(WEB)
    with (
        _behind_the_default_route(WEB.ip, WEB.ip6),
        closing(connect("client1", WEB.ip, SERVICE_PORT)) as from_a_pod,
        closing(connect("node1", WEB.ip6, SERVICE_PORT)) as from_the_node,
    ):
        lab.apply()
        for caller in ("client1", "node1"):
            for address in (WEB.ip, WEB.ip6):
                assert is_dropped(caller, address), (caller, address)
        assert from_a_pod.echoes("still here")
        assert from_the_node.echoes("and here")


@scenario("nftables")
def a_service_of_the_range_without_endpoints_refuses_still(lab: Lab) -> None:
    lab.apply(replace(WEB, pods={}))
    for caller in ("client1", "node1"):
        for address in (WEB.ip, WEB.ip6):
            assert is_refused(caller, address), (caller, address)
            assert is_refused(caller, address, 81), (caller, address)


@scenario("nftables")
def ranges_count_from_when_they_are_added_until_they_are_removed(lab: Lab) -> None:
    with _behind_the_default_route(FREE_LATER):
        lab.apply(WEB)
        assert is_refused("client1", FREE_LATER)
        lab.apply(WEB, ranges=(RANGES[0], *LATER))
        assert is_dropped("client1", FREE_LATER)
        lab.apply(WEB)
        assert is_refused("client1", FREE_LATER)
        assert pods_reached("client1", WEB.ip) == {"a1", "b1"}


@scenario("nftables")
def a_range_in_which_the_node_itself_is_cuts_it_off_from_nobody(lab: Lab) -> None:
    lab.apply(WEB, ranges=("172.18.0.0/16",))
    # It hears of both: from its neighbour, which has no such port, and from the Service.
    assert is_refused("node1", FABRIC_HOST.ip, 81)
    assert pods_reached("node1", WEB.ip) == {"a1", "b1"}
