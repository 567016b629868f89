"""The cluster's nameserver as a stub resolver sees it: its own replies, and Elsewhere."""

from dataclasses import replace

import pytest

from app.domain.addresses import parse_prefix
from app.domain.discovery.nameserver import REFUSED, Elsewhere, reply_to, service_behind
from app.domain.discovery.resolvers.lookup import (
    Decision,
    Outcome,
    Query,
    Rcode,
    Record,
    Reply,
    Status,
    Step,
)
from app.domain.discovery.zone.config import cluster_config
from app.domain.names import NamespacedName, Revision, parse_domain
from app.domain.snapshot import Snapshot, load
from tests.builders import (
    a_headless_service,
    a_namespace,
    a_service,
    an_alias,
    an_endpoint,
    an_endpoint_slice,
    key,
)

RANGES = [prefix for text in ("10.96.0.0/16",) if (prefix := parse_prefix(text))]
CONFIG = cluster_config("cluster.local", RANGES)
WEB, DB = "web.default.svc.cluster.local.", "db.default.svc.cluster.local."
OUTSIDE = "www.example.com."


STATE = load(
    [
        a_namespace(),
        a_service(),
        a_headless_service("db"),
        an_endpoint_slice(*(an_endpoint(f"10.244.0.{n}") for n in (1, 2, 3)), service="db"),
        an_alias("out", OUTSIDE),
        an_alias("in", WEB),
        an_alias("missing", f"nobody.{WEB.partition('.')[2]}"),
        an_alias("circle", "circle.default.svc.cluster.local"),
    ],
    revision=Revision(7),
)


def a_query(name: str, qtype: str = "A") -> Query:
    return Query(
        name=parse_domain(name),
        qtype=qtype,
        source="as-is",
        nameserver="10.96.0.10",
        nameserver_index=0,
    )


def a_record(name: str, rtype: str, value: str, ttl_s: int = 5) -> Record:
    return Record(name=parse_domain(name), rtype=rtype, ttl_s=ttl_s, value=value)


def replied(name: str, qtype: str = "A", snapshot: Snapshot = STATE) -> Reply | Elsewhere:
    return reply_to(snapshot, a_query(name, qtype), CONFIG)


def test_names_in_the_zone_are_answered_with_authority() -> None:
    assert replied(WEB) == Reply(
        rcode=Rcode.NOERROR, records=(a_record(WEB, "A", "10.96.0.20"),), is_authoritative=True
    )
    inside = replied("in.default.svc.cluster.local.")
    assert isinstance(inside, Reply)
    assert [(record.rtype, record.value) for record in inside.records] == [
        ("CNAME", WEB),
        ("A", "10.96.0.20"),
    ]


def test_nodata_and_nxdomain_are_distinguished() -> None:
    assert replied(WEB, "AAAA") == Reply(rcode=Rcode.NOERROR, is_authoritative=True)
    assert replied("nobody.default.svc.cluster.local.") == Reply(
        rcode=Rcode.NXDOMAIN, is_authoritative=True
    )


@pytest.mark.parametrize(
    ("name", "qtype", "rcode", "values"),
    [
        ("in", "AAAA", Rcode.NOERROR, [WEB]),
        ("in", "TXT", Rcode.NOERROR, [WEB]),
        ("missing", "A", Rcode.NXDOMAIN, ["nobody.default.svc.cluster.local."]),
        ("circle", "A", Rcode.NOERROR, ["circle.default.svc.cluster.local."]),
    ],
)
def test_an_alias_is_in_the_reply_for_any_target(
    name: str, qtype: str, rcode: Rcode, values: list[str]
) -> None:
    reply = replied(f"{name}.default.svc.cluster.local.", qtype)
    assert isinstance(reply, Reply)
    assert (reply.rcode, reply.is_authoritative) == (rcode, True)
    assert [record.value for record in reply.records] == values


def test_glue_shows_that_an_answer_is_no_referral() -> None:
    ports = replied(WEB, "SRV")
    assert isinstance(ports, Reply)
    assert ports.has_additional
    assert not ports.is_lame


def test_a_malformed_packet_is_a_format_error() -> None:
    query = replace(a_query(WEB), is_malformed=True)
    assert reply_to(STATE, query, CONFIG) == Reply(rcode=Rcode.FORMERR)


