"""glibc's search with ``options no-aaaa``, as observed with 2.36."""

import pytest

from app.domain.discovery.resolution import Profile
from app.domain.discovery.resolvers.lookup import Host, Lookup, Outcome
from tests.resolver_vectors import Nameservers, Zone, resolve, sent

CONF = "nameserver 192.0.2.1\nsearch a.test b.test\noptions no-aaaa attempts:1\n"
ZONE: Zone = {
    "both.a.test": {"A": ["192.0.2.80"], "AAAA": ["2001:db8::80"]},
    "far.b.test": {"A": ["192.0.2.80"], "AAAA": ["2001:db8::80"]},
    "silent.a.test": "DROP",
    "broken.a.test": "SERVFAIL",
}


def looked_up(name: str, qtype: str) -> Outcome:
    servers = Nameservers(zone=ZONE, zones=dict[str, Zone](), closed=frozenset())
    return resolve(
        Profile.GLIBC, Lookup(name=name, qtype=qtype), Host(resolv_conf=CONF), servers.ask
    )


def test_a_lookup_of_both_families_gets_only_ipv4() -> None:
    outcome = looked_up("both", "ADDR")
    assert [packet[:2] for packet in sent(outcome)] == [("both.a.test", "A")]
    assert outcome.addresses == ("192.0.2.80",)


@pytest.mark.parametrize(
    ("name", "asked", "error"),
    [
        # An address of the other family is no data, and the search continues.
        ("both", ["both.a.test", "both.b.test", "both"], "EAI_NODATA"),
        ("far", ["far.a.test", "far.b.test", "far"], "EAI_NODATA"),
        ("nobody", ["nobody.a.test", "nobody.b.test", "nobody"], "EAI_NONAME"),
        # No reply counts as no data too.
        ("silent", ["silent.a.test", "silent.b.test", "silent"], "EAI_NODATA"),
        ("broken", ["broken.a.test", "broken.b.test", "broken"], "EAI_AGAIN"),
    ],
)
def test_a_lookup_of_ipv6_asks_for_ipv4_and_gets_nothing(
    name: str, asked: list[str], error: str
) -> None:
    outcome = looked_up(name, "AAAA")
    assert [packet[:2] for packet in sent(outcome)] == [(each, "A") for each in asked]
    assert (outcome.addresses, outcome.error) == ((), error)
