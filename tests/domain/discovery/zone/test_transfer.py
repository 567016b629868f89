"""Whole zones and differences: record by record, then compared with every question."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.addresses import parse_prefix
from app.domain.changes import Change
from app.domain.discovery.zone.answer import answer
from app.domain.discovery.zone.config import ZoneConfig, cluster_config
from app.domain.discovery.zone.records import Question, Record, Records
from app.domain.discovery.zone.service_records import Zone
from app.domain.discovery.zone.transfer import (
    difference,
    records_of_zone,
)
from app.domain.names import Revision, parse_domain
from app.domain.objects.endpoint_slice import EndpointPort
from app.domain.objects.resource import Object
from app.domain.snapshot import Snapshot, load
from tests.builders import (
    a_headless_service,
    a_namespace,
    a_node,
    a_pod,
    a_service,
    an_alias,
    an_endpoint,
    an_endpoint_slice,
)
from tests.strategies import NAMESPACES, named_histories

RANGES = [prefix for text in ("10.96.0.0/16",) if (prefix := parse_prefix(text))]
CONFIG = cluster_config("cluster.local", RANGES)
FORWARD, REVERSE = "cluster.local", "96.10.in-addr.arpa"
WEB = "web.default.svc.cluster.local."
AT_APEX = [
    "cluster.local. NS ns.dns.cluster.local.",
    'dns-version.cluster.local. TXT "1.1.0"',
]


def state(*objects: Object) -> Snapshot:
    return load([a_namespace(), *objects], revision=Revision(7))


def zone_of(snapshot: Snapshot, apex: str = FORWARD, config: ZoneConfig = CONFIG) -> Zone:
    return Zone(snapshot, parse_domain(apex), config)


def lines(*records: Record) -> list[str]:
    return [f"{record.name} {record.type.name} {record.content}" for record in records]


def listed(snapshot: Snapshot, apex: str = FORWARD, config: ZoneConfig = CONFIG) -> list[str]:
    return lines(*records_of_zone(zone_of(snapshot, apex, config)))


def test_an_empty_zone_has_its_name_server_and_schema_version() -> None:
    assert listed(state()) == AT_APEX


def test_the_address_of_a_name_server_is_in_the_zone() -> None:
    config = cluster_config(
        "cluster.local", RANGES, nameserver_addresses=(ip_address("10.244.0.53"),)
    )
    assert listed(state(), config=config) == [*AT_APEX, "ns.dns.cluster.local. A 10.244.0.53"]
    # As an endpoint of a Service it has the Service's name, which is in the zone anyway.
    dns = a_service("dns"), an_endpoint_slice(an_endpoint("10.244.0.53"), service="dns")
    assert listed(state(*dns), config=config)[:3] == [
        "cluster.local. NS dns.default.svc.cluster.local.",
        'dns-version.cluster.local. TXT "1.1.0"',
        "dns.default.svc.cluster.local. A 10.96.0.20",
    ]


def test_a_service_has_records_of_its_address_ports_and_endpoints() -> None:
    web = state(a_service(), an_endpoint_slice(an_endpoint("10.244.0.1")))
    assert listed(web) == [
        *AT_APEX,
        f"{WEB} A 10.96.0.20",
        f"{WEB} SRV 0 100 80 {WEB}",
        f"10-244-0-1.{WEB} A 10.244.0.1",
        f"10-244-0-1.{WEB} SRV 0 100 8080 10-244-0-1.{WEB}",
        f"_http._tcp.{WEB} SRV 0 100 80 {WEB}",
    ]


def test_a_headless_service_has_the_records_of_its_ready_endpoints() -> None:
    endpoints = (
        an_endpoint("10.244.0.1", hostname="db-0"),
        an_endpoint("10.244.0.2", hostname="db-0"),
        an_endpoint("10.244.0.3", ready=False),
    )
    slice_ = an_endpoint_slice(
        *endpoints, service="db", ports=(EndpointPort(port=5432, name="sql"),)
    )
    db = state(a_headless_service("db"), slice_)
    name, first = "db.default.svc.cluster.local.", "db-0.db.default.svc.cluster.local."
    assert listed(db) == [
        *AT_APEX,
        f"{name} A 10.244.0.1",
        f"{name} A 10.244.0.2",
        f"{name} SRV 0 50 5432 {first}",
        f"{first} A 10.244.0.1",
        f"{first} A 10.244.0.2",
        f"{first} SRV 0 50 5432 {first}",
        f"_sql._tcp.{name} SRV 0 50 5432 {first}",
    ]
    assert listed(state(a_headless_service("db"))) == AT_APEX


def test_an_alias_is_one_record_and_none_for_an_invalid_name() -> None:
    target = "old.default.svc.cluster.local. CNAME www.example.com."
    assert listed(state(an_alias("old", "www.example.com"))) == [*AT_APEX, target]
    assert listed(state(an_alias("old", "192.0.2.1"))) == AT_APEX


def test_pods_and_services_of_unknown_namespaces_are_not_listed() -> None:
    assert listed(state(a_pod(), a_service(namespace="shop"))) == AT_APEX


def test_services_are_listed_by_key() -> None:
    services = [a_service(name, ports=()) for name in ("b", "a")]
    owners = [line.partition(".")[0] for line in listed(state(*services))[len(AT_APEX) :]]
    assert owners == ["a", "b"]


def test_a_reverse_zone_has_pointers_of_its_addresses() -> None:
    web = state(
        a_service("web", cluster_ip="10.96.0.100", cluster_ips=("10.96.0.100",)),
        a_service("api", cluster_ip="10.96.0.20", cluster_ips=("10.96.0.20",)),
        an_endpoint_slice(an_endpoint("10.96.0.3"), an_endpoint("10.244.0.1")),
    )
    assert listed(web, REVERSE) == [
        "96.10.in-addr.arpa. NS ns.dns.96.10.in-addr.arpa.",
        "3.0.96.10.in-addr.arpa. PTR 10-96-0-3.web.default.svc.cluster.local.",
        "20.0.96.10.in-addr.arpa. PTR api.default.svc.cluster.local.",
        "100.0.96.10.in-addr.arpa. PTR web.default.svc.cluster.local.",
    ]


def test_an_address_in_an_unknown_namespace_has_no_pointer() -> None:
    assert len(listed(state(a_service(namespace="shop")), REVERSE)) == 1


# Differences.


def changed(before: Object | None, after: Object | None, revision: int = 8) -> Change:
    return Change(revision=Revision(revision), before=before, after=after)


def delta(
    snapshot: Snapshot, *changes: Change, apex: str = FORWARD
) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    after = snapshot.apply(changes)
    return difference(zone_of(snapshot, apex), zone_of(after, apex), changes)


def test_a_second_endpoint_adds_its_name_and_changes_nothing_else() -> None:
    one = an_endpoint_slice(an_endpoint("10.244.0.1"))
    two = an_endpoint_slice(*one.endpoints, an_endpoint("10.244.0.2"))
    removed, added = delta(state(a_service(), one), changed(one, two))
    assert removed == ()
    assert lines(*added) == [
        f"10-244-0-2.{WEB} A 10.244.0.2",
        f"10-244-0-2.{WEB} SRV 0 100 8080 10-244-0-2.{WEB}",
    ]


def test_a_service_that_moves_to_another_address_moves_its_records_and_pointers() -> None:
    before = a_service(ports=())
    after = a_service(ports=(), cluster_ip="10.96.0.21", cluster_ips=("10.96.0.21",))
    removed, added = delta(state(before), changed(before, after))
    assert lines(*removed) == [f"{WEB} A 10.96.0.20"]
    assert lines(*added) == [f"{WEB} A 10.96.0.21"]
    removed, added = delta(state(before), changed(before, after), apex=REVERSE)
    assert lines(*removed) == [f"20.0.96.10.in-addr.arpa. PTR {WEB}"]
    assert lines(*added) == [f"21.0.96.10.in-addr.arpa. PTR {WEB}"]


@pytest.mark.parametrize("apex", [FORWARD, REVERSE])
def test_a_deleted_namespace_removes_its_names(apex: str) -> None:
    before = state(a_service())
    found = delta(before, changed(a_namespace(), None), apex=apex)
    gone = records_of_zone(zone_of(before, apex))
    kept = {*records_of_zone(zone_of(state(), apex))}
    assert found == (tuple(record for record in gone if record not in kept), ())


def test_changes_without_records_make_no_difference() -> None:
    named = a_service(), a_service(labels={"team": "x"})
    changes = [changed(*named), changed(None, a_node(), 9), changed(None, a_pod(), 10)]
    assert delta(state(named[0]), *changes) == ((), ())


def test_undoing_changes_gives_the_earlier_state() -> None:
    one, two = a_service(), a_service(labels={"team": "x"})
    before = state(one)
    changes = [changed(one, two), changed(None, a_pod(), 9), changed(two, None, 10)]
    after = before.apply(changes)
    assert after.rewound(changes, to=before.revision) == before
    assert after.rewound(changes[1:], to=Revision(8)) == before.apply(changes[:1])


# Laws.

START = load(map(a_namespace, NAMESPACES), revision=Revision(0))
apexes = st.sampled_from([FORWARD, REVERSE])


@given(named_histories(), apexes)
def test_every_listed_record_equals_the_answer_to_its_question(
    history: list[Change], apex: str
) -> None:
    snapshot = START.apply(history)
    every = list(records_of_zone(zone_of(snapshot, apex)))
    assert len(set(every)) == len(every)
    asked: dict[Question, set[Record]] = {}
    for record in every:
        asked.setdefault(Question(record.name, record.type), set()).add(record)
    for question, records in asked.items():
        found = answer(snapshot, question, CONFIG)
        assert isinstance(found, Records)
        assert set(found.answers) == records


@given(named_histories(), st.integers(0, 12), apexes)
def test_a_difference_turns_the_earlier_zone_into_the_later_one(
    history: list[Change], place: int, apex: str
) -> None:
    before = START.apply(history[:place])
    after = before.apply(history[place:])
    removed, added = difference(zone_of(before, apex), zone_of(after, apex), history[place:])
    earlier, later = ({*records_of_zone(zone_of(snapshot, apex))} for snapshot in (before, after))
    assert set(removed) == earlier - later
    assert set(added) == later - earlier
    assert after.rewound(history[place:], to=before.revision) == before