@pytest.mark.parametrize("room", [0, 2])
def test_an_answer_that_does_not_fit_is_truncated(room: int) -> None:
    reply = reply_to(STATE, a_query(DB), CONFIG, lambda _query, _found: room)
    assert isinstance(reply, Reply)
    assert reply.is_truncated
    values = [record.value for record in reply.records]
    assert values == ["10.244.0.1", "10.244.0.2", "10.244.0.3"][:room]


# Elsewhere.

CHAIN = (a_record("out.default.svc.cluster.local.", "CNAME", OUTSIDE),)


def test_a_name_out_of_the_zone_is_to_be_asked_elsewhere() -> None:
    elsewhere = replied(OUTSIDE, "AAAA")
    assert elsewhere == Elsewhere(name=parse_domain(OUTSIDE), qtype="AAAA")
    assert isinstance(elsewhere, Elsewhere)
    assert elsewhere.unasked == REFUSED
    for rcode in (Rcode.NXDOMAIN, Rcode.SERVFAIL):
        assert elsewhere.completed(Reply(rcode=rcode)) == Reply(rcode=rcode)


@pytest.mark.parametrize("rcode", [Rcode.NOERROR, Rcode.NXDOMAIN])
@pytest.mark.parametrize("found", [(), (a_record(OUTSIDE, "A", "192.0.2.1"),)])
def test_an_alias_comes_before_the_upstream_s_records(
    rcode: Rcode, found: tuple[Record, ...]
) -> None:
    alias = replied("out.default.svc.cluster.local.")
    assert alias == Elsewhere(name=parse_domain(OUTSIDE), qtype="A", chain=CHAIN)
    assert isinstance(alias, Elsewhere)
    assert alias.completed(Reply(rcode=rcode, records=found)) == Reply(
        rcode=rcode, records=(*CHAIN, *found), is_authoritative=True
    )


@pytest.mark.parametrize("rcode", [Rcode.SERVFAIL, Rcode.REFUSED, Rcode.TIMEOUT, Rcode.FORMERR])
def test_an_alias_is_sent_and_the_lookup_fails_when_its_target_fails(
    rcode: Rcode,
) -> None:
    alias = replied("out.default.svc.cluster.local.")
    assert isinstance(alias, Elsewhere)
    assert alias.completed(Reply(rcode=rcode)) == Reply(
        rcode=Rcode.SERVFAIL, records=CHAIN, is_authoritative=True
    )


def test_without_upstreams_an_alias_is_sent_alone() -> None:
    alias = replied("out.default.svc.cluster.local.")
    assert isinstance(alias, Elsewhere)
    assert alias.unasked == Reply(rcode=Rcode.NOERROR, records=CHAIN, is_authoritative=True)


# The Service of an outcome.


def behind(*names: str, decision: Decision = Decision.HIT, pointed: str = "") -> object:
    steps = tuple(
        Step(query=a_query(name), reply=Reply(rcode=Rcode.NOERROR), decision=decision)
        for name in names
    )
    records = (a_record("20.0.96.10.in-addr.arpa.", "PTR", pointed),) if pointed else ()
    outcome = Outcome(status=Status.NOERROR, steps=steps, records=records)
    return service_behind(STATE, outcome, CONFIG)


@pytest.mark.parametrize(
    ("name", "service"),
    [
        (WEB, key("web")),
        (WEB.upper(), key("web")),
        (f"10-244-0-1.{DB}", key("db")),
        (f"_tcp.{DB}", key("db")),
        (f"_http._tcp.{DB}", key("db")),
        ("nobody.default.svc.cluster.local.", None),
        ("default.svc.cluster.local.", None),
        (OUTSIDE, None),
    ],
)
def test_the_service_is_found_by_the_name_that_answered(
    name: str, service: NamespacedName | None
) -> None:
    assert behind(name) == service


def test_only_the_name_that_answered_counts() -> None:
    assert behind(WEB, DB) == key("db")
    assert behind(WEB, decision=Decision.NEXT) is None
    assert behind() is None


def test_the_service_of_a_reverse_name_is_found() -> None:
    assert behind("20.0.96.10.in-addr.arpa.", pointed=WEB) == key("web")
    assert behind("1.2.0.192.in-addr.arpa.", pointed=OUTSIDE) is None
