"""DNS messages as values: parse a request, and put header, question and OPT around a reply.

    octets -> Request | Refused | None        (None: no reply)
    Request, rcode, Body -> octets

This module knows only the form of messages; ``protocol`` chooses the answers.
Source: RFC 1035 section 4.1, RFC 2181 section 9, RFC 6891; spec dns A13.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

from app.dns.messages.wire import (
    CLASS_IN,
    EMPTY_BODY,
    HEADER,
    HEADER_BYTES,
    RECORD,
    Body,
    Truncated,
    decode_name,
    encode_question,
    end_of_plain_name,
    skip_name,
)
from app.domain.names import DomainName, MalformedName

UDP_BYTES_MIN = 512  # every client accepts this, RFC 1035 section 2.3.4
UDP_BYTES_MAX = 4096  # the largest datagram sent, even if a client offers more
UDP_BYTES_SAFE = 1232  # never fragmented: IPv6's smallest MTU less headers
UDP_BYTES_ADVERTISED = UDP_BYTES_SAFE  # in the OPT records this server sends
TCP_BYTES_MAX = 65_535
TYPE_OPT, TYPE_SOA = 41, 6
OPT_BYTES = 11  # of an OPT record without options
ECHOED_BYTES_MAX = 128  # of echoed options, so that the smallest reply has room for them

FLAG_RESPONSE, FLAG_AUTHORITATIVE, FLAG_TRUNCATED = 0x8000, 0x0400, 0x0200
FLAG_RECURSION_DESIRED, FLAG_RECURSION_AVAILABLE = 0x0100, 0x0080
FLAG_AUTHENTIC, FLAG_CHECKING_DISABLED = 0x0020, 0x0010
FLAG_DNSSEC_OK = 0x8000  # in the OPT record
KEPT_FLAGS = FLAG_RECURSION_DESIRED | FLAG_CHECKING_DISABLED
_OPCODE_SHIFT, _OPCODE_MASK = 11, 0x7800

_QUESTION = struct.Struct("!HH")
_OPT = struct.Struct("!BHHBBHH")
_OPTION = struct.Struct("!HH")
_TCP_KEEPALIVE = 11
_ECHOED = frozenset({3, 9, 10, _TCP_KEEPALIVE, 12})  # NSID, EXPIRE, COOKIE, …, PADDING
_COUNTS_MAX = (1, 1, 2)  # records of a query: answer, authority, additional


class Opcode(IntEnum):
    """The operations that are understood."""

    QUERY = 0
    NOTIFY = 4


class Rcode(IntEnum):
    """Response codes; 16 and above need an OPT record."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    BADVERS = 16


class Transport(IntEnum):
    """The transport of a message."""

    UDP = 0
    TCP = 1


