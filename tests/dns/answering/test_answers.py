"""Compiled answers: prepared, found by request octets, dropped when a commit touches them."""

import asyncio

import dns.edns
import dns.message
import dns.rcode
import pytest
from dns.rdatatype import RdataType
from hypothesis import given, settings
from hypothesis import strategies as st

from app.dns.answering.answers import likely_questions, prepare
from app.dns.answering.protocol import Forward, Protocol, ProtocolConfig
from app.dns.messages.message import Transport
from app.domain.changes import Change
from app.domain.discovery.zone.config import cluster_config
from app.domain.names import Revision
from app.domain.snapshot import load
from tests.builders import a_headless_service, a_namespace, a_service, an_alias
from tests.dns.answering.test_protocol import HOST, ZONE, FixedSource, a_protocol, ask
from tests.dns.client import data_of
from tests.strategies import NAMESPACES, named_histories, names_of_the_zone, question_types


def test_several_addresses_rotate() -> None:
    protocol = a_protocol()
    query = dns.message.make_query("hl-2ports.edge.svc.cluster.local", "A")
    replies = [ask(protocol, query) for _ in range(4)]
    order = [data_of(reply.answer) for reply in replies]
    assert len({addresses[0] for addresses in order[:3]}) == 3
    assert {tuple(sorted(addresses)) for addresses in order} == {tuple(sorted(order[0]))}


def test_repeated_octets_get_the_cached_reply() -> None:
    protocol = a_protocol()
    query = dns.message.make_query("multi.edge.svc.cluster.local", "A").to_wire()
    first = protocol.respond(query, Transport.UDP, HOST)
    assert isinstance(first, bytes)
    reply, counter, account = protocol.answers.by_wire[query[2:]]
    assert query[:2] + (reply if isinstance(reply, bytes) else reply.octets()) == first
    assert counter == [1]
    # Cached replies count against the same limit as others.
    assert account is protocol.answers.accounts.of_reply(first)


@pytest.mark.parametrize("oddity", ["case", "option", "size"])
def test_octets_that_few_clients_send_are_not_cached(oddity: str) -> None:
    protocol = a_protocol()
    name = "mulTi" if oddity == "case" else "multi"
    query = dns.message.make_query(f"{name}.edge.svc.cluster.local", "A")
    if oddity == "option":
        query.use_edns(0, options=[dns.edns.CookieOption(b"12345678", b"")])
    elif oddity == "size":
        query.use_edns(0, payload=1234)
    assert ask(protocol, query).answer
    assert not protocol.answers.by_wire


def test_an_alias_without_upstreams_is_compiled_like_any_answer() -> None:
    out, elsewhere = an_alias("out", "a.test"), an_alias("out", "b.test")
    snapshot = load([a_namespace(), out], revision=Revision(1))
    source = FixedSource(snapshot)
    protocol = Protocol(source, ProtocolConfig(zone=ZONE))
    query = dns.message.make_query("out.default.svc.cluster.local", "A")
    assert data_of(ask(protocol, query).answer) == ["a.test."]
    assert query.to_wire()[2:] in protocol.answers.by_wire
    change = Change(revision=Revision(2), before=out, after=elsewhere)
    source.snapshot = snapshot.apply([change])
    protocol.answers.renew(source.snapshot, [change])
    assert not protocol.answers.by_wire
    assert data_of(ask(protocol, query).answer) == ["b.test."]


def test_the_denial_behind_an_alias_has_the_current_serial() -> None:
    objects = [a_namespace(), an_alias("out", "nope.default.svc.cluster.local")]
    source = FixedSource(load(objects, revision=Revision(1)))
    protocol = Protocol(source, ProtocolConfig(zone=ZONE))
    query = dns.message.make_query("out.default.svc.cluster.local", "A")
    change = Change(revision=Revision(2), before=None, after=a_service("web"))
    for serial in (1, 2):
        reply = ask(protocol, query)
        assert reply.rcode() == dns.rcode.NXDOMAIN
        assert data_of(reply.answer) == ["nope.default.svc.cluster.local."]
        assert data_of(reply.authority)[0].split()[2] == str(serial)
        source.snapshot = source.snapshot.apply([change])
        protocol.answers.renew(source.snapshot, [change])
    assert query.to_wire()[2:] in protocol.answers.by_wire


def test_a_new_target_ends_the_denial_behind_its_alias() -> None:
    objects = [a_namespace(), an_alias("out", "web.default.svc.cluster.local")]
    source = FixedSource(load(objects, revision=Revision(1)))
    protocol = Protocol(source, ProtocolConfig(zone=ZONE))
    query = dns.message.make_query("out.default.svc.cluster.local", "A")
    assert ask(protocol, query).rcode() == dns.rcode.NXDOMAIN
    change = Change(revision=Revision(2), before=None, after=a_service("web"))
    source.snapshot = source.snapshot.apply([change])
    protocol.answers.renew(source.snapshot, [change])
    assert data_of(ask(protocol, query).answer)[-1] == "10.96.0.20"


