"""Autopath: the search list is walked for a client whose Pod is known."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import dns.flags
import dns.message
import dns.rcode
import pytest

from app.dns.answering.protocol import Protocol, ProtocolConfig, Walk
from app.dns.messages.message import Transport
from app.dns.serving.server import DNSServer, ServerOptions
from app.dns.upstream.exchange import Upstream
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.names import Revision, parse_domain
from app.domain.objects.resource import Object
from app.domain.snapshot import load
from app.registry.reads.view import View
from tests.builders import (
    a_headless_service,
    a_namespace,
    a_pod,
    a_service,
    an_alias,
    an_endpoint,
    an_endpoint_slice,
)
from tests.dns.answering.test_protocol import FixedSource
from tests.dns.client import data_of
from tests.dns.upstream.test_forwarder import addresses, ask, denial, failure
from tests.dns.upstream_server import Answer, Asked, UpstreamServer, upstream_server

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
    walked = ("corp.example",)
    config = ProtocolConfig(zone=ZONE, autopath=walked, has_upstreams=has_upstreams)
    return Protocol(FixedSource(load(objects, revision=Revision(1))), config)


def a_query(name: str, type_: str = "A", *, flags: int = dns.flags.RD) -> bytes:
    return dns.message.make_query(name, type_, flags=flags).to_wire()


def test_the_first_question_gets_the_answer_of_the_search_list() -> None:
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


def test_names_out_of_the_zone_are_tried_upstream_host_domains_first() -> None:
    query = a_query("www.example.com.default.svc.cluster.local")
    outcome = a_protocol(has_upstreams=True).respond(query, Transport.UDP, CLIENT)
    assert isinstance(outcome, Walk)
    assert [str(name) for name in outcome.names] == [
        "www.example.com.corp.example.",
        "www.example.com.",
    ]
    assert dns.message.from_wire(outcome.otherwise).rcode() == dns.rcode.NXDOMAIN
    for alone in (
        a_protocol().respond(query, Transport.UDP, CLIENT),
        a_protocol(has_upstreams=True).respond(
            a_query("www.example.com.default.svc.cluster.local", flags=0), Transport.UDP, CLIENT
        ),
    ):
        assert isinstance(alone, bytes)
        assert dns.message.from_wire(alone).rcode() == dns.rcode.NXDOMAIN


def test_without_upstreams_only_names_of_the_zone_are_tried() -> None:
    query = a_query("web.shop.svc.cluster.local.default.svc.cluster.local")
    reply = a_protocol().respond(query, Transport.UDP, CLIENT)
    assert isinstance(reply, bytes)
    assert data_of(dns.message.from_wire(reply).answer) == [
        "web.shop.svc.cluster.local.",
        "10.96.0.20",
    ]


@pytest.mark.parametrize(
    ("target", "led_to"),
    [
        ("www.example.com", ["www.example.com."]),
        ("web.shop.svc.cluster.local", ["web.shop.svc.cluster.local.", "10.96.0.20"]),
        ("six.shop.svc.cluster.local", ["six.shop.svc.cluster.local."]),
    ],
)
def test_an_alias_ends_the_walk_for_any_target(target: str, led_to: list[str]) -> None:
    objects = (*OBJECTS, an_alias("out", target, "shop"))
    query = a_query("out.shop.default.svc.cluster.local")
    reply = a_protocol(objects=objects).respond(query, Transport.UDP, CLIENT)
    assert isinstance(reply, bytes)
    message = dns.message.from_wire(reply)
    assert message.rcode() == dns.rcode.NOERROR
    assert data_of(message.answer) == ["out.shop.svc.cluster.local.", *led_to]
    assert bool(message.authority) == target.startswith("six")


def test_an_alias_with_a_missing_target_does_not_end_the_walk() -> None:
    objects = (*OBJECTS, an_alias("out", "nope.shop.svc.cluster.local", "shop"))
    query = a_query("out.shop.default.svc.cluster.local")
    outcome = a_protocol(objects=objects, has_upstreams=True).respond(query, Transport.UDP, CLIENT)
    assert isinstance(outcome, Walk)
    assert [str(name) for name in outcome.names] == ["out.shop.corp.example.", "out.shop."]


@pytest.mark.parametrize(
    ("name", "type_", "client"),
    [
        ("web.shop.default.svc.cluster.local", "A", STRANGER),
        ("web.shop.default.svc.cluster.local", "SRV", CLIENT),
        ("web.shop.shop.svc.cluster.local", "A", CLIENT),
        ("nope.shop.svc.cluster.local", "A", CLIENT),
    ],
)
def test_other_questions_are_not_walked(name: str, type_: str, client: object) -> None:
    address = CLIENT if client is CLIENT else STRANGER
    reply = a_protocol(has_upstreams=True).respond(a_query(name, type_), Transport.UDP, address)
    assert isinstance(reply, bytes)
    assert dns.message.from_wire(reply).rcode() == dns.rcode.NXDOMAIN


def test_an_address_shared_by_several_pods_identifies_none() -> None:
    twins = (*OBJECTS, a_pod("web-2", "shop"))
    query = a_query("web.shop.default.svc.cluster.local")
    reply = a_protocol(objects=twins).respond(query, Transport.UDP, CLIENT)
    assert isinstance(reply, bytes)
    assert dns.message.from_wire(reply).rcode() == dns.rcode.NXDOMAIN


def test_a_denial_for_one_client_is_not_cached_for_the_next() -> None:
    protocol = a_protocol()
    query = a_query("web.shop.default.svc.cluster.local")
    denied = protocol.respond(query, Transport.UDP, STRANGER)
    assert isinstance(denied, bytes)
    assert not protocol.answers.by_wire
    found = protocol.respond(query, Transport.UDP, CLIENT)
    assert isinstance(found, bytes)
    assert dns.message.from_wire(found).answer


# Over the network.

SELF = ip_address("127.0.0.1")
LOCAL: tuple[Object, ...] = (
    a_namespace(),
    a_namespace("shop"),
    a_pod(pod_ips=(str(SELF),)),
    a_service(),
    an_alias("out", "a.test", "shop"),
)


@asynccontextmanager
async def walking(answer: Answer) -> AsyncGenerator[tuple[DNSServer, UpstreamServer]]:
    """Serve a Pod at the loopback address, with upstreams."""
    view = View()
    view.reset(load(LOCAL, revision=Revision(1)), history=(), compacted=Revision(1))
    async with upstream_server(answer) as running:
        config = ProtocolConfig(zone=ZONE, autopath=("corp.example",))
        server = DNSServer(view, config, ServerOptions(upstreams=(running.server,)))
        await server.start(str(SELF), 0)
        try:
            yield server, running
        finally:
            await server.close()


def missing(asked: Asked) -> bytes:
    return denial(dns.rcode.NXDOMAIN)(asked.message)[0]


async def test_later_names_of_the_zone_are_not_asked_upstream() -> None:
    name = "web.default.svc.cluster.local"
    async with walking(missing) as (server, running):
        reply = await ask(server, f"{name}.default.svc.cluster.local")
        assert data_of(reply.answer) == [f"{name}.", "10.96.0.20"]
        asked = {each.message.question[0].name.to_text() for each in running.asked}
        assert {text for text in asked if "loop" not in text} == {f"{name}.corp.example."}
        denied = await ask(server, "nope.default.svc.cluster.local")
        assert (denied.rcode(), denied.answer) == (dns.rcode.NXDOMAIN, [])


@pytest.mark.parametrize("is_failing", [False, True])
async def test_a_walk_follows_an_alias(*, is_failing: bool) -> None:
    answer = failure(dns.rcode.SERVFAIL) if is_failing else addresses("192.0.2.1")
    async with walking(lambda asked: answer(asked.message)[0]) as (server, _):
        reply = await ask(server, "out.shop.default.svc.cluster.local")
        found = [] if is_failing else ["192.0.2.1"]
        assert data_of(reply.answer) == ["out.shop.svc.cluster.local.", "a.test.", *found]
        assert reply.rcode() == (dns.rcode.SERVFAIL if is_failing else dns.rcode.NOERROR)
        assert server.protocol.autopath_found == 1


async def test_a_walk_finds_upstream_names_in_the_order_of_the_list() -> None:
    def answer(asked: Asked) -> bytes:
        name = asked.message.question[0].name.to_text()
        is_host = name.endswith("corp.example.")
        return missing(asked) if is_host else addresses("192.0.2.1")(asked.message)[0]

    async with walking(answer) as (server, _):
        reply = await ask(server, "www.example.com.default.svc.cluster.local")
        assert data_of(reply.answer) == ["www.example.com.", "192.0.2.1"]
        assert server.protocol.autopath_found == 1


async def test_a_walk_without_upstream_answers_ends_with_the_first_denial() -> None:
    async with walking(missing) as (server, running):
        server.forwarder.upstream = Upstream([running.server], pending_max=0)
        denied = await ask(server, "www.example.com.default.svc.cluster.local")
        assert (denied.rcode(), denied.answer) == (dns.rcode.NXDOMAIN, [])


async def test_a_walk_ends_at_a_forwarding_loop() -> None:
    async with walking(missing) as (server, _):
        server.forwarder.is_looping = True
        denied = await ask(server, "www.example.com.default.svc.cluster.local")
        assert (denied.rcode(), denied.answer) == (dns.rcode.NXDOMAIN, [])
