"""musl's lookups: errors, all servers in parallel, and the releases' handling of truncation."""

import pytest

from app.domain.discovery.resolution import Profile
from app.domain.discovery.resolvers.lookup import Host, Lookup, Outcome, Status
from tests.resolver_vectors import Nameservers, Zone, resolve, sent

CONF = "nameserver 192.0.2.1\nsearch a.test\n"
ZONE: Zone = {
    "text.test": {"TXT": ['"hello"']},
    "bare.test": {"A": ["192.0.2.80"]},
    "broken.test": "SERVFAIL",
}
ONE, TWO = "192.0.2.1", "192.0.2.2"
NAME = "x.test"
GOOD: Zone = {NAME: {"A": ["192.0.2.80"]}}
CUT: Zone = {NAME: {"A": ["192.0.2.80"], "tc": True}}
RELEASES = [Profile.MUSL, Profile.MUSL_1_2_3]


def asked(profile: Profile, name: str, qtype: str) -> Outcome:
    servers = Nameservers(zone=ZONE, zones=dict[str, Zone](), closed=frozenset())
    return resolve(profile, Lookup(name=name, qtype=qtype), Host(resolv_conf=CONF), servers.ask)


@pytest.mark.parametrize("profile", RELEASES)
@pytest.mark.parametrize(
    ("name", "error", "status"),
    [
        ("text.test", "", Status.NOERROR),
        ("bare.test", "NO_DATA", Status.NODATA),
        ("nobody.test", "HOST_NOT_FOUND", Status.NXDOMAIN),
        ("broken.test", "TRY_AGAIN", Status.SERVFAIL),
        # The search list is not used for records of other types.
        ("text", "HOST_NOT_FOUND", Status.NXDOMAIN),
    ],
)
def test_a_query_for_records_ends_in_a_code_of_h_errno(
    profile: Profile, name: str, error: str, status: Status
) -> None:
    outcome = asked(profile, name, "TXT")
    assert (outcome.error, outcome.status) == (error, status)


def sent_to(profile: Profile, zones: dict[str, Zone], servers: tuple[str, ...] = (ONE,)) -> Outcome:
    conf = "".join(f"nameserver {server}\n" for server in servers)
    fake = Nameservers(zone=GOOD, zones=zones, closed=frozenset())
    return resolve(profile, Lookup(name=NAME, qtype="A"), Host(resolv_conf=conf), fake.ask)


def test_since_1_2_4_a_truncated_answer_is_fetched_over_tcp() -> None:
    outcome = sent_to(Profile.MUSL, {ONE: CUT})
    assert [packet[3] for packet in sent(outcome)] == ["udp", "tcp"]
    assert outcome.addresses == ("192.0.2.80",)


def test_before_1_2_4_a_truncated_answer_is_used() -> None:
    outcome = sent_to(Profile.MUSL_1_2_3, {ONE: CUT})
    assert [packet[3] for packet in sent(outcome)] == ["udp"]
    assert (outcome.addresses, outcome.error) == ((), "EAI_NONAME")


@pytest.mark.parametrize("profile", RELEASES)
def test_all_servers_are_asked_and_the_first_answer_is_used(profile: Profile) -> None:
    later: Zone = {NAME: {"A": ["192.0.2.99"]}}
    outcome = sent_to(profile, {TWO: later}, (ONE, TWO))
    assert [packet[2] for packet in sent(outcome)] == [ONE, TWO]
    assert outcome.addresses == ("192.0.2.80",)


@pytest.mark.parametrize("profile", RELEASES)
def test_a_failing_server_is_ignored_when_another_answers(profile: Profile) -> None:
    outcome = sent_to(profile, {ONE: {NAME: "REFUSED"}}, (ONE, TWO))
    assert outcome.addresses == ("192.0.2.80",)
