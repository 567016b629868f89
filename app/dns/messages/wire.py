"""Names and records in wire form.

    records -> Body        (compressed; may be cut between any two records)
    octets -> name

Names are compressed against the question, which has a fixed offset in every
message; the answer therefore has the question's spelling.  The target of an SRV
record is not compressed (RFC 2782), but later names may point to it.

Source: RFC 1035 sections 3.2, 4.1 and 4.1.4; RFC 2181 section 9 for records that may be omitted.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from itertools import chain

from app.domain.discovery.zone.records import Record, ServiceTarget, StartOfAuthority, Text
from app.domain.names import LABEL_LENGTH_MAX, WIRE_LENGTH_MAX, DomainName, MalformedName

HEADER = struct.Struct("!HHHHHH")  # id, flags, the numbers of records
HEADER_BYTES = HEADER.size
CLASS_IN, CLASS_CHAOS = 1, 3
TYPE_AND_CLASS_BYTES = 4  # of a question, after its name
POINTER = 0xC000
POINTER_OFFSET_MAX = 0x3FFF

RECORD = struct.Struct("!HHIH")  # type, class, TTL, length of the rest
_QUESTION = struct.Struct("!HH")
_SRV = struct.Struct("!HHH")
_SOA_TIMES = struct.Struct("!IIIII")
_LENGTH = struct.Struct("!H")


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record of any type from another server; no name in it is compressed."""

    owner: bytes
    type: int
    class_: int
    ttl_s: int
    data: bytes


Section = tuple[Record | RawRecord, ...]
Sections = tuple[Section, Section, Section]
"""Answer, authority and additional."""

NO_SECTIONS: Sections = ((), (), ())

