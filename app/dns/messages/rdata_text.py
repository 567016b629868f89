"""The data of records as text, in the presentation format of zone files.

    type, octets -> "10 mail.example.com."

Data of unknown types is written as octets in RFC 3597's form, which every
parser of zone files accepts.  Source: RFC 1035 sections 3.3 and 5.1; RFC 2782; RFC 3597 section 5.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from app.dns.messages.wire import Truncated, decode_name
from app.domain.names import MalformedName

NAMED_TYPES = {
    1: "A",
    2: "NS",
    5: "CNAME",
    6: "SOA",
    12: "PTR",
    15: "MX",
    16: "TXT",
    28: "AAAA",
    33: "SRV",
    35: "NAPTR",
    39: "DNAME",
    43: "DS",
    48: "DNSKEY",
    65: "HTTPS",
    251: "IXFR",
    252: "AXFR",
    255: "ANY",
}

_SOA_NUMBERS: Final = struct.Struct("!IIIII")
_QUOTED = frozenset(b'"\\')
_PRINTABLE = range(0x20, 0x7F)


def name_of_type(type_: int) -> str:
    """Name a type; unknown types are named by their number (RFC 3597)."""
    return NAMED_TYPES.get(type_, f"TYPE{type_}")


def text_of_data(type_: int, data: bytes) -> str:
    """Write the data of a record whose names are not compressed.

    Raises MalformedName, Truncated or ValueError when it is not valid for the type.
    """
    write = _WRITERS.get(type_)
    return f"\\# {len(data)} {data.hex()}".rstrip() if write is None else write(data)


def _numbers_and_names(data: bytes, format_: str = "!", names: int = 1) -> str:
    """Write numbers, then names, which must fill the data exactly."""
    numbers = struct.Struct(format_)
    if len(data) < numbers.size:
        raise Truncated("a record is too short for its numbers")
    words = [str(number) for number in numbers.unpack_from(data)]
    position = numbers.size
    for _ in range(names):
        name, position = decode_name(data, position)
        words.append(str(name))
    if position != len(data):
        raise MalformedName("extra octets after the name of a record")
    return " ".join(words)


def _authority(data: bytes) -> str:
    names = _numbers_and_names(data[: -_SOA_NUMBERS.size], names=2)
    return " ".join((names, *map(str, _SOA_NUMBERS.unpack(data[-_SOA_NUMBERS.size :]))))


def _text(data: bytes) -> str:
    return " ".join(f'"{"".join(map(_letter, string))}"' for string in _strings(data))


def _strings(data: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(data):
        stop = position + 1 + data[position]
        if stop > len(data):
            raise Truncated("a character string has no end")
        yield data[position + 1 : stop]
        position = stop


def _letter(octet: int) -> str:
    if octet in _QUOTED:
        return f"\\{chr(octet)}"
    return chr(octet) if octet in _PRINTABLE else f"\\{octet:03d}"


_WRITERS: Mapping[int, Callable[[bytes], str]] = {
    1: lambda data: str(IPv4Address(data)),
    2: _numbers_and_names,
    5: _numbers_and_names,
    6: _authority,
    12: _numbers_and_names,
    15: partial(_numbers_and_names, format_="!H"),
    16: _text,
    28: lambda data: str(IPv6Address(data)),
    33: partial(_numbers_and_names, format_="!HHH"),
    39: _numbers_and_names,
}
