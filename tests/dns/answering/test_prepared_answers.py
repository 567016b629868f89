"""Prewarming compiles the likely answers, and correct ones."""

import asyncio

import dns.message

from app.dns.answering.answers import likely_questions, prepare
from app.dns.answering.protocol import Protocol, ProtocolConfig
from app.dns.messages.message import Transport
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.names import Revision, parse_domain
from app.domain.snapshot import load
from tests.builders import a_headless_service, a_namespace, a_service
from tests.dns.answering.test_protocol import FixedSource

ZONE = ZoneConfig(zones=(parse_domain("cluster.local"),))
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