# Likely answers, prepared before they are asked for.

STATE = load(
    [
        a_namespace(),
        a_service("web"),
        a_headless_service("db", ip_families=("IPv4", "IPv6")),
        a_service("ext", type="ExternalName", external_name="example.com"),
    ],
    revision=Revision(1),
)


def test_the_likely_questions_are_for_addresses_and_named_ports() -> None:
    questions = [(str(name), type_.name) for name, type_ in likely_questions(STATE, ZONE)]
    assert questions == [
        ("db.default.svc.cluster.local.", "A"),
        ("db.default.svc.cluster.local.", "AAAA"),
        ("_http._tcp.db.default.svc.cluster.local.", "SRV"),
        ("web.default.svc.cluster.local.", "A"),
        ("_http._tcp.web.default.svc.cluster.local.", "SRV"),
    ]


async def test_a_prepared_answer_equals_the_answer_to_a_question() -> None:
    source = FixedSource(STATE, is_synced=False)
    prepared, asked = (Protocol(source, ProtocolConfig(zone=ZONE)) for _ in range(2))
    task = asyncio.create_task(prepare(source, prepared.answers, ZONE))
    await asyncio.sleep(0)
    source.is_synced = True
    await task
    assert not any(counter[0] for counter in prepared.counters.by_kind.values())
    assert len(prepared.answers.by_wire) == 5
    for wire, (reply, _, _) in prepared.answers.by_wire.items():
        made = asked.respond(b"\0\0" + wire, Transport.UDP, None)
        octets = reply if isinstance(reply, bytes) else reply.octets()
        assert made == b"\0\0" + octets
        assert dns.message.from_wire(b"\0\0" + octets)


# Laws.


def lines_of(reply: bytes) -> list[str]:
    """Return the lines of a message, sorted."""
    return sorted(dns.message.from_wire(reply).to_text().splitlines())


@settings(deadline=None)
@given(
    named_histories(),
    st.lists(st.tuples(names_of_the_zone, question_types), min_size=1, max_size=6),
    st.booleans(),
)
def test_cached_answers_equal_newly_compiled_ones_after_changes(
    history: list[Change],
    questions: list[tuple[str, int]],
    has_upstreams: bool,  # noqa: FBT001  drawn by position
) -> None:
    snapshot = load(map(a_namespace, NAMESPACES), revision=Revision(0))
    source = FixedSource(snapshot)
    config = ProtocolConfig(zone=cluster_config("cluster.local", []), has_upstreams=has_upstreams)
    keeping = Protocol(source, config)
    queries = [
        dns.message.make_query(name, RdataType(type_)).to_wire() for name, type_ in questions
    ]
    for change in history:
        source.snapshot = source.snapshot.apply([change])
        keeping.answers.renew(source.snapshot, [change])
        fresh = Protocol(source, config)
        for query in queries:
            kept, made = (p.respond(query, Transport.UDP, HOST) for p in (keeping, fresh))
            if has_upstreams and isinstance(kept, Forward):
                assert kept == made
                continue
            assert isinstance(kept, bytes)
            assert isinstance(made, bytes)
            # Equal except for the order of addresses, which rotates with every question.
            assert kept == made or lines_of(kept) == lines_of(made)


def test_a_change_keeps_the_answers_of_other_names() -> None:
    web, db = a_service("web"), a_service("db", cluster_ips=("10.96.0.21",))
    snapshot = load([a_namespace(), web, db], revision=Revision(1))
    source = FixedSource(snapshot)
    protocol = Protocol(source, ProtocolConfig(zone=ZONE))
    queries = [
        dns.message.make_query(f"{name}.default.svc.cluster.local", type_).to_wire()
        for name in ("web", "db", "nope")
        for type_ in ("A", "TXT")
    ]
    for query in queries:
        protocol.respond(query, Transport.UDP, HOST)
    moved = a_service("web", cluster_ips=("10.96.0.99",))
    change = Change(revision=Revision(2), before=web, after=moved)
    source.snapshot = snapshot.apply([change])
    protocol.answers.renew(source.snapshot, [change])
    kept = [query[2:] in protocol.answers.by_wire for query in queries]
    assert kept == [False, False, True, True, True, True]
    reply, _, _ = protocol.answers.by_wire[queries[-1][2:]]
    assert not isinstance(reply, bytes)
    denied = dns.message.from_wire(b"\0\0" + reply.octets())
    assert data_of(denied.authority)[0].split()[2] == "2"
