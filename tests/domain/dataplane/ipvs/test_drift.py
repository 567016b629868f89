"""Drift: what a node holds beside what it was told, and the steps that mend it."""

from dataclasses import replace

import pytest

from app.domain.addresses import IPFamily, parse_prefix
from app.domain.dataplane.ipvs.applied import apply
from app.domain.dataplane.ipvs.drift import Difference, DifferenceReason, Drift, Ownership, drift
from app.domain.dataplane.ipvs.ipvsadm import encode_servers, parse_servers
from app.domain.dataplane.ipvs.operations import state_of
from app.domain.dataplane.ipvs.state import IPVSRules, ipvs_rules
from app.domain.dataplane.ipvs.virtual_server import ServerKey, server_key
from app.domain.dataplane.rules.model import Destination, RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.names import Revision
from app.domain.snapshot import load
from tests.builders import a_destination, a_node, a_service, an_endpoint, an_endpoint_slice

NODE_ADDRESS = "192.0.2.10"
KEY = server_key(IPFamily.IPV4, "TCP", "10.96.0.20", 80)
ONE, TWO = a_destination("10.244.0.1", 8080), a_destination("10.244.0.2", 8080)
TOLD = (
    "-A -t 10.96.0.20:80 -s rr\n"
    "-a -t 10.96.0.20:80 -r 10.244.0.1:8080 -m -w 1\n"
    "-a -t 10.96.0.20:80 -r 10.244.0.2:8080 -m -w 1\n"
)
OURS = Ownership(
    prefixes=[prefix for prefix in [parse_prefix("10.96.0.0/16")] if prefix is not None],
    node_addresses=frozenset({NODE_ADDRESS}),
    node_ports=range(30_000, 32_768),
)


def rules() -> IPVSRules:
    slice_ = an_endpoint_slice(an_endpoint(ONE[0]), an_endpoint(TWO[0]))
    snapshot = load([a_service(), slice_], revision=Revision(1))
    return ipvs_rules(node_rules(snapshot, a_node("n1"), RulesConfig()))


def found(listing: str) -> Drift:
    return drift(parse_servers(listing), rules(), OURS)


def difference(
    reason: str, key: ServerKey = KEY, destination: Destination | None = None
) -> Difference:
    return Difference(reason=DifferenceReason(reason), key=key, destination=destination)


def test_a_node_that_holds_what_it_was_told_does_not_differ() -> None:
    assert encode_servers(rules().virtual_servers) == TOLD
    assert found(TOLD) == Drift()


STALE = server_key(IPFamily.IPV4, "TCP", "10.96.0.99", 80)
GONE = a_destination("10.244.0.9", 8080)


@pytest.mark.parametrize(
    ("listing", "differences"),
    [
        (
            "",
            [
                difference("MissingVirtualServer"),
                difference("MissingRealServer", destination=ONE),
                difference("MissingRealServer", destination=TWO),
            ],
        ),
        (TOLD.replace("-s rr", "-s lc"), [difference("ChangedVirtualServer")]),
        (
            TOLD.replace("2:8080 -m -w 1", "2:8080 -m -w 7"),
            [difference("ChangedWeight", destination=TWO)],
        ),
        # Reached otherwise than by masquerading: put right by giving it its weight anew.
        (
            TOLD.replace("2:8080 -m -w 1", "2:8080 -i -w 1"),
            [difference("ChangedWeight", destination=TWO)],
        ),
        # It is drained before it goes, which is no difference of its own.
        (
            f"{TOLD}-a -t 10.96.0.20:80 -r 10.244.0.9:8080 -m -w 1\n",
            [difference("UnexpectedRealServer", destination=GONE)],
        ),
        (
            f"{TOLD}-A -t 10.96.0.99:80 -s rr\n",
            [difference("UnexpectedVirtualServer", key=STALE)],
        ),
    ],
)
def test_every_difference_is_told_and_mended(listing: str, differences: list[Difference]) -> None:
    drifted = found(listing)
    assert list(drifted.differences) == differences
    assert drifted.foreign == ()
    desired = state_of(rules())
    held = replace(desired, servers=parse_servers(listing))
    mended = apply(drifted.operations, held)
    assert mended.servers == desired.servers


@pytest.mark.parametrize(
    ("address", "port", "is_ours"),
    [
        ("10.96.200.1", 8080, True),
        (NODE_ADDRESS, 30_080, True),
        (NODE_ADDRESS, 8080, False),
        ("198.51.100.1", 80, False),
        ("10.97.0.1", 30_080, False),
    ],
)
def test_servers_of_others_are_listed_and_never_touched(
    address: str, port: int, *, is_ours: bool
) -> None:
    key = server_key(IPFamily.IPV4, "TCP", address, port)
    drifted = found(f"{TOLD}-A -t {address}:{port} -s rr\n")
    if is_ours:
        assert drifted.differences == (difference("UnexpectedVirtualServer", key=key),)
        assert drifted.foreign == ()
    else:
        assert drifted == Drift(foreign=(key,))
