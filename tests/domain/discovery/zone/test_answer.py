"""The zone: the published cases, further rules of the RFCs, then the laws of resolution."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.addresses import parse_prefix
from app.domain.changes import Change
from app.domain.discovery.zone.answer import CHAIN_MAX, answer
from app.domain.discovery.zone.config import PodRecords, ZoneConfig, cluster_config
from app.domain.discovery.zone.records import (
    NoData,
    NoSuchName,
    Outcome,
    OutOfZone,
    Question,
    Record,
    Records,
    RecordType,
    ServiceTarget,
)
from app.domain.names import DomainName, Revision, parse_domain
from app.domain.objects.endpoint_slice import EndpointPort
from app.domain.objects.resource import Object
from app.domain.objects.service import ServicePort
from app.domain.snapshot import Snapshot, load
from tests.builders import (
    a_headless_service,
    a_namespace,
    a_pod,
    a_service,
    an_alias,
    an_endpoint,
    an_endpoint_slice,
)
from tests.dns_vectors import (
    LEFT_OUT,
    RFC_WINS,
    VECTORS,
    config_of,
    matches,
    row_of,
    snapshot_of,
)
from tests.strategies import NAMESPACES, named_histories, names_below_services, names_of_the_zone

RANGES = [prefix for text in ("10.96.0.0/16", "fd00:10:96::/112") if (prefix := parse_prefix(text))]
CONFIG = cluster_config("cluster.local", RANGES)
OTHER_TYPES = {"HINFO": 13, "MX": 15, "HTTPS": 65, "ANY": 255}

zone_cases = [
    case
    for case in VECTORS["cases"]
    if not case.get("server_level") and case["qtype"] not in ("AXFR", "IXFR")
]


def type_of(text: str) -> int:
    return OTHER_TYPES[text] if text in OTHER_TYPES else RecordType[text]


def ask(snapshot: Snapshot, name: str, type_: str = "A", config: ZoneConfig = CONFIG) -> Outcome:
    return answer(snapshot, Question(parse_domain(name), type_of(type_)), config)


def state(*objects: Object) -> Snapshot:
    return load([a_namespace(), *objects], revision=Revision(7))


def contents(outcome: Outcome) -> list[str]:
    assert isinstance(outcome, Records), outcome
    return [str(record.content) for record in outcome.answers]


@pytest.mark.parametrize("case", zone_cases, ids=lambda case: case["id"])
def test_the_zone_answers_as_published(case: Mapping[str, Any]) -> None:
    outcome = ask(snapshot_of(case["fixture"]), case["qname"], case["qtype"], config_of(case))
    agrees = _is_like(outcome, case)
    if case["id"] in RFC_WINS or case["id"] in LEFT_OUT:
        assert not agrees or case["id"] in LEFT_OUT, "the list of exceptions is out of date"
    else:
        assert agrees, outcome


def _is_like(outcome: Outcome, case: Mapping[str, Any]) -> bool:
    rcode = "NOERROR"
    sections: list[tuple[Record, ...]] = [(), (), ()]
    match outcome:
        case Records():
            sections = [outcome.answers, (), outcome.additional]
        case NoData():
            sections[:2] = outcome.chain, (outcome.soa,)
        case NoSuchName():
            rcode, sections[:2] = "NXDOMAIN", (outcome.chain, (outcome.soa,))
        case OutOfZone():
            rcode = "FALLTHROUGH"
    names = ["answer", "authority", "additional"]
    if case.get("additional_optional"):
        names.pop()
    return rcode in (case["rcode"], *case.get("rcode_alternatives", ())) and all(
        matches([row_of(record) for record in section], case[name])
        for name, section in zip(names, sections, strict=False)
    )


# Rules of the RFCs from which CoreDNS departs.


def test_a_name_with_names_below_it_exists() -> None:
    web = state(a_service(), an_endpoint_slice(an_endpoint()))
    for name in ("dns.cluster.local", "_tcp.web.default.svc.cluster.local", "svc.cluster.local"):
        assert isinstance(ask(web, name), NoData), name
    assert isinstance(ask(web, "_udp.web.default.svc.cluster.local"), NoSuchName)


def test_a_shortened_reverse_name_exists_when_an_address_below_it_has_a_name() -> None:
    web = state(a_service())
    assert isinstance(ask(web, "0.96.10.in-addr.arpa", "PTR"), NoData)
    assert isinstance(ask(web, "1.96.10.in-addr.arpa", "PTR"), NoSuchName)
    six = state(a_service(cluster_ip="fd00:10:96::20", cluster_ips=("fd00:10:96::20",)))
    apex = CONFIG.zones[2]
    assert isinstance(ask(six, f"0.{apex}", "PTR"), NoData)
    assert isinstance(ask(six, f"1.{apex}", "PTR"), NoSuchName)


def test_a_reverse_name_exists_for_every_type_or_for_none() -> None:
    web = state(a_service())
    assert isinstance(ask(web, "20.0.96.10.in-addr.arpa", "A"), NoData)
    assert isinstance(ask(web, "21.0.96.10.in-addr.arpa", "A"), NoSuchName)


@pytest.mark.parametrize("name", ["020.0.96.10.in-addr.arpa", "1.20.0.96.10.in-addr.arpa"])
def test_malformed_reverse_names_do_not_exist(name: str) -> None:
    assert isinstance(ask(state(a_service()), name, "PTR"), NoSuchName)


def test_outside_the_service_ranges_endpoints_are_named_and_other_names_fall_through() -> None:
    web = state(a_service(), an_endpoint_slice(an_endpoint("10.244.0.1")))
    found = ask(web, "1.0.244.10.in-addr.arpa", "PTR")
    assert contents(found) == ["10-244-0-1.web.default.svc.cluster.local."]
    for name in ("2.0.244.10.in-addr.arpa", "244.10.in-addr.arpa", "www.example.com"):
        assert isinstance(ask(web, name, "PTR"), OutOfZone), name


def test_a_service_whose_namespace_is_unknown_has_no_name() -> None:
    orphan = load([a_service(), an_endpoint_slice(an_endpoint())], revision=Revision(7))
    assert isinstance(ask(orphan, "web.default.svc.cluster.local"), NoSuchName)
    assert isinstance(ask(orphan, "20.0.96.10.in-addr.arpa", "PTR"), NoSuchName)


# Records.


def test_the_serial_is_the_revision_and_wraps() -> None:
    for revision, serial in ((7, 7), (2**32 + 7, 7)):
        outcome = ask(load([a_namespace()], revision=Revision(revision)), "cluster.local", "SOA")
        assert contents(outcome)[0].split()[2] == str(serial)


def test_weights_scale_the_shares_of_an_answer_and_a_drained_endpoint_has_share_zero() -> None:
    shop = state(
        a_headless_service("web"),
        an_endpoint_slice(
            an_endpoint("10.244.0.1", weight=3),
            an_endpoint("10.244.0.2", weight=1),
            an_endpoint("10.244.0.3", weight=0),
        ),
    )
    outcome = ask(shop, "_http._tcp.web.default.svc.cluster.local", "SRV")
    assert [line.split()[1] for line in contents(outcome)] == ["75", "25", "0"]


def test_when_all_endpoints_drain_the_shares_are_equal() -> None:
    drained = [an_endpoint(f"10.244.0.{number}", weight=0) for number in range(1, 4)]
    shop = state(a_headless_service("web"), an_endpoint_slice(*drained))
    outcome = ask(shop, "web.default.svc.cluster.local", "SRV")
    assert [line.split()[1] for line in contents(outcome)] == ["33"] * 3


def test_not_ready_addresses_are_published_if_the_service_says_so() -> None:
    slice_ = an_endpoint_slice(an_endpoint(ready=False))
    assert isinstance(
        ask(state(a_headless_service("web"), slice_), "web.default.svc.cluster.local"), NoSuchName
    )
    published = a_headless_service("web", publish_not_ready_addresses=True)
    assert contents(ask(state(published, slice_), "web.default.svc.cluster.local"))


def test_only_valid_addresses_of_a_slice_are_published() -> None:
    names = an_endpoint_slice(an_endpoint("db.example.com"), name="web-b", address_type="FQDN")
    numbers = an_endpoint_slice(an_endpoint("10.244.0.1"), ports=(EndpointPort(name="any"),))
    shop = state(a_headless_service("web"), names, numbers)
    assert contents(ask(shop, "web.default.svc.cluster.local")) == ["10.244.0.1"]
    assert isinstance(ask(shop, "web.default.svc.cluster.local", "SRV"), NoData)


def test_an_alias_out_of_the_zone_gives_its_target() -> None:
    aliases = state(an_alias("a", "b.default.svc.cluster.local"), an_alias("b", "www.example.com"))
    outcome = ask(aliases, "a.default.svc.cluster.local")
    assert contents(outcome) == ["b.default.svc.cluster.local.", "www.example.com."]
    assert isinstance(outcome, Records)
    assert outcome.leads_to == parse_domain("www.example.com")


@pytest.mark.parametrize("type_", ["AAAA", "TXT", "MX", "HTTPS", "SRV", "PTR", "NS", "SOA"])
def test_an_alias_answers_every_type(type_: str) -> None:
    outcome = ask(state(an_alias("a", "www.example.com")), "a.default.svc.cluster.local", type_)
    assert contents(outcome) == ["www.example.com."]
    assert isinstance(outcome, Records)
    assert outcome.leads_to == parse_domain("www.example.com")


@pytest.mark.parametrize("type_", ["CNAME", "ANY"])
def test_a_question_that_the_cname_matches_is_not_followed(type_: str) -> None:
    aliases = state(an_alias("a", "web.default.svc.cluster.local"), a_service())
    outcome = ask(aliases, "a.default.svc.cluster.local", type_)
    assert outcome == Records(
        answers=(
            Record(
                parse_domain("a.default.svc.cluster.local"),
                RecordType.CNAME,
                5,
                parse_domain("web.default.svc.cluster.local"),
            ),
        )
    )


def test_the_target_of_an_alias_is_answered_with_its_glue() -> None:
    aliases = state(an_alias("a", "web.default.svc.cluster.local"), a_service())
    outcome = ask(aliases, "a.default.svc.cluster.local", "SRV")
    assert contents(outcome)[1:] == ["0 100 80 web.default.svc.cluster.local."]
    assert isinstance(outcome, Records)
    assert [str(record.content) for record in outcome.additional] == ["10.96.0.20"]


@pytest.mark.parametrize(
    ("target", "denial"),
    [
        ("web.default.svc.cluster.local", NoData),
        ("cluster.local", NoData),
        ("nope.default.svc.cluster.local", NoSuchName),
        ("web.missing.svc.cluster.local", NoSuchName),
        ("below.a.default.svc.cluster.local", NoSuchName),
        ("9.0.96.10.in-addr.arpa", NoSuchName),
    ],
)
def test_an_alias_comes_before_the_denial_of_its_target(
    target: str, denial: type[NoData | NoSuchName]
) -> None:
    outcome = ask(state(an_alias("a", target), a_service()), "a.default.svc.cluster.local", "AAAA")
    assert isinstance(outcome, denial)
    assert [str(record.content) for record in outcome.chain] == [f"{target}."]
    assert parse_domain(target).is_under(outcome.soa.name)


def test_a_loop_of_aliases_is_answered_once() -> None:
    names = {name: f"{name}.default.svc.cluster.local" for name in ("a", "b", "c")}
    circle = state(an_alias("a", names["b"]), an_alias("b", names["c"]), an_alias("c", names["b"]))
    assert contents(ask(circle, names["a"])) == [f"{names[each]}." for each in ("b", "c", "b")]
    alone = state(an_alias("a", names["a"].upper()))
    assert [text.lower() for text in contents(ask(alone, names["a"]))] == [f"{names['a']}."]


def test_aliases_between_two_zones_do_not_loop() -> None:
    zones = (parse_domain("cluster.local"), parse_domain("example.test"))
    circle = state(
        an_alias("a", "b.default.svc.example.test"), an_alias("b", "a.default.svc.cluster.local")
    )
    outcome = ask(circle, "a.default.svc.cluster.local", "A", ZoneConfig(zones=zones))
    assert contents(outcome) == ["b.default.svc.example.test.", "a.default.svc.cluster.local."]


def test_a_chain_of_aliases_is_followed_to_its_bound() -> None:
    steps = [an_alias(f"s{n}", f"s{n + 1}.default.svc.cluster.local") for n in range(12)]
    chain = state(*steps, a_service("s12"))
    long = ask(chain, "s1.default.svc.cluster.local")
    assert contents(long) == [f"s{n}.default.svc.cluster.local." for n in range(2, 2 + CHAIN_MAX)]
    assert isinstance(long, Records)
    assert long.leads_to is None
    assert contents(ask(chain, "s2.default.svc.cluster.local"))[CHAIN_MAX:] == ["10.96.0.20"]


@pytest.mark.parametrize("target", ["192.0.2.1", "192.0.2.1.", "2001:db8::1", "a..b", "x" * 64])
def test_an_alias_for_an_invalid_name_does_not_exist(target: str) -> None:
    assert isinstance(ask(state(an_alias("a", target)), "a.default.svc.cluster.local"), NoSuchName)


def test_an_alias_may_lead_to_a_reverse_name_or_out_of_the_zone() -> None:
    aliases = state(an_alias("a", "9.9.9.9.in-addr.arpa"), a_service("b"))
    outcome = ask(aliases, "a.default.svc.cluster.local")
    assert isinstance(outcome, Records)
    assert str(outcome.leads_to) == "9.9.9.9.in-addr.arpa."


def test_the_name_servers_are_the_services_with_our_addresses() -> None:
    own = (ip_address("10.244.0.53"),)
    config = cluster_config("cluster.local", RANGES, nameserver_addresses=own)
    dns = a_service("kube-dns"), an_endpoint_slice(an_endpoint("10.244.0.53"), service="kube-dns")
    outcome = ask(state(*dns), "cluster.local", "NS", config)
    assert contents(outcome) == ["kube-dns.default.svc.cluster.local."]
    assert isinstance(outcome, Records)
    assert [str(record.content) for record in outcome.additional] == ["10.96.0.20"]
    headless = a_headless_service("kube-dns"), dns[1]
    outcome = ask(state(*headless), "cluster.local", "NS", config)
    assert contents(outcome) == ["10-244-0-53.kube-dns.default.svc.cluster.local."]
    assert contents(ask(state(), "cluster.local", "NS", config)) == ["ns.dns.cluster.local."]
    orphan = load(dns, revision=Revision(7))
    assert contents(ask(orphan, "cluster.local", "NS", config)) == ["ns.dns.cluster.local."]
    assert contents(ask(state(), "ns.dns.cluster.local", "A", config)) == ["10.244.0.53"]


@pytest.mark.parametrize(
    ("pod", "is_named"),
    [
        (a_pod(), True),
        (a_pod(phase="Succeeded"), False),
        (a_pod(phase="Unknown"), False),
        (a_pod(namespace="shop"), False),
        (a_pod(deleted_at=a_namespace().metadata.created_at), False),
        (a_pod(pod_ips=("10.244.0.9",)), False),
        (a_pod(pod_ips=("10.244.0.9", "10.244.0.1")), True),
        (a_pod(pod_ips=("fd00::1", "010.244.0.1")), True),
    ],
)
def test_a_verified_pod_is_running_and_named_by_each_of_its_addresses(
    pod: Object, *, is_named: bool
) -> None:
    config = cluster_config("cluster.local", RANGES, pods=PodRecords.VERIFIED)
    outcome = ask(state(pod), "10-244-0-1.default.pod.cluster.local", "A", config)
    assert isinstance(outcome, Records) == is_named


def test_a_verified_pod_with_addresses_of_both_families_has_a_name_for_each() -> None:
    config = cluster_config("cluster.local", RANGES, pods=PodRecords.VERIFIED)
    pod = state(a_pod(pod_ips=("10.244.1.5", "2001:DB8:1::5")))
    six = "2001-db8-1--5.default.pod.cluster.local"
    assert contents(ask(pod, six, "AAAA", config)) == ["2001:db8:1::5"]
    assert isinstance(ask(pod, six, "A", config), NoData)
    assert contents(ask(pod, "10-244-1-5.default.pod.cluster.local", "A", config)) == ["10.244.1.5"]


# Laws.

types = st.sampled_from(["A", "AAAA", "SRV", "PTR", "CNAME", "TXT", "SOA", "NS", "MX"])


def after(history: list[Change]) -> Snapshot:
    namespaces = [a_namespace(name) for name in NAMESPACES]
    return load(namespaces, revision=Revision(0)).apply(history)


@given(named_histories(), names_of_the_zone)
def test_a_name_exists_for_every_type_or_for_none(history: list[Change], name: str) -> None:
    snapshot = after(history)
    outcomes = [ask(snapshot, name, type_) for type_ in ("A", "AAAA", "SRV", "TXT", "PTR", "MX")]
    kinds = {isinstance(outcome, Records | NoData) for outcome in outcomes}
    assert len(kinds) == 1


@given(named_histories(), names_below_services)
def test_every_name_above_an_existing_one_exists(history: list[Change], name: str) -> None:
    snapshot = after(history)
    if isinstance(ask(snapshot, name), Records | NoData):
        parent = name.partition(".")[2]
        assert isinstance(ask(snapshot, parent), Records | NoData)


@given(named_histories(), names_of_the_zone, types)
def test_every_srv_target_has_an_address_and_every_address_is_registered(
    history: list[Change], name: str, type_: str
) -> None:
    snapshot = after(history)
    outcome = ask(snapshot, name, type_)
    for record in outcome.answers if isinstance(outcome, Records) else ():
        if isinstance(record.content, ServiceTarget):
            target = str(record.content.target)
            found = [ask(snapshot, target, family) for family in ("A", "AAAA")]
            assert any(isinstance(each, Records) for each in found)
        elif record.type in (RecordType.A, RecordType.AAAA) and ".pod." not in name:
            address = str(record.content)
            is_held = snapshot.service_at(address) is not None
            assert is_held or snapshot.slices_with(address)


@given(named_histories(), names_below_services)
def test_a_reverse_name_points_to_a_name_with_the_address(history: list[Change], name: str) -> None:
    snapshot = after(history)
    outcome = ask(snapshot, name)
    addresses = [
        record
        for record in (outcome.answers if isinstance(outcome, Records) else ())
        if record.type == RecordType.A
    ]
    for record in addresses:
        reverse = ask(snapshot, ip_address(str(record.content)).reverse_pointer, "PTR")
        assert contents(reverse)
        for target in contents(reverse):
            assert str(record.content) in contents(ask(snapshot, target))


@given(named_histories(), names_below_services, types)
def test_an_alias_comes_first_in_every_answer(history: list[Change], name: str, type_: str) -> None:
    snapshot = after(history)
    own = ask(snapshot, name, "CNAME")
    outcome = ask(snapshot, name, type_)
    if isinstance(own, Records):
        assert not isinstance(outcome, OutOfZone)
        said = outcome.answers if isinstance(outcome, Records) else outcome.chain
        assert said[0] == own.answers[0]
    elif isinstance(outcome, NoData | NoSuchName):
        assert outcome.chain == ()


@given(named_histories(), names_below_services, types)
def test_aliases_form_a_chain_without_gaps_or_loops(
    history: list[Change], name: str, type_: str
) -> None:
    outcome = ask(after(history), name, type_)
    if isinstance(outcome, OutOfZone) or type_ == "CNAME":
        return
    said = outcome.answers if isinstance(outcome, Records) else outcome.chain
    chain = [record for record in said if record.type == RecordType.CNAME]
    owners = [record.name for record in chain]
    assert [parse_domain(name), *(record.content for record in chain)][: len(owners)] == owners
    assert len(set(owners)) == len(owners) <= CHAIN_MAX


@given(named_histories(), names_of_the_zone, types)
def test_the_case_of_a_question_changes_only_the_spelling(
    history: list[Change], name: str, type_: str
) -> None:
    snapshot = after(history)
    lower, upper = ask(snapshot, name, type_), ask(snapshot, name.upper(), type_)
    assert lower == upper
    if isinstance(upper, Records):
        owner = parse_domain(name.upper()).labels
        assert any(record.name.labels == owner for record in upper.answers)


def test_an_empty_configuration_has_no_zone() -> None:
    config = ZoneConfig(zones=(DomainName(("example", "test")),))
    assert isinstance(ask(state(), "cluster.local", "SOA", config), OutOfZone)


def test_an_unnamed_port_of_a_cluster_address_is_found_at_the_empty_port_name() -> None:
    web = state(a_service(ports=(ServicePort(port=8080),)))
    for name in ("web.default.svc.cluster.local", "_._tcp.web.default.svc.cluster.local"):
        assert contents(ask(web, name, "SRV")) == ["0 100 8080 web.default.svc.cluster.local."]
    assert isinstance(ask(web, "_._tcp.web.default.svc.cluster.local"), NoData)
    for name in ("_tcp", "_._udp", "_http._tcp"):
        denied = ask(web, f"{name}.web.default.svc.cluster.local", "SRV")
        assert isinstance(denied, NoSuchName)


def test_an_unnamed_port_of_a_headless_service_appears_only_at_the_service() -> None:
    slice_ = an_endpoint_slice(an_endpoint(), ports=(EndpointPort(port=8080),))
    web = state(a_headless_service("web", ports=(ServicePort(port=8080),)), slice_)
    assert contents(ask(web, "web.default.svc.cluster.local", "SRV"))
    for name in ("_tcp", "_._tcp"):
        denied = ask(web, f"{name}.web.default.svc.cluster.local", "SRV")
        assert isinstance(denied, NoSuchName)
