"""Parses replies of upstream servers: checks them against the question, and decompresses names.

    octets, query -> UpstreamReply
                   | None          no reply to this question
                   | Oversized     beyond the bounds of one message

A reply that does not repeat the id and the question is ignored, and so is one that
cannot be parsed to its end.  Names in it are decompressed, so that its records can be
used in any other message.  With compression 64 KiB can expand to megabytes, and
pointers can lead to pointers, so records and octets are counted while parsing, which
stops at a bound.

Source: RFC 1035 section 4.1.4, RFC 3597 section 4, RFC 5452 section 9.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.dns.messages.message import FLAG_RESPONSE, FLAG_TRUNCATED, TYPE_OPT, TYPE_SOA, Rcode
from app.dns.messages.wire import (
    HEADER,
    HEADER_BYTES,
    POINTER,
    RECORD,
    TYPE_AND_CLASS_BYTES,
    RawRecord,
    Sections,
    Truncated,
    end_of_plain_name,
    folded_question,
)
from app.dns.upstream.question import UpstreamReply
from app.domain.names import LABEL_LENGTH_MAX, WIRE_LENGTH_MAX, MalformedName

RECORDS_MAX = 4_096  # of one message: as many addresses as fit into 64 KiB
EXPANDED_BYTES_MAX = 262_144  # of names and data of one message: four times 64 KiB
POINTERS_MAX = 126  # in one name: one between any two labels
_POINTER_COST_BYTES = 8  # counted for each pointer, as following it takes that much time

_NUMBER = struct.Struct("!I")
_RCODE_MASK = 0xF
_POINTER_MARK = POINTER >> 8
_POINTER_BYTES = 2
_TTL_SIGN = 0x80000000  # RFC 2181 section 8: a TTL with this bit is zero
_SOA_MINIMUM_BYTES = 4
_EXTENDED_SHIFT = 24  # of the upper bits of a response code in an OPT record's TTL
TYPE_RRSIG = 46

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
"""Type to the number of octets before the names in its data, and the number of names."""


class Oversized(ValueError):
    """A message beyond the bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one message."""

    records_max: int = RECORDS_MAX
    expanded_bytes_max: int = EXPANDED_BYTES_MAX


LIMITS = Limits()


def parse_reply(octets: bytes, query: bytes, limits: Limits = LIMITS) -> UpstreamReply | None:
    """Parse a reply to ``query``; return None for anything else.

    Raises Oversized for a reply beyond the bounds.
    """
    if len(octets) < HEADER_BYTES or octets[:2] != query[:2]:
        return None
    _, flags, questions, *counts = HEADER.unpack_from(octets)
    if not flags & FLAG_RESPONSE:
        return None
    rcode = flags & _RCODE_MASK
    if len(octets) == HEADER_BYTES:
        questions, counts = 0, [0, 0, 0]
    start = _start_of_answers(octets, query, questions)
    # A server that cannot parse the question does not repeat it; such a reply must be a failure.
    if start is None or (questions == 0 and rcode in (Rcode.NOERROR, Rcode.NXDOMAIN)):
        return None
    try:
        sections, opt = _Reader(octets, limits).sections(start, counts)
    except (Truncated, MalformedName, struct.error):
        return None
    if opt is not None and opt.ttl_s >> _EXTENDED_SHIFT:
        rcode = Rcode.SERVFAIL  # an extended code cannot be sent to a client without EDNS
    is_truncated = bool(flags & FLAG_TRUNCATED)
    return UpstreamReply(rcode, is_truncated, sections, has_opt=opt is not None)


def _start_of_answers(octets: bytes, query: bytes, questions: int) -> int | None:
    """Find the end of the question, which must be that of ``query`` or missing; else None."""
    if questions == 0:
        return HEADER_BYTES
    stop = end_of_plain_name(query, HEADER_BYTES) + TYPE_AND_CLASS_BYTES
    asked, repeated = query[HEADER_BYTES:stop], octets[HEADER_BYTES:stop]
    is_repeated = questions == 1 and folded_question(repeated) == folded_question(asked)
    return stop if is_repeated else None


class _Reader:
    """Parses one message, counting records and octets."""

    def __init__(self, octets: bytes, limits: Limits) -> None:
        self._octets = octets
        self._limits = limits
        self._records = 0
        self._expanded_bytes = 0
        self._owners: dict[bytes, bytes] = {}
        """Every owner once: the records of an RRset share the octets of its name."""
        self._pointed: dict[int, bytes] = {}
        """Names at the targets of pointers, so that each is parsed once."""

    def sections(self, start: int, counts: list[int]) -> tuple[Sections, RawRecord | None]:
        """Parse three sections; the OPT record is returned separately."""
        position = start
        opt: RawRecord | None = None
        sections: list[tuple[RawRecord, ...]] = []
        for count in counts:
            records: list[RawRecord] = []
            for _ in range(count):
                record, position = self._record(position)
                if record.type != TYPE_OPT:
                    records.append(record)
                else:
                    opt = record
            sections.append(_with_even_ttls(records))
        answers, authority, additional = sections
        return (answers, tuple(map(_capped_by_minimum, authority)), additional), opt

    def _record(self, start: int) -> tuple[RawRecord, int]:
        octets = self._octets
        self._records += 1
        if self._records > self._limits.records_max:
            raise Oversized(f"more than {self._limits.records_max} records")
        owner, position = self._name(start)
        owner = self._owners.setdefault(owner, owner)
        type_, class_, ttl, size = RECORD.unpack_from(octets, position)
        position += RECORD.size
        stop = position + size
        if stop > len(octets):
            raise Truncated("a record has no end")
        data = self._data(position, stop, type_)
        self._expand(len(data))
        return RawRecord(owner, type_, class_, 0 if ttl & _TTL_SIGN else ttl, data), stop

    def _data(self, start: int, stop: int, type_: int) -> bytes:
        octets = self._octets
        if type_ not in _NAMES_IN_DATA:
            return octets[start:stop]
        before, names = _NAMES_IN_DATA[type_]
        parts, position = [octets[start : start + before]], start + before
        for _ in range(names):
            name, position = self._name(position)
            parts.append(name)
        if position > stop:
            raise Truncated("a name extends beyond its record")
        parts.append(octets[position:stop])
        if type_ == TYPE_SOA and stop - position < _SOA_MINIMUM_BYTES:
            raise Truncated("an SOA record without its numbers")
        return b"".join(parts)

    def _name(self, start: int) -> tuple[bytes, int]:
        """Parse a name, compressed or not; also return its end.

        Raises Truncated or MalformedName.
        """
        octets = self._octets
        if start >= len(octets) or octets[start] < _POINTER_MARK:
            return self._spelt(start)
        target, end = _pointed_at(octets, start, start), start + _POINTER_BYTES
        name = self._pointed.get(target)
        if name is None:
            name, _ = self._spelt(target)
            self._pointed[target] = name
        return name, end

    def _spelt(self, start: int) -> tuple[bytes, int]:
        octets = self._octets
        parts: list[bytes] = []
        position, end, limit, size, hops = start, 0, start, 1, 0
        while True:
            if position >= len(octets):
                raise Truncated("a name has no end")
            length = octets[position]
            if length >= _POINTER_MARK:
                end = end or position + _POINTER_BYTES
                position = limit = _pointed_at(octets, position, limit)
                hops += 1
                if hops > POINTERS_MAX:
                    raise MalformedName(f"a name with more than {POINTERS_MAX} pointers")
                continue
            if length > LABEL_LENGTH_MAX:
                raise MalformedName("an unknown kind of label")
            size += length + 1 if length else 0
            if size > WIRE_LENGTH_MAX:
                raise MalformedName("a domain name has at most 255 octets")
            if length == 0:
                self._expand(size + hops * _POINTER_COST_BYTES)
                return b"".join(parts) + b"\0", end or position + 1
            parts.append(octets[position : position + length + 1])
            position += length + 1

    def _expand(self, count: int) -> None:
        self._expanded_bytes += count
        if self._expanded_bytes > self._limits.expanded_bytes_max:
            raise Oversized(f"more than {self._limits.expanded_bytes_max} octets, decompressed")


def _pointed_at(octets: bytes, position: int, limit: int) -> int:
    """Follow a pointer; it must point backwards, so that there are no loops."""
    if position + 1 >= len(octets):
        raise Truncated("half a pointer")
    target = int.from_bytes(octets[position : position + 2]) & ~POINTER
    if target >= limit:
        raise MalformedName("a pointer that does not point back")
    return target


def _with_even_ttls(records: list[RawRecord]) -> tuple[RawRecord, ...]:
    """Give all records of an RRset the lowest of their TTLs (RFC 2181 section 5.2).

    Not RRSIG records: those of one name cover different RRsets (RFC 4034 section 3).
    """
    ttls_s: dict[tuple[bytes, int], int] = {}
    for record in records:
        key = (record.owner.lower(), record.type)
        ttls_s[key] = min(record.ttl_s, ttls_s.get(key, record.ttl_s))
    return tuple(
        record
        if record.type == TYPE_RRSIG
        else _with_ttl(record, ttls_s[record.owner.lower(), record.type])
        for record in records
    )


def _with_ttl(record: RawRecord, ttl_s: int) -> RawRecord:
    return record if record.ttl_s == ttl_s else replace(record, ttl_s=ttl_s)


def _capped_by_minimum(record: RawRecord) -> RawRecord:
    """Limit the TTL of an SOA to its MINIMUM field, as denials use it (RFC 2308 section 3)."""
    if record.type != TYPE_SOA:
        return record
    (minimum_s,) = _NUMBER.unpack(record.data[-_SOA_MINIMUM_BYTES:])
    return replace(record, ttl_s=min(record.ttl_s, minimum_s))
