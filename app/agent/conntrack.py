"""Deletes tracked UDP and SCTP flows from the kernel's conntrack table.

    forget_flows(family, should_forget) -> number of deleted flows

It speaks ctnetlink itself, so that no further program is needed.  Stale flows are chosen
in ``domain.dataplane.nftables.table_flows``.  Blocking; a dump of 100,000 flows takes a
fraction of a second.

Source: linux/netfilter/nfnetlink_conntrack.h.
"""

import errno
import os
import socket
import struct
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Final

from app.domain.addresses import IPFamily
from app.domain.dataplane.nftables.table_flows import Flow
from app.domain.objects.service import Protocol

_NETLINK_NETFILTER: Final = 12
_CT_GET, _CT_DELETE = 0x0101, 0x0102  # subsystem 1, messages 1 and 2
_REQUEST, _ACK, _DUMP = 0x001, 0x004, 0x300
_ERROR, _DONE = 2, 3
_TUPLE_ORIGINAL, _TUPLE_REPLY, _ID, _ZONE = 1, 2, 12, 18
_TUPLE_IP, _TUPLE_PROTOCOL = 1, 2
_SOURCE, _DESTINATION = (1, 3), (2, 4)  # attributes of IPv4 and IPv6 addresses
_PROTOCOL_NUMBER, _SOURCE_PORT, _DESTINATION_PORT = 1, 2, 3
_TYPE_MASK: Final = 0x3FFF  # the upper bits say "nested" and "network order"
_FAMILIES: Final = {IPFamily.IPV4: socket.AF_INET, IPFamily.IPV6: socket.AF_INET6}
_PROTOCOLS: Final = {17: Protocol.UDP, 132: Protocol.SCTP}
_HEADER: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE: Final = struct.Struct("=HH")
_RECEIVED_MAX: Final = 1 << 18  # bytes of one answer
_BUFFER_SIZE: Final = 1 << 22  # bytes of a dump that are not read yet
_TIMEOUT_S: Final = 10.0


def forget_flows(family: IPFamily, should_forget: Callable[[Flow], bool]) -> int:
    """Delete the tracked UDP and SCTP flows that ``should_forget`` picks, and count them.

    Raises OSError when the kernel does not track flows, or does not permit access.
    """
    forgotten = 0
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as kernel:
        kernel.settimeout(_TIMEOUT_S)
        kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_SIZE)
        kernel.bind((0, 0))
        doomed = [identity for flow, identity in _flows(kernel, family) if should_forget(flow)]
        for sequence, identity in enumerate(doomed, start=2):
            kernel.send(_message(_CT_DELETE, _REQUEST | _ACK, sequence, family, identity))
            forgotten += _is_acknowledged(kernel)
    return forgotten


def _flows(kernel: socket.socket, family: IPFamily) -> Iterator[tuple[Flow, bytes]]:
    """Dump the table; each flow comes with the attributes that identify it to the kernel."""
    kernel.send(_message(_CT_GET, _REQUEST | _DUMP, 1, family, b""))
    while True:
        for type_, payload in _messages(kernel.recv(_RECEIVED_MAX)):
            if type_ == _DONE:
                return
            if type_ == _ERROR:
                _raise(payload)
            attributes = dict(_attributes(payload[4:]))
            if (flow := _flow(attributes)) is not None:
                kept = (_TUPLE_ORIGINAL, _ID, _ZONE)
                yield flow, b"".join(_packed(n, attributes[n]) for n in kept if n in attributes)


def _flow(attributes: dict[int, bytes]) -> Flow | None:
    original = dict(_attributes(attributes[_TUPLE_ORIGINAL]))
    ports = dict(_attributes(original[_TUPLE_PROTOCOL]))
    protocol = _PROTOCOLS.get(ports[_PROTOCOL_NUMBER][0])
    if protocol is None:
        return None
    reply = dict(_attributes(attributes[_TUPLE_REPLY]))
    answering = dict(_attributes(reply[_TUPLE_PROTOCOL]))
    return Flow(
        protocol,
        _address(original[_TUPLE_IP], _DESTINATION),
        int.from_bytes(ports[_DESTINATION_PORT], "big"),
        _address(reply[_TUPLE_IP], _SOURCE),
        int.from_bytes(answering[_SOURCE_PORT], "big"),
    )


def _address(nested: bytes, kinds: tuple[int, int]) -> str:
    packed = next(value for kind, value in _attributes(nested) if kind in kinds)
    return str(ip_address(packed))


def _message(type_: int, flags: int, sequence: int, family: IPFamily, attributes: bytes) -> bytes:
    payload = struct.pack("!BBH", _FAMILIES[family], 0, 0) + attributes
    return _HEADER.pack(_HEADER.size + len(payload), type_, flags, sequence, 0) + payload


def _messages(received: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + _HEADER.size <= len(received):
        length, type_, *_ = _HEADER.unpack_from(received, place)
        yield type_, received[place + _HEADER.size : place + length]
        place += _aligned(max(length, _HEADER.size))


def _attributes(nested: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + _ATTRIBUTE.size <= len(nested):
        length, kind = _ATTRIBUTE.unpack_from(nested, place)
        yield kind & _TYPE_MASK, nested[place + _ATTRIBUTE.size : place + length]
        place += _aligned(max(length, _ATTRIBUTE.size))


def _packed(kind: int, value: bytes) -> bytes:
    is_nested = 0x8000 if kind == _TUPLE_ORIGINAL else 0
    padding = bytes(_aligned(len(value)) - len(value))
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind | is_nested) + value + padding


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def _is_acknowledged(kernel: socket.socket) -> bool:
    """Read the answer to a deletion; a flow that has already ended is no error."""
    for type_, payload in _messages(kernel.recv(_RECEIVED_MAX)):
        if type_ == _ERROR:
            (number,) = struct.unpack_from("=i", payload)
            if number not in (0, -errno.ENOENT):
                _raise(payload)
            return number == 0
    return False


def _raise(payload: bytes) -> None:
    (number,) = struct.unpack_from("=i", payload)
    raise OSError(-number, os.strerror(-number))
