"""glibc's queries: its options, and its handling of failing servers."""

import pytest

from app.domain.discovery.resolution import Profile
from app.domain.discovery.resolvers.lookup import Host, Lookup, Outcome
from tests.resolver_vectors import Nameservers, Packet, Zone, resolve, sent

ONE, TWO = "192.0.2.1", "192.0.2.2"
NAME = "x.test"
GOOD: Zone = {NAME: {"A": ["192.0.2.80"], "AAAA": ["2001:db8::80"]}}


def asked(
    options: str, zones: dict[str, Zone], *, closed: tuple[str, ...] = (), qtype: str = "ADDR"
) -> Outcome:
    conf = f"nameserver {ONE}\nnameserver {TWO}\noptions {options}\n"
    servers = Nameservers(zone=GOOD, zones=zones, closed=frozenset(closed))
    return resolve(
        Profile.GLIBC, Lookup(name=f"{NAME}.", qtype=qtype), Host(resolv_conf=conf), servers.ask
    )


def packets(*rows: tuple[str, str, str]) -> list[Packet]:
    """Packets about the one name: type, server, transport."""
    return [(NAME, *row) for row in rows]


def test_one_by_one_after_an_error_on_a_aaaa_is_not_asked_there() -> None:
    outcome = asked("single-request", {ONE: {NAME: {"A": "SERVFAIL", "AAAA": ["2001:db8::1"]}}})
    assert sent(outcome) == packets(("A", ONE, "udp"), ("A", TWO, "udp"), ("AAAA", TWO, "udp"))
    assert outcome.addresses == ("192.0.2.80", "2001:db8::80")


def test_one_by_one_a_closed_port_leads_to_the_next_server() -> None:
    outcome = asked("single-request", {}, closed=(ONE,))
    assert sent(outcome) == packets(("A", TWO, "udp"), ("AAAA", TWO, "udp"))
    assert outcome.addresses == ("192.0.2.80", "2001:db8::80")


def test_one_by_one_a_truncated_answer_is_fetched_over_tcp() -> None:
    zone: Zone = {NAME: {"A": ["192.0.2.80"], "tc": True}}
    outcome = asked("single-request", {ONE: zone}, qtype="ADDR")
    assert sent(outcome) == packets(("A", ONE, "udp"), ("A", ONE, "tcp"), ("AAAA", ONE, "tcp"))
    assert outcome.addresses == ("192.0.2.80",)


@pytest.mark.parametrize("word", ["SERVFAIL", "REFUSED", "NXDOMAIN"])
def test_over_tcp_the_first_reply_of_any_server_is_used(word: str) -> None:
    outcome = asked("use-vc", {ONE: {NAME: word}})
    assert {packet[2:] for packet in sent(outcome)} == {(ONE, "tcp")}
    assert not outcome.addresses


def test_tcp_without_a_reply_leads_to_the_next_server() -> None:
    outcome = asked("use-vc", {ONE: {NAME: "DROP"}})
    assert [packet[2] for packet in sent(outcome)] == [ONE, ONE, TWO, TWO]
    assert outcome.addresses == ("192.0.2.80", "2001:db8::80")


@pytest.mark.parametrize("attempts", [1, 5])
def test_tcp_gets_one_attempt_per_server(attempts: int) -> None:
    silent: Zone = {NAME: "DROP"}
    outcome = asked(f"use-vc attempts:{attempts}", {ONE: silent, TWO: silent})
    assert [packet[2:] for packet in sent(outcome)] == [
        (server, "tcp") for server in (ONE, ONE, TWO, TWO)
    ]
    assert outcome.error == "EAI_AGAIN"
