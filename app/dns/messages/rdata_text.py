"""The data of records as text, in the presentation format of zone files.

    type, octets -> "10 mail.example.com."

Data of unknown types is written as octets in RFC 3597's form, which every
parser of zone files accepts.  Source: RFC 1035 sections 3.3 and 5.1; RFC 2782; RFC 3597 section 5.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from app.dns.counters import NAMED_TYPES
from app.dns.messages.wire import Truncated, decode_name
from app.domain.names import MalformedName

_SOA_NUMBERS: Final = struct.Struct("!IIIII")
_SRV_NUMBERS: Final = struct.Struct("!HHH")
_MX_NUMBER: Final = struct.Struct("!H")
_NO_NUMBERS: Final = struct.Struct("")
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


def _name(data: bytes) -> str:
    return _numbers_and_names(data, _NO_NUMBERS, 1)


def _mail(data: bytes) -> str:
    return _numbers_and_names(data, _MX_NUMBER, 1)


def _service(data: bytes) -> str:
    return _numbers_and_names(data, _SRV_NUMBERS, 1)


def _numbers_and_names(data: bytes, numbers: struct.Struct, names: int) -> str:
    """Write numbers, then names, which must fill the data exactly."""
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
    names = _numbers_and_names(data[: -_SOA_NUMBERS.size], _NO_NUMBERS, 2)
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
    2: _name,
    5: _name,
    6: _authority,
    12: _name,
    15: _mail,
    16: _text,
    28: lambda data: str(IPv6Address(data)),
    33: _service,
    39: _name,
}
