"""Upstream replies in the form of the API."""

from functools import partial
from ipaddress import IPv4Address, IPv6Address

import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dns.messages.message import UDP_BYTES_MIN
from app.dns.messages.wire import encode_body
from app.dns.upstream.exchange import Upstream
from app.dns.upstream.lookup import answers_that_fit, look_up
from app.domain.discovery.resolvers.lookup import Query, Rcode, Transport
from app.domain.discovery.zone.records import Record, Records, RecordType, address_record
from app.domain.names import DomainName, parse_domain
from tests.dns.upstream.test_forwarder import addresses, denial, forwarding, silence

NAME = parse_domain("www.example.com")
HEADER_OCTETS, QUESTION_END_OCTETS, EDNS_OCTETS = 12, 4, 11


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("A", "192.0.2.1"),
        ("AAAA", "2001:db8::1"),
        ("SRV", "1 2 3 srv.example.com."),
        ("CNAME", "example.com."),
        ("TXT", '"one"'),
    ],
)
async def test_records_are_given_as_text(type_: str, value: str) -> None:
    async with forwarding(addresses(value, type_=type_)) as (server, _):
        reply = await look_up(server.forwarder, NAME, type_)
        (record,) = reply.records
        assert (record.rtype, record.value, str(record.name)) == (type_, value, f"{NAME}")
        assert reply.rcode is Rcode.NOERROR


async def test_denials_timeouts_and_loops_are_replies() -> None:
    async with forwarding(denial(dns.rcode.NXDOMAIN)) as (server, upstream):
        server.forwarder.upstream = Upstream(server.forwarder.upstream.servers, attempt_s=0.1)
        ask = partial(look_up, server.forwarder)
        assert (await ask(NAME, "A")).rcode is Rcode.NXDOMAIN
        upstream.answer = silence
        assert (await ask(NAME, "AAAA")).rcode is Rcode.SERVFAIL
        server.forwarder.is_looping = True
        assert (await ask(NAME, "A")).rcode is Rcode.REFUSED


@pytest.mark.parametrize(
    ("transport", "udp_bytes", "fit"),
    [
        (Transport.UDP, 512, 29),  # 12 of the header, 21 of the question, 16 for every answer
        (Transport.UDP, 1200, None),
        (Transport.UDP, 900, 53),
        (Transport.TCP, 512, None),
    ],
)
def test_the_answers_that_reach_the_program_are_counted(
    transport: Transport, udp_bytes: int, fit: int | None
) -> None:
    query = Query(
        name=NAME,
        qtype="A",
        source="as-is",
        nameserver="10.96.0.10",
        nameserver_index=0,
        transport=transport,
        udp_bytes=udp_bytes,
    )
    answers = tuple(
        Record(name=NAME, type=RecordType.A, ttl_s=5, content=IPv4Address(f"10.244.9.{last}"))
        for last in range(60)
    )
    assert answers_that_fit(query, Records(answers=answers)) == fit


labels = st.lists(st.integers(1, 63).map(lambda size: "x" * size), max_size=3)


@given(labels, st.lists(st.booleans(), max_size=24), st.sampled_from([512, 1_200]))
def test_few_addresses_fit_exactly_if_their_message_does(
    owner: list[str], families: list[bool], udp_bytes: int
) -> None:
    name = DomainName(tuple(owner))
    answers = tuple(
        address_record(name, 5, IPv4Address(number) if is_v4 else IPv6Address(number))
        for number, is_v4 in enumerate(families, start=1)
    )
    query = Query(
        name=name,
        qtype="A",
        source="as-is",
        nameserver="10.96.0.10",
        nameserver_index=0,
        udp_bytes=udp_bytes,
    )
    octets = len(encode_body(name, (answers, (), ())).octets) + HEADER_OCTETS + len(name.labels)
    octets += sum(map(len, name.labels)) + 1 + QUESTION_END_OCTETS
    octets += EDNS_OCTETS if udp_bytes > UDP_BYTES_MIN else 0
    fits = answers_that_fit(query, Records(answers=answers)) is None
    assert fits == (octets <= udp_bytes)
