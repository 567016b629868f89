"""One compiled answer, usable for every client.

    question, rcode, sections -> Compiled
    Compiled, Request -> reply octets after the id, or an object that makes them for each sending

What differs between two clients (flags, spelling, size, EDNS) is put around
the same body.  Two things differ between two replies to the same client: the
order of several addresses, and the serial of the zone in a denial.

Source: style.md 2, decision 4; RFC 1794 for the order.
"""

from dataclasses import dataclass

from app.dns.messages.message import FLAG_AUTHORITATIVE, Request, framed
from app.dns.messages.wire import Body, Sections, encode_body
from app.domain.discovery.zone.records import ADDRESS_TYPES, RecordType
from app.domain.names import DomainName

_SERIAL_FROM_END = 20  # the five numbers that close an SOA record
_SERIAL_BYTES = 4


class Serial:
    """The zone's serial number in wire form, shared by all denials."""

    __slots__ = ("octets",)

    def __init__(self) -> None:
        self.octets = bytes(_SERIAL_BYTES)

    def move(self, serial: int) -> None:
        """Set the serial of all later denials."""
        self.octets = serial.to_bytes(_SERIAL_BYTES)


class Denial:
    """A reply with the zone's serial in it."""

    __slots__ = ("_head", "_serial", "_tail")

    def __init__(self, head: bytes, serial: Serial, tail: bytes) -> None:
        self._head, self._serial, self._tail = head, serial, tail

    def octets(self) -> bytes:
        """Write the reply with the current serial."""
        return self._head + self._serial.octets + self._tail


class Run:
    """The addresses of an answer, equally long; each reply begins with the next one."""

    __slots__ = ("_place", "_step", "octets", "start")

    def __init__(self, octets: bytes, *, start: int, step: int) -> None:
        self.octets = octets
        self.start = start
        """Offset of the addresses in the body."""
        self._step, self._place = step, 0

    def rotated(self) -> bytes:
        """Write the addresses with the next one first."""
        place, octets = self._place, self.octets
        self._place = (place + self._step) % len(octets)
        return octets[place:] + octets[:place]


class Rotation:
    """A reply whose addresses rotate."""

    __slots__ = ("_head", "_kept", "_run", "_tail")

    def __init__(self, head: bytes, run: Run, kept_bytes: int, tail: bytes) -> None:
        self._head, self._run, self._kept, self._tail = head, run, kept_bytes, tail

    def octets(self) -> bytes:
        """Write the reply with the next order of addresses."""
        return self._head + self._run.rotated()[: self._kept] + self._tail


Reply = bytes | Denial | Rotation


@dataclass(frozen=True, slots=True)
class Compiled:
    """An answer: its body, and which parts of it differ between replies."""

    rcode: int
    flags: int
    body: Body
    run: Run | None = None
    has_serial: bool = False

    def reply(self, request: Request, serial: Serial) -> Reply:
        """Write the reply to one request, without its id."""
        head, body, opt = framed(request, self.rcode, self.body, self.flags)
        octets = body.octets
        if self.has_serial and body.counts[1]:
            at = len(octets) - _SERIAL_FROM_END
            return Denial(head + octets[:at], serial, octets[at + _SERIAL_BYTES :] + opt)
        if self.run is not None and len(octets) > self.run.start:
            start = self.run.start
            kept = min(len(octets) - start, len(self.run.octets))
            tail = octets[start + kept :] + opt
            return Rotation(head + octets[:start], self.run, kept, tail)
        return head + octets + opt


def compile_answer(
    question: DomainName, rcode: int, sections: Sections, *, flags: int = FLAG_AUTHORITATIVE
) -> Compiled:
    """Encode an answer once; ``flags`` are the same for all clients."""
    body = encode_body(question, sections)
    answers, authority, _ = sections
    has_serial = any(record.type == RecordType.SOA for record in authority)
    addresses = sum(record.type in ADDRESS_TYPES for record in answers)
    return Compiled(rcode, flags, body, _run(body, addresses), has_serial)


def _run(body: Body, addresses: int) -> Run | None:
    """Find the addresses at the end of the answer section."""
    ends = (0, *body.ends[0])
    if addresses < 2:  # noqa: PLR2004  one address has no order
        return None
    start, stop = ends[-1 - addresses], ends[-1]
    step = ends[-1] - ends[-2]
    is_even = stop - start == addresses * step
    return Run(body.octets[start:stop], start=start, step=step) if is_even else None