@dataclass(frozen=True, slots=True)
class Edns:
    """The OPT record of a request; ``echoed`` are the options to send back."""

    udp_bytes: int
    version: int = 0
    is_dnssec_ok: bool = False
    echoed: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One well-formed request; ``question`` is its question section as received.

    ``serial`` is that of an SOA record in the authority section (IXFR).  ``udp_bytes_max`` bounds
    the reply's datagram, even if the client offers more.
    """

    id: bytes
    flags: int
    question: bytes
    type: int
    class_: int
    edns: Edns | None = None
    serial: int | None = None
    transport: Transport = Transport.UDP
    size_bytes: int = 0
    udp_bytes_max: int = UDP_BYTES_MAX

    @property
    def name(self) -> DomainName:
        """The name in the question, in the client's spelling."""
        return decode_name(self.question, 0)[0]

    @property
    def is_bare(self) -> bool:
        """Whether the request has only its question and at most an OPT record without options."""
        opt_bytes = 0 if self.edns is None else OPT_BYTES
        return self.size_bytes == HEADER_BYTES + len(self.question) + opt_bytes

    @property
    def opcode(self) -> int:
        """The requested operation."""
        return (self.flags & _OPCODE_MASK) >> _OPCODE_SHIFT

    @property
    def size_bytes_max(self) -> int:
        """The largest reply to the client."""
        if self.transport == Transport.TCP:
            return TCP_BYTES_MAX
        offered = UDP_BYTES_MIN if self.edns is None else self.edns.udp_bytes
        return max(UDP_BYTES_MIN, min(offered, self.udp_bytes_max))


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that is answered with a header alone."""

    id: int
    flags: int

    def reply(self, flags: int) -> bytes:
        """Write the header, with ``flags`` added."""
        return HEADER.pack(self.id, FLAG_RESPONSE | self.flags | flags, 0, 0, 0, 0)


def parse_request(message: bytes, transport: Transport) -> Request | Refused | None:
    """Parse a request; never raises, for any octets."""
    if len(message) < HEADER_BYTES:
        return None
    id_, flags, *counts = HEADER.unpack_from(message)
    if flags & FLAG_RESPONSE:
        return None
    opcode = (flags & _OPCODE_MASK) >> _OPCODE_SHIFT
    if opcode not in (Opcode.QUERY, Opcode.NOTIFY):
        return Refused(id_, (flags & _OPCODE_MASK) | Rcode.NOTIMP)
    if counts[0] != 1 or any(n > m for n, m in zip(counts[1:], _COUNTS_MAX, strict=True)):
        return Refused(id_, Rcode.FORMERR)
    try:
        return _parse_sections(message, sum(counts[1:]), transport)
    except (Truncated, MalformedName, struct.error):
        return Refused(id_, Rcode.FORMERR)


def plain_request(name: DomainName, type_: int) -> Request:
    """Make the request that most programs send for a name and a type."""
    question = encode_question(name, type_)
    return Request(
        id=bytes(2),
        flags=FLAG_RECURSION_DESIRED,
        question=question,
        type=type_,
        class_=CLASS_IN,
        size_bytes=HEADER_BYTES + len(question),
    )


def encode_reply(request: Request, rcode: int, body: Body = EMPTY_BODY, *, flags: int = 0) -> bytes:
    """Encode a reply; records that do not fit are left out, with TC if one of them was needed."""
    head, kept, opt = framed(request, rcode, body, flags)
    return request.id + head + kept.octets + opt


def framed(request: Request, rcode: int, body: Body, flags: int) -> tuple[bytes, Body, bytes]:
    """Return what surrounds the records of a reply without its id, and the body that fits."""
    opt = b"" if request.edns is None else encode_opt(rcode, request.edns)
    room = request.size_bytes_max - HEADER_BYTES - len(request.question) - len(opt)
    kept, is_short = body.cut(room)
    if is_short:
        flags |= FLAG_TRUNCATED
    word = FLAG_RESPONSE | (request.flags & (KEPT_FLAGS | _OPCODE_MASK)) | flags | (rcode & 0xF)
    answers, authority, additional = kept.counts
    counts = (1, answers, authority, additional + bool(opt))
    return header_words(word, counts) + request.question, kept, opt


def is_missing(reply: bytes) -> bool:
    """Whether a reply says that the name does not exist."""
    return reply[3] & 0xF == Rcode.NXDOMAIN


def encode_query(flags: int, question: bytes, edns: Edns | None) -> bytes:
    """Write a query without its id."""
    head = header_words(flags, (1, 0, 0, int(edns is not None))) + question
    if edns is None:
        return head
    opt_flags = FLAG_DNSSEC_OK if edns.is_dnssec_ok else 0
    return head + _OPT.pack(0, TYPE_OPT, edns.udp_bytes, 0, edns.version, opt_flags, 0)


def header_words(flags: int, counts: tuple[int, int, int, int]) -> bytes:
    """Write the header after the id."""
    return struct.pack("!HHHHH", flags, *counts)


def encode_opt(rcode: int, edns: Edns) -> bytes:
    """Write the OPT record of a reply, which echoes DO and some options."""
    flags = FLAG_DNSSEC_OK if edns.is_dnssec_ok else 0
    size = len(edns.echoed)
    opt = _OPT.pack(0, TYPE_OPT, UDP_BYTES_ADVERTISED, rcode >> 4, 0, flags, size)
    return opt + edns.echoed


def _parse_sections(message: bytes, records: int, transport: Transport) -> Request:
    position = end_of_plain_name(message, HEADER_BYTES)
    type_, class_ = _QUESTION.unpack_from(message, position)
    position += _QUESTION.size
    question = message[HEADER_BYTES:position]
    edns, serial = None, None
    for _ in range(records):
        owner_at, position = position, skip_name(message, position)
        kind, value, ttl, length = RECORD.unpack_from(message, position)
        position += RECORD.size
        if position + length > len(message):
            raise Truncated("a record has no end")
        if kind == TYPE_OPT:
            if edns is not None or message[owner_at] != 0:
                raise MalformedName("one OPT record, at the root")
            echoed = _echoed(message[position : position + length], transport)
            edns = Edns(value, (ttl >> 16) & 0xFF, bool(ttl & FLAG_DNSSEC_OK), echoed)
        elif kind == TYPE_SOA and value == CLASS_IN:
            serial = _serial(message, position)
        position += length
    return Request(
        id=message[:2],
        flags=int.from_bytes(message[2:4]),
        question=question,
        type=type_,
        class_=class_,
        edns=edns,
        serial=serial,
        transport=transport,
        size_bytes=len(message),
    )


def _echoed(options: bytes, transport: Transport) -> bytes:
    """Return the options to echo (spec dns A13), unless large; raises Truncated."""
    kept, position = b"", 0
    while position < len(options):
        code, size = _OPTION.unpack_from(options, position)
        stop = position + _OPTION.size + size
        if stop > len(options):
            raise Truncated("an option has no end")
        # RFC 7828 section 3.2.1: keepalive is for connections.
        if code in _ECHOED and (code != _TCP_KEEPALIVE or transport == Transport.TCP):
            kept += options[position:stop]
        position = stop
    return kept if len(kept) <= ECHOED_BYTES_MAX else b""


def _serial(message: bytes, position: int) -> int:
    after_names = skip_name(message, skip_name(message, position))
    (serial,) = struct.unpack_from("!I", message, after_names)
    return int(serial)
