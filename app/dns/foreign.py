"""What another server says: its message read, checked against the question, and unpacked.

    query, octets -> ForeignReply | None        (None: no answer to this question)

A reply that does not repeat the id and the question is not for us; one that
cannot be read to its end is treated alike.  Names in it are written out, so
that its records may stand in any other message.

Source: RFC 1035 section 4.1.4, RFC 2308, RFC 3597 section 4, RFC 5452 section 9.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from app.dns.messages import (
    FLAG_CHECKING_DISABLED,
    FLAG_RECURSION_DESIRED,
    FLAG_RESPONSE,
    FLAG_TRUNCATED,
    TYPE_OPT,
    TYPE_SOA,
    Edns,
    Rcode,
    encode_query_opt,
)
from app.dns.wire import (
    HEADER_BYTES,
    POINTER,
    RawRecord,
    Sections,
    Truncated,
    end_of_plain_name,
)
from app.domain.discovery.records import TYPE_ANY, RecordType
from app.domain.names import LABEL_LENGTH_MAX, WIRE_LENGTH_MAX, MalformedName

_HEADER = struct.Struct("!HHHHHH")
_FIXED = struct.Struct("!HHIH")
_NUMBER = struct.Struct("!I")
_RCODE_MASK = 0xF
_POINTER_MARK = POINTER >> 8
_TTL_SIGN = 0x80000000  # RFC 2181 section 8: a TTL with this bit is zero
_SOA_MINIMUM_BYTES = 4
_TYPE_AND_CLASS_BYTES = 4
_EXTENDED_SHIFT = 24  # of the upper bits of a response code in an OPT record's TTL
TYPE_RRSIG = 46
FINAL_RCODES = (Rcode.NOERROR, Rcode.NXDOMAIN)
"""The response codes with which a server says what there is; the others are failures."""

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

    @property
    def name(self) -> bytes:
        """The name that is asked for, as octets."""
        return self.question[:-_TYPE_AND_CLASS_BYTES]

    @property
    def type(self) -> int:
        """The type that is asked for."""
        return int.from_bytes(self.question[-_TYPE_AND_CLASS_BYTES:][:2])

    def encode(self, id_: int, udp_bytes: int | None) -> bytes:
        """Write the query; without ``udp_bytes`` for a server that knows no EDNS."""
        flags = FLAG_RECURSION_DESIRED
        if self.is_checking_disabled:
            flags |= FLAG_CHECKING_DISABLED
        if udp_bytes is None:
            return _HEADER.pack(id_, flags, 1, 0, 0, 0) + self.question
        opt = encode_query_opt(Edns(udp_bytes, is_dnssec_ok=self.is_dnssec_ok))
        return _HEADER.pack(id_, flags, 1, 0, 0, 1) + self.question + opt


@dataclass(frozen=True)
class ForeignReply:
    """An answer to our question; the OPT record is left out, ``has_opt`` tells of it."""

    rcode: int
    is_truncated: bool
    sections: Sections
    has_opt: bool = False

    @property
    def has_soa(self) -> bool:
        """Whether it says how long it may be kept although there is no such record."""
        return any(record.type == TYPE_SOA for record in self.sections[1])

    @property
    def is_denial(self) -> bool:
        """Whether it denies the name, or, with an SOA, such records of it; given no answer."""
        return self.rcode == Rcode.NXDOMAIN or (self.rcode == Rcode.NOERROR and self.has_soa)

    @property
    def is_referral(self) -> bool:
        """Whether it only tells who else might know, which is no answer to a program."""
        answers, authority, _ = self.sections
        has_others = any(record.type == RecordType.NS for record in authority)
        return self.rcode == Rcode.NOERROR and not answers and has_others and not self.has_soa

    @cached_property
    def ttl_s(self) -> int:
        """How long it may be kept: the shortest TTL of what it says, additional records aside."""
        answers, authority, _ = self.sections
        return min((record.ttl_s for record in (*answers, *authority)), default=0)

    def answers(self, query: ForeignQuery) -> bool:
        """Whether it has what was asked for, at the end of whatever aliases there are.

        RFC 2308 section 2.2: aliases alone are no answer, even with NOERROR.
        """
        if self.rcode != Rcode.NOERROR:
            return False
        records = [record for record in self.sections[0] if isinstance(record, RawRecord)]
        name, type_ = query.name.lower(), query.type
        aliases = {
            record.owner.lower(): record.data.lower()
            for record in records
            if record.type == RecordType.CNAME
        }
        while type_ not in (RecordType.CNAME, TYPE_ANY) and name in aliases:
            name = aliases.pop(name)
        return any(
            record.owner.lower() == name and type_ in (record.type, TYPE_ANY) for record in records
        )


def parse_reply(octets: bytes, query: bytes) -> ForeignReply | None:
    """Read a reply to ``query``; anything else is None."""
    if len(octets) < HEADER_BYTES or octets[:2] != query[:2]:
        return None
    _, flags, questions, *counts = _HEADER.unpack_from(octets)
    if not flags & FLAG_RESPONSE:
        return None
    rcode = flags & _RCODE_MASK
    if len(octets) == HEADER_BYTES:
        questions, counts = 0, [0, 0, 0]
    start = _start_of_answers(octets, query, questions)
    # Servers that cannot read a question do not repeat it; what it says then can only be a failure.
    if start is None or (questions == 0 and rcode in FINAL_RCODES):
        return None
    try:
        sections, opt = _parse_sections(octets, start, counts)
    except (Truncated, MalformedName, struct.error):
        return None
    if opt is not None and opt.ttl_s >> _EXTENDED_SHIFT:
        rcode = Rcode.SERVFAIL  # one of those that a client without EDNS cannot be told
    is_truncated = bool(flags & FLAG_TRUNCATED)
    return ForeignReply(rcode, is_truncated, sections, has_opt=opt is not None)


def _start_of_answers(octets: bytes, query: bytes, questions: int) -> int | None:
    """Find what follows the question, which has to be that of ``query``, or to be missing."""
    if questions == 0:
        return HEADER_BYTES
    stop = end_of_plain_name(query, HEADER_BYTES) + _TYPE_AND_CLASS_BYTES
    asked, repeated = query[HEADER_BYTES:stop], octets[HEADER_BYTES:stop]
    name, type_and_class = repeated[:-_TYPE_AND_CLASS_BYTES], repeated[-_TYPE_AND_CLASS_BYTES:]
    is_repeated = (
        questions == 1
        and name.lower() == asked[:-_TYPE_AND_CLASS_BYTES].lower()
        and type_and_class == asked[-_TYPE_AND_CLASS_BYTES:]
    )
    return stop if is_repeated else None


def _parse_sections(
    octets: bytes, start: int, counts: list[int]
) -> tuple[Sections, RawRecord | None]:
    position = start
    opt: RawRecord | None = None
    sections: list[tuple[RawRecord, ...]] = []
    for count in counts:
        records: list[RawRecord] = []
        for _ in range(count):
            record, position = _parse_record(octets, position)
            if record.type != TYPE_OPT:
                records.append(record)
            else:
                opt = record
        sections.append(_with_even_ttls(records))
    answers, authority, additional = sections
    return (answers, tuple(map(_capped_by_minimum, authority)), additional), opt


def _with_even_ttls(records: list[RawRecord]) -> tuple[RawRecord, ...]:
    """Let the records of a set live equally long (RFC 2181 section 5.2).

    Signatures are sets only together with what they sign (RFC 4034 section 3).
    """
    lives: dict[tuple[bytes, int], int] = {}
    for record in records:
        key = (record.owner.lower(), record.type)
        lives[key] = min(record.ttl_s, lives.get(key, record.ttl_s))
    return tuple(
        record
        if record.type == TYPE_RRSIG
        else replace(record, ttl_s=lives[record.owner.lower(), record.type])
        for record in records
    )


def _capped_by_minimum(record: RawRecord) -> RawRecord:
    """Let an SOA live as long as what it denies may be kept (RFC 2308 section 3)."""
    if record.type != TYPE_SOA:
        return record
    (minimum_s,) = _NUMBER.unpack(record.data[-_SOA_MINIMUM_BYTES:])
    return replace(record, ttl_s=min(record.ttl_s, minimum_s))


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
