"""The octets another server sends, read: checked against the question, and written out.

    octets, query -> ForeignReply
                   | None          no reply to this question
                   | Oversized     more than is read of one message

A reply that does not repeat the id and the question is not for us; one that
cannot be read to its end is treated alike.  Names in it are written out, so
that its records may stand in any other message.  Compression lets 64 KiB name
megabytes, and pointers lead to pointers, so records and octets are counted
while they are read, and reading ends at a bound.

Source: RFC 1035 section 4.1.4, RFC 3597 section 4, RFC 5452 section 9.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.dns.messages.message import FLAG_RESPONSE, FLAG_TRUNCATED, TYPE_OPT, TYPE_SOA, Rcode
from app.dns.messages.wire import (
    HEADER_BYTES,
    POINTER,
    RawRecord,
    Sections,
    Truncated,
    end_of_plain_name,
)
from app.dns.upstream.question import ForeignReply
from app.domain.names import LABEL_LENGTH_MAX, WIRE_LENGTH_MAX, MalformedName

RECORDS_MAX = 4_096  # of one message: as many addresses as the longest of them holds
EXPANDED_BYTES_MAX = 262_144  # of names and data of one message: four times the longest of them
POINTERS_MAX = 126  # in one name: one between any two labels
_POINTER_COST_BYTES = 8  # what following one takes the time to read of

_HEADER = struct.Struct("!HHHHHH")
_FIXED = struct.Struct("!HHIH")
_NUMBER = struct.Struct("!I")
_RCODE_MASK = 0xF
_POINTER_MARK = POINTER >> 8
_POINTER_BYTES = 2
_TTL_SIGN = 0x80000000  # RFC 2181 section 8: a TTL with this bit is zero
_SOA_MINIMUM_BYTES = 4
_TYPE_AND_CLASS_BYTES = 4
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
"""Type to the octets before the names in its data, and how many names follow."""


class Oversized(ValueError):
    """A message that says more than is read of one."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is read of one message."""

    records_max: int = RECORDS_MAX
    expanded_bytes_max: int = EXPANDED_BYTES_MAX


BOUNDS = Bounds()


def parse_reply(octets: bytes, query: bytes, bounds: Bounds = BOUNDS) -> ForeignReply | None:
    """Read a reply to ``query``; anything else is None.

    Raises Oversized for a reply that goes beyond ``bounds``.
    """
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
    if start is None or (questions == 0 and rcode in (Rcode.NOERROR, Rcode.NXDOMAIN)):
        return None
    try:
        sections, opt = _Reader(octets, bounds).sections(start, counts)
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


class _Reader:
    """Reads one message once, and counts what it has read."""

    def __init__(self, octets: bytes, bounds: Bounds) -> None:
        self._octets = octets
        self._bounds = bounds
        self._records = 0
        self._expanded_bytes = 0
        self._owners: dict[bytes, bytes] = {}
        """Every owner once: the records of a set share the octets of its name."""
        self._pointed: dict[int, bytes] = {}
        """The names that pointers lead to, so that each is read once."""

    def sections(self, start: int, counts: list[int]) -> tuple[Sections, RawRecord | None]:
        """Read three sections; an OPT record is given by itself."""
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
        if self._records > self._bounds.records_max:
            raise Oversized(f"more than {self._bounds.records_max} records")
        owner, position = self._name(start)
        owner = self._owners.setdefault(owner, owner)
        type_, class_, ttl, size = _FIXED.unpack_from(octets, position)
        position += _FIXED.size
        stop = position + size
        if stop > len(octets):
            raise Truncated("a record has no end")
        data = self._data(position, stop, type_)
        return RawRecord(owner, type_, class_, 0 if ttl & _TTL_SIGN else ttl, data), stop

    def _data(self, start: int, stop: int, type_: int) -> bytes:
        data = self._written_out(start, stop, type_)
        self._expand(len(data))
        return data

    def _written_out(self, start: int, stop: int, type_: int) -> bytes:
        octets = self._octets
        if type_ not in _NAMES_IN_DATA:
            return octets[start:stop]
        before, names = _NAMES_IN_DATA[type_]
        parts, position = [octets[start : start + before]], start + before
        for _ in range(names):
            name, position = self._name(position)
            parts.append(name)
        if position > stop:
            raise Truncated("a name goes beyond its record")
        parts.append(octets[position:stop])
        if type_ == TYPE_SOA and stop - position < _SOA_MINIMUM_BYTES:
            raise Truncated("an SOA record without its numbers")
        return b"".join(parts)

    def _name(self, start: int) -> tuple[bytes, int]:
        """Read a name, compressed or not, and where it ends; raises Truncated or MalformedName."""
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
                    raise MalformedName(f"a name of more than {POINTERS_MAX} pointers")
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
        if self._expanded_bytes > self._bounds.expanded_bytes_max:
            raise Oversized(f"more than {self._bounds.expanded_bytes_max} octets, written out")


def _pointed_at(octets: bytes, position: int, limit: int) -> int:
    """Follow a pointer, always towards the beginning, so that there is an end to it."""
    if position + 1 >= len(octets):
        raise Truncated("half a pointer")
    target = int.from_bytes(octets[position : position + 2]) & ~POINTER
    if target >= limit:
        raise MalformedName("a pointer that does not point back")
    return target


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
        else _living(record, lives[record.owner.lower(), record.type])
        for record in records
    )


def _living(record: RawRecord, ttl_s: int) -> RawRecord:
    return record if record.ttl_s == ttl_s else replace(record, ttl_s=ttl_s)


def _capped_by_minimum(record: RawRecord) -> RawRecord:
    """Let an SOA live as long as what it denies may be kept (RFC 2308 section 3)."""
    if record.type != TYPE_SOA:
        return record
    (minimum_s,) = _NUMBER.unpack(record.data[-_SOA_MINIMUM_BYTES:])
    return replace(record, ttl_s=min(record.ttl_s, minimum_s))
