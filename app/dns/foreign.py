"""What another server says: its message read, checked against the question, and unpacked.

    query, octets -> ForeignReply | None        (None: no answer to this question)

A reply that does not repeat the id and the question is not for us; one that
cannot be read to its end is treated alike.  Names in it are written out, so
that its records may stand in any other message.

Source: RFC 1035 section 4.1.4, RFC 3597 section 4, RFC 5452 section 9.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from app.dns.messages import (
    FLAG_CHECKING_DISABLED,
    FLAG_RECURSION_DESIRED,
    FLAG_RESPONSE,
    FLAG_TRUNCATED,
    TYPE_OPT,
    TYPE_SOA,
    Edns,
    encode_query_opt,
)
from app.dns.wire import HEADER_BYTES, POINTER, RawRecord, Sections, Truncated
from app.domain.names import LABEL_LENGTH_MAX, WIRE_LENGTH_MAX, MalformedName

_HEADER = struct.Struct("!HHHHHH")
_FIXED = struct.Struct("!HHIH")
_NUMBER = struct.Struct("!I")
_RCODE_MASK = 0xF
_POINTER_MARK = POINTER >> 8
_TTL_SIGN = 0x80000000  # RFC 2181 section 8: a TTL with this bit is zero
_SOA_MINIMUM_BYTES = 4

_NAMES_IN_DATA: Mapping[int, tuple[int, int]] = {
    2: (0, 1),  # NS
    3: (0, 1),  # MD
    4: (0, 1),  # MF
    5: (0, 1),  # CNAME
    6: (0, 2),  # SOA
    7: (0, 1),  # MB
    8: (0, 1),  # MG
    9: (0, 1),  # MR
    12: (0, 1),  # PTR
    14: (0, 2),  # MINFO
    15: (2, 1),  # MX
    17: (0, 2),  # RP
    18: (2, 1),  # AFSDB
    21: (2, 1),  # RT
    26: (2, 2),  # PX
    33: (6, 1),  # SRV
    36: (2, 1),  # KX
    39: (0, 1),  # DNAME
}
"""Type to the octets before the names in its data, and how many names follow."""


@dataclass(frozen=True, slots=True)
class ForeignQuery:
    """A question for another server; ``question`` is the whole question section."""

    question: bytes
    is_dnssec_ok: bool = False
    is_checking_disabled: bool = False

    def encode(self, id_: int, udp_bytes: int) -> bytes:
        """Write the query."""
        flags = FLAG_RECURSION_DESIRED
        if self.is_checking_disabled:
            flags |= FLAG_CHECKING_DISABLED
        opt = encode_query_opt(Edns(udp_bytes, is_dnssec_ok=self.is_dnssec_ok))
        return _HEADER.pack(id_, flags, 1, 0, 0, 1) + self.question + opt


@dataclass(frozen=True)
class ForeignReply:
    """An answer to our question; the OPT record is left out."""

    rcode: int
    is_truncated: bool
    sections: Sections

    @cached_property
    def ttl_s(self) -> int:
        """How long it may be kept: its shortest TTL, or what its SOA allows for a denial."""
        answers, authority, additional = self.sections
        if answers:
            return min(record.ttl_s for record in (*answers, *authority, *additional))
        denials = [
            min(record.ttl_s, _NUMBER.unpack(record.data[-_SOA_MINIMUM_BYTES:])[0])
            for record in authority
            if isinstance(record, RawRecord) and record.type == TYPE_SOA
        ]
        # RFC 2308 section 5: a denial without SOA is not kept.
        return min(denials, default=0)


def parse_reply(octets: bytes, query: bytes) -> ForeignReply | None:
    """Read a reply to ``query``; anything else is None."""
    question = query[HEADER_BYTES : -len(encode_query_opt(Edns(0)))]
    stop = HEADER_BYTES + len(question)
    if len(octets) < stop or octets[:2] != query[:2]:
        return None
    _, flags, questions, *counts = _HEADER.unpack_from(octets)
    is_ours = octets[HEADER_BYTES : stop - 4].lower() == question[:-4].lower()
    if not (flags & FLAG_RESPONSE and questions == 1 and is_ours):
        return None
    if octets[stop - 4 : stop] != question[-4:]:
        return None
    try:
        sections = _parse_sections(octets, stop, counts)
    except (Truncated, MalformedName, struct.error):
        return None
    return ForeignReply(flags & _RCODE_MASK, bool(flags & FLAG_TRUNCATED), sections)


def _parse_sections(octets: bytes, start: int, counts: list[int]) -> Sections:
    position = start
    sections: list[tuple[RawRecord, ...]] = []
    for count in counts:
        records: list[RawRecord] = []
        for _ in range(count):
            record, position = _parse_record(octets, position)
            if record.type != TYPE_OPT:
                records.append(record)
        sections.append(tuple(records))
    answers, authority, additional = sections
    return answers, authority, additional


def _parse_record(octets: bytes, start: int) -> tuple[RawRecord, int]:
    owner, position = unpacked_name(octets, start)
    type_, class_, ttl, size = _FIXED.unpack_from(octets, position)
    position += _FIXED.size
    stop = position + size
    if stop > len(octets):
        raise Truncated("a record has no end")
    data = _unpacked_data(octets, position, stop, type_)
    return RawRecord(owner, type_, class_, 0 if ttl & _TTL_SIGN else ttl, data), stop


def _unpacked_data(octets: bytes, start: int, stop: int, type_: int) -> bytes:
    if type_ not in _NAMES_IN_DATA:
        return octets[start:stop]
    before, names = _NAMES_IN_DATA[type_]
    parts, position = [octets[start : start + before]], start + before
    for _ in range(names):
        name, position = unpacked_name(octets, position)
        parts.append(name)
    if position > stop:
        raise Truncated("a name goes beyond its record")
    parts.append(octets[position:stop])
    if type_ == TYPE_SOA and stop - position < _SOA_MINIMUM_BYTES:
        raise Truncated("an SOA record without its numbers")
    return b"".join(parts)


def unpacked_name(octets: bytes, start: int) -> tuple[bytes, int]:
    """Read a name, following pointers, and where it ends; raises Truncated or MalformedName."""
    parts: list[bytes] = []
    position, end, limit, size = start, 0, start, 1
    while True:
        if position >= len(octets):
            raise Truncated("a name has no end")
        length = octets[position]
        if length >= _POINTER_MARK:
            end = end or position + 2
            position = limit = _pointed_at(octets, position, limit)
            continue
        if length > LABEL_LENGTH_MAX:
            raise MalformedName("an unknown kind of label")
        size += length + 1 if length else 0
        if size > WIRE_LENGTH_MAX:
            raise MalformedName("a domain name has at most 255 octets")
        if length == 0:
            return b"".join(parts) + b"\0", end or position + 1
        parts.append(octets[position : position + length + 1])
        position += length + 1


def _pointed_at(octets: bytes, position: int, limit: int) -> int:
    """Follow a pointer, always towards the beginning, so that there is an end to it."""
    if position + 1 >= len(octets):
        raise Truncated("half a pointer")
    target = int.from_bytes(octets[position : position + 2]) & ~POINTER
    if target >= limit:
        raise MalformedName("a pointer that does not point back")
    return target
