"""Counters of replies by kind; the number of kinds is bounded."""

from dataclasses import replace

from app.dns.counters import Kind, ReplyCounters
from app.dns.messages.message import Transport, plain_request
from app.domain.names import parse_domain

REQUEST = plain_request(parse_domain("www.example.com"), 1)


def test_replies_of_one_kind_share_a_counter() -> None:
    counters = ReplyCounters()
    assert counters.of(REQUEST, 0, 101) is counters.of(REQUEST, 0, 199)
    assert counters.of(REQUEST, 0, 101) is not counters.of(REQUEST, 0, 201)
    assert counters.of(replace(REQUEST, type=65_000), 0, 9) is counters.of(
        replace(REQUEST, type=65_001), 0, 9
    )


def test_kinds_are_bounded_and_every_reply_is_still_counted() -> None:
    counters, count = ReplyCounters(kinds_max=5), 0
    for transport in Transport:
        for type_ in (1, 28, 33):
            for rcode in (0, 3):
                for reply_bytes in (50, 150, 250):
                    request = replace(REQUEST, transport=transport, type=type_)
                    counters.of(request, rcode, reply_bytes)[0] += 1
                    count += 1
    assert sum(counter[0] for counter in counters.by_kind.values()) == count
    # Beyond the bound there is one for each transport and response code.
    others = [kind for kind in counters.by_kind if kind.type == "other"]
    assert len(counters.by_kind) == 5 + len(others)
    assert {(kind.transport, kind.rcode) for kind in others} == {
        (int(transport), rcode) for transport in Transport for rcode in (0, 3)
    }
    assert all(isinstance(kind, Kind) for kind in others)
