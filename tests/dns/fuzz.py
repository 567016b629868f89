"""Coverage-guided fuzzing of the parsers of network input; not part of the test run.

    make fuzz SECONDS=180          (or: python tests/dns/fuzz.py -max_total_time=180)

The first octet chooses the input: a message to a server with few features, one to a
server with all features, or the reply of an upstream server.  The laws are those of
the tests: any octets give a reply or none, the id is repeated, a reply fits; an
upstream reply is parsed to its end or rejected, and a parsed one can be forwarded.
"""

import importlib
import struct
import sys
import tempfile
from ipaddress import ip_address
from pathlib import Path
from typing import Any

atheris: Any = importlib.import_module("atheris")  # no dependency: install it to fuzz

sys.path.insert(0, str(Path(__file__).parents[2]))

with atheris.instrument_imports():
    from app.dns.answering.protocol import Forward, Protocol, ProtocolConfig, Transfer, Walk
    from app.dns.messages.message import Rcode, Request, Transport, parse_request
    from app.dns.serving.secondaries import transfer_messages
    from app.dns.upstream import lookup
    from app.dns.upstream.cache import Cache
    from app.dns.upstream.message import Oversized, parse_reply
    from app.dns.upstream.question import FINAL_RCODES, UpstreamQuery
    from app.domain.addresses import parse_prefix
    from app.domain.discovery.zone.config import PodRecords, cluster_config
    from app.registry.reads.view import View
    from tests.dns.answering.test_protocol import request_of
    from tests.dns_vectors import VECTORS, snapshot_of

CLIENT = ip_address("10.244.9.1")  # a Pod of the fixture, so that its search list is known
REPLY_BYTES_MAX = 4096
TCP, ABLE, UPSTREAM = 1, 2, 4  # bits of the first octet
QUESTION = b"\3www\7example\3com\0\0\1\0\1"


def a_view() -> View:
    """Show a state with objects of every kind."""
    view, snapshot = View(), snapshot_of("edge")
    view.reset(snapshot, history=(), compacted=snapshot.revision)
    return view


def a_protocol(*, is_able: bool) -> Protocol:
    """Make a protocol with the fewest features, or with all."""
    prefix, everyone = parse_prefix("10.50.0.0/24"), parse_prefix("0.0.0.0/0")
    assert prefix is not None
    assert everyone is not None
    pods = PodRecords.VERIFIED if is_able else PodRecords.INSECURE
    zone = cluster_config("cluster.local", [prefix], pods=pods)
    if not is_able:
        return Protocol(VIEW, ProtocolConfig(zone=zone))
    config = ProtocolConfig(
        zone=zone,
        transfers_to=(everyone,),
        has_upstreams=True,
        autopath=("corp.example",),
    )
    return Protocol(VIEW, config)


VIEW = a_view()
PROTOCOLS = {is_able: a_protocol(is_able=is_able) for is_able in (False, True)}


def try_octets(octets: bytes) -> None:
    """Check the laws for one input."""
    what, message = (octets[0] if octets else 0), octets[1:]
    if what & UPSTREAM:
        try_reply(message)
    else:
        transport = Transport.TCP if what & TCP else Transport.UDP
        try_request(PROTOCOLS[bool(what & ABLE)], message, transport)


def try_request(protocol: Protocol, message: bytes, transport: Transport) -> None:
    """Answer a client's message."""
    outcome = protocol.respond(message, transport, CLIENT)
    match outcome:
        case None:
            return
        case Transfer():
            zone = protocol.config.zone
            replies = list(transfer_messages(outcome, VIEW.snapshot, VIEW.history, zone))
        case Forward():
            replies = [protocol.without_target(outcome, Rcode.SERVFAIL)]
        case Walk():
            replies = [outcome.otherwise]
        case bytes():
            replies = [outcome]
    for reply in replies:
        assert reply[:2] == message[:2]
        assert transport == Transport.TCP or len(reply) <= REPLY_BYTES_MAX


def try_reply(rest: bytes) -> None:
    """Parse an upstream's reply to a question, write it as text, and forward it."""
    asked = UpstreamQuery(QUESTION)
    query = asked.encode(0, 1232)
    flags = struct.pack("!H", 0x8000 | int.from_bytes(rest[:2]))
    try_foreign(asked, query[:2] + flags + b"\0\1" + rest[2:8] + QUESTION + rest[8:], query)
    try_foreign(asked, query[:2] + flags + rest[2:], query)


def try_foreign(asked: UpstreamQuery, octets: bytes, query: bytes) -> None:
    """Parse one upstream message, with or without the question, and cache it."""
    try:
        reply = parse_reply(octets, query)
    except Oversized:
        return
    if reply is None:
        return
    assert reply.ttl_s >= 0
    cache = Cache()
    cache.keep(asked, reply, 0)
    hit = cache.find(asked, 0)
    assert hit is None or reply.rcode not in FINAL_RCODES or reply.answers(asked) or reply.has_soa
    lookup._in_words(reply)  # pyright: ignore[reportPrivateUsage]  the text form of /resolve
    for transport in Transport:
        request = parse_request(query, transport)
        assert isinstance(request, Request)
        passed_on = PROTOCOLS[True].reply(request, reply.rcode, reply.sections)
        assert len(passed_on) <= request.size_bytes_max


def write_seeds(folder: Path) -> None:
    """Write the seeds: every published message, and a few of our own."""
    published = [request_of(case) for case in VECTORS["wire_vectors"]]
    header = b"\0\7\1\0\0\1\0\0\0\0\0\0"
    names = {case["qname"] for case in VECTORS["cases"] if case["fixture"] == "edge"}
    for name in sorted(names)[::5]:
        labels = name.rstrip(".").encode().split(b".")
        written = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
        published.extend(header + written + struct.pack("!HH", type_, 1) for type_ in (1, 33, 252))
    said = b"\0\0\0\1\0\0\0\0\xc0\x0c\0\5\0\1\0\0\0\5\0\2\xc0\x10"
    for number, message in enumerate(published):
        for what in (0, TCP, ABLE, ABLE | TCP):
            (folder / f"{number}-{what}").write_bytes(bytes((what,)) + message)
    (folder / "said").write_bytes(bytes((UPSTREAM,)) + said)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as seeds:
        write_seeds(Path(seeds))
        atheris.Setup([*sys.argv, seeds], try_octets)
        atheris.Fuzz()
