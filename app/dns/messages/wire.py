"""Names and records as octets.

    records -> Body        (compressed, and cut anywhere between two records)
    octets -> name

Names are compressed against the question, which stands at a fixed place in
every message; the spelling of the question is therefore that of the answer.
The target of an SRV record is written out (RFC 2782), but may be pointed at.

Source: RFC 1035 sections 3.2, 4.1 and 4.1.4; RFC 2181 section 9 for what may be left out.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from itertools import chain

from app.domain.discovery.zone.records import Record, ServiceTarget, StartOfAuthority, Text
from app.domain.names import LABEL_LENGTH_MAX, WIRE_LENGTH_MAX, DomainName, MalformedName

HEADER_BYTES = 12
CLASS_IN, CLASS_CHAOS = 1, 3
POINTER = 0xC000
POINTER_OFFSET_MAX = 0x3FFF

_FIXED = struct.Struct("!HHIH")  # type, class, TTL, length of the rest
_SRV = struct.Struct("!HHH")
_SOA_TIMES = struct.Struct("!IIIII")
_LENGTH = struct.Struct("!H")


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record of any type, as somebody else gave it; no name in it is compressed."""

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
"""Where each record ends, counted from the question, section by section."""

_SHAPES_MAX = 4_096  # remembered, so that equal ones are one
SHAPE_RECORDS_MAX = 32  # of a shape that is remembered; larger ones are seldom alike
_PROOFS = frozenset({6, 47, 50})  # SOA, NSEC and NSEC3: what a denial consists of


class Truncated(ValueError):
    """The octets end before what they announce."""


@dataclass(frozen=True, slots=True)
class Body:
    """What follows the question: ``ends`` has, section by section, where each record ends.

    ``stops`` are the places, in ascending order, where it may end with all that the
    answer needs: what follows the first of them, set by set, is extra.
    """

    octets: bytes
    ends: Ends
    stops: tuple[int, ...] = ()

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many records each section has."""
        answers, authority, additional = self.ends
        return len(answers), len(authority), len(additional)

    def cut(self, size_bytes: int) -> "tuple[Body, bool]":
        """Keep what fits into ``size_bytes``, and tell whether something that is needed did not.

        RFC 2181 section 9: extra sets are left out whole, and nobody needs to be told.
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
    """Write a name out, without compression."""
    parts = [chr(len(label)) + label for label in name.labels]
    return ("".join(parts) + "\0").encode("latin-1")


def decode_name(message: bytes, start: int) -> tuple[DomainName, int]:
    """Read a name that is written out, and where it ends.

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
    """Find where a name ends that must be written out; raises Truncated or MalformedName."""
    position, size = start, len(message)
    while position < size:
        length = message[position]
        position += 1 + length
        if length == 0:
            if position - start > WIRE_LENGTH_MAX:
                raise MalformedName("a domain name has at most 255 octets")
            return position
        if length > LABEL_LENGTH_MAX:
            raise MalformedName("a pointer or an unknown kind of label")
    raise Truncated("a name has no end")


def skip_name(message: bytes, start: int) -> int:
    """Find where a name, compressed or not, ends; raises Truncated."""
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
    """Write three sections for a message whose question asks for ``question``."""
    writer = _Writer(question, class_)
    answers, authority, additional = sections
    answer_ends = tuple(writer.record(record) for record in answers)
    needed = len(writer.octets)
    authority_ends, authority_stops = writer.sets(authority)
    # RFC 2308 section 2: a denial is told by its SOA, and without an answer nothing else is told.
    if not answers or any(record.type in _PROOFS for record in authority):
        needed, authority_stops = len(writer.octets), ()
    additional_ends, additional_stops = writer.sets(additional)
    extra = (*authority_stops, *additional_stops)
    ends = (answer_ends, authority_ends, additional_ends)
    stops = (needed, *extra) if extra else ()
    # Others decide on the shape of their answers: what is remembered is small, too.
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
    """Give the first of all equal ones: most answers are of a few shapes."""
    return ends, stops


class _Writer:
    def __init__(self, question: DomainName, class_: int) -> None:
        self.octets = bytearray()
        self._class = class_
        name = encode_name(question)
        self._start = HEADER_BYTES + len(name) + 4  # type and class
        self._question = name.lower()
        self._places: dict[bytes, int] = {}
        """Where names and their endings stand, for pointers."""
        self._known: dict[int, tuple[int, DomainName]] = {id(question): (HEADER_BYTES, question)}
        """The same for whole names by identity, most owners being the question's own object.

        They are held on to: the identity of an object that is gone goes to another one.
        """

    def record(self, record: Record | RawRecord) -> int:
        """Write one record; tells where it ends."""
        if isinstance(record, RawRecord):
            self._name(record.owner)
            size = len(record.data)
            self.octets += _FIXED.pack(record.type, record.class_, record.ttl_s, size)
            self.octets += record.data
            return len(self.octets)
        self._domain(record.name)
        self.octets += _FIXED.pack(record.type, self._class, record.ttl_s, 0)
        before = len(self.octets)
        self._content(record)
        _LENGTH.pack_into(self.octets, before - _LENGTH.size, len(self.octets) - before)
        return len(self.octets)

    def sets(self, records: Section) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Write records set by set; tells where each record ends, and where each set does."""
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
        folded = octets.lower()  # the lengths of labels are no letters
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
