"""One answer for all clients: cut to size, and which records are omitted first."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

import dns.flags
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dns.messages.message import UDP_BYTES_MAX, UDP_BYTES_SAFE, Transport
from app.domain.addresses import Address
from app.domain.names import Revision
from app.domain.snapshot import Snapshot, load
from tests.builders import (
    a_headless_service,
    a_namespace,
    an_alias,
    an_endpoint,
    an_endpoint_slice,
)
from tests.dns.answering.test_protocol import HOST, a_protocol, ask
from tests.dns_vectors import VECTORS, config_of, snapshot_of

NEAR = ip_address("127.0.0.1")


@pytest.mark.parametrize("case", VECTORS["size_vectors"]["cases"], ids=lambda case: case["id"])
def test_answers_are_truncated_as_published(case: Mapping[str, Any]) -> None:
    request = case["request"]
    query = dns.message.make_query(case["qname"], case["qtype"])
    if request["edns_bufsize"] is not None:
        query.use_edns(0, payload=request["edns_bufsize"])
    transport = Transport[request["transport"].upper()]
    protocol = a_protocol(snapshot_of(case["fixture"]), zone=config_of(case))
    reply = protocol.respond(query.to_wire(), transport, NEAR)
    assert isinstance(reply, bytes)
    assert len(reply) <= case["limit"]
    message = dns.message.from_wire(reply, continue_on_error=True)
    assert bool(message.flags & dns.flags.TC) == case["tc"]
    assert (message.edns >= 0) == case["opt_in_reply"]
    if not case["tc"]:
        assert sum(map(len, message.answer)) == case["full_answers"]
        assert sum(map(len, message.additional)) == case["full_additional"]


def a_headless_zone(count: int) -> Snapshot:
    """Make a headless Service of ``count`` endpoints, each with its own hostname."""
    slices = [
        an_endpoint_slice(
            *(
                an_endpoint(f"10.240.{number // 250}.{number % 250 + 1}", hostname=f"w-{number}")
                for number in range(start, min(start + 100, count))
            ),
            name=f"big-{start}",
            service="big",
        )
        for start in range(0, count, 100)
    ]
    return load([a_namespace(), a_headless_service("big"), *slices], revision=Revision(1))


@pytest.mark.parametrize(
    ("count", "size", "transport"),
    [(18, 1232, Transport.UDP), (1000, None, Transport.TCP), (1100, None, Transport.TCP)],
)
def test_glue_is_omitted_before_an_answer_and_without_tc(
    count: int, size: int | None, transport: Transport
) -> None:
    query = dns.message.make_query("_http._tcp.big.default.svc.cluster.local", "SRV")
    if size is not None:
        query.use_edns(0, payload=size)
    protocol = a_protocol(a_headless_zone(count))
    for _ in range(2):
        reply = ask(protocol, query, transport)
        assert sum(map(len, reply.answer)) == count
        assert 0 < sum(map(len, reply.additional)) < count
        assert not reply.flags & dns.flags.TC


def test_an_answer_that_does_not_fit_is_cut_with_tc_and_without_glue() -> None:
    query = dns.message.make_query("_http._tcp.big.default.svc.cluster.local", "SRV")
    reply = ask(a_protocol(a_headless_zone(1300)), query, Transport.TCP)
    assert reply.flags & dns.flags.TC
    assert 0 < sum(map(len, reply.answer)) < 1300
    assert reply.additional == []


def test_a_denial_that_does_not_fit_after_its_aliases_is_cut_with_tc() -> None:
    steps = [
        an_alias(f"{'a' * 50}{n}", f"{'a' * 50}{n + 1}.default.svc.cluster.local") for n in range(7)
    ]
    protocol = a_protocol(load([a_namespace(), *steps], revision=Revision(1)))
    query = dns.message.make_query(f"{'a' * 50}0.default.svc.cluster.local", "A")
    for _ in range(2):
        reply = ask(protocol, query)
        assert reply.flags & dns.flags.TC
        assert len(reply.answer) + len(reply.authority) < 8
    whole = ask(protocol, query, Transport.TCP)
    assert (len(whole.answer), len(whole.authority)) == (7, 1)


# Laws.


@given(
    st.sampled_from([case for case in VECTORS["cases"] if case["fixture"] == "edge"]),
    st.one_of(st.none(), st.integers(0, 5000)),
)
def test_a_reply_fits_or_has_tc(case: Mapping[str, Any], size: int | None) -> None:
    for client, size_max in ((NEAR, UDP_BYTES_MAX), (HOST, UDP_BYTES_SAFE)):
        fits_or_has_tc(case, size, client, size_max)


def fits_or_has_tc(
    case: Mapping[str, Any], size: int | None, client: Address, size_max: int
) -> None:
    query = dns.message.make_query(case["qname"], case["qtype"])
    if size is not None:
        query.use_edns(0, payload=size)
    protocol = a_protocol(zone=config_of(case))
    reply = protocol.respond(query.to_wire(), Transport.UDP, client)
    if not isinstance(reply, bytes):
        return
    assert len(reply) <= max(512, min(size or 0, size_max))
    whole = protocol.respond(query.to_wire(), Transport.TCP, HOST)
    assert isinstance(whole, bytes)
    cut, full = dns.message.from_wire(reply), dns.message.from_wire(whole)
    lost = sum(map(len, full.answer + full.authority)) - sum(map(len, cut.answer + cut.authority))
    assert bool(cut.flags & dns.flags.TC) == (lost > 0)
    # Extra records come in whole RRsets.
    assert {tuple(map(str, rrset)) for rrset in cut.additional} <= {
        tuple(map(str, rrset)) for rrset in full.additional
    }
