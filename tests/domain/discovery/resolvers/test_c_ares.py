"""c-ares: localhost, and which status of a search is reported."""

import pytest

from app.domain.discovery.resolution import Profile
from app.domain.discovery.resolvers.lookup import Decision, Host, Lookup, Outcome, Status
from tests.resolver_vectors import Nameservers, Zone, resolve

CONF = "nameserver 192.0.2.1\nsearch a.test b.test\n"


def asked(name: str, zone: Zone, qtype: str = "ADDR", *, hosts: str = "") -> Outcome:
    servers = Nameservers(zone=zone, zones=dict[str, Zone](), closed=frozenset())
    return resolve(
        Profile.C_ARES,
        Lookup(name=name, qtype=qtype),
        Host(resolv_conf=CONF, hosts=hosts),
        servers.ask,
    )


@pytest.mark.parametrize(
    ("qtype", "addresses"),
    [("ADDR", {"127.0.0.1", "::1"}), ("A", {"127.0.0.1"}), ("AAAA", {"::1"})],
)
def test_localhost_is_known_without_a_hosts_file_and_never_sent(
    qtype: str, addresses: set[str]
) -> None:
    outcome = asked("localhost", {}, qtype)
    assert set(outcome.addresses) == addresses
    assert not outcome.steps


def test_localhost_in_the_hosts_file_comes_first() -> None:
    assert asked("localhost", {}, "A", hosts="127.0.0.7 localhost\n").addresses == ("127.0.0.7",)


def test_a_family_missing_in_the_hosts_file_gets_the_default() -> None:
    assert asked("localhost", {}, "AAAA", hosts="127.0.0.7 localhost\n").addresses == ("::1",)


@pytest.mark.parametrize(
    ("zone", "error", "status", "origin"),
    [
        ({}, "ARES_ENOTFOUND", Status.NXDOMAIN, "as-is"),
        ({"x": {"A": ["192.0.2.1"]}}, "ARES_ENODATA", Status.NODATA, "nodata"),
        # NODATA for one name takes precedence over NXDOMAIN for others.
        ({"x.a.test": {"A": ["192.0.2.1"]}}, "ARES_ENODATA", Status.NODATA, "nodata"),
        # All servers failed, with different codes.
        ({"x.b.test": "SERVFAIL"}, "ARES_ECONNREFUSED", Status.SERVFAIL, "last"),
    ],
)
def test_a_search_for_records_that_fails_keeps_one_status(
    zone: Zone, error: str, status: Status, origin: str
) -> None:
    outcome = asked("x", zone, "TXT")
    assert (outcome.error, outcome.status, outcome.reported_from) == (error, status, origin)
    assert outcome.steps[-1].decision is Decision.STOP


def test_a_search_for_records_stops_at_the_first_name_that_has_some() -> None:
    outcome = asked("x", {"x.b.test": {"TXT": ['"hello"']}, "x": {"TXT": ['"as is"']}}, "TXT")
    assert [(str(step.query.name), step.decision) for step in outcome.steps] == [
        ("x.a.test.", Decision.NEXT),
        ("x.b.test.", Decision.HIT),
    ]
    assert [record.value for record in outcome.records] == ['"hello"']
