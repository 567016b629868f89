"""The search list walked for a client whose Pod is known."""

from ipaddress import ip_address

import dns.message
import dns.rcode
import pytest

from app.dns.autopath import Autopath
from app.dns.messages import Transport
from app.dns.protocol import Protocol, ProtocolConfig, Walk
from app.domain.discovery.zone_config import ZoneConfig
from app.domain.names import Revision, parse_domain
from app.domain.objects.kinds import Object
from app.domain.snapshot import load
from tests.builders import (
    a_headless_service,
    a_namespace,
    a_pod,
    a_service,
    an_endpoint,
    an_endpoint_slice,
)
from tests.dns.client import data_of
from tests.dns.test_protocol import FixedSource

CLIENT = ip_address("10.244.0.1")
STRANGER = ip_address("192.0.2.9")
ZONE = ZoneConfig(zones=(parse_domain("cluster.local"),))
OBJECTS: tuple[Object, ...] = (
    a_namespace("default"),
    a_namespace("shop"),
    a_pod(),
    a_service("web", "shop"),
    a_headless_service("six", "shop"),
    an_endpoint_slice(an_endpoint("fd00::1"), service="six", namespace="shop"),
)


def a_protocol(*, has_upstreams: bool = False, objects: tuple[Object, ...] = OBJECTS) -> Protocol:
    walked = Autopath(host_search=("corp.example",))
    config = ProtocolConfig(zone=ZONE, autopath=walked, has_upstreams=has_upstreams)
    return Protocol(FixedSource(load(objects, revision=Revision(1))), config)


def a_query(name: str, type_: str = "A") -> bytes:
    return dns.message.make_query(name, type_).to_wire()


def test_the_first_question_finds_what_the_second_would_have() -> None:
    protocol = a_protocol()
    query = a_query("web.shop.default.svc.cluster.local")
    reply = protocol.respond(query, Transport.UDP, CLIENT)
    assert isinstance(reply, bytes)
    message = dns.message.from_wire(reply)
    assert data_of(message.answer) == ["web.shop.svc.cluster.local.", "10.96.0.20"]
    assert protocol.autopath_found == 1


def test_nodata_ends_the_walk() -> None:
    reply = a_protocol().respond(
        a_query("six.shop.default.svc.cluster.local"), Transport.UDP, CLIENT
    )
    assert isinstance(reply, bytes)
    message = dns.message.from_wire(reply)
    assert (message.rcode(), message.answer) == (dns.rcode.NOERROR, [])


def test_what_is_not_ours_is_tried_elsewhere_host_domains_first() -> None:
    query = a_query("www.example.com.default.svc.cluster.local")
    outcome = a_protocol(has_upstreams=True).respond(query, Transport.UDP, CLIENT)
    assert isinstance(outcome, Walk)
    assert [str(name) for name in outcome.names] == [
        "www.example.com.corp.example.",
        "www.example.com.",
    ]
    assert dns.message.from_wire(outcome.otherwise).rcode() == dns.rcode.NXDOMAIN
    alone = a_protocol().respond(query, Transport.UDP, CLIENT)
    assert alone == outcome.otherwise


@pytest.mark.parametrize(
    ("name", "type_", "client"),
    [
        ("web.shop.default.svc.cluster.local", "A", STRANGER),
        ("web.shop.default.svc.cluster.local", "SRV", CLIENT),
        ("web.shop.shop.svc.cluster.local", "A", CLIENT),
        ("nope.shop.svc.cluster.local", "A", CLIENT),
    ],
)
def test_other_questions_are_answered_as_ever(name: str, type_: str, client: object) -> None:
    address = CLIENT if client is CLIENT else STRANGER
    reply = a_protocol(has_upstreams=True).respond(a_query(name, type_), Transport.UDP, address)
    assert isinstance(reply, bytes)
    assert dns.message.from_wire(reply).rcode() == dns.rcode.NXDOMAIN


def test_an_address_shared_by_several_pods_names_none_of_them() -> None:
    twins = (*OBJECTS, a_pod("web-2", "shop"))
    query = a_query("web.shop.default.svc.cluster.local")
    reply = a_protocol(objects=twins).respond(query, Transport.UDP, CLIENT)
    assert isinstance(reply, bytes)
    assert dns.message.from_wire(reply).rcode() == dns.rcode.NXDOMAIN


def test_a_denial_for_one_client_is_not_kept_for_the_next() -> None:
    protocol = a_protocol()
    query = a_query("web.shop.default.svc.cluster.local")
    denied = protocol.respond(query, Transport.UDP, STRANGER)
    assert isinstance(denied, bytes)
    assert not protocol.answers.by_wire
    found = protocol.respond(query, Transport.UDP, CLIENT)
    assert isinstance(found, bytes)
    assert dns.message.from_wire(found).answer
