"""DNS for ``/resolve``: upstream look-ups, and how many answers fit into a reply.

    (name, type) -> Forwarder -> Reply
    query, records -> number of answers that fit

It uses the same cache and servers as questions on the wire, so the result equals
what a client of this server would get.  Source: contract.md, "GET /resolve".
"""

from dataclasses import replace

from app.dns.messages.message import (
    UDP_BYTES_MIN,
    UDP_BYTES_SAFE,
    Edns,
    Rcode,
    Transport,
    framed,
    plain_request,
)
from app.dns.messages.rdata_text import name_of_type, text_of_data
from app.dns.messages.wire import (
    RawRecord,
    Section,
    Truncated,
    decode_name,
    encode_body,
    encode_question,
)
from app.dns.upstream.exchange import Overloaded, Unanswered
from app.dns.upstream.forwarder import Forwarder
from app.dns.upstream.question import UpstreamQuery, UpstreamReply
from app.domain.discovery.resolvers import lookup
from app.domain.discovery.zone.records import ADDRESS_TYPES, Records, RecordType
from app.domain.names import DomainName, MalformedName

_FRAME_OCTETS_MAX = 12 + 4 + 11  # header, type and class of the question, EDNS
_ADDRESS_OCTETS_MAX = 10 + 16  # of a record after its owner: type, class, TTL, length; IPv6
_WORDS = {rcode.value: rcode for rcode in lookup.Rcode}


def answers_that_fit(
    query: lookup.Query, found: Records, *, udp_bytes_max: int = UDP_BYTES_SAFE
) -> int | None:
    """Count the answers that fit into the reply to a query; None when all do.

    A program in a Pod is not near: its datagrams have at most ``udp_bytes_max`` octets.
    """
    if _surely_fit(query.name, found, min(UDP_BYTES_MIN, udp_bytes_max)):
        return None
    is_bare = query.udp_bytes <= UDP_BYTES_MIN
    request = replace(
        plain_request(query.name, RecordType[query.qtype]),
        edns=None if is_bare else Edns(query.udp_bytes),
        transport=Transport[query.transport.name],
        udp_bytes_max=udp_bytes_max,
    )
    body = encode_body(query.name, (found.answers, (), found.additional))
    _, kept, _ = framed(request, Rcode.NOERROR, body, 0)
    answers = kept.counts[0]
    return answers if answers < len(found.answers) else None


def _surely_fit(name: DomainName, found: Records, octets_max: int) -> bool:
    """Whether a few addresses of a name fit however they are written; most answers are such."""
    records = (*found.answers, *found.additional)
    owner = sum(map(len, name.labels)) + len(name.labels) + 1
    octets = _FRAME_OCTETS_MAX + owner + len(records) * (owner + _ADDRESS_OCTETS_MAX)
    if octets > octets_max:
        return False
    return all(each.type in ADDRESS_TYPES and each.name == name for each in records)


async def look_up(forwarder: Forwarder, name: DomainName, qtype: str) -> lookup.Reply:
    """Look up the records of one type of a name; a failure is a reply with its rcode."""
    query = UpstreamQuery(encode_question(name, RecordType[qtype]))
    if forwarder.is_looping:
        return lookup.Reply(rcode=lookup.Rcode.REFUSED)
    try:
        reply = await forwarder.look_up(query)
    except Unanswered:
        return lookup.Reply(rcode=lookup.Rcode.SERVFAIL)
    except Overloaded:
        return lookup.Reply(rcode=lookup.Rcode.REFUSED)
    return _in_words(reply)


def _in_words(reply: UpstreamReply) -> lookup.Reply:
    answers, authority, additional = reply.sections
    known = reply.rcode in list(Rcode)
    rcode = _WORDS.get(Rcode(reply.rcode).name if known else "", lookup.Rcode.SERVFAIL)
    return lookup.Reply(
        rcode=rcode,
        records=_records(answers),
        has_additional=bool(authority or additional),
    )


def _records(section: Section) -> tuple[lookup.Record, ...]:
    found: list[lookup.Record] = []
    for record in section:
        assert isinstance(record, RawRecord), "upstream records are raw"
        try:
            name, _ = decode_name(record.owner, 0)
            text = text_of_data(record.type, record.data)
        except (MalformedName, Truncated, ValueError):
            continue  # malformed data has no text form, although it could be forwarded
        type_ = name_of_type(record.type)
        found.append(lookup.Record(name=name, rtype=type_, ttl_s=record.ttl_s, value=text))
    return tuple(found)
