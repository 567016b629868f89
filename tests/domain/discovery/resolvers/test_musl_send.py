"""musl's queries: all servers in parallel, and the releases' handling of truncation."""

import pytest

from app.domain.discovery.resolvers.lookup import Host, Lookup, Outcome
from app.domain.discovery.resolvers.stub_resolver import Profile, resolve
from tests.resolver_vectors import Nameservers, Zone, sent

ONE, TWO = "192.0.2.1", "192.0.2.2"
NAME = "x.test"
GOOD: Zone = {NAME: {"A": ["192.0.2.80"]}}
CUT: Zone = {NAME: {"A": ["192.0.2.80"], "tc": True}}
RELEASES = [Profile.MUSL, Profile.MUSL_1_2_3]


def asked(profile: Profile, zones: dict[str, Zone], servers: tuple[str, ...] = (ONE,)) -> Outcome:
    conf = "".join(f"nameserver {server}\n" for server in servers)
    fake = Nameservers(zone=GOOD, zones=zones, closed=frozenset())
    return resolve(profile, Lookup(name=NAME, qtype="A"), Host(resolv_conf=conf), fake.ask)


def test_since_1_2_4_a_truncated_answer_is_fetched_over_tcp() -> None:
    outcome = asked(Profile.MUSL, {ONE: CUT})
    assert [packet[3] for packet in sent(outcome)] == ["udp", "tcp"]
    assert outcome.addresses == ("192.0.2.80",)


def test_before_1_2_4_a_truncated_answer_is_used() -> None:
    outcome = asked(Profile.MUSL_1_2_3, {ONE: CUT})
    assert [packet[3] for packet in sent(outcome)] == ["udp"]
    assert (outcome.addresses, outcome.error) == ((), "EAI_NONAME")


@pytest.mark.parametrize("profile", RELEASES)
def test_all_servers_are_asked_and_the_first_answer_is_used(profile: Profile) -> None:
    later: Zone = {NAME: {"A": ["192.0.2.99"]}}
    outcome = asked(profile, {TWO: later}, (ONE, TWO))
    assert [packet[2] for packet in sent(outcome)] == [ONE, TWO]
    assert outcome.addresses == ("192.0.2.80",)


@pytest.mark.parametrize("profile", RELEASES)
def test_a_failing_server_is_ignored_when_another_answers(profile: Profile) -> None:
    outcome = asked(profile, {ONE: {NAME: "REFUSED"}}, (ONE, TWO))
    assert outcome.addresses == ("192.0.2.80",)
