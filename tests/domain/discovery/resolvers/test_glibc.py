"""glibc's second search when the program also accepts IPv4 addresses (AI_V4MAPPED)."""

from collections.abc import Iterable, Mapping

import pytest

from app.domain.discovery.resolution import Profile
from app.domain.discovery.resolvers.lookup import AAAA, Host, Lookup, LookupFlag, Outcome
from tests.resolver_vectors import Nameservers, Zone, resolve

_NO_ZONES: Mapping[str, Zone] = {}
RESOLV_CONF = "nameserver 10.96.0.10\nsearch default.svc.cluster.local\noptions ndots:1\n"
MAPPED, ALL = LookupFlag.V4_MAPPED, LookupFlag.ALL
ZONE: Zone = {
    "four.example": {"A": ["192.0.2.4"]},
    "six.example": {"AAAA": ["2001:db8::6"]},
    "both.example": {"A": ["192.0.2.4"], "AAAA": ["2001:db8::6"]},
    "text.example": {"TXT": ["only"]},
    "broken.example": "SERVFAIL",
    "half.example": {"A": "SERVFAIL"},
}


def looked_up(
    name: str, flags: Iterable[LookupFlag], sources: tuple[str, ...] = ("files", "dns")
) -> Outcome:
    servers = Nameservers(zone=ZONE, zones=_NO_ZONES, closed=frozenset())
    return resolve(
        Profile.GLIBC,
        Lookup(name=name, qtype=AAAA, flags=frozenset(flags)),
        Host(resolv_conf=RESOLV_CONF, sources=sources),
        servers.ask,
    )


@pytest.mark.parametrize(
    ("name", "flags", "addresses"),
    [
        ("four.example.", (MAPPED,), {"::ffff:192.0.2.4"}),
        ("six.example.", (MAPPED,), {"2001:db8::6"}),
        ("both.example.", (MAPPED,), {"2001:db8::6"}),
        ("both.example.", (MAPPED, ALL), {"2001:db8::6", "::ffff:192.0.2.4"}),
        ("four.example.", (ALL,), set[str]()),
        ("192.0.2.4", (MAPPED,), {"::ffff:192.0.2.4"}),
        ("192.0.2.4", (), set[str]()),
    ],
)
def test_ipv4_addresses_are_mapped_on_request(
    name: str, flags: tuple[LookupFlag, ...], addresses: set[str]
) -> None:
    assert set(looked_up(name, flags).addresses) == addresses


def test_the_second_search_runs_only_after_an_empty_first_or_with_ai_all() -> None:
    asked = {
        (name, flags): [step.query.qtype for step in looked_up(name, flags).steps]
        for name in ("four.example.", "both.example.")
        for flags in ((MAPPED,), (MAPPED, ALL))
    }
    assert asked == {
        ("four.example.", (MAPPED,)): ["AAAA", "A"],
        ("four.example.", (MAPPED, ALL)): ["AAAA", "A"],
        ("both.example.", (MAPPED,)): ["AAAA"],
        ("both.example.", (MAPPED, ALL)): ["AAAA", "A"],
    }


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("nobody.example.", "EAI_NONAME"),
        ("text.example.", "EAI_NODATA"),
        ("broken.example.", "EAI_AGAIN"),
        ("half.example.", "EAI_NODATA"),
    ],
)
def test_two_searches_that_find_nothing_end_in_one_error(name: str, error: str) -> None:
    assert looked_up(name, (MAPPED,)).error == error


def test_without_dns_only_the_hosts_file_is_used() -> None:
    outcome = looked_up("four.example.", (MAPPED,), sources=("files",))
    assert outcome.error == "EAI_NONAME"
    assert not outcome.steps


def test_a_source_that_is_neither_file_nor_dns_is_ignored() -> None:
    outcome = looked_up("four.example.", (MAPPED,), sources=("files", "mymachines", "dns"))
    assert outcome.addresses == ("::ffff:192.0.2.4",)
    assert looked_up("four.example.", (MAPPED,), sources=("myhostname",)).error == "EAI_NONAME"