Ends = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""The end offset of each record, counted from the question, by section."""

_SHAPES_MAX = 4_096  # cached, so that bodies of equal shape share one object
SHAPE_RECORDS_MAX = 32  # of a cached shape; larger ones are seldom equal
_PROOFS = frozenset({6, 47, 50})  # SOA, NSEC and NSEC3: the records of a denial


class Truncated(ValueError):
    """The message ends in the middle of a name or record."""


@dataclass(frozen=True, slots=True)
class Body:
    """The sections after the question; ``ends`` has the end offset of each record, by section.

    ``stops`` are the offsets, in ascending order, where the body may be cut without TC: all
    needed records end at the first; each later one adds an RRset that may be omitted.
    """

    octets: bytes
    ends: Ends
    stops: tuple[int, ...] = ()

    @property
    def counts(self) -> tuple[int, int, int]:
        """The number of records of each section."""
        answers, authority, additional = self.ends
        return len(answers), len(authority), len(additional)

    def cut(self, size_bytes: int) -> "tuple[Body, bool]":
        """Keep what fits into ``size_bytes``; also return whether a needed record did not fit.

        RFC 2181 section 9: RRsets that are not needed are omitted as a whole, without TC.
        """
        if len(self.octets) <= size_bytes:
            return self, False
        sufficient = [stop for stop in self.stops if stop <= size_bytes]
        size = sufficient[-1] if sufficient else size_bytes
        answers, authority, additional = (
            tuple(end for end in ends if end <= size) for ends in self.ends
        )
        last = max((*answers, *authority, *additional), default=0)
        return Body(self.octets[:last], (answers, authority, additional)), not sufficient


EMPTY_BODY = Body(b"", ((), (), ()))


def encode_name(name: DomainName) -> bytes:
    """Write a name without compression."""
    parts = [chr(len(label)) + label for label in name.labels]
    return ("".join(parts) + "\0").encode("latin-1")


def encode_question(name: DomainName, type_: int) -> bytes:
    """Write a question of class IN."""
    return encode_name(name) + _QUESTION.pack(type_, CLASS_IN)


def folded_question(question: bytes) -> bytes:
    """Return a question with its name in lower case."""
    # Lengths of labels (0-63) are below "A", so lower() keeps them.
    return question[:-TYPE_AND_CLASS_BYTES].lower() + question[-TYPE_AND_CLASS_BYTES:]


def decode_name(message: bytes, start: int) -> tuple[DomainName, int]:
    """Read an uncompressed name; also return its end offset.

    Raises Truncated or MalformedName.
    """
    stop = end_of_plain_name(message, start)
    labels: list[str] = []
    position = start
    while (length := message[position]) != 0:
        position += 1 + length
        labels.append(message[position - length : position].decode("latin-1"))
    return DomainName(tuple(labels)), stop


def end_of_plain_name(message: bytes, start: int) -> int:
    """Find the end of a name that must be uncompressed; raises Truncated or MalformedName."""
    position, size = start, len(message)
    while position < size:
        length = message[position]
        position += 1 + length
        if length == 0:
            if position - start > WIRE_LENGTH_MAX:
                raise MalformedName("a domain name has at most 255 octets")
            return position
        if length > LABEL_LENGTH_MAX:
            raise MalformedName("a compression pointer or an unknown kind of label")
    raise Truncated("a name has no end")


def skip_name(message: bytes, start: int) -> int:
    """Find the end of a name, compressed or not; raises Truncated."""
    position = start
    while position < len(message):
        length = message[position]
        if length >= POINTER >> 8:
            return position + 2
        position += 1 + length
        if length == 0:
            return position
    raise Truncated("a name has no end")


def encode_body(question: DomainName, sections: Sections, *, class_: int = CLASS_IN) -> Body:
    """Write the three sections of a message with a question for the name ``question``."""
    writer = _Writer(question, class_)
    answers, authority, additional = sections
    answer_ends = tuple(writer.record(record) for record in answers)
    needed = len(writer.octets)
    authority_ends, authority_stops = writer.sets(authority)
    # RFC 2308 section 2: a denial needs its SOA; without an answer the authority section is needed.
    if not answers or any(record.type in _PROOFS for record in authority):
        needed, authority_stops = len(writer.octets), ()
    additional_ends, additional_stops = writer.sets(additional)
    extra = (*authority_stops, *additional_stops)
    ends = (answer_ends, authority_ends, additional_ends)
    stops = (needed, *extra) if extra else ()
    # Upstreams choose the shape of their answers: only small shapes are cached.
    is_small = sum(map(len, ends)) <= SHAPE_RECORDS_MAX
    return Body(bytes(writer.octets), *(_shared(ends, stops) if is_small else (ends, stops)))


def encode_bodies(
    question: DomainName, records: Iterable[Record], size_bytes: int
) -> Iterator[Body]:
    """Write records as the answers of as many messages as they need."""
    writer = _Writer(question, CLASS_IN)
    ends: list[int] = []
    for record in records:
        ends.append(writer.record(record))
        if ends[-1] >= size_bytes:
            yield Body(bytes(writer.octets), (tuple(ends), (), ()))
            writer, ends = _Writer(question, CLASS_IN), []
    if ends:
        yield Body(bytes(writer.octets), (tuple(ends), (), ()))


@lru_cache(maxsize=_SHAPES_MAX)
def _shared(ends: Ends, stops: tuple[int, ...]) -> tuple[Ends, tuple[int, ...]]:
    """Return one shared object for equal shapes: most answers have one of a few."""
    return ends, stops


class _Writer:
    def __init__(self, question: DomainName, class_: int) -> None:
        self.octets = bytearray()
        self._class = class_
        name = encode_name(question)
        self._start = HEADER_BYTES + len(name) + TYPE_AND_CLASS_BYTES
        self._question = name.lower()
        self._places: dict[bytes, int] = {}
        """Offsets of names and their suffixes, for pointers."""
        self._known: dict[int, tuple[int, DomainName]] = {id(question): (HEADER_BYTES, question)}
        """Offsets of whole names by ``id()``; most owners are the question's own object.

        The names are kept alive: CPython reuses the id of a freed object.
        """

    def record(self, record: Record | RawRecord) -> int:
        """Write one record; return its end offset."""
        if isinstance(record, RawRecord):
            self._name(record.owner)
            size = len(record.data)
            self.octets += RECORD.pack(record.type, record.class_, record.ttl_s, size)
            self.octets += record.data
            return len(self.octets)
        self._domain(record.name)
        self.octets += RECORD.pack(record.type, self._class, record.ttl_s, 0)
        before = len(self.octets)
        self._content(record)
        _LENGTH.pack_into(self.octets, before - _LENGTH.size, len(self.octets) - before)
        return len(self.octets)

    def sets(self, records: Section) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Write records grouped by RRset; return the end offsets of records and of RRsets."""
        sets: dict[tuple[tuple[str, ...] | bytes, int], list[Record | RawRecord]] = {}
        for record in records:
            owner = record.name.folded if isinstance(record, Record) else record.owner.lower()
            sets.setdefault((owner, int(record.type)), []).append(record)
        ends = [tuple(self.record(record) for record in alike) for alike in sets.values()]
        return tuple(chain.from_iterable(ends)), tuple(each[-1] for each in ends)

    def _content(self, record: Record) -> None:
        match record.content:
            case IPv4Address() | IPv6Address() as address:
                self.octets += address.packed
            case DomainName() as name:
                self._domain(name)
            case ServiceTarget() as target:
                self.octets += _SRV.pack(target.priority, target.weight, target.port)
                self._domain(target.target, is_compressed=False)
            case StartOfAuthority() as soa:
                self._domain(soa.primary)
                self._domain(soa.mailbox)
                times = (soa.refresh_s, soa.retry_s, soa.expire_s, soa.minimum_s)
                self.octets += _SOA_TIMES.pack(soa.serial, *times)
            case Text() as text:
                octets = text.value.encode("latin-1")
                self.octets += bytes((len(octets),)) + octets

    def _domain(self, name: DomainName, *, is_compressed: bool = True) -> None:
        known = self._known.get(id(name)) if is_compressed else None
        if known is not None:
            self.octets += _LENGTH.pack(POINTER | known[0])
            return
        at = self._start + len(self.octets)
        self._name(encode_name(name), is_compressed=is_compressed)
        if at <= POINTER_OFFSET_MAX:
            self._known.setdefault(id(name), (at, name))

    def _name(self, octets: bytes, *, is_compressed: bool = True) -> None:
        if not self._places:
            self._note(self._question, HEADER_BYTES)
        folded = octets.lower()  # lengths of labels (0-63) are below "A", so lower() keeps them
        at = self._start + len(self.octets)
        cut = 0
        while is_compressed and folded[cut] and folded[cut:] not in self._places:
            cut += 1 + folded[cut]
        if is_compressed and folded[cut]:
            self.octets += octets[:cut] + _LENGTH.pack(POINTER | self._places[folded[cut:]])
        else:
            self.octets += octets
        self._note(folded, at, cut if is_compressed else None)

    def _note(self, folded: bytes, at: int, stop: int | None = None) -> None:
        cut, end = 0, len(folded) - 1 if stop is None else stop
        while cut < end and at + cut <= POINTER_OFFSET_MAX:
            self._places.setdefault(folded[cut:], at + cut)
            cut += 1 + folded[cut]
